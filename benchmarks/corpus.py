"""Made-up sessions in any number, fast, alike in what matters to search; seeded, and all invented.

`Corpus(1_000_000)` streams sessions of about 300 utterances (60 to 900) of about 16 words, 88 bytes.
Session i is the same in a corpus of any size, but for its date, so that ten million utterances begin
with the same one million. Nothing is read, and nothing but word tables is kept.

- **Words** are of four classes: English function words (half of all that is said), 1,500 general words
  by Zipf's law (the commonest in one utterance of eleven and nearly every session), 10,000 words of
  topics, and names that enter as the corpus grows: 54 times the root of the utterances so far (Heaps'
  law), said a few times where they enter and now and then later, the older the more often.
- **Topics**: 1,000, of 300 words each. A session runs through two to four of them, one after another,
  and its general words are drawn from 400 of its own: what is said once in it tends to be said again.
- **Pairs**: after three words of ten comes one of the four words that like to follow them anywhere,
  which makes phrases and adjacent pairs recur.
- **People**: 2,000 in teams of ten, three to eight in a session; few teams meet most of the time, and
  every third session has one of twenty people who are everywhere.
- **Sessions** lie evenly over three years, oldest first. A third has a chat of ten messages and a
  summary of eight lines. One in fifty belongs to a second, small app.
- **Chinese** sessions are made where `chinese` says which share of all: characters by Zipf's law.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import vocabulary
from benchmarks.vocabulary import DRAWS, Vocabulary
from search.formats import Chat, Message, Participant, Summary, Transcript, Utterance
from search.index.seam import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

APP, SMALL_APP = "main", "small"
SMALL_APP_EVERY = 50
WRITTEN_EVERY = 3  #: sessions with a chat and a summary
UTTERANCES_MEAN = 300
WORDS_MEAN = 16.4
MESSAGES, SUMMARY_LINES = 10, 8
FIRST_DAY_MS = 1_672_531_200_000  #: 2023-01-01
DAY_MS = 86_400_000
DAYS = 1_096

FUNCTION_SHARE, GENERAL_SHARE, TOPIC_SHARE = 0.50, 0.265, 0.225
GENERAL_POOL = 400
STICKINESS = 0.3
TEAMS, TEAM_SIZE, EVERYWHERE = 200, 10, 20

#: Changes with what makes the sessions: an index that is kept must hold these very ones.
EDITION = hashlib.sha256(
    Path(__file__).read_bytes() + Path(vocabulary.__file__).read_bytes()
).hexdigest()[:8]

_HAN_FIRST, _HAN = 0x4E00, 3_000


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in a session: the numbers of its words, and how many of them each line has."""

    ids: Ids
    counts: Ids  #: of the utterances, then of the messages and lines of the summary
    utterances: int


@dataclass(frozen=True)
class Corpus:
    """So many utterances of made-up sessions."""

    utterances: int
    seed: int = 1
    chinese: float = 0.0  #: the share of sessions that are held in Chinese

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words there are once all is said."""
        return Vocabulary(names_by(self.utterances))

    @cached_property
    def starts(self) -> Ids:
        """How many utterances come before each session; the last number is of all."""
        draw = np.random.default_rng([self.seed, 0])
        most = self.utterances // 100 + 100
        lengths = np.clip(draw.lognormal(np.log(UTTERANCES_MEAN) - 0.08, 0.4, most), 60, 900)
        ends = np.cumsum(lengths.astype(np.int64))
        inside = ends[ends < self.utterances]
        return np.concatenate(([0], inside, [self.utterances]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Document]:
        return self.documents(0)

    def documents(self, first: int, last: int | None = None) -> Iterator[Document]:
        """The sessions from this number up to that."""
        for number in range(first, len(self) if last is None else last):
            yield self.document(number)

    def document(self, number: int) -> Document:
        """One session."""
        draw = self._draw(number)
        words = self._words(number, draw)
        if draw.random() < self.chinese:
            lines = _chinese(draw, words.counts)
        else:
            lines = self.vocabulary.lines(words.ids, words.counts)
        return self._document(number, draw, lines, words)

    def words(self, number: int) -> Words:
        """The words of one session, as numbers."""
        return self._words(number, self._draw(number))

    def started_at_ms(self, number: int) -> int:
        """When a session began."""
        return FIRST_DAY_MS + int(DAYS * DAY_MS * number / len(self)) // 60_000 * 60_000

    def app_of(self, number: int) -> str:
        """The app of a session."""
        return SMALL_APP if number % SMALL_APP_EVERY == 7 else APP

    def _draw(self, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64([self.seed, number + 1]))

    # ------------------------------------------------------------------ words

    def _words(self, number: int, draw: np.random.Generator) -> Words:
        before, after = int(self.starts[number]), int(self.starts[number + 1])
        written = (MESSAGES + SUMMARY_LINES) * (number % WRITTEN_EVERY == 0)
        counts = 1 + draw.exponential(WORDS_MEAN - 0.5, after - before + written).astype(np.int64)
        size = int(counts.sum())
        ids = self._drawn(draw, size)
        self._stick(draw, ids)
        self._name(draw, ids, names_by(before), names_by(after))
        ids[np.cumsum(counts) - 1] %= (
            self.vocabulary.core
        )  # only those have a form with a full stop
        return Words(ids, counts, after - before)

    def _drawn(self, draw: np.random.Generator, size: int) -> Ids:
        """Words of each class by its own law."""
        known = self.vocabulary
        which = draw.integers(0, DRAWS, size, dtype=np.uint16)
        at = draw.integers(0, DRAWS, size, dtype=np.uint16)
        pool = known.general[draw.integers(0, DRAWS, GENERAL_POOL)] + known.first_general
        topics = draw.integers(0, len(known.topics), draw.integers(2, 5))
        ids = known.function[at]
        general = which >= FUNCTION_SHARE * DRAWS
        ids[general] = pool[at[general].astype(np.int64) * GENERAL_POOL // DRAWS]
        topical = np.flatnonzero(which >= (FUNCTION_SHARE + GENERAL_SHARE) * DRAWS)
        now = topics[topical * len(topics) // size]
        ids[topical] = known.topics[now, known.in_topic[at[topical]]]
        return ids

    def _stick(self, draw: np.random.Generator, ids: Ids) -> None:
        """Let words be followed by those that like to follow them."""
        follows = draw.random(len(ids)) < STICKINESS
        follows[1:] &= ~follows[:-1]  # what follows is not itself followed
        at = np.flatnonzero(follows[1:]) + 1
        ids[at] = self.vocabulary.followers[ids[at - 1], draw.integers(0, 4, len(at))]

    def _name(self, draw: np.random.Generator, ids: Ids, before: int, after: int) -> None:
        """Say names: those that enter here one to four times, and some of the old ones."""
        share = 1 - FUNCTION_SHARE - GENERAL_SHARE - TOPIC_SHARE
        old = (before * draw.random(int(len(ids) * share)) ** 3).astype(np.int64)
        new = np.repeat(np.arange(before, after), draw.integers(1, 5, after - before))
        named = np.concatenate((old[: len(old) * (before > 0)], new)) + self.vocabulary.core
        ids[draw.integers(0, len(ids), len(named))] = named

    # ------------------------------------------------------------------ sessions

    def _document(
        self, number: int, draw: np.random.Generator, lines: list[str], words: Words
    ) -> Document:
        people = _people(draw)
        spoken = lines[: words.utterances]
        written = lines[words.utterances :]
        transcript = _transcript(draw, people, spoken, words.counts[: words.utterances])
        started_at_ms = self.started_at_ms(number)
        ended_after_ms = transcript.utterances[-1].end_ms or 0
        return Document(
            app_id=self.app_of(number),
            session_id=f"session-{number:07}",
            meeting_id=f"meeting-{people[0].user_id}",
            title=" ".join(" ".join(spoken[:2]).replace(".", "").split()[:4]).title(),
            started_at_ms=started_at_ms,
            ended_at_ms=started_at_ms + ended_after_ms,
            version=1,
            digest="0" * 64,
            participants=people,
            transcript=transcript,
            chat=_chat(draw, people, written[:MESSAGES], ended_after_ms) if written else None,
            summary=_summary(written[MESSAGES:]) if written else None,
        )


def names_by(utterances: int) -> int:
    """How many names have entered once so much was said."""
    return int(54 * utterances**0.5)


def text_of(document: Document) -> list[str]:
    """Every line of text in a session."""
    said = [each.text for each in document.transcript.utterances] if document.transcript else []
    typed = [each.text for each in document.chat.messages] if document.chat else []
    return said + typed + (document.summary.text.splitlines() if document.summary else [])


def _person(number: int) -> Participant:
    first, last = _FIRST_NAMES.split()[number % 50], _LAST_NAMES.split()[number // 50]
    return Participant(
        peer_id=f"peer-{number:04}",
        user_id=f"user-{number:04}",
        custom_id="",
        name=f"{first} {last}",
        joined_at_ms=0,
        left_at_ms=None,
    )


def _people(draw: np.random.Generator) -> list[Participant]:
    team = int(TEAMS * draw.random() ** 2)
    chosen = draw.permutation(TEAM_SIZE)[: draw.integers(3, 9)]
    numbers = dict.fromkeys((team * TEAM_SIZE + chosen).tolist())
    if draw.random() < 1 / 3:
        numbers[int(draw.integers(0, EVERYWHERE)) * 97 % (TEAMS * TEAM_SIZE)] = None
    return [_PEOPLE[each] for each in numbers]


def _transcript(
    draw: np.random.Generator, people: list[Participant], lines: list[str], counts: Ids
) -> Transcript:
    speakers = (len(people) * draw.random(len(lines)) ** 1.5).astype(np.int64).tolist()
    durations = 350 * counts
    ends = np.cumsum(durations + 400) - 400
    names, ids = [each.name for each in people], [each.user_id for each in people]
    peers = [each.peer_id for each in people]
    fields = zip(
        (ends - durations).tolist(),
        ends.tolist(),
        map(names.__getitem__, speakers),
        map(peers.__getitem__, speakers),
        map(ids.__getitem__, speakers),
        repeat(""),
        lines,
    )
    # `Utterance(*fields)` without its Python frame.
    utterances = tuple(map(tuple.__new__, repeat(Utterance), fields))
    return Transcript(utterances=utterances, layout="json-array", notes=())


def _chat(
    draw: np.random.Generator, people: list[Participant], lines: list[str], ended_after_ms: int
) -> Chat:
    times = np.sort(draw.integers(0, ended_after_ms + 1, len(lines))).tolist()
    senders = [people[each] for each in draw.integers(0, len(people), len(lines)).tolist()]
    messages = tuple(
        Message(at_ms, f"m{number}", who.name, who.user_id, text, "text", False, False)
        for number, (at_ms, who, text) in enumerate(zip(times, senders, lines, strict=True))
    )
    return Chat(messages=messages, layout="csv", notes=(), attachments=0)


def _summary(lines: list[str]) -> Summary:
    return Summary(text="\n".join(lines), layout="plain", notes=())


def _chinese(draw: np.random.Generator, counts: Ids) -> list[str]:
    characters = _HAN_FIRST + (_HAN * draw.random(int(counts.sum())) ** 3).astype(np.uint32)
    text = characters.astype("<u4").tobytes().decode("utf-32-le")
    ends: list[Any] = np.cumsum(counts).tolist()
    return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


_FIRST_NAMES = """
Ada Amir Ana Anja Ben Bora Carla Chen Dana Deniz Ebba Eli Emre Esi Eva Farah Femi Gita Goran Hana
Hugo Ida Igor Imke Ines Ivo Jana Jon Kofi Lale Lena Liam Mara Mei Milan Nadia Nils Noor Olga Omar
Pia Priya Rafa Rosa Sami Sofia Tariq Tom Yuki Zoe
"""
_LAST_NAMES = """
Abe Adler Aydin Bauer Berg Castro Cohen Costa Diaz Dube Eriksen Faber Ferrari Garcia Haas Hansen
Ito Jansen Kaya Keller Khan Kovac Kumar Larsen Lopez Mbeki Meyer Moreau Nagy Novak Okafor Olsen
Petrov Ramos Rossi Sato Silva Souza Tanaka Weber
"""
_PEOPLE = [_person(number) for number in range(TEAMS * TEAM_SIZE)]
