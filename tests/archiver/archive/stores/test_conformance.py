"""What every store does, whichever it is and whatever stands behind it."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from archiver.archive.stores import Capabilities, WrongDigestError
from archiver.errors import ObjectExistsError, ObjectMissingError, StoreDeniedError, StoreError
from archiver.model import UNLOCKED, Lock
from tests.archiver.archive.stores.conftest import MIB

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archiver.archive.stores.conftest import Place

HOSTILE_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "a//b",
    "a/",
    "./a",
    "a/../b",
    "..",
    "a\\b",
    "a\0b",
    "a b",
    "a\nb",
    "Ωmega",
    ".tmp/a",
    "a/" + "b" * 256,
    "a/" * 600 + "b",
]


async def test_what_was_put_is_read_back(place: Place) -> None:
    """A put object is read back byte for byte, whole and in pieces."""
    data = os.urandom(300_000)
    stored = await place.put("a/b.json", data)
    chunks = [c async for c in place.store.stream(place.key("a/b.json"), chunk_bytes=65_536)]

    assert stored.key == place.key("a/b.json")
    assert await place.store.get(place.key("a/b.json")) == data
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 65_536


async def test_a_file_can_be_put_and_then_deleted(place: Place, tmp_path: Path) -> None:
    """A put file may be deleted afterwards: the object stays."""
    source = tmp_path / "body"
    source.write_bytes(b"from a file" * 20_000)
    await place.put("file", source)
    source.unlink()

    assert await place.store.get(place.key("file")) == b"from a file" * 20_000


async def test_an_empty_object_is_an_object(place: Place) -> None:
    """An object may be empty."""
    await place.put("empty", b"")
    info = await place.store.head(place.key("empty"))

    assert info is not None
    assert info.size_bytes == 0
    assert await place.store.get(place.key("empty")) == b""
    assert [c async for c in place.store.stream(place.key("empty"))] == []


async def test_head_tells_what_is_there(place: Place) -> None:
    """`head` and `list` agree with each other, with the put, and with the clock."""
    stored = await place.put("one", b"twelve bytes")
    info = await place.store.head(place.key("one"))
    listed = [each async for each in place.store.list(place.key(""))]

    assert info is not None
    assert (info.key, info.size_bytes, info.later_versions) == (place.key("one"), 12, 0)
    assert (info.etag, info.version_id) == (stored.etag, stored.version_id)
    assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=2)
    assert [(each.key, each.size_bytes, each.version_id) for each in listed] == [
        (info.key, info.size_bytes, info.version_id)
    ]


async def test_the_servers_words_are_kept(place: Place) -> None:
    """ETag, Date and version are as the server said; a folder says nothing."""
    stored = await place.put("one", b"bytes")
    on_a_server = place.variant.server != "directory"

    assert bool(stored.etag) == on_a_server
    assert '"' not in stored.etag
    assert stored.date.endswith("GMT") == on_a_server
    assert bool(stored.version_id) == place.variant.versioned


async def test_a_second_put_is_refused(place: Place, tmp_path: Path) -> None:
    """A taken key is refused, be it bytes or a file, and the first bytes stay."""
    source = tmp_path / "body"
    source.write_bytes(b"third")
    await place.put("key", b"first")

    with pytest.raises(ObjectExistsError) as caught:
        await place.put("key", b"second")
    with pytest.raises(ObjectExistsError):
        await place.put("key", b"first")
    with pytest.raises(ObjectExistsError):
        await place.put("key", source)

    info = await place.store.head(place.key("key"))
    assert caught.value.key == place.key("key")
    assert await place.store.get(place.key("key")) == b"first"
    assert info is not None
    assert info.later_versions == 0


@pytest.mark.parametrize("from_files", [False, True], ids=["bytes", "files"])
async def test_a_race_has_one_winner(place: Place, tmp_path: Path, from_files: bool) -> None:
    """Of sixteen puts of a key at once one succeeds, and its bytes are what is stored."""
    bodies = [f"writer {number}".encode() * 1000 for number in range(16)]
    files = [tmp_path / str(number) for number in range(16)]
    for file, body in zip(files, bodies, strict=True):
        file.write_bytes(body)
    puts = [place.put("race", each) for each in (files if from_files else bodies)]
    results = await asyncio.gather(*puts, return_exceptions=True)
    winners = [n for n, result in enumerate(results) if not isinstance(result, BaseException)]
    losers = [result for result in results if isinstance(result, BaseException)]

    assert len(winners) == 1 or (place.may_have("one winner of a race") and winners)
    assert all(isinstance(loser, ObjectExistsError) for loser in losers), losers
    assert await place.store.get(place.key("race")) in [bodies[each] for each in winners]


async def test_what_is_missing_is_missing(place: Place) -> None:
    """A missing key is None to `head` and an error to those who read it."""
    await place.put("there", b"x")

    assert await place.store.head(place.key("the")) is None
    assert await place.store.head(place.key("there/not")) is None
    with pytest.raises(ObjectMissingError):
        await place.store.get(place.key("the"))
    with pytest.raises(ObjectMissingError):
        async with aclosing(place.store.stream(place.key("nowhere/at/all"))) as chunks:
            await anext(chunks)
    assert await place.keys("nothing/") == []


async def test_hostile_keys_are_refused(place: Place) -> None:
    """A key that could mean another place is refused by every method, before anything is done."""
    for key in HOSTILE_KEYS:
        with pytest.raises(StoreError, match="not a key"):
            await place.store.put(
                key, b"", digest=sha256().hexdigest(), size_bytes=0, media_type="text/plain"
            )
        with pytest.raises(StoreError, match="not a key"):
            await place.store.get(key)
        with pytest.raises(StoreError, match="not a key"):
            await place.store.head(key)
        with pytest.raises(StoreError, match="not a key"):
            await place.store.remove(key)


async def test_keys_are_listed_in_order(place: Place) -> None:
    """Keys come ascending as text, wherever their folders begin and end, over several pages."""
    names = ["a-b", "a.b", "a/b", "a/b-c", "a/b/c", "a0", "b", "a/z", "B", "%41", "_x/y", "a/b.c"]
    names.remove("a/b")  # a folder cannot share its name with a file
    for name in reversed(names):
        await place.put(name, b"")

    assert await place.keys() == sorted(names)


async def test_a_prefix_is_just_a_beginning(place: Place) -> None:
    """A prefix selects the keys that start so, also in the middle of a name."""
    for name in ("app/2026/inventory-1", "app/2026/inventory-2", "app/2026/other", "apple"):
        await place.put(name, b"")

    assert await place.keys("app/2026/inventory-") == [
        "app/2026/inventory-1",
        "app/2026/inventory-2",
    ]
    assert await place.keys("app/") == [
        "app/2026/inventory-1",
        "app/2026/inventory-2",
        "app/2026/other",
    ]
    assert await place.keys("app/2026/other") == ["app/2026/other"]
    assert len(await place.keys("app")) == 4


async def test_a_listing_can_be_resumed(place: Place) -> None:
    """`start_after` gives exactly the keys after it, whether or not there is such a key."""
    names = sorted(f"day-{number % 3}/{number:02}" for number in range(24))
    await asyncio.gather(*(place.put(name, b"") for name in names))

    assert await place.keys() == names
    assert await place.keys(start_after="day-1/07") == names[names.index("day-1/07") + 1 :]
    assert await place.keys("day-1/", start_after="day-0/00") == [n for n in names if "day-1" in n]
    assert await place.keys("day-0/", start_after="day-1/07") == []
    resumed = [
        await place.keys(start_after=start) == [name for name in names if name > start]
        for start in ("day-1", "day-1/99")
    ]
    skips = place.has_gap("versions after a key that is not there") and place.variant.versioned
    assert all(resumed) is not skips


async def test_many_puts_and_reads_at_once(place: Place) -> None:
    """Forty objects are put, read and listed at the same time without mixing them up."""
    bodies = {f"many/{number}": os.urandom(5_000) for number in range(40)}
    await asyncio.gather(*(place.put(name, body) for name, body in bodies.items()))
    read = await asyncio.gather(*(place.store.get(place.key(name)) for name in bodies))

    assert read == list(bodies.values())
    assert await place.keys() == sorted(bodies)


@pytest.mark.parametrize("from_file", [False, True], ids=["bytes", "file"])
async def test_a_large_object_is_whole(place: Place, tmp_path: Path, from_file: bool) -> None:
    """A body that goes in parts arrives whole, once, and is refused the second time."""
    data = os.urandom(11 * MIB)
    source = tmp_path / "large"
    source.write_bytes(data)
    body = source if from_file else data
    stored = await place.put("large", body)
    found = sha256()
    async for chunk in place.store.stream(place.key("large"), version_id=stored.version_id):
        found.update(chunk)

    assert found.digest() == sha256(data).digest()
    with pytest.raises(ObjectExistsError):
        await place.put("large", body)


async def test_a_large_race_has_one_winner(place: Place) -> None:
    """Of four large bodies at once one is stored, and no upload is left unfinished."""
    bodies = [bytes([number]) * (6 * MIB) for number in range(4)]
    results = await asyncio.gather(
        *(place.put("large", body) for body in bodies), return_exceptions=True
    )
    winners = [n for n, result in enumerate(results) if not isinstance(result, BaseException)]

    may_differ = place.may_have(
        "one winner of a race in parts", "the first completed is the oldest"
    )
    assert len(winners) == 1 or (may_differ and winners), results
    assert await place.store.get(place.key("large")) in [bodies[each] for each in winners]
    assert _unfinished(place) == 0


async def test_of_two_uploads_the_first_completed_is_the_oldest(place: Place) -> None:
    """Versions are in the order in which they appeared, not in that in which uploads were begun."""
    if not place.variant.versioned:
        pytest.skip("only a versioned bucket keeps both")
    key = place.raw_key("large")
    begun = [place.raw.create_multipart_upload(**key)["UploadId"] for _ in range(2)]
    versions = []
    for upload_id in reversed(begun):
        upload = {**key, "UploadId": upload_id}
        etag = place.raw.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        completed = place.raw.complete_multipart_upload(**upload, MultipartUpload=parts)
        versions.append(completed["VersionId"])

    info = await place.store.head(place.key("large"))
    assert info is not None
    assert info.later_versions == 1
    oldest = 1 if place.has_gap("the first completed is the oldest") else 0
    assert info.version_id == versions[oldest]


async def test_a_delete_marker_frees_no_key(place: Place) -> None:
    """What was deleted on top is still taken: the oldest version is the record."""
    if not place.variant.versioned:
        pytest.skip("only a versioned bucket has delete markers")
    await place.put("record", b"one")
    place.raw.delete_object(**place.raw_key("record"))

    with pytest.raises(ObjectExistsError):
        await place.put("record", b"two")
    assert await place.store.get(place.key("record")) == b"one"
    info = await place.store.head(place.key("record"))
    assert info is not None
    expected = 1 if place.has_gap("put on top of a delete marker") else 2
    unseen = place.has_gap("a marker is as late as it is")
    assert info.later_versions in {expected, expected - unseen}


async def test_wrong_bytes_are_noticed(place: Place, tmp_path: Path) -> None:
    """A body that is not what its digest says is an error, and where it can be, never stored."""
    source = tmp_path / "body"
    source.write_bytes(b"the wrong bytes")
    with pytest.raises(WrongDigestError):
        await place.put("bytes", b"the wrong bytes", content=b"the right bytes")
    with pytest.raises(WrongDigestError):
        await place.put("file", source, content=b"the right bytes")

    kept = ["bytes", "file"] if place.has_gap("wrong checksum refused") else []
    assert await place.keys() == kept


async def test_wrong_large_bytes_are_noticed(place: Place) -> None:
    """A large body that is not what its digest says is not stored, and leaves no upload behind."""
    with pytest.raises(WrongDigestError):
        await place.put("large", b"x" * (6 * MIB), content=b"y")

    assert await place.keys() == []
    assert _unfinished(place) == 0


async def test_a_wrong_length_is_noticed(place: Place) -> None:
    """A body that is longer or shorter than it is said to be is not stored."""
    with pytest.raises(WrongDigestError, match="5 bytes, not 4"):
        await place.store.put(
            place.key("short"),
            b"bytes",
            digest=sha256(b"bytes").hexdigest(),
            size_bytes=4,
            media_type="text/plain",
        )

    assert await place.keys() == []


async def test_a_body_that_is_gone_is_an_error(place: Place, tmp_path: Path) -> None:
    """A file that is not there cannot be put."""
    with pytest.raises(StoreError, match="cannot be read"):
        await place.store.put(
            place.key("gone"), tmp_path / "gone", digest="0" * 64, size_bytes=1, media_type="x/y"
        )


async def test_reading_whole_is_bounded(place: Place) -> None:
    """An object larger than the reader allows is refused; one as large is not."""
    await place.put("record", b"0123456789")

    assert await place.store.get(place.key("record"), max_bytes=10) == b"0123456789"
    with pytest.raises(StoreError, match="9 bytes"):
        await place.store.get(place.key("record"), max_bytes=9)


async def test_a_version_can_be_named(place: Place) -> None:
    """The version that a put returned can be read by it, and an unknown one cannot."""
    stored = await place.put("one", b"bytes")

    assert await place.store.get(place.key("one"), version_id=stored.version_id) == b"bytes"
    if place.variant.server == "directory" or place.variant.versioned:
        with pytest.raises(StoreError):
            await place.store.get(place.key("one"), version_id="no-such-version")


async def test_the_probe_tells_the_truth(place: Place) -> None:
    """A probe finds what the store does, and a gap that closes is noticed here."""
    capabilities = await place.store.probe()

    assert capabilities == Capabilities(
        put_if_absent=not (
            place.has_gap("put-if-absent in a versioned bucket") and place.variant.versioned
        ),
        checksums_verified=not place.has_gap("wrong checksum refused"),
        versioned=place.variant.versioned,
        locked=place.variant.locked,
    )


async def test_a_probe_leaves_canaries_only_where_they_are_locked(place: Place) -> None:
    """Where nothing locks them, canaries are gone after a probe."""
    await place.store.probe(f"_archive/canaries/{place.corner}/")
    left = [info.key async for info in place.store.list(f"_archive/canaries/{place.corner}/")]

    assert bool(left) == place.variant.locked


async def test_only_canaries_are_removed(place: Place) -> None:
    """Nothing but a canary can be removed, and removing one that is gone is no error."""
    await place.put("kept", b"x")
    with pytest.raises(StoreDeniedError, match="no canary"):
        await place.store.remove(place.key("kept"))
    with pytest.raises(StoreDeniedError, match="canaries belong"):
        await place.store.probe(f"{place.corner}/")
    await place.store.remove("_archive/canaries/never-there")

    assert await place.store.get(place.key("kept")) == b"x"


async def test_a_default_lock_is_recorded(place: Place) -> None:
    """In a locked bucket the put returns the lock as read back, and `head` shows it."""
    stored = await place.put("kept", b"x")
    info = await place.store.head(place.key("kept"))

    assert info is not None
    assert info.lock == stored.lock
    told = place.variant.locked and not place.has_gap("default lock told of")
    assert stored.lock.mode == ("GOVERNANCE" if told else "")
    if told:
        assert stored.lock.until is not None
        assert stored.lock.until > datetime.now(UTC) + timedelta(hours=23)


async def test_a_default_lock_on_parts_is_told_as_it_is(place: Place) -> None:
    """A large object is said to be locked only where the server really locked it."""
    stored = await place.put("large", b"x" * (6 * MIB))
    locked = place.variant.locked and not place.has_gap("parts locked by default")

    assert bool(stored.lock) == locked


def a_lock(mode: str = "GOVERNANCE", hours: int = 72) -> Lock:
    """A retention longer than the bucket's own."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    return Lock(mode=mode, until=until)


@pytest.mark.parametrize("size_bytes", [1, 6 * MIB])
async def test_a_lock_that_is_asked_for_is_there(place: Place, size_bytes: int) -> None:
    """Mode and date are as asked for, in one piece or in parts: repaired where they were dropped."""
    if not place.variant.locked:
        pytest.skip("the bucket locks nothing")
    wanted = a_lock()
    stored = await place.put("locked", b"x" * size_bytes, lock=wanted)
    info = await place.store.head(place.key("locked"))
    found = await place.store.fixity(place.key("locked"), version_id=stored.version_id)

    assert info is not None
    assert stored.lock == info.lock == wanted
    assert found.lock == (UNLOCKED if place.has_gap("lock told of on reading") else wanted)


async def test_a_legal_hold_that_is_asked_for_is_there(place: Place) -> None:
    """A hold is put on and read back."""
    if not place.variant.locked:
        pytest.skip("the bucket locks nothing")
    stored = await place.put("held", b"x", lock=Lock(hold=True))

    assert stored.lock.hold


async def test_a_lock_is_made_longer_and_never_shorter(place: Place) -> None:
    """`keep` adds what is wanting; what is enough is left as it is; a folder locks nothing."""
    await place.put("kept", b"x")
    longer = a_lock(hours=96)
    found = await place.store.keep(place.key("kept"), longer)
    again = await place.store.keep(place.key("kept"), a_lock(hours=48))

    assert found == again
    assert found == (longer if place.variant.locked else UNLOCKED)


async def test_fixity_is_of_every_byte(place: Place) -> None:
    """The digest and size are those of the whole object; of none there is an error."""
    data = os.urandom(3 * MIB + 5)
    stored = await place.put("body", data)
    found = await place.store.fixity(place.key("body"))

    assert (found.digest, found.size_bytes) == (sha256(data).hexdigest(), len(data))
    assert await place.store.fixity(place.key("body"), version_id=stored.version_id) == found
    with pytest.raises(ObjectMissingError):
        await place.store.fixity(place.key("nothing"))


async def test_an_upload_left_behind_is_listed(place: Place) -> None:
    """An upload that nobody finished is told of by its key; a folder has none."""
    if place.raw is not None:
        place.raw.create_multipart_upload(**place.raw_key("begun"))
    found = [each.key async for each in place.store.uploads()]

    assert (place.key("begun") in found) == (place.raw is not None)


async def test_the_url_names_no_secret(place: Place) -> None:
    """The store's URL says where it is and nothing else."""
    assert place.store.url.startswith(("file:/", "s3://bucket-"))
    assert "secret" not in place.store.url
    assert "?" not in place.store.url


def _unfinished(place: Place) -> int:
    if place.raw is None:
        return 0
    uploads = place.raw.list_multipart_uploads(Bucket=place.bucket).get("Uploads", [])
    return sum(each["Key"].endswith(place.key("large")) for each in uploads)
