"""Sessions as OCFL 1.1 objects: their paths by layout 0003, and their inventories; pure.

An object's versions are the versions of the session's inventory: each state holds what that
inventory names, and the inventories up to it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.archive import keys
from archiver.model import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from archiver.archive.inventory import Inventory
    from search.export.model import Copied, Written

EXTENSION = "0003-hash-and-id-n-tuple-storage-layout"
_TYPE = "https://ocfl.io/1.1/spec/#inventory"
_TUPLE_CHARS, _TUPLES, _ID_CHARS_MAX = 3, 3, 100
_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object: when it was made, by whom, and its files by logical path."""

    created: str
    message: str
    user: str
    address: str  #: of the user, a URI
    state: Mapping[str, Written]


def archive_urn(archive_id: str) -> str:
    """The archive as a URI: who made its inventories, and what ids of objects start with."""
    return f"urn:realtimekit-archive:{archive_id}"


def object_id(archive_id: str, name: str) -> str:
    """The id of a session's object, by its folder; or of another, by its name."""
    return f"{archive_urn(archive_id)}:{name.rstrip('/')}"


def storage_path(identifier: str) -> str:
    """Where an object lies below the storage root."""
    digest = hashlib.sha256(identifier.encode()).hexdigest()
    tuples = [digest[n : n + _TUPLE_CHARS] for n in range(0, _TUPLES * _TUPLE_CHARS, _TUPLE_CHARS)]
    encoded = _UNSAFE.sub(lambda each: f"%{each[0][0]:02x}".encode(), identifier.encode()).decode()
    if len(encoded) > _ID_CHARS_MAX:
        encoded = f"{encoded[:_ID_CHARS_MAX]}-{digest}"
    return "/".join([*tuples, encoded])


def root_files() -> Iterator[tuple[str, bytes]]:
    """What makes a folder a storage root of this layout."""
    yield "0=ocfl_1.1", b"ocfl_1.1\n"
    layout = {"extension": EXTENSION, "description": "Hashed n-tuple trees, and the object's id."}
    yield "ocfl_layout.json", _json(layout)
    config = {
        "extensionName": EXTENSION,
        "digestAlgorithm": "sha256",
        "tupleSize": _TUPLE_CHARS,
        "numberOfTuples": _TUPLES,
    }
    yield f"extensions/{EXTENSION}/config.json", _json(config)


def first_versions(versions: Sequence[Inventory]) -> dict[str, int]:
    """Which version of a chain was the first to name an object, by its bare name."""
    first: dict[str, int] = {}
    for number, inventory in enumerate(versions, start=1):
        for name in (*inventory.named(), keys.inventory_name(number)):
            first.setdefault(name, number)
    return first


def session_versions(copied: Copied, pages: Sequence[Written], address: str) -> list[Version]:
    """The versions of a session's object; the newest also holds what no inventory names.

    That is the recorded requests for a summary, what lies behind a break in the chain, and the
    pages for people.
    """
    if not copied.versions:
        unnamed = {**copied.written, **{_page_name(each): each for each in pages}}
        at = "1970-01-01T00:00:00.000Z"  # nothing that can be read says when
        message = "no inventory of this session can be read"
        return [
            Version(created=at, message=message, user="unknown", address=address, state=unnamed)
        ]
    first = first_versions(copied.versions)
    versions = []
    for number, inventory in enumerate(copied.versions, start=1):
        names = {*inventory.named(), *map(keys.inventory_name, range(1, number + 1))}
        if number == len(copied.versions):
            names |= copied.written.keys() - first.keys()
        state = {name: copied.written[name] for name in names if name in copied.written}
        if number == len(copied.versions):
            state |= {_page_name(each): each for each in pages}
        made = inventory.made
        versions.append(
            Version(
                created=made.get("at") or format_time(inventory.session.started_at),
                message=f"inventory {number} of the session",
                user=f"realtimekit-archive {made.get('release', '')}".strip(),
                address=address,
                state=state,
            )
        )
    return versions


def _page_name(page: Written) -> str:
    return "readable/" + page.path.rsplit("/", 1)[-1]


def object_files(
    root: str, identifier: str, versions: Sequence[Version]
) -> Iterator[tuple[str, bytes]]:
    """An object's own files, beside the content that lies there already: its inventory last."""
    yield f"{root}/0=ocfl_object_1.1", b"ocfl_object_1.1\n"
    data = b""
    for number in range(1, len(versions) + 1):
        data = _json(_inventory(root, identifier, versions[:number]))
        yield from _with_sidecar(f"{root}/v{number}/inventory.json", data)
    yield from _with_sidecar(f"{root}/inventory.json", data)


def _with_sidecar(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    digest = hashlib.sha512(data).hexdigest()
    yield f"{path}.sha512", f"{digest}  inventory.json\n".encode()
    yield path, data


def _inventory(root: str, identifier: str, versions: Sequence[Version]) -> dict[str, Any]:
    files = {each.path: each for version in versions for each in version.state.values()}
    manifest: dict[str, list[str]] = {}
    fixity: dict[str, list[str]] = {}
    for path, written in sorted(files.items()):
        manifest.setdefault(written.sha512, []).append(path.removeprefix(f"{root}/"))
        fixity.setdefault(written.sha256, []).append(path.removeprefix(f"{root}/"))
    return {
        "id": identifier,
        "type": _TYPE,
        "digestAlgorithm": "sha512",
        "head": f"v{len(versions)}",
        "fixity": {"sha256": fixity},
        "manifest": manifest,
        "versions": {f"v{n}": _version(each) for n, each in enumerate(versions, start=1)},
    }


def _version(version: Version) -> dict[str, Any]:
    state: dict[str, list[str]] = {}
    for name, written in sorted(version.state.items()):
        state.setdefault(written.sha512, []).append(name)
    return {
        "created": version.created,
        "message": version.message,
        "user": {"name": version.user, "address": version.address},
        "state": state,
    }


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"
