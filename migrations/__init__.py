"""How the two local SQLite files are opened, and the steps that made their tables what they are."""
