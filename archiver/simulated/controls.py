"""The source's controls over HTTP, for programs in another process; mounted only on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from archiver.model import format_time, parse_time
from archiver.simulated.clock import SettableClock
from archiver.simulated.faults import (
    ArtifactFaults,
    Expiry,
    Faults,
    OperationFault,
    PagingFaults,
    Post,
    ShapeFaults,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from archiver.simulated.source import SimulatedSource


def control_routes(source: SimulatedSource) -> list[Route]:
    """Routes below `/_simulated`: the clock, the faults, and what was asked so far."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            _set_clock(source, await request.json())
        return JSONResponse({"now": format_time(source.clock.now())})

    async def faults(request: Request) -> Response:
        source.faults = faults_from_record(await request.json())
        return JSONResponse({"success": True})

    async def requests(request: Request) -> Response:
        del request
        posts = dict(source.summary_posts)
        return JSONResponse({"counts": dict(source.counts), "summary_posts": posts})

    return [
        Route("/_simulated/clock", clock, methods=["GET", "POST"]),
        Route("/_simulated/faults", faults, methods=["PUT"]),
        Route("/_simulated/requests", requests, methods=["GET"]),
    ]


def faults_from_record(record: dict[str, Any]) -> Faults:
    """Faults from JSON: the fields of Faults; per artifact as a list with `session_id` and so on."""
    faults = Faults(
        operations=[OperationFault(**one) for one in record.get("operations", [])],
        artifacts=_artifact(record.get("artifacts", {})),
        paging=PagingFaults(**record.get("paging", {})),
        shapes=ShapeFaults(**record.get("shapes", {})),
        seed=record.get("seed", 0),
        random_rate=record.get("random_rate", 0),
    )
    for one in record.get("per_artifact", []):
        key = tuple(one.pop(name, "") for name in ("session_id", "kind", "format"))
        faults.per_artifact[key[0], key[1], key[2]] = _artifact(one)
    return faults


def _artifact(record: dict[str, Any]) -> ArtifactFaults:
    faults = ArtifactFaults(**record)
    faults.expiry = Expiry(faults.expiry)
    faults.post = Post(faults.post)
    return faults


def _set_clock(source: SimulatedSource, record: dict[str, Any]) -> None:
    if not isinstance(source.clock, SettableClock):
        raise TypeError("this source runs by the machine's clock")
    if "now" in record:
        source.clock.set(parse_time(record["now"]))
    source.clock.advance(float(record.get("advance_s", 0)))
