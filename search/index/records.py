"""What was said in one session, as one row of `body` holds it: who and when at hand, the text in chunks.

`meta` is a header, the numbers of the speakers, and columns of one number a line, each as narrow as
its numbers allow. `text` is the lines one after the other in UTF-8, compressed in chunks, so that the
few lines that are shown cost a chunk each and not the whole session.
"""

from __future__ import annotations

import struct
import threading
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import add, sub
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

#: The kinds a line may be of, by number; those of a session stand in this order.
KINDS = ("transcript", "chat", "summary")
TRANSCRIPT, CHAT, SUMMARY = range(3)

#: A chunk holds the lines that begin in so many bytes of text; who reads goes by what stands there.
CHUNK_BYTES = 16_384
#: A level that takes four times as long makes the whole index a hundredth smaller.
_LEVEL = 1
_HEADER = struct.Struct("<4I5c")
#: How a number of a line may be written, narrowest first; "-" stands for nothing but zeros.
_FORMATS = ("B", "H", "I", "q")
_ZEROS = b"-"
_CHUNK_COUNT = struct.Struct("<I")
_CHUNK = struct.Struct("<II")  #: its first byte, and its size as it is kept

_NO_START, _NO_END = 1, 2
#: How a byte of UTF-8 begins that goes on with a character.
_CONTINUED, _CONTINUES = 0xC0, 0x80
#: So many numbers a line has; one less where no line lacks its start or its end.
_ALL = 5


class LineRow(NamedTuple):
    """One line: an utterance, a chat message, or a line of a summary."""

    kind: int
    speaker: int  #: the number of who said it; 0 is nobody
    start_ms: int | None
    end_ms: int | None
    text: str


class Columns(NamedTuple):
    """Lines, one list for each field of `LineRow`."""

    kinds: list[int]
    speakers: list[int]
    starts_ms: list[int | None]
    ends_ms: list[int | None]
    texts: list[str]

    @classmethod
    def of_nothing(cls) -> Columns:
        """No lines yet."""
        return cls([], [], [], [], [])


class _Codec(threading.local):
    """zstd's contexts, which two threads may not use at once."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_codec = _Codec()


@lru_cache(maxsize=256)
def _layout(codes: tuple[bytes, ...]) -> tuple[struct.Struct, np.dtype[np.void]]:
    """How a line of a session is written: as a struct, and as numpy reads all of them."""
    kept = {
        name: code.decode("ascii")
        for name, code in zip(("who", "gone", "start", "lasting", "end"), codes, strict=True)
        if code != _ZEROS
    }
    layout = struct.Struct("<" + "".join(kept.values()))
    return layout, np.dtype([(name, f"<{code}") for name, code in kept.items()])


def pack(rows: Sequence[LineRow]) -> tuple[bytes, bytes]:
    """The `meta` and the `text` of these lines, which are in order of their kinds."""
    kinds, who, starts, ends_ms, texts = zip(*rows, strict=True) if rows else ((),) * 5
    speakers = sorted({*who})
    local = {speaker: number for number, speaker in enumerate(speakers)}
    gone = [0] * len(rows)
    if None in starts or None in ends_ms:
        gone = [
            (_NO_START if start is None else 0) | (_NO_END if end is None else 0)
            for start, end in zip(starts, ends_ms, strict=True)
        ]
        starts = tuple(start or 0 for start in starts)
        ends_ms = tuple(
            start if end is None else end for start, end in zip(starts, ends_ms, strict=True)
        )
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = list(accumulate(map(len, encoded)))
    lasting = list(map(sub, ends_ms, starts))
    columns = [list(map(local.__getitem__, who)), gone, starts, lasting, ends]
    codes = tuple(_format_of(each, may_vanish=each is gone) for each in columns)
    held = np.empty(len(rows), _layout(codes)[1])
    kept = (each for each, code in zip(columns, codes, strict=True) if code != _ZEROS)
    for name, numbers in zip(held.dtype.names or (), kept, strict=True):
        held[name] = numbers
    counts = map(kinds.count, range(len(KINDS)))
    meta = b"".join(
        (
            _HEADER.pack(*counts, len(speakers), *codes),
            np.array(speakers, "<u4").tobytes(),
            held.tobytes(),
        )
    )
    return meta, _pack_text(b"".join(encoded), ends)


def _format_of(numbers: Sequence[int], *, may_vanish: bool) -> bytes:
    """The narrowest format that holds them."""
    least, most = min(numbers, default=0), max(numbers, default=0)
    if may_vanish and least == most == 0:
        return _ZEROS
    if least >= 0:
        for each in _FORMATS[:-1]:
            if most < 1 << 8 * struct.calcsize(f"<{each}"):
                return each.encode("ascii")
    return _FORMATS[-1].encode("ascii")


def _pack_text(text: bytes, ends: Sequence[int]) -> bytes:
    starts = np.array([0, *ends[:-1]][: len(ends)], np.int64)
    count = int(starts[-1]) // CHUNK_BYTES + 1 if len(starts) else 0
    # A stretch in which no line begins is empty.
    firsts = starts[np.searchsorted(starts, np.arange(count) * CHUNK_BYTES)].tolist()
    chunks = [
        _codec.compress(text[a:b]) if b > a else b"" for a, b in pairwise([*firsts, len(text)])
    ]
    heads = (_CHUNK.pack(first, len(chunk)) for first, chunk in zip(firsts, chunks, strict=True))
    return b"".join((_CHUNK_COUNT.pack(count), *heads, *chunks))


class Record:
    """The lines of one session, read as far as they are asked for."""

    __slots__ = (
        "_at",
        "_codes",
        "_ends",
        "_firsts",
        "_layout",
        "_meta",
        "_opened",
        "_speakers",
        "_text",
        "_who",
        "counts",
        "size",
        "speaker_numbers",
    )

    def __init__(self, meta: bytes, text: bytes | None = None) -> None:
        first, second, third, speakers, *codes = _HEADER.unpack_from(meta)
        self.counts: tuple[int, int, int] = (first, second, third)  #: lines of each kind
        self.size: int = first + second + third  #: lines in all
        self._meta = meta
        self._text = text
        self._speakers: int = speakers
        self._codes: tuple[bytes, ...] = tuple(codes)
        self._layout = _layout(self._codes)[0]
        self._at = _HEADER.size + 4 * speakers
        #: of those who said something, ascending
        self.speaker_numbers: tuple[int, ...] = struct.unpack_from(
            f"<{speakers}I", meta, _HEADER.size
        )
        self._firsts: list[int] = []  #: of each chunk, which byte of the text it begins with
        self._ends: list[int] = []  #: where each begins and ends as it is kept
        self._opened: dict[int, bytes] = {}
        self._who: NDArray[np.integer] | None = None

    @property
    def has_text(self) -> bool:
        """Whether the text was read as well."""
        return self._text is not None

    @property
    def meta_bytes(self) -> int:
        """How long what is at hand without the text is."""
        return len(self._meta)

    @property
    def text_bytes(self) -> int:
        """How long the text is before it is compressed."""
        return self._numbers(self.size - 1)[-1] if self.size else 0

    def fill(self, text: bytes) -> None:
        """Take in the text, which was left out so far."""
        self._text = text

    @property
    def speakers(self) -> NDArray[np.uint32]:
        """The numbers of those who said something, ascending."""
        return np.frombuffer(self._meta, "<u4", self._speakers, _HEADER.size)

    def spoken_by(self) -> NDArray[np.integer]:
        """For each line, the place of its speaker in `speakers`."""
        if self._who is None:
            dtype = _layout(self._codes)[1]
            self._who = np.frombuffer(self._meta, dtype, self.size, self._at)["who"]
        return self._who

    def kind_of(self, line: int) -> int:
        """The kind of a line."""
        first, second, _ = self.counts
        return TRANSCRIPT if line < first else CHAT if line < first + second else SUMMARY

    def lines_of(self, kind: int) -> range:
        """The numbers of the lines of a kind."""
        first = sum(self.counts[:kind])
        return range(first, first + self.counts[kind])

    def line(self, number: int) -> LineRow:
        """One line."""
        found = Columns.of_nothing()
        self.read([number], found)
        (row,) = map(LineRow, *found)
        return row

    def read(self, numbers: Iterable[int], into: Columns) -> None:
        """Add these lines to those that were read of this session or of others."""
        kinds, speakers, starts_ms, ends_ms, texts = into
        meta, unpack, size, at = self._meta, self._layout.unpack_from, self._layout.size, self._at
        people, (said, typed, _) = self.speaker_numbers, self.counts
        some_lack = len(self._codes) - self._codes.count(_ZEROS) == _ALL
        for number in numbers:  # sixty of them an answer, so that hardly anything here is a call
            place = at + number * size
            begin = unpack(meta, place - size)[-1] if number else 0
            if some_lack:
                who, gone, start_ms, lasting, end = unpack(meta, place)
            else:
                (who, start_ms, lasting, end), gone = unpack(meta, place), 0
            kinds.append(
                TRANSCRIPT if number < said else CHAT if number < said + typed else SUMMARY
            )
            speakers.append(people[who])
            starts_ms.append(None if gone & _NO_START else start_ms)
            ends_ms.append(None if gone & _NO_END else start_ms + lasting)
            texts.append(self._text_at(begin, end))

    def lines(self) -> list[LineRow]:
        """Every line, in order."""
        return list(map(LineRow, *self.columns()))

    def columns(self) -> Columns:
        """The same by what they are made of, for whoever reads the thousands of a whole session."""
        held = np.frombuffer(self._meta, _layout(self._codes)[1], self.size, self._at)
        starts: list[int | None] = held["start"].tolist()
        ends: list[int | None] = list(map(add, held["start"].tolist(), held["lasting"].tolist()))
        if len(self._codes) - self._codes.count(_ZEROS) == _ALL:
            for bit, numbers in ((_NO_START, starts), (_NO_END, ends)):
                for line in np.flatnonzero(held["gone"] & bit).tolist():
                    numbers[line] = None
        return Columns(
            [kind for kind, count in enumerate(self.counts) for _ in range(count)],
            self.speakers[held["who"]].tolist(),
            starts,
            ends,
            self._texts(held["end"]),
        )

    def _texts(self, ends: NDArray[np.integer]) -> list[str]:
        whole = b"".join(map(self._chunk, range(len(self._firsts or self._read_heads()))))
        if not whole.isascii():
            letters = np.frombuffer(whole, np.uint8) & _CONTINUED != _CONTINUES
            before = np.concatenate(([0], np.cumsum(letters, dtype=np.uint32)))
            ends = before[ends]
        text = whole.decode("utf-8", "surrogatepass")
        return [text[begin:end] for begin, end in pairwise([0, *ends.tolist()])]

    def text(self, number: int) -> str:
        """The text of one line."""
        return self._text_at(self._begin(number), self._numbers(number)[-1])

    def _numbers(self, line: int) -> tuple[int, ...]:
        return self._layout.unpack_from(self._meta, self._at + line * self._layout.size)

    def _begin(self, line: int) -> int:
        return self._numbers(line - 1)[-1] if line else 0

    def _text_at(self, begin: int, end: int) -> str:
        firsts = self._firsts or self._read_heads()
        # Of empty chunks none is meant: the next begins at the same byte.
        chunk = bisect_right(firsts, begin) - 1
        first = firsts[chunk]
        data = self._opened.get(chunk) or self._chunk(chunk)
        return data[begin - first : end - first].decode("utf-8", "surrogatepass")

    def _chunk(self, number: int) -> bytes:
        data = self._opened.get(number)
        if data is None:
            data = self._opened[number] = self._open(number)
        return data

    def _read_heads(self) -> list[int]:
        text = self._text
        assert text is not None
        (count,) = _CHUNK_COUNT.unpack_from(text)
        at = _CHUNK_COUNT.size + _CHUNK.size * count
        heads = list(_CHUNK.iter_unpack(text[_CHUNK_COUNT.size : at]))
        self._ends = list(accumulate((size for _, size in heads), initial=at))
        self._firsts = [first for first, _ in heads]
        return self._firsts

    def _open(self, chunk: int) -> bytes:
        text = self._text
        assert text is not None
        begin, end = self._ends[chunk : chunk + 2]
        return _codec.decompress(text[begin:end]) if end > begin else b""
