"""The original bytes of an artifact, as archived, under a digest that the client can check."""

from __future__ import annotations

import base64
import hashlib
from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from archiver.archive.keys import parse_key
from archiver.errors import FixityError
from archiver.model import Kind, TranscriptFormat
from search.web import params
from search.web.errors import ArtifactMissingError
from search.web.sessions import find

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from archiver.archive.archive import Archive
    from archiver.archive.inventory import Entry, Inventory
    from archiver.model import ArtifactId
    from search.web.services import AppRequest

_UNKNOWN = "application/octet-stream"
_BY_KIND: dict[str, str] = {
    Kind.SESSION: "application/json",
    Kind.CHAT: "text/csv",
    Kind.SUMMARY: "text/markdown",
    Kind.PEER_REPORTS: "application/json",
}
_BY_FORMAT: dict[str, str] = {
    TranscriptFormat.JSON: "application/json",
    TranscriptFormat.CSV: "text/csv",
    TranscriptFormat.SRT: "application/x-subrip",
    TranscriptFormat.VTT: "text/vtt",
}


def media_type_of(artifact: ArtifactId) -> str:
    """The media type of an artifact, by its kind and never by what the source called it."""
    if artifact.kind == Kind.TRANSCRIPT:
        return _BY_FORMAT.get(artifact.format, _UNKNOWN)
    return _BY_KIND.get(artifact.kind, _UNKNOWN)


async def artifact(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/artifacts/{name}."""
    params.no_parameters(request)
    archive = request.state["services"].archive
    inventory = (await find(request)).inventory
    if archive is None or inventory is None:
        raise ArtifactMissingError("nothing of this session is archived here")
    entry = _named(inventory, request.path_params["name"])
    headers = _headers(entry)
    if request.method == "HEAD":
        return Response(headers=headers)
    body = _checked(archive, inventory.folder + entry.name, entry)
    # The first piece before any header: an object that cannot be read is a problem, not half a body.
    first = await anext(body, b"")
    return StreamingResponse(_following(first, body), headers=headers)


def _named(inventory: Inventory, name: str) -> Entry:
    """The entry of this name; only a name that is spelled as one of ours can be one."""
    for entry in inventory.entries:
        if entry.name == name and not inventory.tombstone:
            key = parse_key(inventory.folder + name)
            if key is not None and key.digest == entry.digest:
                return entry
    raise ArtifactMissingError("the newest inventory of this session names no such artifact")


def _headers(entry: Entry) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(entry.digest)).decode()
    return {
        "Content-Type": media_type_of(entry.artifact),
        "Content-Length": str(entry.size_bytes),
        "Content-Disposition": f'attachment; filename="{entry.name}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "none",
    }


async def _checked(archive: Archive, key: str, entry: Entry) -> AsyncGenerator[bytes]:
    """The object in pieces, the last of them held back until size and digest are known to be right.

    Damaged bytes so never make a complete answer; raises FixityError.
    """
    digest, size_bytes, held = hashlib.sha256(), 0, b""
    async with aclosing(archive.store.stream(key)) as pieces:
        async for piece in pieces:
            digest.update(piece)
            size_bytes += len(piece)
            if size_bytes > entry.size_bytes:
                break
            if held:
                yield held
            held = piece
    if size_bytes != entry.size_bytes or digest.hexdigest() != entry.digest:
        raise FixityError(f"{key} is not what its inventory says", hint="run `rtk-archive verify`")
    yield held


async def _following(first: bytes, body: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(body):
        yield first
        async for piece in body:
            yield piece
