"""The commands that alerts may call, as RTK_ARCHIVE_ALERT_COMMANDS names them; pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Program:
    """A command, by the name that saved searches call it."""

    name: str
    argv: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}={shlex.join(self.argv)}"


def programs(text: str) -> tuple[Program, ...]:
    """Comma-separated NAME=PROGRAM ARGUMENTS, with quotes as in a shell, which there is none of."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=",")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[Program] = []
    words: list[str] = []
    for word in [*lexer, ","]:
        if word != ",":
            words.append(word)
        elif words:
            found.append(_program(words))
            words = []
    if len({each.name for each in found}) < len(found):
        raise ValueError("names a command twice")
    return tuple(found)


def _program(words: list[str]) -> Program:
    name, equals, path = words[0].partition("=")
    if not equals or not NAME.match(name) or not path.startswith("/"):
        raise ValueError(
            "wants NAME=/PATH/TO/PROGRAM ARGUMENTS, such as page=/usr/local/bin/page --now"
        )
    return Program(name, (path, *words[1:]))
