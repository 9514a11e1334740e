"""Conditional requests and byte ranges, as RFC 9110 has them; pure: of header values and sizes.

An entity tag here is strong and stands for what an answer says: its bytes, or the digest of an artifact.
Where an answer is compressed on the way its tag becomes a weak one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from archiver.archive.canonical import sha256
from search.web.answers import JSON
from search.web.problems import Problem, encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|\Z)')
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z", re.ASCII | re.IGNORECASE)

PRECONDITION_FAILED = Problem(
    slug="precondition-failed",
    title="It is another version by now",
    status=412,
    detail="If-Match names none that is there now",
)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to, and without, `stop`."""

    start: int
    stop: int

    def content_range(self, size_bytes: int) -> str:
        """As the header of a part has it."""
        return f"bytes {self.start}-{self.stop - 1}/{size_bytes}"


def etag_of(digest: str) -> str:
    """The strong entity tag of what has this digest."""
    return f'"{digest}"'


def refused(headers: Mapping[str, str], etag: str) -> int:
    """304 or 412 where the request's conditions say so; 0 where it is to be answered."""
    if (wanted := headers.get("if-match")) is not None and not _names(wanted, etag, weak=False):
        return 412
    known = headers.get("if-none-match")
    return 304 if known is not None and _names(known, etag, weak=True) else 0


def _names(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    tags = _TAG.findall(header)
    return etag in ([each.removeprefix("W/") for each in tags] if weak else tags)


def span_of(headers: Mapping[str, str], etag: str, size_bytes: int) -> Span | None:
    """The one part that is asked for; None for the whole, which several parts are answered with too.

    Raises ValueError where nothing of it is there.
    """
    asked = _RANGE.match(headers.get("range", ""))
    if asked is None or asked[1] == asked[2] == "":
        return None
    # A date cannot tell whether it is the same: there is none to compare it with.
    if headers.get("if-range", etag).strip() != etag:
        return None
    if asked[1] == "":
        start, stop = max(size_bytes - int(asked[2]), 0), size_bytes
    else:
        start = int(asked[1])
        stop = min(int(asked[2]) + 1, size_bytes) if asked[2] else size_bytes
        if asked[2] and int(asked[2]) < start:
            return None  # no range at all, says RFC 9110
    if start >= size_bytes or start >= stop:
        raise ValueError("not satisfiable")
    return Span(start, stop)


def unsatisfiable(size_bytes: int) -> Problem:
    """Nothing of the range is there."""
    return Problem(
        slug="range-not-satisfiable",
        title="There is nothing there",
        status=416,
        detail=f"there are {size_bytes} bytes",
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )


def tagged(headers: Mapping[str, str], document: object) -> Response:
    """A JSON answer with its entity tag; 304 or 412 where the request's conditions say so."""
    etag = etag_of(sha256(encode_json(document)))
    status = refused(headers, etag)
    answer = JSON(document) if not status else unanswered(status)
    if status != HTTPStatus.PRECONDITION_FAILED:
        answer.headers["ETag"] = etag
    return answer


def unanswered(status: int) -> Response:
    """What a condition is refused with: the client has it (304), or wants another version (412)."""
    if status == HTTPStatus.NOT_MODIFIED:
        return Response(status_code=status)
    return PRECONDITION_FAILED.response()
