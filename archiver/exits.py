"""The exit codes of every command; 4 outranks 3."""

DONE, FAILED, USAGE, PENDING, LOST = 0, 1, 2, 3, 4
