"""How answers are compressed on their way: by zstd for whoever reads it, as browsers do, or as gzip."""

from __future__ import annotations

import gzip
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import zstandard
from isal import isal_zlib

if TYPE_CHECKING:
    from starlette.datastructures import Headers

VARY = {"Vary": "Accept-Encoding, Sec-Fetch-Site"}
#: Below this a compressed answer still fills one packet.
WORTH_COMPRESSING_BYTES = 1400
#: An answer is made for one reader, who waits for it. gzip by ISA-L takes a fifth of what zlib's quickest
#: does, for an answer that is smaller by a thirtieth; zstd at this level twice as long, for a twentieth.
_GZIP_LEVEL, _ZSTD_LEVEL = 2, 4
_GZIP_WBITS = 16 + isal_zlib.MAX_WBITS
#: What is compressed once for everybody.
_GZIP_BEST, _ZSTD_BEST = 9, 19


class Coding(StrEnum):
    """What `Content-Encoding` says, the best first."""

    ZSTD = "zstd"
    GZIP = "gzip"


def coding_for(headers: Headers) -> Coding | None:
    """How the answer to this request is compressed; None: not at all.

    That is so where the client can read no compressed answer, and where another site asked: an answer
    holds the query beside what was said in meetings. A site that could make a browser ask for many
    queries, and somebody who sees how long the answers are, would learn from their lengths what the
    two have in common. No answer holds a secret of its own.
    """
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return None
    listed = (each.partition(";") for each in headers.get("accept-encoding", "").lower().split(","))
    accepted = {name.strip() for name, _, weight in listed if not _is_nothing(weight.strip())}
    return next((each for each in Coding if each in accepted), None)


def _is_nothing(weight: str) -> bool:
    return weight.startswith("q=0") and not weight[3:].strip(".0")


def compressed(data: bytes, coding: Coding) -> bytes:
    """The data for one reader."""
    if coding is Coding.ZSTD:
        # One kept for each thread would hold megabytes, and spare a fiftieth of the time.
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data)
    return isal_zlib.compress(data, _GZIP_LEVEL, _GZIP_WBITS)


def compressed_well(data: bytes, coding: Coding) -> bytes:
    """The data for everybody, which may take a while."""
    if coding is Coding.ZSTD:
        return zstandard.ZstdCompressor(level=_ZSTD_BEST).compress(data)
    return gzip.compress(data, _GZIP_BEST, mtime=0)


class Compressor:
    """Compresses an answer piece by piece, each readable as soon as it is there."""

    def __init__(self, coding: Coding) -> None:
        self._compressing: Any
        if coding is Coding.ZSTD:
            self._compressing = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
            self._so_far = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        else:
            self._compressing = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WBITS)
            self._so_far = isal_zlib.Z_SYNC_FLUSH

    def piece(self, data: bytes) -> bytes:
        """The next piece."""
        found: bytes = self._compressing.compress(data) + self._compressing.flush(self._so_far)
        return found

    def end(self) -> bytes:
        """What ends it."""
        found: bytes = self._compressing.flush()
        return found
