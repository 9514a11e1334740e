"""Meetings made up by the thousand, from a seed: cheap to hold, each with a word of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import overload

from archiver.simulated.library import ChatMessage, Meeting, Participant, Utterance

_SLOT_MS = 6_000
_SPOKEN_MS = 5_200
_POOL = 509  #: sentences; a prime, so that the strides below visit all of them
_SYLLABLES = tuple(c + v for c in "bdfgklmnprstvz" for v in "aeiou")
_NAMES = ("Ana Souza", "Jonas Weber", "Mei Lin", "Priya Raman", "Tom Okafor", "Lena Novak")
_WORDS = """
    we the a to of and that this for with on about can should will need think know plan
    customer release budget contract renewal price schedule design review report metric team
    meeting question answer draft version server deployment incident invoice supplier training
    interview candidate roadmap quarter target risk option decision action owner deadline
    before after between without under maybe clearly probably together again soon later
""".split()  # noqa: SIM905 — legible


def marker_word(index: int, *, seed: int = 0) -> str:
    """The word that only this session of this seed holds: in its title, speech, chat and summary."""
    rest = index + seed * 1_000_003
    syllables = []
    for _ in range(6):
        rest, digit = divmod(rest, len(_SYLLABLES))
        syllables.append(_SYLLABLES[digit])
    return "qu" + "".join(reversed(syllables)) + "x"


def generate_meetings(
    count: int,
    seed: int = 0,
    *,
    utterances: int = 40,
    chat: int = 6,
    days: int = 5,
    app_names: Sequence[str] = ("Simulated app",),
) -> tuple[Meeting, ...]:
    """So many meetings over the last `days` whole days; what was said is made when it is read."""
    return tuple(
        _generate(index, seed, utterances, chat, days, app_names[index % len(app_names)])
        for index in range(count)
    )


def generate_meeting(index: int, seed: int = 0, *, utterances: int = 40, chat: int = 6) -> Meeting:
    """The one meeting of this number."""
    return _generate(index, seed, utterances, chat, 1, "Simulated app")


def _generate(index: int, seed: int, spoken: int, typed: int, days: int, app_name: str) -> Meeting:
    word = marker_word(index, seed=seed)
    second = index * 7919 % 72_000  # whole meetings before the next midnight
    start = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    people = tuple(
        Participant(name=_NAMES[(index + n) % len(_NAMES)], custom_id=f"person-{(index + n) % 6}")
        for n in range(2 + index % 3)
    )
    return Meeting(
        slug=f"generated-{seed}-{index:06}",
        title=f"Generated {index} {word}",
        app_name=app_name,
        days_ago=1 + index % days,
        start_time=start,
        participants=people,
        utterances=_Utterances(seed, index, spoken, len(people)),
        chat=_Chat(seed, index, typed, len(people)),
        summary=f"## Meeting summary\n\n- It was about {word}.\n",
        length_ms=max(spoken, typed, 1) * _SLOT_MS + 20_000,
    )


@lru_cache(maxsize=8)
def _sentences(seed: int) -> tuple[str, ...]:
    choose = random.Random(seed)  # noqa: S311 — test data, not a secret
    return tuple(
        " ".join(choose.choices(_WORDS, k=choose.randint(5, 18))).capitalize() + "."
        for _ in range(_POOL)
    )


class _Lazy:
    """What is said in one generated meeting, by position."""

    __slots__ = ("_count", "_index", "_people", "_seed")

    def __init__(self, seed: int, index: int, count: int, people: int) -> None:
        self._seed = seed
        self._index = index
        self._count = count
        self._people = people

    def __len__(self) -> int:
        return self._count

    def _text(self, number: int) -> str:
        text = _sentences(self._seed)[(self._index * 31 + number * (1 + self._index % 97)) % _POOL]
        return f"{text} {marker_word(self._index, seed=self._seed)}" if number == 0 else text

    def _position(self, number: int) -> int:
        if not -self._count <= number < self._count:
            raise IndexError(number)
        return number % self._count


class _Utterances(_Lazy, Sequence[Utterance]):
    __slots__ = ()

    @overload
    def __getitem__(self, number: int) -> Utterance: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Utterance]: ...
    def __getitem__(self, number: int | slice) -> Utterance | Sequence[Utterance]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(self._count))]
        number = self._position(number)
        start_ms = 500 + number * _SLOT_MS
        return Utterance(
            participant=(self._index + number) % self._people,
            start_ms=start_ms,
            end_ms=start_ms + _SPOKEN_MS,
            text=self._text(number),
        )


class _Chat(_Lazy, Sequence[ChatMessage]):
    __slots__ = ()

    @overload
    def __getitem__(self, number: int) -> ChatMessage: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[ChatMessage]: ...
    def __getitem__(self, number: int | slice) -> ChatMessage | Sequence[ChatMessage]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(self._count))]
        number = self._position(number)
        return ChatMessage(
            at_ms=2_000 + number * _SLOT_MS,
            participant=number % self._people,
            text=self._text(number),
        )


def awkward_meeting(*, message_bytes: int = 1_000_000) -> Meeting:
    """Six hours of everything that is hard to read: the contents of the reference, section 15."""
    people = (
        Participant(name='Ana: "the, Boss"', custom_id="ana,1"),
        Participant(name="محمد العلي", custom_id="mohammed"),
        Participant(name="佐藤 花子", custom_id='"hanako"'),
        Participant(name="<v Bob> & co", custom_id=""),
    )
    spoken = (
        (0, 0, "Hello, world: \"quoted\", 'single', and a , comma"),
        (0, 5_000, ""),
        (1, 9_000, "مرحبا بالجميع، سنبدأ الآن"),
        (2, 12_000, "本日の議題は予算と採用です。"),
        (3, 15_000, "<script>alert('x')</script> --> & done\nsecond line"),
        *((0, 20_000 + n * 3_000, "Thank you for watching.") for n in range(30)),
        (1, 21_000, "Overlapping, and out of order"),
        (2, 21_590_000, "The last word, after six hours 👋🏽"),
    )
    return Meeting(
        slug="awkward",
        title='Everything, "awkward": <b>1</b> / 日本 \u202egnp',
        participants=people,
        utterances=tuple(
            Utterance(participant=who, start_ms=at_ms, end_ms=at_ms + 2_500, text=text)
            for who, at_ms, text in spoken
        ),
        chat=_awkward_chat(message_bytes),
        summary="# Summary <script>alert('x')</script>\n\n" + "Very long. " * 20_000,
        length_ms=6 * 3600 * 1000,
    )


def _awkward_chat(message_bytes: int) -> tuple[ChatMessage, ...]:
    texts = (
        'Quotes "double", and, commas',
        "Line one\nLine two\r\nLine three",
        "Emoji 👩‍👩‍👧‍👦 🎉",
        "שלום, עולם",
        '=HYPERLINK("http://evil.example")',
        "x" * message_bytes,
    )
    messages = [
        ChatMessage(at_ms=1_000 * n, participant=n % 4, text=text) for n, text in enumerate(texts)
    ]
    attachment = '{"link":"https://files.example/report.pdf","name":"report.pdf","size":1}'
    messages += [
        ChatMessage(at_ms=60_000, participant=1, text=attachment, payload_type=kind)
        for kind in ("FILE_MESSAGE", "IMAGE_MESSAGE")
    ]
    return tuple(messages)
