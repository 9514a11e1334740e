"""Tests of the parsers: every layout of the source, and whatever else arrives under its name."""
