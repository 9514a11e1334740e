"""The tools: what each is called and takes, and how the JSON interface's own functions answer it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.errors import ArchiverError
from search import render
from search.mcp import telling
from search.web import parameters, params, shapes
from search.web.errors import ParameterError
from search.web.openapi import schemas_of
from search.web.outermost import describe
from search.web.problems import UNEXPECTED, problem_of
from search.web.searching import search_page
from search.web.sessions import lines_of, session_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from search.index.seam import Line
    from search.mcp.telling import Told
    from search.web.parameters import Parameter
    from search.web.services import Asking

_log = logging.getLogger("search.mcp")

_QUOTES = f"Read-only. {telling.NOTICE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool."""

    name: str
    title: str
    description: str
    action: str  #: what the record of reads calls it
    parameters: Mapping[str, Parameter]
    answer: type  #: the shape of the structured content
    run: Callable[[Asking, params.Values], Awaitable[Told]]

    def takes(self) -> dict[str, Any]:
        """Its arguments, as JSON Schema."""
        told = self.parameters.values()
        return {
            "type": "object",
            "properties": {
                each.name: {**each.schema(), "description": each.meaning} for each in told
            },
            "required": [each.name for each in told if each.is_needed],
            "additionalProperties": False,
        }

    def answers(self) -> dict[str, Any]:
        """Its structured content, as JSON Schema."""
        _, types = schemas_of([self.answer], "#/$defs/{name}")
        return {**types.pop(self.answer.__name__), "$defs": types}


async def call(asking: Asking, tool: Tool, arguments: Mapping[str, Any]) -> Told:
    """What a tool answers to these arguments, errors included; notes what is to be recorded of it."""
    reading = asking["reading"]
    reading.action = tool.action
    try:
        pairs = params.pairs_of(arguments.items(), tool.parameters)
        return await tool.run(asking, params.Values.of(pairs, tool.parameters))
    except ArchiverError as error:
        problem = problem_of(error)
    except Exception as error:  # noqa: BLE001 — the SDK would log it, and so what was said
        _log.error("tool_failed", extra={"tool": tool.name, **describe(error)})
        problem = UNEXPECTED
    reading.status = problem.status
    return telling.problem_told(problem)


async def _search(asking: Asking, values: params.Values) -> Told:
    return await search_page(asking, values, telling.search_told)


async def _get_session(asking: Asking, values: params.Values) -> Told:
    answer = await session_answer(asking, _session_id(asking, values))
    return await asking["threads"].run(lambda: telling.session_told(answer))


async def _get_transcript(asking: Asking, values: params.Values) -> Told:
    session_id = _session_id(asking, values)
    from_ms, to_ms = values.number("from_ms"), values.number("to_ms")
    skip = values.count("skip")
    card, lines = await lines_of(asking, session_id, "transcript")

    def between(start_ms: int | None) -> Sequence[Line]:
        return render.between(lines, start_ms, to_ms)

    def read() -> Told:
        part = telling.Part(lines=between(from_ms), from_ms=from_ms, skip=skip)
        return telling.transcript_told(card, part, between)

    return await asking["threads"].run(read)


def _session_id(asking: Asking, values: params.Values) -> str:
    session_id = values.text("session_id")
    if not session_id:
        raise ParameterError("session_id", "is needed")
    reading = asking["reading"]
    reading.session = session_id
    reading.asked = {name: each for name, each in values.by_name.items() if name != "session_id"}
    return session_id


TOOLS = {
    each.name: each
    for each in (
        Tool(
            name="search",
            title="Search meetings",
            description=(
                "Find archived RealtimeKit sessions by what was said, typed or summed up in them; answers"
                ' sessions, each with its best moments. `q` takes words, "phrases", prefix*,'
                " a NEAR/8 b, AND, OR, NOT, -without, and filters such as speaker:ana, in:chat,"
                f' meeting:"weekly sync", after:2026-10-01, before:2026-11. {_QUOTES}'
            ),
            action="mcp search",
            parameters=parameters.TOOL_SEARCH,
            answer=shapes.FoundByModel,
            run=_search,
        ),
        Tool(
            name="get_session",
            title="Look at a session",
            description=(
                "One session: its meeting, times and participants, and what was archived of it."
                f" {_QUOTES}"
            ),
            action="mcp session",
            parameters=parameters.TOOL_SESSION,
            answer=shapes.SessionForModel,
            run=_get_session,
        ),
        Tool(
            name="get_transcript",
            title="Read a transcript",
            description=(
                "Who said what in a session, in order; `from_ms` and `to_ms`, in milliseconds from its"
                " start, choose a part. A long answer is cut between two lines: go on with its"
                f" `next_from_ms` as `from_ms` and its `next_skip` as `skip`. {_QUOTES}"
            ),
            action="mcp transcript",
            parameters=parameters.TOOL_TRANSCRIPT,
            answer=shapes.TranscriptForModel,
            run=_get_transcript,
        ),
    )
}
