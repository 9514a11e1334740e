"""The promises, executed: each test is named after the one it holds the program to."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.keys import parse_key
from archiver.archive.stores.directory import DirectoryStore
from archiver.errors import ArchiveMismatchError
from archiver.rebuild import rebuild_ledger
from archiver.simulated import ErrorShape, Faults, Post
from archiver.verify import verify
from tests.rig import NOW, rig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.rig import Rig

FORMATS = (("transcript", "JSON"), ("transcript", "CSV"), ("chat", ""), ("summary", ""))


def _inventories(objects: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """The newest inventory of every session, by session id."""
    newest: dict[str, dict[str, Any]] = {}
    for key, data in sorted(objects.items()):
        parsed = parse_key(key)
        if parsed is not None and parsed.version:
            newest[parsed.session_id.session_id] = json.loads(data) | {"folder": parsed.folder}
    return newest


async def assert_everything_is_archived(rig: Rig) -> None:
    """Every byte the source serves is in the bucket, under a name that is its digest."""
    objects = await rig.objects()
    inventories = _inventories(objects)
    assert set(rig.source.session_ids) == set(inventories)
    for session_id, inventory in inventories.items():
        for kind, format_ in FORMATS:
            served = rig.source.artifact_bytes(session_id, kind, format_)
            digest = hashlib.sha256(served).hexdigest()
            entry = next(
                each
                for each in inventory["artifacts"]
                if (each["kind"], each.get("format", "")) == (kind, format_)
            )
            assert (entry["outcome"], entry["digest"]) == ("archived", digest)
            assert objects[inventory["folder"] + entry["name"]] == served


def _fail(*statuses: int, times: int = 2, **more: Any) -> Callable[[Faults], None]:
    def switch(faults: Faults) -> None:
        for status in statuses:
            faults.fail(status=status, times=times, **more)

    return switch


PASSING_FAULTS: dict[str, Callable[[Faults], None]] = {
    "none": lambda _faults: None,
    "500 in RealtimeKit's shape": _fail(500, 503, times=6),
    "500 in Cloudflare's shape": _fail(500, shape=ErrorShape.CLOUDFLARE, times=6),
    "an HTML 502": _fail(502, shape=ErrorShape.HTML, times=6),
    "a dropped connection": _fail(0, times=6),
    "429 for five minutes": _fail(429, retry_after="300", times=3),
    "404 first": lambda faults: setattr(faults.artifacts, "not_found_times", 5),
    "200 without data": lambda faults: setattr(faults.artifacts, "no_data_times", 2),
    "an empty URL": lambda faults: setattr(faults.artifacts, "empty_url_times", 2),
    "an HTML page": lambda faults: setattr(faults.artifacts, "html_times", 2),
    "an expired URL": lambda faults: setattr(faults.artifacts, "expired_url_times", 1),
    "URLs that keep expiring": lambda faults: setattr(faults.artifacts, "expired_url_times", 5),
    "an empty file first": lambda faults: setattr(faults.artifacts, "empty_file_times", 2),
    "a reset": lambda faults: setattr(faults.artifacts, "reset_times", 4),
    "a short body": lambda faults: setattr(faults.artifacts, "short_times", 4),
    "a storage error": lambda faults: setattr(faults.artifacts, "error_times", 4),
    "redirects": lambda faults: setattr(faults.artifacts, "redirects", 3),
    "no Content-Length": lambda faults: setattr(faults.artifacts, "chunked", True),
    "no paging": lambda faults: setattr(faults.paging, "omit", True),
    "small pages": lambda faults: setattr(faults.paging, "most_per_page", 2),
    "a list that grows": lambda faults: setattr(faults.paging, "insert_times", 1),
    "nested details": lambda faults: setattr(faults.shapes, "nested_session", True),
    "other case": lambda faults: setattr(faults.shapes, "other_case", True),
    "unknown fields": lambda faults: setattr(faults.shapes, "unknown_fields", True),
    "V1 meeting ids": lambda faults: setattr(faults.shapes, "v1_meeting_ids", True),
    "no ended_at": lambda faults: setattr(faults.shapes, "null_ended_at", True),
}


@pytest.mark.parametrize("fault", PASSING_FAULTS)
async def test_promise_1_bytes_first(fault: str, tmp_path: Path) -> None:
    """Whatever goes wrong before the deadline, what is served is stored byte for byte in the end."""
    faults = Faults()
    PASSING_FAULTS[fault](faults)
    async with rig(tmp_path, meetings=3, faults=faults) as one:
        await one.sync_until_settled()

        await assert_everything_is_archived(one)


async def test_promise_1_a_body_that_was_encoded_all_the_same_is_kept_as_sent(
    tmp_path: Path,
) -> None:
    """A gzip nobody asked for is stored as it came, and the inventory says so."""
    faults = Faults()
    faults.artifacts.gzip = True
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.sync_until_settled()
        objects = await one.objects()

        (inventory,) = _inventories(objects).values()
        chat = next(each for each in inventory["artifacts"] if each["kind"] == "chat")
        stored = objects[inventory["folder"] + chat["name"]]
        assert (chat["encoding"], stored[:2]) == ("gzip", b"\x1f\x8b")


async def test_promise_1_what_cannot_be_parsed_is_archived_like_any_other(tmp_path: Path) -> None:
    """The worker understands nothing it stores."""
    async with rig(tmp_path, meetings=1) as one:
        (session_id,) = one.source.session_ids
        one.source.put_artifact(session_id, "chat", b"\xff\xfe\x00not a chat at all\x00" * 9)
        await one.sync_until_settled()

        await assert_everything_is_archived(one)


async def test_promise_2_payload_then_the_record_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the moment an inventory is put, every object it names is there."""
    put = DirectoryStore.put
    seen: list[str] = []

    async def watched(self: DirectoryStore, key: str, body: Any, **more: Any) -> Any:
        parsed = parse_key(key)
        if parsed is not None and parsed.version:
            for entry in json.loads(body)["artifacts"]:
                if "name" in entry:
                    info = await self.head(parsed.folder + entry["name"])
                    assert info is not None
                    assert info.size_bytes == entry["size"]
                    seen.append(entry["name"])
        return await put(self, key, body, **more)

    monkeypatch.setattr(DirectoryStore, "put", watched)
    async with rig(tmp_path) as one:
        await one.sync_until_settled()

    assert len(seen) >= 5 * 3


async def test_promise_3_nothing_is_overwritten(tmp_path: Path) -> None:
    """Two workers with ledgers of their own race on one bucket: one whole chain, and both agree."""
    async with rig(tmp_path, meetings=6) as one:
        await asyncio.gather(one.sync("first"), one.sync("second"))
        before = await one.objects()
        one.clock.advance(1800)
        await asyncio.gather(one.sync("first"), one.sync("second"))
        after = await one.objects()

        assert before.items() <= after.items()
        await assert_everything_is_archived(one)
        async with one.runtime("first") as first, one.runtime("second") as second:
            assert not (await verify(first.archive)).findings
            states = [
                {str(each.session.id): each.inventory_digest for each in ledger.all_states()}
                for ledger in (first.ledger, second.ledger)
            ]
            assert states[0] == states[1]
        assert set(one.source.summary_posts.values()) <= {1}


async def test_promise_4_the_bucket_is_the_truth(tmp_path: Path) -> None:
    """A ledger made again from the bucket equals the one that was lost."""
    faults = Faults()
    faults.on(kind="chat", never=True)
    async with rig(tmp_path, meetings=4, faults=faults) as one:
        await one.sync()

        def facts(ledger: Any) -> list[Any]:
            return [
                (
                    each.session,
                    each.inventory_version,
                    each.inventory_digest,
                    sorted((str(k), v.outcome, v.digest) for k, v in each.states.items()),
                )
                for each in ledger.all_states()
            ]

        async with one.runtime() as runtime:
            known = facts(runtime.ledger)
            path = runtime.ledger.path
        for each in path.parent.glob("ledger.db*"):
            each.unlink()
        async with one.runtime() as runtime:
            assert facts(runtime.ledger) == []
            await rebuild_ledger(runtime.archive, path, one.clock)
            assert facts(runtime.ledger) == known


async def test_promise_5_every_artifact_ends_in_a_recorded_outcome(tmp_path: Path) -> None:
    """What never comes is absent, empty or lost once its time is up, with a reason, in the bucket."""
    faults = Faults()
    async with rig(tmp_path, meetings=4, faults=faults) as one:
        never, empty, broken, whole = one.source.session_ids
        faults.on(session_id=never, kind="chat", never=True)
        faults.on(session_id=empty, kind="chat", empty_file=True)
        faults.on(session_id=broken, kind="chat", error_times=10_000)
        await one.sync_until_settled(step=timedelta(hours=8))
        inventories = _inventories(await one.objects())

        def chat(session_id: str) -> tuple[str, str]:
            artifacts = inventories[session_id]["artifacts"]
            entry = next(each for each in artifacts if each["kind"] == "chat")
            return entry["outcome"], entry.get("reason", "")

        assert chat(never) == ("absent", "source has none")
        assert chat(empty)[0] == "empty"
        assert chat(broken) == ("lost", "download failed")
        assert chat(whole)[0] == "archived"


async def test_promise_5_what_was_first_seen_too_late_is_lost(tmp_path: Path) -> None:
    """Eight days after a session it is tried once, and recorded as expired before it was seen."""
    async with rig(tmp_path, meetings=1) as one:
        one.clock.advance(timedelta(days=8).total_seconds())
        await one.sync()
        (inventory,) = _inventories(await one.objects()).values()

        outcomes = {each["kind"]: each["outcome"] for each in inventory["artifacts"]}
        assert outcomes["session"] == "archived"
        assert outcomes["transcript"] == outcomes["chat"] == outcomes["summary"] == "lost"
        reasons = {each.get("reason") for each in inventory["artifacts"] if each["kind"] == "chat"}
        assert reasons == {"expired before seen"}


async def test_promise_5_a_session_nothing_can_be_had_of_has_an_inventory_after_a_day(
    tmp_path: Path,
) -> None:
    """24 hours after its end a session that is wholly pending has an inventory that says so."""
    faults = Faults()
    for operation in ("list_participants", "get_chat", "get_transcript", "get_summary"):
        faults.fail(operation, status=500, times=1_000_000)
    async with rig(tmp_path, meetings=(), faults=faults) as one:
        app_id = one.source.add_app("Simulated app")
        hour = timedelta(hours=1)
        one.source.add_session(app_id=app_id, started_at=NOW - 2 * hour, ended_at=NOW - hour)
        await one.sync()
        assert _inventories(await one.objects()) == {}

        one.clock.advance(timedelta(hours=24).total_seconds())
        await one.sync()

        (inventory,) = _inventories(await one.objects()).values()
        outcomes = {each["outcome"] for each in inventory["artifacts"]}
        assert outcomes == {"pending", "excluded"}


async def test_one_broken_endpoint_keeps_nothing_else_from_being_archived(tmp_path: Path) -> None:
    """Where the participants cannot be had, the words are captured all the same."""
    faults = Faults()
    faults.fail("list_participants", status=500, times=1_000_000)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        await one.sync()
        (inventory,) = _inventories(await one.objects()).values()

        outcomes = {each["kind"]: each["outcome"] for each in inventory["artifacts"]}
        assert outcomes["session"] == "pending"
        assert outcomes["transcript"] == outcomes["chat"] == "archived"


ACCEPTED = {Post.ACCEPTED, Post.OLD_SHAPE}


@pytest.mark.parametrize("post", list(Post))
async def test_promise_7_a_summary_is_never_asked_for_twice_blindly(
    post: Post, tmp_path: Path
) -> None:
    """Whatever becomes of the POST, a second goes out only after patience, and never a third."""
    faults = Faults()
    faults.on(kind="summary", never=True, post=post, post_times=1_000_000)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        (session_id,) = one.source.session_ids
        counts = [0]
        for _ in range(30):
            await one.sync()
            counts.append(one.source.summary_posts[session_id])
            one.clock.advance(3600)
        objects = await one.objects()

    requests = [key for key in objects if "summary-request" in key]
    assert counts[-1] == len(requests) == (1 if post in ACCEPTED else 2)
    assert counts[1] == 1, "the first leaves at once, for the summary did not come by itself"
    assert counts[6] == 1, "six hours are waited before the second"


async def test_promise_7_the_intent_is_recorded_before_the_post(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the POST arrives, its record is in the bucket; a record that is there stops the POST."""
    from archiver.realtimekit import RealtimeKit

    faults = Faults()
    faults.on(kind="summary", never=True)
    async with rig(tmp_path, meetings=1, faults=faults) as one:
        recorded: list[bool] = []
        post = RealtimeKit.request_summary

        async def watched(self: RealtimeKit, app_id: str, session_id: str) -> Any:
            recorded.append(any("summary-request-1" in key for key in await one.objects()))
            return await post(self, app_id, session_id)

        monkeypatch.setattr(RealtimeKit, "request_summary", watched)
        await one.sync()
        assert recorded == [True]

        await one.sync("another-worker")
        assert recorded == [True]
        assert one.source.summary_posts.total() == 1


async def test_a_session_costs_at_most_six_requests(tmp_path: Path) -> None:
    """With everything there at once: participants, chat, two transcripts, summary, and its list."""
    async with rig(tmp_path, meetings=40) as one:
        automatic = [
            each
            for each in one.source.session_ids
            if one.source.artifact_bytes(each, "summary") is not None
        ]
        await one.sync()
        asked = Counter(
            each.session_id
            for each in one.source.requests
            if each.session_id and each.operation != "download"
        )

        assert len(automatic) == 40
        assert max(asked.values()) <= 5
        lists = [each for each in one.source.requests if not each.session_id]
        assert len(lists) <= 4


async def test_a_settled_archive_costs_only_the_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second pass over a settled archive downloads nothing, puts nothing and asks for lists only."""
    async with rig(tmp_path, meetings=5) as one:
        await one.sync_until_settled()
        before = await one.objects()
        one.source.requests.clear()
        puts: list[str] = []
        put = DirectoryStore.put

        async def watched(self: DirectoryStore, key: str, body: Any, **more: Any) -> Any:
            puts.append(key)
            return await put(self, key, body, **more)

        monkeypatch.setattr(DirectoryStore, "put", watched)
        await one.sync()

        operations = {str(each.operation) for each in one.source.requests}
        assert operations <= {"list_apps", "list_sessions"}
        assert await one.objects() == before
        assert [key for key in puts if not key.startswith("_archive/")] == []


async def test_an_archive_refuses_another_source(tmp_path: Path) -> None:
    """An archive belongs to one account and base URL, and says so to anybody else."""
    async with rig(tmp_path, meetings=1) as one:
        await one.sync()

        with pytest.raises(ArchiveMismatchError, match="is the archive of account"):
            await one.sync("other", account_id="another-account")


async def test_no_title_name_or_url_is_in_a_record_or_the_ledger(tmp_path: Path) -> None:
    """Inventories, requests and the ledger hold no personal data and no signed URL."""
    async with rig(tmp_path, meetings=3) as one:
        await one.sync_until_settled()
        objects = await one.objects()
        records = b"".join(
            data
            for key, data in objects.items()
            if (parsed := parse_key(key)) is None or not parsed.digest
        )
        ledger = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("ledger.db*"))
        names = {
            text.encode()
            for session_id in one.source.session_ids
            for meeting in [one.source.session(session_id).meeting]
            for text in (meeting.title, *(each.name for each in meeting.participants))
        }

    assert names
    for secret in (*names, b"signature=", b"simulated-token", b"/files/"):
        assert secret not in records
        assert secret not in ledger
