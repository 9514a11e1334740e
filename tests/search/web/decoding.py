"""What an answer says, however it was compressed: the tests' client does not know every way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

from search.web.codings import Coding

if TYPE_CHECKING:
    from httpx2 import Response


def body_of(answer: Response) -> bytes:
    """The body, with whatever compression is left taken off."""
    content: bytes = answer.content
    if answer.headers.get("content-encoding") == Coding.ZSTD:
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return content
