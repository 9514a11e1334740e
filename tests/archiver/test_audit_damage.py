"""Tampering with the record of reads shows: in the files here, and in the bucket."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from archiver.access import LOCAL
from archiver.archive.canonical import (
    canonical_json,
    parse_with_own_digest,
    sha256,
    with_own_digest,
)
from archiver.audit.shelf import trails_in
from archiver.errors import AuditError
from archiver.verify import verify
from tests.archiver.audited import Place, place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def edited(lines: list[bytes]) -> list[bytes]:
    return [each.replace(b"query 1.1", b"query 9.9") for each in lines]


def forged(lines: list[bytes]) -> list[bytes]:
    """Every line from the changed one on is chained anew."""
    found: list[bytes] = []
    for line in edited(lines):
        previous = sha256(found[-1]) if found else ""
        found.append(canonical_json({**json.loads(line), "previous": previous}))
    return found


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        (edited, "edited"),
        (forged, "edited"),
        (lambda lines: lines[:4] + lines[5:], "dropped"),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], "reordered"),
        (lambda lines: [*lines, lines[-1]], "reordered"),
        (lambda lines: lines[:-2], "cut"),
        (lambda lines: lines[:4], "cut"),
        (lambda lines: [], "cut"),
        (lambda lines: [b"{}\n", *lines[1:]], "edited"),
        (lambda lines: [*lines[:2], b"\xff\n", *lines[3:]], "edited"),
    ],
    ids=["edit", "forge", "drop", "reorder", "repeat", "cut", "old", "empty", "blank", "garbage"],
)
async def test_tampering_with_the_file_is_named(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], damage: str
) -> None:
    """Against the chain of its lines, and against what the bucket has of it."""
    async with place(tmp_path) as one:
        await one.read()
        assert await one.damages() == set()
        one.rewrite(change)

        assert damage in await one.damages()


def forge_object(one: Place) -> None:
    path = one.object(2)
    document = parse_with_own_digest(path.read_bytes())
    document["records"][0]["asked"] = {"q": ["something else"]}
    path.write_bytes(with_own_digest(document))


def swap_objects(one: Place) -> None:
    first, second = one.object(1), one.object(2)
    before = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(before)


@pytest.mark.parametrize(
    ("harm", "damage"),
    [
        (lambda one: one.object(2).write_bytes(b"{}"), "edited"),
        (
            lambda one: one.object(2).write_bytes(one.object(2).read_bytes().replace(b"1.1", b"9")),
            "edited",
        ),
        (forge_object, "edited"),
        (lambda one: one.object(2).unlink(), "dropped"),
        (swap_objects, "reordered"),
        (lambda one: one.object(3).unlink(), "cut"),
        (lambda one: [one.object(each).unlink() for each in (2, 3)], "cut"),
    ],
    ids=["blank", "edit", "forge", "drop", "reorder", "cut", "old copy"],
)
@pytest.mark.parametrize("folder", ["here", "gone"])
async def test_tampering_with_the_bucket_is_named(
    tmp_path: Path, harm: Callable[[Place], Any], damage: str, folder: str
) -> None:
    """By the seal of the archive, with the data folder and without; `verify` names it as well."""
    async with place(tmp_path) as one:
        await one.read()
        await one.seal_archive()
        harm(one)
        if folder == "gone":
            one.folder.rename(tmp_path / "elsewhere")

        assert damage in await one.damages()
        assert (await verify(one.archive)).damaged


async def test_an_old_copy_of_a_trail_that_was_deleted_is_named(tmp_path: Path) -> None:
    """Put back and sealed once more, its records are in the bucket twice."""
    async with place(tmp_path) as one:
        trail = await one.read(batches=1)
        trail.close()
        (path,) = trails_in(one.folder)
        copy = path.read_bytes()
        os.utime(path, (0, 0))
        await one.sealer().seal()
        assert trails_in(one.folder) == []
        path.write_bytes(copy)
        await one.sealer().seal()

        assert await one.damages() == {"old-copy"}


async def test_a_bucket_put_back_to_an_older_state_is_named(tmp_path: Path) -> None:
    """The data folder knows how far it had come, and goes on with no other chain."""
    async with place(tmp_path) as one:
        trail = await one.read()
        one.object(3).unlink()

        assert await one.damages() == {"cut"}
        trail.record(LOCAL, "search")
        with pytest.raises(AuditError, match="00000003"):
            await one.sealer().seal()


async def test_what_is_damaged_here_is_told_of_and_the_rest_is_sealed(tmp_path: Path) -> None:
    """One trail that does not link holds up no other; its whole part is in the bucket."""
    async with place(tmp_path) as one:
        bad = one.trail()
        for number in range(3):
            bad.record(LOCAL, "search", asked={"q": [str(number)]})
        one.rewrite(lambda lines: [lines[0], lines[2]])
        one.trail().record(LOCAL, "show")

        assert await one.sealer().seal() == 2
        assert await one.damages() == {"dropped"}
