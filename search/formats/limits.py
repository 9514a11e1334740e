"""How much of an artifact the parsers take on before they refuse it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one artifact; beyond them a parser raises FormatError, or cuts and says so."""

    size_bytes: int = 64 * 2**20  #: of the artifact, as stored and as expanded
    expansion: int = 256  #: how many times its stored size an encoded artifact may grow
    depth: int = 64  #: nesting of JSON
    utterances: int = 500_000  #: utterances, chat messages or participants
    values: int = 8_000_000  #: JSON values or CSV cells: what bounds the memory they take
    text_chars: int = 4 * 2**20  #: of one utterance or message; a longer one is cut

    @property
    def containers(self) -> int:
        """JSON arrays and objects: two for an utterance, and room for as many more."""
        return 4 * self.utterances
