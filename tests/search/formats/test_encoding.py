"""Content encodings that a source applied unasked are undone, within limits."""

from __future__ import annotations

import gzip
import zlib

import pytest

from search.formats import FormatError, Limits, expand

WORDS = b"Hello everyone, " * 100


def _raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("", WORDS),
        ("identity", WORDS),
        ("gzip", gzip.compress(WORDS, mtime=0)),
        ("x-gzip", gzip.compress(WORDS, mtime=0)),
        ("GZIP", gzip.compress(WORDS[:90], mtime=0) + gzip.compress(WORDS[90:], mtime=0)),
        ("gzip", gzip.compress(WORDS, mtime=0) + b"\0" * 8),
        ("deflate", zlib.compress(WORDS)),
        ("deflate", _raw(WORDS)),
        ("deflate, gzip", gzip.compress(zlib.compress(WORDS), mtime=0)),
    ],
)
def test_expands(encoding: str, data: bytes) -> None:
    """Every encoding of the standard library's gives back what went in."""
    assert expand(data, encoding, Limits()) == WORDS


def test_nothing() -> None:
    """A body of no bytes holds nothing in any encoding."""
    assert expand(b"", "gzip", Limits()) == b""


@pytest.mark.parametrize(
    ("encoding", "data", "reason"),
    [
        ("br", b"x", "encoding"),
        ("gzip", b"plain", "encoding"),
        ("gzip", gzip.compress(WORDS, mtime=0)[:-9], "encoding"),
        ("gzip,gzip,gzip", gzip.compress(WORDS, mtime=0), "encoding"),
        ("gzip", gzip.compress(b"0" * 2_000_000, mtime=0), "too-large"),
        ("gzip", gzip.compress(b"", mtime=0) * 65, "too-many"),
    ],
)
def test_refused(encoding: str, data: bytes, reason: str) -> None:
    """Unknown, damaged and explosive encodings are one error each."""
    with pytest.raises(FormatError) as caught:
        expand(data, encoding, Limits(expansion=10))

    assert caught.value.reason == reason


def test_size() -> None:
    """Neither the stored nor the expanded size goes beyond the limit."""
    for data in (b"x" * 51, gzip.compress(b"x" * 51, mtime=0)):
        with pytest.raises(FormatError) as caught:
            expand(data, "gzip", Limits(size_bytes=50))

        assert caught.value.reason == "too-large"
