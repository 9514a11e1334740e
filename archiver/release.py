"""Which release this is: what every record we write says of who made it."""

from __future__ import annotations

import importlib.metadata
import subprocess
from functools import cache
from pathlib import Path

NAME = "realtimekit-archive"


@cache
def version() -> str:
    """The installed release."""
    try:
        return importlib.metadata.version(NAME)
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


@cache
def commit() -> str:
    """The commit this runs from, in a checkout; "" in an installed package."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 — fixed words
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
