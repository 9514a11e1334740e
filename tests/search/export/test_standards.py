"""Bags and storage roots, as the validators of those fields see them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bagit
import ocfl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocfl.layout_0003_hash_and_id_n_tuple import Layout_0003_Hash_And_Id_N_Tuple

from archiver.archive.archive import Archive, Origin
from archiver.archive.stores import open_store
from search.cli import main
from search.export.ocfl import object_id, storage_path
from tests.archiver.archive.test_inventory import FIRST
from tests.search.export.world import export

if TYPE_CHECKING:
    from pathlib import Path

    from tests.console import Console


def _valid_objects(root: Path) -> tuple[int, int, list[Any]]:
    """How many objects there are, how many of them are valid, and what was said of them."""
    storage = ocfl.StorageRoot(root=str(root))
    # What this returns speaks of the hierarchy alone: a root full of broken objects is True, too.
    assert storage.validate(log_warnings=True)
    return storage.num_objects, storage.good_objects, storage.errors


def test_a_bag_is_valid(shell: Console) -> None:
    """bagit.py reads every file of it, and its Payload-Oxum."""
    export(shell, "bagit", "--requested-by", "Zoë")

    bag = bagit.Bag(str(shell.folder / "out-bagit"))
    assert bag.validate()
    assert bag.version_info == (1, 0)
    assert bag.info["External-Description"] == "a test"
    assert bag.info["Contact-Name"] == "Zoë"


def test_a_flipped_byte_makes_a_bag_invalid(shell: Console) -> None:
    """The validator is looking."""
    export(shell, "bagit")
    out = shell.folder / "out-bagit"
    victim = next((out / "data/archive").rglob("chat.*"))
    victim.write_bytes(victim.read_bytes() + b" ")

    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(out)).validate()


def test_a_storage_root_is_valid(shell: Console) -> None:
    """Every object in it is good, and nothing is worth a warning."""
    export(shell, "ocfl")

    assert _valid_objects(shell.folder / "out-ocfl") == (6, 6, [])


def test_a_flipped_byte_makes_an_object_invalid(shell: Console) -> None:
    """The validator is looking: good objects are counted, for its exit code says nothing of them."""
    export(shell, "ocfl")
    victim = next((shell.folder / "out-ocfl").rglob("chat.*"))
    victim.write_bytes(victim.read_bytes() + b" ")

    objects, good, errors = _valid_objects(shell.folder / "out-ocfl")
    assert (objects, good, len(errors)) == (6, 5, 1)


def test_the_versions_of_an_object_are_those_of_its_chain(shell: Console) -> None:
    """Each state holds what that inventory names, and the inventories up to it."""
    export(shell, "ocfl")

    inventories = [
        json.loads(each.read_bytes())
        for each in (shell.folder / "out-ocfl").glob("*/*/*/*/inventory.json")
    ]
    (twice,) = [each for each in inventories if each["head"] == "v2"]
    first, second = (
        {name for names in twice["versions"][each]["state"].values() for name in names}
        for each in ("v1", "v2")
    )
    assert {"inventory-0001.json"} == {each for each in first if each.startswith("inventory")}
    assert not any(each.startswith("summary.") for each in first)
    added = second - first
    assert {"inventory-0002.json", "readable/session.html"} <= added
    assert any(each.startswith("summary.") for each in added)
    assert twice["digestAlgorithm"] == "sha512"
    for digest, paths in twice["fixity"]["sha256"].items():
        assert all(each.startswith(("v1/content/", "v2/content/")) for each in paths)
        assert len(digest) == 64


@given(st.text(min_size=1, max_size=300).filter(lambda each: each.isprintable()))
def test_objects_lie_where_layout_0003_says(name: str) -> None:
    """Whatever the id, by ocfl-py's own reading of the layout."""
    identifier = object_id("0" * 32, name)

    layout = Layout_0003_Hash_And_Id_N_Tuple()
    assert storage_path(identifier) == layout.identifier_to_path(identifier)


def test_the_digest_of_an_inventory_stands_beside_it(shell: Console) -> None:
    """In the sidecar that the specification asks for."""
    export(shell, "ocfl")

    for path in (shell.folder / "out-ocfl").rglob("inventory.json"):
        digest, name = (path.parent / "inventory.json.sha512").read_text().split()
        assert (digest, name) == (hashlib.sha512(path.read_bytes()).hexdigest(), path.name)


async def _store_odd_session(folder: Path) -> None:
    """An archive of one session whose ids are as awkward as ids may be."""
    session = replace(FIRST.session, app_id="an app/ü%", session_id="..%0A")
    store = open_store(f"file:{folder}")
    origin = Origin(base_url="http://127.0.0.1:1", account="test", simulated=True)
    archive = await Archive.open(store, origin=origin)
    await archive.commit(replace(FIRST, archive_id=archive.id, session=session, entries=()))
    await archive.close()


def test_a_bag_of_ids_that_need_an_escape_is_valid(tmp_path: Path) -> None:
    """Where an id holds what a path cannot, the bag's paths hold no "%", and its objects are found."""
    asyncio.run(_store_odd_session(tmp_path / "archive"))
    out = str(tmp_path / "out")
    argv = ["--store", f"file:{tmp_path / 'archive'}", "--data", str(tmp_path / "data"), "export"]
    argv += [out, "--format", "bagit", "--reason", "x"]
    assert main(argv) == 0
    assert bagit.Bag(out).validate()
    assert not [each for each in (tmp_path / "out").rglob("*") if "%" in each.name]
    assert main(["export", out, "--check"]) == 0
