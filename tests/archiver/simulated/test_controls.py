"""The controls over HTTP: every field of Faults can be set, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from archiver.simulated import (
    Csv,
    ErrorShape,
    Expiry,
    Faults,
    JsonUnit,
    Layout,
    Newline,
    PageZero,
    Post,
    SettableClock,
    SimulatedSource,
    serve,
)
from archiver.simulated.controls import faults_from_record
from archiver.simulated.faults import ArtifactFaults, OperationFault, PagingFaults, ShapeFaults
from tests.archiver.simulated.api import Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVERY_FIELD: dict[str, Any] = {
    "operations": [{"operation": "list_apps", "status": 502, "shape": "html", "hold_s": 1}],
    "artifacts": {"expiry": "space", "post": "old-shape", "gzip": True},
    "per_artifact": [{"session_id": "s", "kind": "transcript", "format": "CSV", "redirects": 2}],
    "paging": {"zero": "refused", "most_per_page": 5, "compared": "ended_at"},
    "shapes": {"statuses": {"s": "PAUSED"}, "flat_peer_report": True},
    "layout": {"csv": "header", "json_unit": "seconds", "newline": "\r\n"},
    "layouts": {"s": {"bom": True}},
    "seed": 7,
    "random_rate": 0.5,
    "random_times": 9,
    "rate_limit": 1200,
}
AS_FAULTS = Faults(
    operations=[OperationFault(operation="list_apps", status=502, shape=ErrorShape.HTML, hold_s=1)],
    artifacts=ArtifactFaults(expiry=Expiry.SPACE, post=Post.OLD_SHAPE, gzip=True),
    per_artifact={("s", "transcript", "CSV"): ArtifactFaults(redirects=2)},
    paging=PagingFaults(zero=PageZero.REFUSED, most_per_page=5, compared="ended_at"),
    shapes=ShapeFaults(statuses={"s": "PAUSED"}, flat_peer_report=True),
    layout=Layout(csv=Csv.HEADER, json_unit=JsonUnit.SECONDS, newline=Newline.CRLF),
    layouts={"s": Layout(bom=True)},
    seed=7,
    random_rate=0.5,
    random_times=9,
    rate_limit=1200,
)


@pytest.fixture
async def steered(source: SimulatedSource) -> AsyncIterator[Api]:
    """A client of a source whose controls are mounted."""
    async with serve(source, controls=True) as server, aiohttp.ClientSession() as http:
        yield Api(http, source, server)


async def put_faults(api: Api, record: object) -> tuple[int, str]:
    """Status and message of the answer."""
    url = f"{api.server.origin}/_simulated/faults"
    answer = await api.send("PUT", url, data=json.dumps(record))
    return answer.status, answer.json["error"]["message"] if answer.status != 200 else ""


async def set_clock(api: Api, body: str) -> int:
    """The status of the answer."""
    return (await api.send("POST", f"{api.server.origin}/_simulated/clock", data=body)).status


def test_every_field() -> None:
    """Every public field of Faults is read, enums as enums."""
    public = {each.name for each in dataclasses.fields(Faults) if not each.name.startswith("_")}
    faults = faults_from_record(EVERY_FIELD)

    assert set(EVERY_FIELD) == public
    assert faults == AS_FAULTS
    assert type(faults.operations[0].shape) is ErrorShape
    assert type(faults.paging.zero) is PageZero
    assert type(faults.layout.newline) is Newline


def test_no_faults() -> None:
    """An empty object takes every fault back."""
    assert faults_from_record({}) == Faults()


async def test_enums_do_what_they_say(steered: Api) -> None:
    """The shape of an error and the meaning of page 0 are as they were set."""
    failing = [{"operation": "list_apps", "shape": "html"}]
    await put_faults(steered, {"operations": failing, "paging": {"zero": "refused"}})
    failed = await steered.kit("/apps")

    assert (failed.status, failed.headers["content-type"][:9]) == (500, "text/html")
    assert (await steered.kit("/apps?page_no=0")).status == 400


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"colour": 1}, "colour"),
        ({"_used": {}}, "_used"),
        ({"seed": "1"}, "seed"),
        ({"seed": True}, "seed"),
        ({"random_rate": None}, "random_rate"),
        ({"operations": {}}, "operations"),
        ({"operations": [{}, {"colour": 1}]}, "operations[1].colour"),
        ({"operations": [{"operation": "dance"}]}, "operations[0].operation"),
        ({"operations": [{"shape": "round"}]}, "operations[0].shape"),
        ({"artifacts": {"expiry": 3}}, "artifacts.expiry"),
        ({"artifacts": []}, "artifacts"),
        ({"per_artifact": {}}, "per_artifact"),
        ({"per_artifact": ["x"]}, "per_artifact[0]"),
        ({"per_artifact": [{"kind": 1}]}, "per_artifact[0].kind"),
        ({"per_artifact": [{"kinds": "chat"}]}, "per_artifact[0].kinds"),
        ({"paging": {"zero": ["first"]}}, "paging.zero"),
        ({"shapes": {"statuses": {"s": 1}}}, "shapes.statuses.s"),
        ({"layout": {"newline": "\r"}}, "layout.newline"),
        ({"layouts": {"s": {"bomb": True}}}, "layouts.s.bomb"),
        ([], "faults"),
    ],
)
async def test_what_is_no_fault_is_refused(steered: Api, record: object, key: str) -> None:
    """What is no field, or no value of one, is a 400 that names it, and changes nothing."""
    before = steered.source.faults
    status, message = await put_faults(steered, record)

    assert status == 400
    assert f'"{key}": ' in message
    assert steered.source.faults is before


async def test_what_is_no_json_is_refused(steered: Api) -> None:
    """A body that is no JSON is a 400."""
    url = f"{steered.server.origin}/_simulated/faults"

    assert (await steered.send("PUT", url, data=b"{")).status == 400
    assert (await steered.send("PUT", url, data=b"[" * 100_000)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        "x",
        "[]",
        '{"then": 1}',
        '{"now": 5}',
        '{"now": "soon"}',
        '{"advance_s": "1"}',
        '{"advance_s": NaN}',
        '{"advance_s": 1e300}',
    ],
)
async def test_what_is_no_time_is_refused(steered: Api, clock: SettableClock, body: str) -> None:
    """What the clock cannot be set to is a 400, and the clock stands still."""
    before = clock.now()

    assert await set_clock(steered, body) == 400
    assert clock.now() == before
