"""The record of a session's archive."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.archive.canonical import canonical_json, sha256
from archiver.archive.inventory import LATER_MAX, Entry, Inventory, parse_inventory, unknown_parts
from archiver.archive.versions import REASON_LESS_CAME_LATER, next_version
from archiver.errors import InventoryError
from archiver.model import CHAT, SUMMARY, ArtifactId, Outcome, Session

STARTED = datetime(2026, 10, 3, 10, 0, tzinfo=UTC)
SESSION = Session(
    app_id="app",
    session_id="session",
    meeting_id="meeting",
    started_at=STARTED,
    ended_at=None,
    created_at=STARTED,
    ended=True,
    transcribed=True,
)


def stored(body: bytes, artifact: ArtifactId = CHAT) -> Entry:
    """An archived artifact with these bytes."""
    digest = sha256(body)
    return Entry(
        artifact=artifact,
        outcome=Outcome.ARCHIVED,
        name=f"{artifact.kind}.{digest}.csv",
        size_bytes=len(body),
        digest=digest,
        media_type="text/csv",
        attempts={"count": 1, "last_status": "200"},
    )


FIRST = Inventory(
    archive_id="0" * 32,
    account="account",
    session=SESSION,
    version=1,
    previous="",
    entries=(stored(b"hello"), Entry(artifact=SUMMARY, outcome=Outcome.PENDING)),
    made={"at": "2026-10-03T10:31:00.000Z", "command": "test"},
    settings={"formats": ["JSON"]},
)

GOLDEN = (
    '{"account":"account","app":"app","archive":"00000000000000000000000000000000","artifacts":'
    '[{"attempts":{"count":1,"last_status":"200"},"digest":'
    '"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","kind":"chat","media_type":'
    '"text/csv","name":"chat.2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.csv",'
    '"origin":"source","outcome":"archived","size":5},{"kind":"summary","origin":"source","outcome":'
    '"pending"}],"created_at":"2026-10-03T10:00:00.000Z","deadline_at":"2026-10-10T09:00:00.000Z",'
    '"ended_at":null,"format":"realtimekit-archive/inventory/1","made":'
    '{"at":"2026-10-03T10:31:00.000Z","command":"test"},"meeting":"meeting","previous":null,'
    '"session":"session","settings":{"formats":["JSON"]},"started_at":"2026-10-03T10:00:00.000Z",'
    '"transcribed":true,"version":1}\n'
)


def test_an_inventory_has_one_spelling() -> None:
    """Sorted keys, ASCII, no spaces, whole numbers, one newline at the end: for ever."""
    assert GOLDEN.encode() == FIRST.to_bytes()
    assert canonical_json({"b": "é", "a": 1}) == b'{"a":1,"b":"\\u00e9"}\n'


def test_an_inventory_reads_back_as_what_it_was() -> None:
    """Nothing is lost between the value and its bytes."""
    assert parse_inventory(FIRST.to_bytes(), FIRST.key) == FIRST


def test_what_a_later_release_wrote_is_kept_and_reported() -> None:
    """Unknown fields, kinds and outcomes survive, and are told of."""
    document = json.loads(FIRST.to_bytes())
    document["mood"] = "good"
    document["artifacts"][0]["colour"] = "blue"
    document["artifacts"].append({"kind": "recording", "outcome": "sung"})
    data = canonical_json(document)

    inventory = parse_inventory(data, FIRST.key)

    assert inventory.to_bytes() == canonical_json(
        document
        | {
            "artifacts": [
                *document["artifacts"][:2],
                {**document["artifacts"][2], "origin": "source"},
            ]
        }
    )
    assert unknown_parts(inventory) == [
        "field mood",
        "field colour of chat",
        "kind recording",
        "outcome sung",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "realtimekit-archive/inventory/2"},
        {"session": "another"},
        {"app": "another"},
        {"version": 2},
        {"version": True},
        {"version": 0},
        {"previous": "ab" * 32},
        {"started_at": "2026-10-04T10:00:00Z"},
        {"started_at": "then"},
        {"artifacts": 5},
        {"artifacts": [{"kind": "chat"}]},
        {
            "artifacts": [
                {"kind": "chat", "outcome": "archived", "name": "../x", "digest": "ab" * 32}
            ]
        },
        {"artifacts": [{"kind": "chat", "outcome": "archived", "name": "x", "digest": "ab" * 32}]},
        {"artifacts": [{"kind": "chat", "outcome": "archived", "size": -1}]},
    ],
)
def test_a_forged_or_copied_record_is_refused(change: dict[str, Any]) -> None:
    """A record that does not agree with its own key, or within itself, speaks for nobody."""
    document = json.loads(FIRST.to_bytes()) | change

    with pytest.raises(InventoryError):
        parse_inventory(canonical_json(document), FIRST.key)


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_arbitrary_bytes_are_an_inventory_or_one_clear_error(data: bytes) -> None:
    """Nothing but InventoryError comes out."""
    with pytest.raises(InventoryError):
        parse_inventory(data, FIRST.key)


def test_news_makes_the_next_version_and_names_the_digest_before() -> None:
    """A version follows the one it was made after, and carries over what it does not mention."""
    digest = sha256(FIRST.to_bytes())
    summary = stored(b"in short", SUMMARY)

    second = next_version((FIRST, digest), FIRST, (summary,))

    assert second is not None
    assert (second.version, second.previous) == (2, digest)
    assert second.entries == (FIRST.entries[0], summary)
    assert second.key.endswith("inventory-0002.json")


def test_a_later_body_that_holds_less_is_kept_aside_with_an_alarm() -> None:
    """A new version names it beside the good one, which stays; the same body again is no news."""
    before = (FIRST, sha256(FIRST.to_bytes()))
    less = replace(stored(b""), outcome=Outcome.EMPTY)
    second = next_version(before, FIRST, (less,))

    assert second is not None
    entry = second.entry(CHAT)
    assert entry is not None
    assert (entry.digest, entry.outcome) == (sha256(b"hello"), Outcome.ARCHIVED)
    assert entry.reason == REASON_LESS_CAME_LATER
    assert set(second.named()) == {stored(b"hello").name, less.name}
    assert parse_inventory(second.to_bytes(), second.key) == second
    after = (second, sha256(second.to_bytes()))
    assert next_version(after, FIRST, (less,)) is None
    more = next_version(after, FIRST, (stored(b"hello, world"),))
    assert more is not None
    assert more.entry(CHAT) == replace(stored(b"hello, world"), later=(less,))


def test_a_source_that_sends_ever_new_bodies_fills_no_record() -> None:
    """What is kept aside is bounded."""
    current = FIRST
    for number in range(50):
        made = next_version((current, sha256(current.to_bytes())), FIRST, (stored(b"%d" % number),))
        current = made or current
    entry = current.entry(CHAT)
    assert entry is not None
    assert len(entry.later) == LATER_MAX


def test_without_news_there_is_no_version() -> None:
    """Other attempts, or another reason to wait, are no news."""
    waiting = replace(FIRST.entries[1], reason="asked", attempts={"count": 9})

    assert next_version((FIRST, "ab" * 32), FIRST, (FIRST.entries[0], waiting)) is None


@pytest.mark.parametrize("later", [b"", b"hell", b"HELLO"])
def test_what_is_stored_gives_way_only_to_more(later: bytes) -> None:
    """Fewer or other bytes, or none at all, never take the place of what is archived."""
    pending = Entry(artifact=CHAT, outcome=Outcome.PENDING)
    made = next_version((FIRST, "ab" * 32), FIRST, (stored(later),))

    assert made is not None
    assert [each.digest for each in made.entries if each.artifact == CHAT] == [sha256(b"hello")]
    assert next_version((FIRST, "ab" * 32), FIRST, (pending,)) is None
    assert next_version((FIRST, "ab" * 32), FIRST, (stored(b"hello, and more"),)) is not None


def _changed(**more: Any) -> bytes:
    """The first inventory with these fields in place of its own."""
    return canonical_json({**json.loads(FIRST.to_bytes()), **more})


@pytest.mark.parametrize(
    "data",
    [
        _changed(artifacts=["x"]),
        _changed(artifacts={"kind": "chat"}),
        _changed(artifacts=[{"kind": "chat", "outcome": "archived", "store": {"version_id": 5}}]),
        _changed(artifacts=[{"kind": "chat", "outcome": "archived", "size": 2**70}]),
        _changed(artifacts=[{"kind": "chat", "outcome": "absent", "attempts": {"count": 2**70}}]),
        _changed(artifacts=[{"kind": "chat", "outcome": "absent", "reason": "\ud800"}]),
        _changed(artifacts=[{"kind": "chat", "outcome": "archived", "name": "chat %s.csv" % ("0" * 64), "digest": "0" * 64, "size": 1}]),
        _changed(transcribed={"a": 1}),
        _changed(transcribed="no"),
        _changed(made={"at": 5}),
        _changed(settings=[]),
        _changed(extra=[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]),
        FIRST.to_bytes().replace(b'"version":1', b'"version":1.0'),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_record_with_the_wrong_kind_of_field_is_refused(data: bytes) -> None:
    """One error of ours, whatever was put in its place: nothing of it reaches a ledger."""
    with pytest.raises(InventoryError):
        parse_inventory(data, FIRST.key)


def test_a_record_holds_integers_only() -> None:
    """A fraction is refused where it would be written."""
    with pytest.raises(TypeError):
        canonical_json({"a": {"b": [1.5]}})


@pytest.mark.parametrize("outcome", ["redacted", "destroyed"])
def test_what_a_later_release_decided_is_not_undone(outcome: str) -> None:
    """An outcome this release does not know, or has only reserved, gives way to nothing."""
    kept = Entry(artifact=CHAT, outcome=outcome, extra={"by": "order"})
    current = replace(FIRST, entries=(kept,))
    later = Entry(artifact=CHAT, outcome=Outcome.LOST, reason="x")

    assert next_version((current, "0" * 64), FIRST, (later,)) is None


def test_nothing_follows_a_tombstone() -> None:
    """The end of a chain is its end."""
    current = replace(FIRST, tombstone=True)

    assert next_version((current, "0" * 64), FIRST, FIRST.entries) is None
