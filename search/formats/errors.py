"""The one error of this package, and the guard that lets no other out of a parser."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


class FormatError(Exception):
    """An artifact that cannot be read; names what and why, never anything said in a meeting.

    `reason` is a stable code: too-large, too-many, too-deep, malformed, unrecognised, encoding.
    """

    def __init__(self, message: str, *, reason: str, kind: str = "", layout: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.kind = kind
        self.layout = layout

    def __str__(self) -> str:
        place = " ".join(part for part in (self.layout, self.kind) if part)
        return f"{place}: {self.message}" if place else self.message


def parser_of(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as the parser of this kind: whatever it cannot do becomes a FormatError."""

    def mark(parse: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(parse)
        def parse_or_refuse(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return parse(*args, **kwargs)
            except FormatError as error:
                error.kind = error.kind or kind
                raise
            except RecursionError:
                raise FormatError("nested too deeply", reason="too-deep", kind=kind) from None
            except MemoryError:
                raise FormatError("does not fit in memory", reason="too-large", kind=kind) from None

        return parse_or_refuse

    return mark
