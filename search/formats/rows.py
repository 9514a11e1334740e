"""CSV text into rows of cells, whatever their number, and columns and keys found by their name."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from search.formats.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.formats.limits import Limits

# One limit for the whole process, so not one of `Limits`: far above any message, and low enough
# that a quote which is never closed does not take the memory of the whole file once more.
csv.field_size_limit(16 * 2**20)

_HEADER_CHARS_MAX = 1024
#: Every row is brought to the header's width, so a wide header would multiply all of them.
_COLUMNS_MAX = 256


def read_rows(text: str, limits: Limits, *, layout: str = "csv") -> Iterator[list[str]]:
    """Every row that is not blank; line ends inside quotes stay as they are."""
    if text.count(",") > limits.values:
        raise FormatError("too many cells", reason="too-many", layout=layout)
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=_is_spaced(text))
    count = 0
    try:
        for row in reader:
            if not row:
                continue
            count += 1
            # One row more for the header.
            if count > limits.utterances + 1:
                message = f"more than {limits.utterances} rows"
                raise FormatError(message, reason="too-many", layout=layout)
            yield row
    except csv.Error:
        raise FormatError("not CSV", reason="malformed", layout=layout) from None


def _is_spaced(text: str) -> bool:
    """Whether the first line puts a space after each comma, as the older documentation prints it."""
    first = text[:_HEADER_CHARS_MAX].lstrip().split("\n", 1)[0]
    return "," in first and first.count(", ") == first.count(",")


def normal(name: object) -> str:
    """A column or key, whether written `displayName`, `display_name` or `Display Name`."""
    return "".join(filter(str.isalnum, name.casefold())) if isinstance(name, str) else ""


def by_name(item: dict[Any, Any]) -> dict[str, Any]:
    """The values of a JSON object under the normal names of its keys."""
    return {normal(key): value for key, value in item.items()}


def header_names(cells: list[str]) -> tuple[str, ...]:
    """The normal names of a first row, which may be a header."""
    if len(cells) > _COLUMNS_MAX:
        raise FormatError(f"more than {_COLUMNS_MAX} columns", reason="too-many", layout="csv")
    return tuple(normal(cell) for cell in cells)


def fit(row: list[str], width: int, wide: int) -> list[str]:
    """The row in exactly `width` cells; what commas outside quotes cut apart is rejoined in `wide`."""
    length = len(row)
    while length > width and not row[length - 1]:
        length -= 1
    row = row[:length]
    extra = length - width
    if extra > 0:
        end = wide + extra + 1
        return [*row[:wide], ",".join(row[wide:end]), *row[end:]]
    return [*row, *[""] * -extra]
