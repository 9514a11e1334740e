"""Whatever comes in is a value or one of our errors, and what was written reads back the same."""

from __future__ import annotations

import contextlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from archiver.archive.canonical import canonical_json, sha256
from archiver.archive.inventory import Entry, Inventory, parse_inventory
from archiver.characters import visible
from archiver.errors import InventoryError, SettingsError, SourceError
from archiver.model import ArtifactId, Kind, Outcome, Session, format_time, parse_time
from archiver.realtimekit import payloads
from archiver.settings import Settings, definitions, key_of, load_settings
from archiver.settings.showing import settings_rows

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
WORD = st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 — hypothesis wants it without an offset
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 — as above
    timezones=st.just(UTC),
).map(lambda moment: parse_time(format_time(moment)))  # to the millisecond, as records are


# ---------------------------------------------------------------------- inventories


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """One artifact, with or without an object."""
    stored: dict[str, Any] = {}
    kind = draw(st.sampled_from(list(Kind)))
    if draw(st.booleans()):
        digest = sha256(draw(st.binary(max_size=4)))
        stored = {
            "name": f"{kind}.{digest}.{draw(st.sampled_from(['csv', 'json', 'md']))}",
            "digest": digest,
            "size_bytes": draw(st.integers(0, 2**63 - 1)),
        }
    facts = st.dictionaries(TEXT, TEXT, max_size=2)
    return Entry(
        artifact=ArtifactId(kind, draw(st.sampled_from(["", "JSON", "CSV"]))),
        outcome=draw(st.sampled_from(list(Outcome)) | WORD),
        reason=draw(TEXT),
        encoding=draw(TEXT),
        media_type=draw(TEXT),
        host=draw(TEXT),
        fetched_at=draw(TEXT),
        source=draw(facts),
        store=draw(facts),
        lock=draw(facts),
        attempts=draw(st.dictionaries(TEXT, PLAIN, max_size=2)),
        extra={f"x-{name}": value for name, value in draw(facts).items()},
        **stored,
    )


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """A record of any session, in any version."""
    version = draw(st.integers(1, 20_000))
    return Inventory(
        archive_id=draw(TEXT),
        account=draw(TEXT),
        session=Session(
            app_id=draw(WORD | st.text("aé /%.語", min_size=1, max_size=6)),
            session_id=draw(WORD | st.text("aé /%.語", min_size=1, max_size=6)),
            meeting_id=draw(TEXT.filter(str.isprintable)),
            started_at=draw(MOMENTS),
            ended_at=draw(st.none() | MOMENTS),
            created_at=draw(MOMENTS),
            ended=True,
            transcribed=draw(st.none() | st.booleans()),
        ),
        version=version,
        previous=sha256(b"") if version > 1 else "",
        entries=tuple(draw(st.lists(entries(), max_size=3))),
        made=draw(st.dictionaries(TEXT, TEXT, max_size=2)),
        settings=draw(st.dictionaries(TEXT, PLAIN, max_size=2)),
        tombstone=draw(st.booleans()),
        extra={f"x-{name}": each for name, each in draw(st.dictionaries(TEXT, PLAIN)).items()},
    )


@given(inventories())
@effort(max_examples=60, deadline=None)
def test_any_inventory_reads_back_as_what_it_was(inventory: Inventory) -> None:
    """The value and its one spelling are worth each other."""
    data = inventory.to_bytes()

    assert parse_inventory(data, inventory.key) == inventory
    assert parse_inventory(data, inventory.key).to_bytes() == data


@given(inventories(), st.data())
@effort(max_examples=60, deadline=None)
def test_a_damaged_inventory_is_one_still_or_one_clear_error(
    inventory: Inventory, data: st.DataObject
) -> None:
    """Whatever a field of it holds; and what is let in can be written again."""
    document = json.loads(inventory.to_bytes())
    places = [document, *document["artifacts"]]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places))
        place[data.draw(st.sampled_from(sorted(place)) | st.text(max_size=5))] = data.draw(ANYTHING)
    try:
        read = parse_inventory(json.dumps(document).encode(), inventory.key)
    except InventoryError:
        return
    assert parse_inventory(read.to_bytes(), inventory.key) == read


@given(inventories(), st.binary(max_size=8), st.data())
@effort(max_examples=60, deadline=None)
def test_spoilt_bytes_are_an_inventory_still_or_one_clear_error(
    inventory: Inventory, junk: bytes, data: st.DataObject
) -> None:
    """Cut short, overwritten, or with something put in."""
    whole = inventory.to_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 30)))
    with contextlib.suppress(InventoryError):
        parse_inventory(whole[:start] + junk + whole[end:], inventory.key)


@given(st.dictionaries(TEXT, PLAIN, max_size=4))
def test_a_record_has_one_spelling_that_means_it(document: dict[str, Any]) -> None:
    """ASCII, one line, and the same again once it was read."""
    data = canonical_json(document)

    assert data.isascii()
    assert data.count(b"\n") == 1
    assert canonical_json(json.loads(data)) == data


# ---------------------------------------------------------------------- times


@st.composite
def nearly_times(draw: st.DrawFn) -> str:
    """What looks like a time, with parts that may be missing, too large or of another script."""
    digits = st.from_regex(r"[0-9]{1,5}|[०-९]{2}|99|00", fullmatch=True)
    date = draw(st.sampled_from(["-", "/", ""])).join(draw(st.lists(digits, max_size=4)))
    time = draw(st.sampled_from([":", "", "."])).join(draw(st.lists(digits, max_size=4)))
    between = draw(st.sampled_from(["T", " ", "t", "", "\u2003", "W"]))
    after = draw(st.sampled_from(["Z", "z", "+00:00", "-23:59", "+99:99", "+24:00", "", " UTC"]))
    return date + between + time + after


@given(nearly_times())
@effort(max_examples=200)
def test_what_looks_like_a_time_is_one_or_a_value_error(text: str) -> None:
    """And a time that was read can be written, and read again."""
    try:
        moment = parse_time(text)
    except ValueError:
        return
    assert moment.tzinfo is UTC
    assert abs((parse_time(format_time(moment)) - moment).total_seconds()) < 0.001


# ---------------------------------------------------------------------- settings

VARIABLES = [definition["variable"] for _, definition in definitions()]
VALUES = st.text(max_size=20) | st.sampled_from(
    ["on", "off", "15m", "0s", "2GB", "600/300", "JSON,CSV", "https://x", "s3://b/x", "127.0.0.1:1"]
)


def _loaded(environ: dict[str, str], config: Path | None = None) -> Settings | None:
    try:
        settings = load_settings(environ, config=config)
    except SettingsError as error:
        assert len(visible(str(error)).splitlines()) == 1  # noqa: PT017 — a value is as good
        return None
    shown = json.dumps(settings_rows(settings))
    token = settings.token.reveal()
    assert len(token) < 12 or token not in shown
    return settings


@given(
    st.dictionaries(
        st.sampled_from(VARIABLES) | st.text(max_size=8).map("RTK_ARCHIVE_".__add__), VALUES
    )
)
def test_any_environment_is_settings_or_one_clear_error(environ: dict[str, str]) -> None:
    """Known and unknown variables, whatever they hold; an unknown one is always an error."""
    settings = _loaded(environ)

    assert settings is None or set(environ) <= set(VARIABLES)


KEYS = st.sampled_from([key_of(each) for each in VARIABLES])
LINES = st.one_of(
    st.tuples(KEYS, VALUES.map(json.dumps)).map(" = ".join),
    st.tuples(KEYS, ANYTHING.map(json.dumps)).map(" = ".join),
    st.sampled_from(["[store]", "[[apps]]", "a.b = 1", "x = 1979-05-27T07:32:00Z", "= 1", "#"]),
    st.text(max_size=12),
)


@given(
    st.lists(LINES, max_size=5).map("\n".join).map(lambda text: text.encode("utf-8", "replace"))
    | st.binary()
)
@effort(deadline=None)
def test_any_settings_file_is_settings_or_one_clear_error(content: bytes) -> None:
    """TOML of any kind, and what is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        path.write_bytes(content)
        path.chmod(0o600)
        _loaded({}, path)


# ---------------------------------------------------------------------- the source's answers

PARSERS: dict[str, Callable[[str], object]] = {
    "sessions": lambda body: payloads.parse_sessions(body, "app"),
    "session": lambda body: payloads.parse_session(body, "app"),
    "participants": payloads.parse_participants,
    "participant": payloads.parse_participant,
    "chat": lambda body: payloads.parse_offer(body, "chat"),
    "missing": payloads.parse_missing,
    "apps": payloads.parse_apps,
    "summary": payloads.parse_summary_requested,
    "peer report": payloads.parse_peer_report,
    "webhook": payloads.parse_webhook,
    "webhooks": payloads.parse_webhooks,
    "error": payloads.parse_error,
}
NAMES = st.sampled_from(
    """
    success data paging sessions session participants apps webhooks webhook id started_at createdAt
    ended_at status breakout_rooms chat_download_url chat_download_url_expiry error errors code
    message total_count end_offset events peer_report associated_id
    """.split()  # noqa: SIM905 — legible
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.just("\ud800"),
    st.sampled_from(["2026-06-10T10:30:00Z", "9999-12-31T23:59:59-01:00", "ENDED", "https://x/y"]),
)  # fmt: skip
ANSWERS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("name", PARSERS)
@given(st.dictionaries(NAMES, ANSWERS, max_size=5).map(json.dumps) | st.text())
@effort(max_examples=60, deadline=None)
def test_any_answer_of_the_source_is_a_value_or_one_of_our_errors(name: str, body: str) -> None:
    """JSON with our names in the wrong places, and what is no JSON."""
    with contextlib.suppress(SourceError):
        PARSERS[name](body)
