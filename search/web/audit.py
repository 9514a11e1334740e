"""The record of reads, for those who look after it: searched newest first, a bounded part at a time."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from archiver.audit import Reads, Spot
from archiver.audit.reading import reads_document
from archiver.errors import ArchiveMissingError
from search.errors import CursorError
from search.web import bound, params
from search.web.answers import JSON
from search.web.services import owner_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from search.web.services import AppRequest

#: Records of the bucket, of up to a thousand reads each, that one request looks through.
FETCHED_MAX = 64


async def audit(request: AppRequest) -> Response:
    """GET /v1/audit: a page may be short, or empty, and still be followed by another."""
    services, owner = request.state["services"], owner_of(request.state)
    asked = params.audit_request(request)
    behind = _place(bound.unbind(asked.cursor, owner))
    if services.archive is None:
        raise ArchiveMissingError("there is no archive yet")
    found: list[dict[str, Any]] = []
    following: Spot | None = None
    reads = Reads(services.archive, services.settings.audit_path)
    async with aclosing(reads.newest_first(behind, fetched=FETCHED_MAX)) as records:
        async for spot, record in records:
            if record is None:  # as far as one request goes
                following = spot
            elif asked.wanted.holds(record):
                found.append(reads_document(record))
                if len(found) == asked.limit:
                    following = spot
                    break
    request.state["reading"].found(len(found))
    cursor = None if following is None else str(following)
    return JSON({"reads": found, "next": bound.bind(cursor, owner)})


def _place(cursor: str) -> Spot | None:
    try:
        return Spot.of(cursor) if cursor else None
    except ValueError:
        raise CursorError("the cursor is not one of ours", hint="start again without one") from None


ROUTES = [Route("/v1/audit", audit)]
