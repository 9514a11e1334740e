"""The ledger: what is due, and what it says when it cannot be used."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.errors import LedgerError
from archiver.ledger import Ledger, Range, Share
from archiver.model import CHAT, ArtifactId, Outcome, Session, to_ms
from archiver.schedule import ArtifactState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def session(name: str, app: str = "app", *, hours_ago: float = 2, ended: bool = True) -> Session:
    """A session that began so long ago."""
    started_at = NOW - timedelta(hours=hours_ago)
    return Session(
        app_id=app,
        session_id=name,
        meeting_id="meeting",
        started_at=started_at,
        ended_at=started_at + timedelta(hours=1) if ended else None,
        created_at=started_at,
        ended=ended,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    yield opened
    opened.close()


def _due(ledger: Ledger, **more: object) -> list[str]:
    return [each.session_id for each in ledger.due(NOW, 100, **more)]  # type: ignore[arg-type]  # by name


def test_promise_6_nearest_deadline_first_and_apps_in_turn(ledger: Ledger) -> None:
    """The oldest session is the most urgent; within an hour the apps take turns."""
    ledger.see([session(f"busy-{n}", "busy", hours_ago=5 + n / 100) for n in range(4)], NOW)
    ledger.see(
        [session("quiet", "quiet", hours_ago=5.001), session("old", "old", hours_ago=90)], NOW
    )

    assert _due(ledger) == ["old", "busy-3", "quiet", "busy-2", "busy-1", "busy-0"]


def test_the_first_due_are_the_first_of_all_that_are_due(ledger: Ledger) -> None:
    """However few are asked for, they are those at the head of the whole order."""
    apps = ("a", "b", "c")
    ledger.see([session(f"{n:03}", apps[n * n % 3], hours_ago=n % 7 / 3) for n in range(60)], NOW)
    whole = _due(ledger)

    assert len(whole) == 60
    for limit in (1, 2, 5, 17, 59, 60, 61):
        assert [each.session_id for each in ledger.due(NOW, limit)] == whole[:limit]


def _steps(ledger: Ledger) -> int:
    """How many hundreds of steps SQLite takes to find sixteen sessions that are due."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger._db.set_progress_handler(count, 100)
    assert len(ledger.due(NOW, 16)) == 16
    ledger._db.set_progress_handler(None, 100)
    return steps


def test_a_backlog_does_not_slow_down_the_look_for_what_is_due(ledger: Ledger) -> None:
    """A worker looks after every session: with all of a backlog in order each time it would stall."""
    ledger.see([session(f"{n:05}", hours_ago=1000 - n / 10) for n in range(200)], NOW)
    few = _steps(ledger)
    ledger.see([session(f"{n:05}", hours_ago=1000 - n / 10) for n in range(200, 9000)], NOW)

    assert _steps(ledger) < few * 2


def test_a_live_session_is_not_due_until_it_has_ended(ledger: Ledger) -> None:
    """What is listed as live waits; once it is listed as ended it is due, and its end is known."""
    assert ledger.see([session("one", ended=False)], NOW) == 1
    assert _due(ledger) == _due(ledger, everything=True) == []
    assert ledger.oldest_live_ms("app") == to_ms(session("one").created_at)

    assert ledger.see([session("one")], NOW) == 0
    assert _due(ledger) == ["one"]
    assert ledger.state(session("one").id).session.ended_at is not None


def test_a_settled_session_is_never_due_again(ledger: Ledger) -> None:
    """Without a next attempt a session rests, even when everything is asked for."""
    ledger.see([session("one")], NOW)
    state = ArtifactState(artifact=CHAT, outcome=Outcome.ARCHIVED, digest="ab" * 32, attempts=1)
    ledger.record(session("one").id, {CHAT: state}, next_attempt_at=None, now=NOW)
    ledger.see([session("one")], NOW)

    assert _due(ledger, everything=True) == []
    assert ledger.state(session("one").id).states == {CHAT: state}


def test_back_off_is_kept_unless_everything_is_asked_for(ledger: Ledger) -> None:
    """A session waits for its next attempt; `sync` does not."""
    ledger.see([session("one")], NOW)
    ledger.postpone(session("one").id, NOW + timedelta(minutes=5), "the disk is full")

    assert (_due(ledger), _due(ledger, everything=True)) == ([], ["one"])
    assert ledger.next_due_at(NOW) == NOW + timedelta(minutes=5)
    assert ledger.nearest_deadlines(Range(), 5)[0][2] == "the disk is full"


def test_shares_part_the_sessions_among_the_workers(ledger: Ledger) -> None:
    """Every session is in exactly one share, the same at every look, however many others are due."""
    names = {f"session-{n}" for n in range(200)}
    ledger.see([session(name) for name in names], NOW)
    shares = [set(_due(ledger, share=Share((n,), 4))) for n in range(1, 5)]

    assert set().union(*shares) <= names
    assert sum(map(len, shares)) == len(set().union(*shares))
    found = [each.session_id for each in ledger.due(NOW, 5, share=Share((2,), 4))]
    assert len(found) == 5
    assert set(found) <= shares[1]


def test_a_share_can_be_several_parts(ledger: Ledger) -> None:
    """Whoever takes over another's part has exactly the sessions, and the budget, of both."""
    ledger.see([session(f"session-{n}") for n in range(40)], NOW)
    ledger.postpone(session("session-0").id, NOW + timedelta(minutes=5), "")
    (owner,) = [n for n in range(1, 5) if ledger.next_due_at(NOW, Share((n,), 4)) is not None]
    other = owner % 4 + 1
    one, another = (set(_due(ledger, share=Share((n,), 4))) for n in (owner, other))
    both = Share(tuple(sorted((owner, other))), 4)

    assert set(_due(ledger, share=both)) == one | another
    assert ledger.next_due_at(NOW, both) == NOW + timedelta(minutes=5)
    assert [Share((2,), 4).of(600), both.of(600), Share((1, 2, 3, 4), 4).of(600)] == [150, 300, 600]
    assert Share((1,), 9000).of(600) == 1


def test_a_range_narrows_by_app_and_time(ledger: Ledger) -> None:
    """Half-open: the beginning is in, the end is not."""
    ledger.see([session("a", "x", hours_ago=10), session("b", "y", hours_ago=5)], NOW)
    ten = to_ms(session("a", "x", hours_ago=10).started_at)

    assert _due(ledger, of=Range(apps=("y",))) == ["b"]
    assert _due(ledger, of=Range(since_ms=ten)) == ["a", "b"]
    assert _due(ledger, of=Range(since_ms=ten + 1)) == ["b"]
    assert _due(ledger, of=Range(until_ms=ten)) == []


def test_counts_say_what_is_pending_and_lost(ledger: Ledger) -> None:
    """By sessions and by artifacts."""
    ledger.see([session("a"), session("b"), session("c", ended=False)], NOW)
    lost = ArtifactState(artifact=CHAT, outcome=Outcome.LOST, reason="no healthy answer")
    ledger.record(session("a").id, {CHAT: lost}, next_attempt_at=None, now=NOW)

    assert ledger.session_counts() == {"sessions": 3, "live": 1, "pending": 1, "lost": 1}
    assert ledger.artifact_counts() == {("chat", "lost"): 1}
    assert ledger.lost(Range(), 5) == [(session("a").id, ArtifactId("chat"), "no healthy answer")]
    assert [each.session_id for each in ledger.with_outcome("lost", Range(), 5, None)] == ["a"]


def test_requests_are_counted_over_days(ledger: Ledger) -> None:
    """Counts of the same operation and status add up."""
    ledger.count_requests({("chat", "200"): 2}, NOW)
    ledger.count_requests({("chat", "200"): 3, ("chat", "404"): 1}, NOW + timedelta(days=1))

    assert ledger.requests() == {("chat", "200"): 5, ("chat", "404"): 1}


def _write(path: Path, start: int, count: int) -> None:
    ledger = Ledger.open(path)
    for number in range(start, start + count):
        ledger.see([session(f"session-{number}")], NOW)
    ledger.close()


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Short transactions and a busy timeout: nobody fails, nothing is lost."""
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(path, n * 100, 100)) for n in range(2)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(60)

    ledger = Ledger.open(path)
    assert ledger.session_counts()["sessions"] == 200
    ledger.close()


@pytest.mark.parametrize(
    "damage", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_damaged_ledger_is_one_clear_error(damage: bytes, tmp_path: Path) -> None:
    """The error says how to make it again."""
    path = tmp_path / "ledger.db"
    path.write_bytes(damage)

    with pytest.raises(LedgerError, match="rebuild ledger"):
        Ledger.open(path)


def test_an_unknown_session_is_an_error(ledger: Ledger) -> None:
    """Nobody invents a state."""
    with pytest.raises(LedgerError, match="not in the ledger"):
        ledger.state(replace(session("x")).id)


def test_the_files_are_private(tmp_path: Path) -> None:
    """Folder 0700, file 0600."""
    path = tmp_path / "data" / "ledger.db"
    Ledger.open(path).close()

    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
