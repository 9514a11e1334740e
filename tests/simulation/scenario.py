"""What a seed draws: sessions and their artifacts, everything that goes wrong, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from archiver.model import Kind
from archiver.simulated import (
    ArtifactFaults,
    Faults,
    Meeting,
    PagingFaults,
    Post,
    SummaryMode,
    Timing,
    TranscriptMode,
    generate_meetings,
)
from archiver.simulated.library import ChatMode

START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
HOUR_S = 3600.0
#: What may be out of reach for so long in all, and every artifact is still to be had in time.
DOWN_MAX_S = 12 * HOUR_S


@dataclass(frozen=True, slots=True)
class Spell:
    """Something that is wrong from one moment, in seconds after the start, to another."""

    what: str
    at_s: float
    for_s: float
    process: int = 0
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One session: whose it is, and when it runs, in seconds after the start."""

    meeting: Meeting
    app: str
    begins_at_s: float
    lasts_s: float


@dataclass(slots=True)
class Scenario:
    """One drawn world."""

    seed: int
    sessions: list[Planned]
    timing: Timing
    faults: Faults
    artifact_faults: dict[tuple[int, str], ArtifactFaults]  #: by number of the session, and kind
    workers: int
    kills: list[list[tuple[int, float]]]
    spells: list[Spell]
    webhooks: float  #: the share of events that is delivered at all
    doubled: float
    forged: int
    settings: dict[str, object] = field(default_factory=dict)


def draw(seed: int) -> Scenario:
    """The scenario of this seed: the same one, always."""
    rng = random.Random(seed)
    sessions = [_session(rng, seed, number) for number in range(rng.randint(2, 6))]
    workers = 2 if rng.random() < 0.35 else 1
    return Scenario(
        seed=seed,
        sessions=sessions,
        timing=_timing(rng),
        faults=_faults(rng),
        artifact_faults=_artifact_faults(rng, len(sessions)),
        workers=workers,
        kills=[_kills(rng) for _ in range(workers)],
        spells=_spells(rng, workers),
        webhooks=rng.choice([0.0, 0.5, 0.9, 1.0]),
        doubled=rng.choice([0.0, 0.3]),
        forged=rng.choice([0, 0, 3]),
        settings={
            "look_every": timedelta(hours=rng.choice([3, 6, 8])),
            "lookback_every": timedelta(hours=rng.choice([12, 24])),
            "summaries": rng.choice(["generate", "generate", "generate", "collect", "off"]),
            "concurrency": rng.choice([1, 3, 8]),
        },
    )


def _session(rng: random.Random, seed: int, number: int) -> Planned:
    (meeting,) = generate_meetings(1, seed * 100 + number, utterances=rng.choice([1, 4]), chat=2)
    app = rng.choice(["Simulated app", "Another app"])
    meeting = replace(
        meeting,
        app_name=app,
        slug=f"{meeting.slug}-{number}",
        summary_mode=rng.choice(list(SummaryMode)),
        transcript_mode=rng.choices(list(TranscriptMode), [8, 1, 1])[0],
        chat_mode=rng.choices(list(ChatMode), [5, 1])[0],
    )
    lasts_s = rng.choice([60.0, HOUR_S, 5 * HOUR_S, 30 * HOUR_S])
    return Planned(meeting, app, rng.uniform(-20, 20) * HOUR_S, lasts_s)


def _timing(rng: random.Random) -> Timing:
    return Timing(
        chat_s=rng.choice([5.0, 60.0, 5 * HOUR_S]),
        transcript_s=rng.choice([30.0, 600.0, HOUR_S, 9 * HOUR_S]),
        summary_s=rng.choice([30.0, HOUR_S]),
        requested_summary_s=rng.choice([30.0, 600.0, 5 * HOUR_S]),
        url_lifetime_s=rng.choice([None, 60.0, HOUR_S]),
    )


def _faults(rng: random.Random) -> Faults:
    return Faults(
        seed=rng.randrange(2**32),
        random_rate=rng.choice([0.0, 0.02, 0.1, 0.3]),
        random_times=rng.choice([1, 3]),
        rate_limit=rng.choice([0, 0, 0, 40]),
        paging=PagingFaults(
            default_per_page=rng.choice([2, 30]),
            most_per_page=rng.choice([2, 100]),
            omit=rng.random() < 0.2,
            insert_times=rng.choice([0, 0, 1]),
        ),
    )


def _artifact_faults(rng: random.Random, sessions: int) -> dict[tuple[int, str], ArtifactFaults]:
    drawn: dict[tuple[int, str], ArtifactFaults] = {}
    for number in range(sessions):
        for kind in (Kind.TRANSCRIPT, Kind.CHAT, Kind.SUMMARY):
            if rng.random() < 0.5:
                drawn[number, kind] = _artifact_fault(rng)
    return drawn


def _artifact_fault(rng: random.Random) -> ArtifactFaults:
    counted = (
        "not_found_times",
        "no_data_times",
        "empty_url_times",
        "html_times",
        "expired_url_times",
        "empty_file_times",
        "reset_times",
        "short_times",
        "error_times",
    )
    faults = ArtifactFaults()
    for name in rng.sample(counted, rng.randint(0, 3)):
        setattr(faults, name, rng.randint(1, 3))
    faults.never = rng.random() < 0.08
    faults.empty_file = rng.random() < 0.05
    faults.gzip = rng.random() < 0.1
    faults.slow_s = rng.choice([0, 0, 5])
    faults.post = rng.choice(list(Post))
    faults.post_times = rng.choice([1, 2])
    faults.hold_s = rng.choice([0.05, 40])
    return faults


def _kills(rng: random.Random) -> list[tuple[int, float]]:
    count = rng.choice([0, 1, 3, 8])
    return [
        (rng.randint(1, rng.choice([20, 100, 400])), rng.uniform(1, 1800)) for _ in range(count)
    ]


def _spells(rng: random.Random, workers: int) -> list[Spell]:
    spells = []
    down_s = 0.0
    kinds = ["source", "bucket", "bucket full", "lost answers", "disk full", "clock"]
    for _ in range(rng.choice([0, 1, 2, 4])):
        what = rng.choice(kinds)
        for_s = rng.uniform(60, 5 * HOUR_S)
        if down_s + for_s > DOWN_MAX_S:
            continue
        down_s += for_s
        skew_s = rng.choice([-30 * HOUR_S, -7 * HOUR_S, -120.0, 90.0, 7 * HOUR_S, 8 * 24 * HOUR_S])
        spells.append(
            Spell(
                what=what,
                at_s=rng.uniform(0, 8 * 24 * HOUR_S),
                for_s=for_s,
                process=rng.randrange(workers),
                skew_s=skew_s if what == "clock" else 0.0,
            )
        )
    return spells
