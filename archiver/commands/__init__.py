"""The commands that are more than a few lines, a module for each errand; `cli` puts them together."""

from __future__ import annotations

from archiver.commands.command import Command

__all__ = ["Command"]
