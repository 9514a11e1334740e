"""Reads what the source sends however it spells it: bytes, names, numbers, times and messages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archiver.model import parse_time
from archiver.realtimekit.slices import fold

if TYPE_CHECKING:
    from datetime import datetime

#: What follows a URL's path; without its scheme, a query is known by "?name=value".
_URL_QUERY = re.compile(
    r"(https?://[^\s?#\"'<>]*+)[?#][^\s\"'<>]*|\?[^\s?=\"'<>]*+=[^\s\"'<>]*", re.IGNORECASE
)
#: The parameters of a signature, wherever they stand.
_SIGNATURE = re.compile(r"\b(X-Amz-[a-z-]+|Signature)(=|%3D)[^\s\"'<>&]*", re.IGNORECASE)
_BOM = "\ufeff"


def decode(body: bytes) -> str:
    """The text of a body, such that `encode` gives the same bytes even where they are no UTF-8.

    A byte order mark is a signature and not part of the text: it is dropped, since inside a
    composed record it would make the whole record unreadable.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "surrogateescape")
    return text.removeprefix(_BOM)


def encode(text: str) -> bytes:
    """The bytes `decode` was given."""
    return text.encode("utf-8", "surrogateescape")


def escape(text: str, limit: int = 200) -> str:
    """Somebody else's text made safe for a terminal and a log: one line, no controls, no bidi."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(
        char if char.isprintable() else f"\\u{{{ord(char):04x}}}" for char in shown.strip()
    )


def without_queries(text: str) -> str:
    """The text with every URL in it cut off where its query begins: that is where signatures are."""
    return _SIGNATURE.sub(r"\1\2…", _URL_QUERY.sub(r"\1?…", text))


class Fields:
    """The members of an object by folded name: the first name given that has a value wins."""

    def __init__(self, value: object) -> None:
        self._values: dict[str, Any] = {}
        if isinstance(value, Mapping):
            for name, member in value.items():
                if member is not None or fold(name) not in self._values:
                    self._values[fold(name)] = member

    def get(self, *names: str) -> Any:
        """The value of the first of these names that is there and not null."""
        return next((value for value in map(self._values.get, names) if value is not None), None)

    def text(self, *names: str) -> str:
        """A string; a number is written out; anything else is none."""
        value = self.get(*names)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value).strip()

    def number(self, *names: str) -> float | None:
        """A finite number, also from a string."""
        value = self.get(*names)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None

    def integer(self, *names: str) -> int | None:
        """A whole number; counts come as floats and strings too."""
        number = self.number(*names)
        return None if number is None else int(number)

    def time(self, *names: str) -> datetime | None:
        """The first of these names that holds a believable time, in either spelling."""
        return next(self._times(names), None)

    def _times(self, names: tuple[str, ...]) -> Iterator[datetime]:
        for name in names:
            try:
                moment = parse_time(self.text(name))
            except ValueError:
                continue
            # The year 1 is how some servers write "none"; beyond 9000 no deadline can be added.
            if 2000 <= moment.year < 9000:
                yield moment
