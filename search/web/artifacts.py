"""The original bytes of an artifact, as archived, under a digest that the client can check."""

from __future__ import annotations

import base64
import hashlib
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from archiver.archive.keys import parse_key
from archiver.errors import FixityError
from archiver.model import Kind, TranscriptFormat
from search.web import conditional, params
from search.web.conditional import Span, etag_of
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
#: Every media type that original bytes may have.
MEDIA_TYPES = tuple(dict.fromkeys((*_BY_KIND.values(), *_BY_FORMAT.values(), _UNKNOWN)))


def media_type_of(artifact: ArtifactId) -> str:
    """The media type of an artifact, by its kind and never by what the source called it."""
    if artifact.kind == Kind.TRANSCRIPT:
        return _BY_FORMAT.get(artifact.format, _UNKNOWN)
    return _BY_KIND.get(artifact.kind, _UNKNOWN)


async def artifact(request: AppRequest) -> Response:
    """GET /v1/sessions/{session_id}/artifacts/{name}."""
    params.no_parameters(request)
    archive = request.state["services"].archive
    inventory = (await find(request.state, request.path_params["session_id"])).inventory
    if archive is None or inventory is None:
        raise ArtifactMissingError("nothing of this session is archived here")
    entry = _named(inventory, request.path_params["name"])
    headers, etag = _headers(entry), etag_of(entry.digest)
    if status := conditional.refused(request.headers, etag):
        answer = conditional.unanswered(status)
        if status == HTTPStatus.NOT_MODIFIED:
            answer.headers["ETag"] = etag
        return answer
    if request.method == "HEAD":  # parts are of GET alone
        return Response(headers=headers)
    try:
        part = conditional.span_of(request.headers, etag, entry.size_bytes)
    except ValueError:
        return conditional.unsatisfiable(entry.size_bytes).response()
    if part is not None:
        headers["Content-Range"] = part.content_range(entry.size_bytes)
        headers["Content-Length"] = str(part.stop - part.start)
    whole = Span(0, entry.size_bytes)
    body = _checked(archive, inventory.folder + entry.name, entry, part or whole)
    # The first piece before any header: an object that cannot be read is a problem, not half a body.
    first = await anext(body, b"")
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    return StreamingResponse(_following(first, body), status, headers)


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
        "ETag": etag_of(entry.digest),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
    }


async def _checked(archive: Archive, key: str, entry: Entry, part: Span) -> AsyncGenerator[bytes]:
    """A part of the object in pieces, the last of them held back until size and digest are right.

    Damaged bytes so never make a complete answer, not even of a part: the whole is read for it.
    Raises FixityError.
    """
    digest, size_bytes, held = hashlib.sha256(), 0, b""
    async with aclosing(archive.store.stream(key)) as pieces:
        async for piece in pieces:
            digest.update(piece)
            wanted = piece[max(part.start - size_bytes, 0) : max(part.stop - size_bytes, 0)]
            size_bytes += len(piece)
            if size_bytes > entry.size_bytes:
                break
            if held and wanted:
                yield held
            held = wanted or held
    if size_bytes != entry.size_bytes or digest.hexdigest() != entry.digest:
        raise FixityError(f"{key} is not what its inventory says", hint="run `rtk-archive verify`")
    yield held


async def _following(first: bytes, body: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(body):
        yield first
        async for piece in body:
            yield piece
