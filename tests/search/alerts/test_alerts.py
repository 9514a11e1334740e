"""What a saved search is told of: what came in since it was made, at least once, and no more than that."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from archiver.access import Role
from archiver.alerts import Target
from archiver.alerts.queue import FILE
from archiver.alerts.signing import message_id, secret_of
from archiver.errors import AuditError, KeysStaleError, SearchesStaleError, StoreUnavailableError
from archiver.filesystems import held
from archiver.ledger import Ledger
from search.alerts import alerter as alerting
from search.alerts import open_alerter
from search.alerts.delivering import TRIED_FOR
from tests.archiver.realtimekit.servers import answer
from tests.search.alerts.world import SECRET, AlertWorld, document, told, world
from tests.search.web.world import APP, NOW, OTHER_APP

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (f"05e57591-0000-4000-8000-00000000000{each}" for each in "abc")


async def test_a_session_that_comes_in_is_told_with_its_moments(one: AlertWorld) -> None:
    """Search, session, matches, moments and links, signed as Standard Webhooks asks."""
    from standardwebhooks.webhooks import Webhook

    search = await one.save('"renewal price"', name="prices")
    assert await one.once() == []
    await one.comes_in(A, "good morning", "we can hold the renewal price until March")
    await one.comes_in(B, "nothing of the kind")

    (message,) = await one.once()

    assert message["search"] == {"id": search.id, "name": "prices", "query": '"renewal price"'}
    assert (message["type"], message["version"]) == ("session.matched", 1)
    assert message["session"]["session_id"] == A
    assert message["session"]["url"] == f"https://meetings.example.com/sessions/{A}"
    (moment,) = message["moments"]
    assert (moment["start_ms"], moment["speaker"]) == (1000, "Ana")
    (start, end), *_ = moment["highlights"]
    assert moment["snippet"][start:end] == "renewal price"
    (request,), (body,) = one.receiver.requests, one.receiver.bodies
    assert request.headers["webhook-id"] == message_id(search.id, APP, A)
    assert request.headers["Content-Type"] == "application/json"
    headers = {
        **{name.lower(): value for name, value in request.headers.items()},
        # The oracle holds the moment of sending against the machine's own clock.
    }
    oracle = Webhook(secret_of(SECRET, search.id))
    signed = oracle.sign(headers["webhook-id"], one.clock.now(), body.decode())
    assert headers["webhook-signature"] == signed
    assert headers["webhook-timestamp"] == str(int(one.clock.now().timestamp()))
    assert one.tally(search).delivered == 1


async def test_nothing_is_told_twice_and_nothing_of_before(one: AlertWorld) -> None:
    """Not what was indexed before the search was made, nor by another pass, nor by a rebuilt index."""
    await one.comes_in(A, "the price of before")
    await one.once()
    await one.pass_time(minutes=1)
    await one.save("price")
    await one.comes_in(B, "the price of today")

    assert told(await one.once()) == {("watch", B)}
    assert await one.once() == []
    for path in one.settings.index_path.rglob("*.db*"):
        path.unlink()
    assert await one.once() == []
    one.index(document(APP, A, "the price of before"), document(APP, B, "the price of today"))
    assert await one.once() == []


async def test_a_later_version_that_matches_first_is_told_once(one: AlertWorld) -> None:
    """A transcript may come after the chat; what was told already is not told again."""
    await one.save("price")
    await one.comes_in(A, "good morning")
    assert await one.once() == []
    await one.comes_in(A, "good morning", "and now the price")
    assert told(await one.once()) == {("watch", A)}
    await one.comes_in(A, "good morning", "and now the price", "the price again")
    assert await one.once() == []


async def test_what_comes_in_while_nobody_looks_is_told_later(one: AlertWorld) -> None:
    """Whatever was archived since a search was made is told when alerts run again."""
    await one.save("price", name="old")
    await one.comes_in(A, "a price")
    await one.pass_time(days=3)
    await one.save("price", name="young")
    await one.pass_time(days=3)
    await one.comes_in(B, "a price")

    assert told(await one.once()) == {("old", A), ("old", B), ("young", B)}


async def test_a_search_that_is_read_late_misses_nothing(one: AlertWorld) -> None:
    """Between the making of a search and the reading of its record sessions come in: they are looked at."""
    await one.comes_in(A, "a price of before")
    async with one.alerter() as alerter:
        await alerter.once()
        await one.pass_time(seconds=30)
        await alerter.once()
        await one.pass_time(seconds=1)
        await one.save("price")
        await one.pass_time(seconds=1)
        await one.comes_in(B, "a price")
        assert await alerter.look() == 0  # the record is not read yet
        await alerter._shelf.refresh()
        await alerter.once()

    assert told([json.loads(each) for each in one.receiver.bodies]) == {("watch", B)}


async def test_what_is_indexed_after_a_search_was_made_counts_as_new(one: AlertWorld) -> None:
    """Also where it was archived before: an index that lags behind loses nothing."""
    await one.comes_in(A, "good morning")
    async with one.alerter() as alerter:
        await alerter.once()
        await one.commit(B)
        await one.pass_time(minutes=10)
        await alerter.look()
        await one.pass_time(minutes=1)
        await one.save("price")
        await alerter._shelf.refresh()
        await one.pass_time(minutes=1)
        await alerter.look()
        one.index(document(APP, B, "a price"))
        await alerter.once()

    assert told([json.loads(each) for each in one.receiver.bodies]) == {("watch", B)}


async def test_a_file_that_is_lost_is_made_again(one: AlertWorld) -> None:
    """What came in since each search was made is told once more, under the same id, and nothing else."""
    await one.comes_in(A, "the price of before")
    await one.pass_time(hours=1)
    await one.save("price")
    await one.comes_in(B, "the price of today")
    await one.once()
    for path in one.settings.data.glob("alerts.db*"):
        path.unlink()

    assert told(await one.once()) == {("watch", B)}
    first, again = (each.headers["webhook-id"] for each in one.receiver.requests)
    assert first == again


@pytest.mark.parametrize("also_alerts", [False, True])
async def test_a_ledger_that_was_made_again_floods_nobody(
    one: AlertWorld, also_alerts: bool
) -> None:
    """Its times are those of the rebuild: the inventories say when they were made."""
    await one.comes_in(A, "the price of before")
    await one.pass_time(days=1)
    await one.save("price")
    await one.comes_in(B, "the price of today")
    await one.once()
    await one.pass_time(days=30)
    inventories = [each async for each in one.archive.chains()]
    one.ledger.close()
    for path in one.settings.data.glob("ledger.db*"):
        path.unlink()
    if also_alerts:
        for path in one.settings.data.glob("alerts.db*"):
            path.unlink()
    one.ledger = Ledger.open(one.settings.ledger_path)
    for chain in inventories:
        assert chain.newest is not None
        one.ledger.adopt(chain.newest, {}, next_attempt_at=None, now=one.clock.now())
    one.index(document(APP, A, "the price of before"), document(APP, B, "the price of today"))

    assert told(await one.once()) == ({("watch", B)} if also_alerts else set())


# ---------------------------------------------------------------------- for whom


async def test_a_key_is_told_of_its_apps_alone(one: AlertWorld) -> None:
    """And a search without a key of every app."""
    scoped = await one.key("scoped", APP)
    await one.save("price", name="scoped", key=scoped)
    await one.save("price", name="whole")
    await one.comes_in(A, "a price")
    await one.comes_in(B, "a price", app_id=OTHER_APP)

    assert told(await one.once()) == {("scoped", A), ("whole", A), ("whole", B)}


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_key_that_lets_nobody_in_is_told_nothing(one: AlertWorld, end: str) -> None:
    """Not even what was found while it did."""
    expires_at = NOW + timedelta(hours=1)
    key = await one.key("k", expires_at=expires_at if end == "expired" else None)
    search = await one.save("price", key=key)
    await one.comes_in(A, "a price")
    async with one.alerter() as alerter:
        assert await alerter.look() == 1
        if end == "revoked":
            await one.revoke("k")
        await one.pass_time(hours=2)
        await alerter._keyring.refresh()
        await alerter._shelf.refresh()
        await alerter.once()

    assert one.receiver.bodies == []
    assert (one.tally(search).pending, one.reads()) == (1, [])


async def test_a_key_without_content_is_told_nothing(one: AlertWorld) -> None:
    """An auditor's search could not be made; one in the bucket is not answered."""
    await one.save("price", key=await one.key("auditor", role=Role.AUDITOR))
    await one.comes_in(A, "a price")

    assert await one.once() == []


async def test_a_deleted_search_is_told_nothing_more(one: AlertWorld) -> None:
    """And nothing of it stays in the file."""
    search = await one.save("price")
    await one.comes_in(A, "a price")
    await one.once()
    await one.delete(search)
    await one.comes_in(B, "a price")

    assert await one.once() == []
    assert one.tally(search).delivered == 0


async def test_each_alert_is_recorded_before_it_leaves(one: AlertWorld) -> None:
    """As a read by its key, with the session."""
    key = await one.key("crm")
    search = await one.save("price", key=key)
    await one.comes_in(A, "a price")
    await one.once()

    (read,) = one.reads()
    assert read["who"] == {"kind": "key", "name": "crm", "role": "reader", "id": key.id}
    assert (read["sessions"], read["asked"]) == ([A], {"search": search.id, "to": "127.0.0.1"})


async def test_what_cannot_be_recorded_is_not_told(
    one: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until it can be."""
    from archiver.audit import Trail

    search = await one.save("price")
    await one.comes_in(A, "a price")

    def refuse(*_args: Any, **_told: Any) -> None:
        raise AuditError("full")

    with monkeypatch.context() as patch:
        patch.setattr(Trail, "record", refuse)
        assert await one.once() == []
    assert one.tally(search).pending == 1
    await one.pass_time(minutes=1)
    assert told(await one.once()) == {("watch", A)}


# ---------------------------------------------------------------------- whoever is called


async def test_a_receiver_that_fails_is_tried_again_with_back_off(one: AlertWorld) -> None:
    """Seconds, then minutes, then an hour at most, under one id; then it has it."""
    search = await one.save("price")
    await one.comes_in(A, "a price")
    one.receiver.answers = [answer("", status) for status in (500, 429, 404, 302, 200)]
    waits = []
    for _ in range(5):
        while not await one.once():
            await one.pass_time(seconds=1)
            waits.append(one.clock.now())
    tried = [int(each.headers["webhook-timestamp"]) for each in one.receiver.requests]

    pauses_s = [later - earlier for earlier, later in pairwise(tried)]
    assert all(
        least <= each <= least + 7 for least, each in zip((5, 10, 20, 40), pauses_s, strict=True)
    )
    assert len({each.headers["webhook-id"] for each in one.receiver.requests}) == 1
    assert (one.tally(search).delivered, one.tally(search).pending) == (1, 0)


async def test_after_a_day_it_is_given_up_and_counted(one: AlertWorld) -> None:
    """It is listed as failed, with the reason; what comes in later is told."""
    search = await one.save("price")
    await one.comes_in(A, "a price")
    one.receiver.answers = [answer("", 500)]
    while one.tally(search).failed == 0:
        await one.once()
        await one.pass_time(hours=1)
    assert one.clock.now() - NOW > TRIED_FOR
    assert one.tally(search).last_problem == "webhook at 127.0.0.1: 500"
    one.receiver.answers = [answer("")]
    await one.comes_in(B, "a price")

    assert told(await one.once()) == {("watch", B)}


async def test_410_has_the_search_rest(one: AlertWorld) -> None:
    """Nothing more is sent, and the list says why."""
    search = await one.save("price")
    one.receiver.answers = [answer("", 410)]
    await one.comes_in(A, "a price")
    await one.once()
    await one.comes_in(B, "a price")
    await one.pass_time(days=1)

    assert await one.once() == []
    assert (one.tally(search).is_gone, one.tally(search).pending) == (True, 2)


async def test_a_slow_target_holds_up_no_other(one: AlertWorld) -> None:
    """While it is waited for, the others are told."""
    arrived, released = asyncio.Event(), asyncio.Event()

    async def slow(_request: Any) -> Any:
        arrived.set()
        await released.wait()
        return answer("")

    noted = one.root / "noted"
    os.mkfifo(noted)
    (one.root / "note.sh").write_text(f'cat > "{noted}"')
    await one.save("price", name="slow")
    await one.save("price", name="quick", target=Target(kind="command", to="note"))
    one.receiver.answers = [slow]
    await one.comes_in(A, "a price")
    async with one.alerter() as alerter:
        passing = asyncio.create_task(alerter.once())
        await arrived.wait()
        body = await asyncio.to_thread(noted.read_bytes)
        assert not passing.done()
        released.set()
        await passing

    assert json.loads(body)["search"]["name"] == "quick"


async def test_two_processes_tell_once(one: AlertWorld) -> None:
    """Whoever comes second leaves it to the first."""
    with held(one.settings.data / alerting.LOCK) as ours:
        assert ours
        async with open_alerter(one.settings, one.archive, one.ledger, one.clock) as second:
            assert second is None


async def test_without_anything_set_up_nothing_runs(one: AlertWorld) -> None:
    """No file is made, and nothing is looked at."""
    one.set(alert_secret=type(one.settings.alert_secret)(""), alert_commands=())
    async with open_alerter(one.settings, one.archive, one.ledger, one.clock) as none:
        assert none is None
    assert not (one.settings.data / FILE).exists()


async def test_while_the_bucket_cannot_be_read_everything_waits(
    one: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decided by keys and searches that may have changed, and nothing is lost."""
    await one.save("price")
    await one.once()
    await one.comes_in(A, "a price")
    await one.pass_time(hours=1)

    async def away(*_args: Any, **_options: Any) -> Any:
        raise StoreUnavailableError("no connection")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(type(one.archive.store), "list", away)
        async with one.alerter() as alerter:
            with pytest.raises((KeysStaleError, SearchesStaleError)):
                await alerter.once()
    assert told(await one.once()) == {("watch", A)}


async def test_an_alert_and_a_search_never_disagree(tmp_path: Path) -> None:
    """Each query of every kind finds by itself what it is told of, and no session more or less."""
    from search.index.library import Library
    from search.index.seam import SearchRequest
    from search.query import parse
    from tests.search.alerts.kinds import QUERIES, SESSIONS

    async with world(tmp_path) as one:
        (tmp_path / "note.sh").write_text("cat >/dev/null")
        for at, query in enumerate(QUERIES):
            await one.save(query, name=str(at), match="best" if at % 2 else "all")
        await one.once()
        for number, (by, *texts) in enumerate(SESSIONS):
            await one.comes_in(f"session-{number}", *texts, by=by)
        messages = await one.once()
        library = Library(one.settings.index_path)
        expected = set()
        for at, query in enumerate(QUERIES):
            match = "best" if at % 2 else "all"
            request = SearchRequest(query=parse(query), match=match, limit=100, sort="newest")
            expected |= {(str(at), hit.session_id) for hit in library.search(request).hits}
        library.close()

    assert told(messages) == expected
    assert len({name for name, _ in expected}) > 30
