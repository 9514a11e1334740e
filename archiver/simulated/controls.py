"""The source's controls over HTTP, for programs in another process; mounted only on request."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from starlette.responses import JSONResponse
from starlette.routing import Route

from archiver.model import format_time, parse_time
from archiver.simulated.answers import Refusal
from archiver.simulated.clock import SettableClock
from archiver.simulated.faults import ArtifactFaults, Faults, Key, Operation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from archiver.simulated.source import SimulatedSource

_KEY_NAMES = ("session_id", "kind", "format")
_OPERATIONS = frozenset({"", *Operation})


def control_routes(source: SimulatedSource) -> list[Route]:
    """Routes below `/_simulated`: the clock, the faults, and what was asked so far."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            _set_clock(source, await _json(request))
        return JSONResponse({"now": format_time(source.clock.now())})

    async def faults(request: Request) -> Response:
        source.faults = faults_from_record(await _json(request))
        return JSONResponse({"success": True})

    async def requests(request: Request) -> Response:
        del request
        posts = dict(source.summary_posts)
        return JSONResponse({"counts": dict(source.counts), "summary_posts": posts})

    return [
        Route("/_simulated/clock", _or_refused(clock), methods=["GET", "POST"]),
        Route("/_simulated/faults", _or_refused(faults), methods=["PUT"]),
        Route("/_simulated/requests", requests, methods=["GET"]),
    ]


def faults_from_record(record: object) -> Faults:
    """Faults from JSON: the fields of Faults; per artifact as a list with `session_id` and so on.

    Raises Refusal, a 400 that names the key, for what is no field or no value of one.
    """
    given = dict(_object(record, "faults"))
    entries = _list(given.pop("per_artifact", []), "per_artifact")
    faults: Faults = _read_fields(Faults, given, "")
    for number, operation in enumerate(faults.operations):
        if operation.operation not in _OPERATIONS:
            raise _refusal(f"operations[{number}].operation", "there is no such operation")
    for number, entry in enumerate(entries):
        key, switches = _read_entry(entry, f"per_artifact[{number}]")
        faults.per_artifact[key] = switches
    return faults


def _read_entry(entry: object, key: str) -> tuple[Key, ArtifactFaults]:
    given = dict(_object(entry, key))
    session_id, kind, format_ = (
        _read(str, given.pop(name, ""), f"{key}.{name}") for name in _KEY_NAMES
    )
    return (session_id, kind, format_), _read_fields(ArtifactFaults, given, f"{key}.")


def _read_fields(wanted: Any, record: dict[str, object], prefix: str) -> Any:
    """An instance of a dataclass from its public fields by name."""
    hints = get_type_hints(wanted)
    known = {each.name for each in fields(wanted) if not each.name.startswith("_")}
    for name in record:
        if name not in known:
            raise _refusal(prefix + name, "there is no such key")
    return wanted(
        **{name: _read(hints[name], value, prefix + name) for name, value in record.items()}
    )


def _read(wanted: Any, value: object, key: str) -> Any:
    """A value as its field has it: a dataclass, a list or object of them, an enum, or plain."""
    if is_dataclass(wanted):
        return _read_fields(wanted, _object(value, key), f"{key}.")
    if get_origin(wanted) is list:
        (item,) = get_args(wanted)
        return [_read(item, each, f"{key}[{n}]") for n, each in enumerate(_list(value, key))]
    if get_origin(wanted) is dict:
        item = get_args(wanted)[1]
        return {
            name: _read(item, each, f"{key}.{name}") for name, each in _object(value, key).items()
        }
    if issubclass(wanted, Enum):
        if value not in [each.value for each in wanted]:
            raise _refusal(key, f"it is one of {json.dumps([each.value for each in wanted])}")
        return wanted(value)
    # Not isinstance: true is no number.
    if type(value) is not wanted and not (wanted is float and type(value) is int):
        raise _refusal(key, f"its type is {wanted.__name__}")
    return value


def _object(value: object, key: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _refusal(key, "it is an object")
    return value


def _list(value: object, key: str) -> list[object]:
    if not isinstance(value, list):
        raise _refusal(key, "it is a list")
    return value


def _refusal(key: str, reason: str) -> Refusal:
    return Refusal(400, f"BAD_REQUEST: {json.dumps(key)}: {reason}")


def _or_refused(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            return refusal.response()

    return answer


async def _json(request: Request) -> object:
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise Refusal(400, "BAD_REQUEST: the body is no JSON") from None


def _set_clock(source: SimulatedSource, record: object) -> None:
    if not isinstance(source.clock, SettableClock):
        raise Refusal(409, "CONFLICT: this source runs by the machine's clock")
    given = dict(_object(record, "clock"))
    now = _read(str, given.pop("now", ""), "now")
    advance_s = _read(float, given.pop("advance_s", 0), "advance_s")
    for name in given:
        raise _refusal(name, "there is no such key")
    try:
        if now:
            source.clock.set(parse_time(now))
        source.clock.advance(advance_s)
    except (ValueError, OverflowError):
        raise _refusal("now" if now else "advance_s", "there is no such moment") from None
