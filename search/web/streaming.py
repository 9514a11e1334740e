"""A whole search result as one answer: a line of JSON for each session, and a last one that says so.

It is made a page at a time, the next when the last has left: memory is that of one page, no thread waits
for a slow reader, and every page is recorded, and the key looked at again, before it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from archiver.errors import ArchiverError
from search.index.cursors import OFFSET_MAX
from search.web import answers, params
from search.web.access import BAD_KEY
from search.web.codings import VARY, Compressor, coding_for
from search.web.errors import ParameterError
from search.web.problems import encode_json, problem_of
from search.web.recording import Reading, record
from search.web.searching import covered_search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from starlette.datastructures import Headers
    from starlette.types import Message, Send

    from search.index.seam import SearchRequest
    from search.results import SearchResult
    from search.web.services import AppRequest

MEDIA_TYPE = "application/x-ndjson"
#: A page holds the words of so many sessions in memory.
PAGE_SESSIONS = 200
#: By relevance; deeper an answer cannot be paged through.
RANKED_MAX = OFFSET_MAX
#: How long a client may take nothing of what is sent.
STALL_S = 60.0
_OF_PAGES = ("limit", "cursor", "facets")


def is_asked_for(headers: Headers) -> bool:
    """Whether the client names this media type among those it accepts."""
    for each in headers.get("accept", "").lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == MEDIA_TYPE:
            return weight.strip() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


async def streamed(request: AppRequest, values: params.Values) -> Response:
    """The whole result; raises as a page does whatever the first page raises."""
    request.state["reading"].asked = values.by_name
    for name in _OF_PAGES:
        if name in values.by_name:
            raise ParameterError(name, "belongs to pages; this is the whole result")
    asked = replace(params.search_request(values, request.state["apps"]), limit=PAGE_SESSIONS)
    services, threads = request.state["services"], request.state["threads"]
    result, covered = await threads.run(lambda: covered_search(services, asked))
    total = result.total_sessions
    request.state["reading"].found(total, _shown(result))
    if asked.sort == "relevance" and total > RANKED_MAX:
        raise ParameterError(
            "sort",
            f"wants newest or oldest here: {total} sessions match, and by relevance no more than"
            f" {RANKED_MAX} are streamed",
        )
    headers = {**VARY, "X-Accel-Buffering": "no"}
    stream = _Stream(request, asked)
    if (coding := coding_for(request.headers)) is not None:
        headers["Content-Encoding"] = coding
        stream.compressor = Compressor(coding)
    if request.method == "HEAD":
        return Response(headers=headers, media_type=MEDIA_TYPE)
    opening = answers.opening_answer(asked, result, covered)
    return _Streamed(stream.pieces(opening, result), headers=headers, media_type=MEDIA_TYPE)


class _Streamed(StreamingResponse):
    """An answer that is given up where the client takes nothing of it any more."""

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            try:
                with anyio.fail_after(STALL_S):
                    await send(message)
            except TimeoutError:
                raise ClientDisconnect from None

        await super().stream_response(in_time)


def _shown(result: SearchResult) -> tuple[str, ...]:
    return tuple(each.session_id for each in result.hits)


@dataclass(slots=True)
class _Stream:
    """One result on its way."""

    request: AppRequest
    asked: SearchRequest
    compressor: Compressor | None = None  #: None: plain
    sessions: int = 0  #: that were sent
    _public_url: str = field(init=False)

    def __post_init__(self) -> None:
        self._public_url = self.request.state["services"].settings.public_url

    async def pieces(
        self, opening: Mapping[str, Any], result: SearchResult
    ) -> AsyncIterator[bytes]:
        """The answer, a page at a time; ends with how many sessions it held, or with what went wrong."""
        threads, index = self.request.state["threads"], self.request.state["services"].index
        before: tuple[Mapping[str, Any], ...] = (opening,)
        closing: Mapping[str, Any] = {"error": BAD_KEY.document()}
        try:
            while True:
                yield await threads.run(partial(self._encoded, before, result))
                if (cursor := result.next_cursor) is None:
                    closing = {"end": True, "sessions": self.sessions}
                    break
                if not await self._is_still_let_in():
                    break
                asked, before = replace(self.asked, cursor=cursor), ()
                result = await threads.run(partial(index.search, asked))
                # What cannot be recorded is not even compressed: what follows builds on it.
                self._record(result)
        except ArchiverError as error:
            closing = {"error": problem_of(error).document()}
        yield self._sealed(closing)

    def _encoded(self, before: Iterable[Mapping[str, Any]], result: SearchResult) -> bytes:
        self.sessions += len(result.hits)
        hits = (answers.hit_answer(each, self._public_url) for each in result.hits)
        data = b"".join(encode_json(each) + b"\n" for each in (*before, *hits))
        return data if self.compressor is None else self.compressor.piece(data)

    def _sealed(self, closing: Mapping[str, Any]) -> bytes:
        data = encode_json(closing) + b"\n"
        if self.compressor is None:
            return data
        return self.compressor.piece(data) + self.compressor.end()

    async def _is_still_let_in(self) -> bool:
        """Whether the key that began this still may see the same; raises KeysStaleError."""
        state = self.request.state
        came = await state["door"].let_in(self.request.scope, state["match"])
        return came == state["reader"]

    def _record(self, result: SearchResult) -> None:
        """Record a further page, before it leaves; raises AuditError."""
        state = self.request.state
        trail, reader, match = state["services"].trail, state["reader"], state["match"]
        if trail is None or reader is None or match is None:
            return
        reading = Reading(asked={**(state["reading"].asked or {}), "cursor": ["given"]})
        reading.found(result.total_sessions, _shown(result))
        record(trail, reader, match, reading)
