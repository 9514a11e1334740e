"""Errors as RFC 9457 problem documents: one for every error there is, and never a traceback."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from archiver.errors import (
    AlertError,
    ArchiveError,
    ArchiverError,
    AuditError,
    KeysStaleError,
    LedgerError,
    ObjectMissingError,
    SearchesStaleError,
    SearchGoneError,
    StoreError,
)
from search.errors import (
    BusyError,
    CursorError,
    IndexDamagedError,
    IndexMissingError,
    SearchTimeoutError,
    SessionMissingError,
)
from search.query import QueryError
from search.web.errors import (
    ArtifactMissingError,
    BodyTooLargeError,
    MediaTypeError,
    ParameterError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

TYPE_PREFIX = "urn:rtk-archive:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as the client is told."""

    slug: str  #: stable: programs may rely on it
    title: str
    status: int
    detail: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The problem document."""
        return {
            "type": TYPE_PREFIX + self.slug,
            "title": self.title,
            "status": self.status,
            **({"detail": self.detail} if self.detail else {}),
            **self.members,
        }

    def response(self) -> Response:
        """An answer that is the problem document."""
        return Response(encode_json(self.document()), self.status, self.headers, MEDIA_TYPE)


def encode_json(document: object) -> bytes:
    """JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, stays an escape."""
    try:
        return _encoder()(document)
    except UnicodeEncodeError:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


@cache
def _encoder() -> Callable[[object], bytes]:
    """Ten times as fast as the standard library's, and imported where there is something to answer."""
    from msgspec.json import Encoder

    return Encoder().encode


UNEXPECTED = Problem(slug="unexpected", title="Something went wrong on our side", status=500)

#: Every error that has an answer of its own, the more special before the more general.
_ANSWERS: tuple[tuple[type[ArchiverError], int, str, str], ...] = (
    (QueryError, 400, "invalid-query", "The query cannot be understood"),
    (ParameterError, 400, "invalid-parameter", "A parameter cannot be understood"),
    (CursorError, 400, "invalid-cursor", "The cursor is not one of this query"),
    (BodyTooLargeError, 413, "body-too-large", "The body is too large"),
    (MediaTypeError, 415, "unsupported-media-type", "The body is not JSON"),
    (SessionMissingError, 404, "session-missing", "There is no such session"),
    (ArtifactMissingError, 404, "artifact-missing", "There is no such artifact"),
    (SearchTimeoutError, 503, "search-timeout", "The search took too long"),
    (BusyError, 429, "too-many-requests", "Too many requests"),
    (IndexMissingError, 503, "index-missing", "There is no index yet"),
    (IndexDamagedError, 503, "index-damaged", "The index cannot be used"),
    (SearchGoneError, 404, "search-missing", "There is no such saved search"),
    (SearchesStaleError, 503, "searches-unavailable", "The saved searches cannot be read"),
    (AlertError, 409, "search-refused", "The search cannot be saved"),
    (AuditError, 503, "not-recorded", "What cannot be recorded is not answered"),
    (KeysStaleError, 503, "keys-unavailable", "The keys cannot be read"),
    (LedgerError, 503, "ledger-unavailable", "The ledger cannot be used"),
    (ObjectMissingError, 500, "archive-damaged", "The archive is damaged"),
    (StoreError, 503, "archive-unavailable", "The archive cannot be reached"),
    (ArchiveError, 500, "archive-damaged", "The archive is damaged"),
)


def slugs_of(status: int) -> tuple[str, ...]:
    """The types of problem that an error of this program is told as with this status."""
    return tuple(dict.fromkeys(slug for _, each, slug, _ in _ANSWERS if each == status))


def problem_of(error: Exception) -> Problem:
    """The problem that tells of this error; what is not foreseen tells nothing."""
    for kind, status, slug, title in _ANSWERS:
        if isinstance(error, kind):
            return Problem(
                slug=slug,
                title=title,
                status=status,
                detail=_detail(error),
                members=_members(error),
                headers=_headers(error),
            )
    return UNEXPECTED


def _detail(error: ArchiverError) -> str:
    # Of the record of reads, where it lies and what is wrong with the disk is the operator's alone.
    if isinstance(error, AuditError):
        return "the record of reads cannot be written"
    return error.message if isinstance(error, QueryError) else str(error)


def _members(error: ArchiverError) -> dict[str, Any]:
    if isinstance(error, QueryError):
        return {"position": error.position, "suggestion": error.suggestion}
    return {"parameter": error.parameter} if isinstance(error, ParameterError) else {}


def _headers(error: ArchiverError) -> dict[str, str]:
    again = isinstance(error, SearchTimeoutError | BusyError | KeysStaleError | AuditError)
    return {"Retry-After": str(RETRY_AFTER_S)} if again else {}


async def answer_error(_request: Request, error: Exception) -> Response:
    """Starlette's handler for the errors of this program."""
    return problem_of(error).response()


async def answer_http_exception(_request: Request, error: Exception) -> Response:
    """Starlette's handler for its own refusals: no such route, a method that is not allowed."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    problem = Problem(
        slug=status.phrase.lower().replace(" ", "-"),
        title=status.phrase,
        status=error.status_code,
        detail=status.description,
        headers=error.headers or {},
    )
    return problem.response()
