"""The one error of the package, and the guard around every parser."""

from __future__ import annotations

import pytest

from search.formats.errors import FormatError, parser_of


@pytest.mark.parametrize(
    ("cause", "reason"), [(RecursionError, "too-deep"), (MemoryError, "too-large")]
)
def test_exhaustion_becomes_a_format_error(cause: type[Exception], reason: str) -> None:
    """Running out of stack or memory is the artifact's fault, and one FormatError."""

    @parser_of("chat")
    def parse() -> None:
        raise cause

    with pytest.raises(FormatError) as caught:
        parse()

    assert (caught.value.reason, caught.value.kind) == (reason, "chat")


def test_message() -> None:
    """The message names layout and kind where they are known."""
    assert str(FormatError("no rows", reason="x")) == "no rows"
    assert str(FormatError("no rows", reason="x", kind="chat", layout="csv")) == "csv chat: no rows"
