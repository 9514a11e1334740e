"""Names in the bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archiver.archive import keys
from archiver.archive.stores.store import check_key
from archiver.model import (
    CHAT,
    PEER_REPORTS,
    SESSION_RECORD,
    SUMMARY,
    ArtifactId,
    SessionId,
    transcript,
)

UUID = "05e57591-d89e-45c9-ae44-08dc1eaad0e0"
DIGEST = "ab" * 32
STARTED = datetime(2026, 10, 3, 23, 30, tzinfo=UTC)


def test_the_layout_is_the_documented_one() -> None:
    """App, the UTC day the session started, session, and names that carry the digest."""
    folder = keys.folder(SessionId(UUID, UUID), STARTED)

    assert folder == f"{UUID}/2026/10/03/{UUID}/"
    assert [keys.artifact_name(each, DIGEST) for each in (SESSION_RECORD, CHAT, SUMMARY)] == [
        f"session.{DIGEST}.json",
        f"chat.{DIGEST}.csv",
        f"summary.{DIGEST}.md",
    ]
    assert keys.artifact_name(transcript("VTT"), DIGEST) == f"transcript.{DIGEST}.vtt"
    assert (keys.inventory_name(7), keys.inventory_name(12345)) == (
        "inventory-0007.json",
        "inventory-12345.json",
    )


def test_the_day_is_that_of_utc() -> None:
    """A session that starts after midnight in Tokyo may belong to the day before."""
    tokyo = timezone(timedelta(hours=9))

    folder = keys.folder(SessionId("a", "b"), STARTED.astimezone(tokyo))

    assert folder == "a/2026/10/03/b/"
    assert "-".join(folder.split("/")[1:4]) == "2026-10-03"
    assert keys.day_prefix("a", STARTED.astimezone(tokyo)) == "a/2026/10/03/"
    assert folder.startswith(keys.app_prefix("a"))


def test_every_year_has_four_digits() -> None:
    """A key that is written is one that is read, whenever the session was."""
    key = keys.folder(SessionId("a", "b"), STARTED.replace(year=33)) + keys.inventory_name(1)

    assert key == "a/0033/10/03/b/inventory-0001.json"
    assert keys.parse_key(key) is not None


@pytest.mark.parametrize(
    "text",
    [
        *(
            ".",
            "..",
            "...",
            "_archive",
            "_",
            "a/b",
            "/",
            "../..",
            "a\\b",
            "%",
            "%2E",
            "%2F",
            "a b",
            "~",
        ),
        *(
            "a.b",
            "a\0b",
            "a\nb",
            "?",
            "#",
            "é",
            "会議",
            "e\u0301",
            "👩\u200d💻",
            "\u202e",
            "x" * 5000,
        ),
        f"{UUID}/",
        f"{UUID} ",
        UUID.replace("-", "_"),
    ],
)
def test_a_strange_id_is_one_ascii_segment(text: str) -> None:
    """No id can name another folder, or the archive's own."""
    segment = keys.encode_id(text)

    assert segment.isascii()
    assert not {"", ".", "..", "_archive"} & {segment}
    assert not set("/\\. ~") & set(segment)
    assert not segment.startswith("_")
    assert text == keys.decode_id(segment)


@pytest.mark.parametrize("text", [UUID, UUID.upper(), "abc-123_X"])
def test_an_ordinary_id_stays_as_it_is(text: str) -> None:
    """The archive can be read with `ls`."""
    assert text == keys.encode_id(text)


def test_no_id_is_none() -> None:
    """An empty segment is no folder."""
    with pytest.raises(ValueError, match="empty"):
        keys.encode_id("")


def test_an_artifact_of_a_kind_not_known_here_has_a_name() -> None:
    """What a later release archives can be named by this one."""
    assert keys.artifact_name(ArtifactId("recording"), DIGEST) == f"recording.{DIGEST}.bin"
    assert keys.artifact_name(PEER_REPORTS, DIGEST) == f"peer-reports.{DIGEST}.json"


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=2, unique=True))
def test_two_ids_never_share_a_folder(texts: list[str]) -> None:
    """Encoding is reversible, so no session can pass for another."""
    try:
        first, second = map(keys.encode_id, texts)
    except UnicodeEncodeError:
        return  # half a surrogate pair is no id

    assert first != second


@given(st.text(max_size=80))
def test_any_text_is_a_key_of_ours_or_none(text: str) -> None:
    """Nothing else comes out, and what is read is what would be written."""
    for key in (text, f"a/2026/10/03/{text}/inventory-0001.json", f"{text}/2026/10/03/a/{text}"):
        parsed = keys.parse_key(key)
        if parsed is not None:
            assert parsed.folder + parsed.name == key
            day = datetime.fromisoformat("-".join(parsed.folder.split("/")[1:4])).replace(
                tzinfo=UTC
            )
            assert keys.folder(parsed.session_id, day) == parsed.folder


def test_what_a_key_says_is_taken_apart() -> None:
    """Kind and digest of an artifact, version of an inventory, number of a request."""
    folder = keys.folder(SessionId("a.b", UUID), STARTED)
    artifact = keys.parse_key(folder + keys.artifact_name(PEER_REPORTS, DIGEST))
    inventory = keys.parse_key(folder + keys.inventory_name(12345))
    request = keys.parse_key(folder + keys.summary_request_name(2))

    assert artifact is not None
    assert inventory is not None
    assert request is not None
    assert (artifact.kind, artifact.digest, artifact.version) == ("peer-reports", DIGEST, 0)
    assert (inventory.version, inventory.kind, inventory.request) == (12345, "", 0)
    assert (request.request, request.version) == (2, 0)
    assert request.session_id == SessionId("a.b", UUID)


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
@example("app", "\U0001f44d" * 40)  # whose escapes are longer than a folder's name may be
def test_every_key_says_whose_it_is(app_id: str, session_id: str) -> None:
    """Whatever the ids, a key is acceptable to every store and reads back as what it was made of."""
    session = SessionId(app_id, session_id)
    try:
        folder = keys.folder(session, STARTED)
    except UnicodeEncodeError:
        return  # half a surrogate pair is no id
    for name in (keys.artifact_name(CHAT, DIGEST), keys.inventory_name(3)):
        check_key(folder + name)
        parsed = keys.parse_key(folder + name)
        assert parsed is not None
        assert (parsed.session_id, parsed.folder, parsed.name) == (session, folder, name)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        f"{UUID}/2026/10/03/{UUID}/inventory-1.json",
        f"{UUID}/2026/10/03/{UUID}/inventory-00001.json",
        f"{UUID}/2026/13/03/{UUID}/inventory-0001.json",
        f"{UUID}/2026/10/03/{UUID}/chat.{DIGEST.upper()}.csv",
        f"{UUID}/2026/10/03/{UUID}/notes.txt",
        f"{UUID}/2026/10/03/%41/inventory-0001.json",
        f"{UUID}/2026/10/03/{UUID}/sub/inventory-0001.json",
        f"{UUID}/2026/10/03/{UUID}/summary-request-3.json",
        f"{UUID}/2026/10/03/{UUID}/summary-request-0.json",
        f"{UUID}/2026/10/03/{UUID}/inventory-0000.json",
        f"{UUID}/2026/10/03/{UUID}/inventory-0001.json\n",
        f"{UUID}/2026/10/03/{UUID}/inventory-٠٠٠١.json",
        f"{UUID}/٢٠٢٦/١٠/٠٣/{UUID}/inventory-0001.json",
        f"{UUID}/٢٠٢٦/10/03/{UUID}/inventory-0001.json",
        f"{UUID}/2026/02/29/{UUID}/inventory-0001.json",
        f"{UUID}/0000/01/01/{UUID}/inventory-0001.json",
        f"{UUID}/2026/10/03/a%2eb/inventory-0001.json",
        f"{UUID}/2026/10/03/a.b/inventory-0001.json",
        f"{UUID}/2026/10/03/../inventory-0001.json",
        f"{UUID}/2026/10/03/a%/inventory-0001.json",
        f"{UUID}/2026/10/03/a%FF/inventory-0001.json",
        f"_archive/2026/10/03/{UUID}/inventory-0001.json",
        f"/{UUID}/2026/10/03/{UUID}/inventory-0001.json",
        f"x/{UUID}/2026/10/03/{UUID}/inventory-0001.json",
        f"{UUID}/2026/10/03//inventory-0001.json",
        keys.FORMAT_KEY,
        f"{keys.CANARIES}{UUID}",
    ],
)
def test_another_spelling_is_not_ours(key: str) -> None:
    """Only the one spelling we would write is read."""
    assert keys.parse_key(key) is None
