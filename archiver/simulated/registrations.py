"""The webhook registration API: reference, section 9.4."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from archiver.simulated.answers import Refusal
from archiver.simulated.webhooks import EVENTS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from archiver.simulated.source import SimulatedSource


async def _list(source: SimulatedSource, request: Request) -> Response:
    return JSONResponse(
        {"success": True, "data": source.webhooks.of(request.path_params["app_id"])}
    )


async def _events(source: SimulatedSource, request: Request) -> Response:
    del source, request
    return JSONResponse({"success": True, "data": list(EVENTS)})


async def _create(source: SimulatedSource, request: Request) -> Response:
    body = await _body(request)
    try:
        record = source.webhooks.create(request.path_params["app_id"], body)
    except ValueError as error:
        raise Refusal(400, f"BAD_REQUEST: {error}") from error
    return JSONResponse({"success": True, "data": record}, status_code=201)


async def _get(source: SimulatedSource, request: Request) -> Response:
    app_id, webhook_id = _ids(source, request)
    return JSONResponse({"success": True, "data": source.webhooks.get(app_id, webhook_id)})


async def _replace(source: SimulatedSource, request: Request) -> Response:
    return await _change(source, request, complete=True)


async def _edit(source: SimulatedSource, request: Request) -> Response:
    return await _change(source, request, complete=False)


async def _change(source: SimulatedSource, request: Request, *, complete: bool) -> Response:
    app_id, webhook_id = _ids(source, request)
    body = await _body(request)
    try:
        record = source.webhooks.change(app_id, webhook_id, body, complete=complete)
    except ValueError as error:
        raise Refusal(400, f"BAD_REQUEST: {error}") from error
    return JSONResponse({"success": True, "data": record})


async def _delete(source: SimulatedSource, request: Request) -> Response:
    app_id, webhook_id = _ids(source, request)
    return JSONResponse({"success": True, "data": source.webhooks.delete(app_id, webhook_id)})


def _ids(source: SimulatedSource, request: Request) -> tuple[str, str]:
    app_id, webhook_id = request.path_params["app_id"], request.path_params["webhook_id"]
    if source.webhooks.get(app_id, webhook_id) is None:
        raise Refusal(404, "Error: resource not found")
    return app_id, webhook_id


async def _body(request: Request) -> object:
    try:
        body: object = json.loads(await request.body())
    except ValueError as error:
        raise Refusal(400, "BAD_REQUEST: the body is no JSON") from error
    return body


#: Method, path below the app, and what answers it.
WEBHOOK_HANDLERS = (
    ("GET", "/webhooks", _list),
    ("POST", "/webhooks", _create),
    ("GET", "/webhooks/all", _events),
    ("GET", "/webhooks/{webhook_id}", _get),
    ("PUT", "/webhooks/{webhook_id}", _replace),
    ("PATCH", "/webhooks/{webhook_id}", _edit),
    ("DELETE", "/webhooks/{webhook_id}", _delete),
)
