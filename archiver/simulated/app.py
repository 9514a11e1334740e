"""The simulated source over HTTP: each request is let in, failed if that was asked for, answered, noted."""

from __future__ import annotations

import asyncio
import hmac
import math
import re
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from archiver.simulated import operations
from archiver.simulated.answers import Dropped, Refusal
from archiver.simulated.controls import control_routes
from archiver.simulated.downloads import download
from archiver.simulated.faults import ErrorShape, Operation
from archiver.simulated.registrations import WEBHOOK_HANDLERS
from archiver.simulated.source import Request as Noted

if TYPE_CHECKING:
    from starlette.requests import Request

    from archiver.simulated.faults import OperationFault
    from archiver.simulated.source import SimulatedSource

Handler = Callable[["SimulatedSource", "Request"], "Response | Awaitable[Response]"]
Endpoint = Callable[["Request"], Awaitable[Response]]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_SESSION = "/sessions/{session_id}"
#: Below `{base}/accounts/{account_id}/realtime/kit/{app_id}`.
_APP_ROUTES: tuple[tuple[str, str, Operation, Handler], ...] = (
    ("GET", "/sessions", Operation.LIST_SESSIONS, operations.list_sessions),
    ("GET", "/sessions/peer-report/{peer_id}", Operation.GET_PEER_REPORT, operations.get_report),
    ("GET", _SESSION, Operation.GET_SESSION, operations.get_session),
    ("GET", _SESSION + "/participants", Operation.LIST_PARTICIPANTS, operations.list_participants),
    (
        "GET",
        _SESSION + "/participants/{participant_id}",
        Operation.GET_PARTICIPANT,
        operations.get_participant,
    ),
    ("GET", _SESSION + "/chat", Operation.GET_CHAT, operations.get_chat),
    ("GET", _SESSION + "/transcript", Operation.GET_TRANSCRIPT, operations.get_transcript),
    ("GET", _SESSION + "/summary", Operation.GET_SUMMARY, operations.get_summary),
    ("POST", _SESSION + "/summary", Operation.POST_SUMMARY, operations.post_summary),
    *((method, path, Operation.WEBHOOKS, run) for method, path, run in WEBHOOK_HANDLERS),
)


def create_app(source: SimulatedSource, *, base: str, controls: bool = False) -> Starlette:
    """The app whose API is at `base`, such as `http://127.0.0.1:8787/client/v4`.

    Its files are on the same host and port. With `controls` it can be steered over HTTP as well.
    """
    parts = urlsplit(base)
    source.origin = f"{parts.scheme}://{parts.netloc}"
    kit = parts.path.rstrip("/") + "/accounts/{account_id}/realtime/kit"
    api = [
        _api_route(source, "GET", kit + "/apps", Operation.LIST_APPS, operations.list_apps),
        _api_route(source, "GET", kit + "/apps/{app_id}", Operation.GET_APP, operations.get_app),
        *(
            _api_route(source, method, kit + "/{app_id}" + path, operation, handler)
            for method, path, operation, handler in _APP_ROUTES
        ),
    ]
    open_routes = [
        Route("/files/{session_id}/{name}", _file_endpoint(source)),
        Route("/.well-known/webhooks.json", _key_endpoint(source)),
        *(control_routes(source) if controls else ()),
    ]
    app = Starlette(
        routes=[*api, *open_routes], exception_handlers={HTTPException: _unknown_route(source)}
    )
    app.router.redirect_slashes = False
    return app


def _api_route(
    source: SimulatedSource, method: str, path: str, operation: Operation, handler: Handler
) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            _admit(source, request)
            if blocked_s := source.blocked_s():
                return _noted(source, request, operation, _blocked(blocked_s))
            fault = source.faults.take_operation(operation, _session_id(request))
            if fault is not None:
                return _noted(source, request, operation, await _failed(fault))
            _check_ids(source, request)
            answer = handler(source, request)
            response = answer if isinstance(answer, Response) else await answer
        except Refusal as refusal:
            response = refusal.response()
        return _noted(source, request, operation, response)

    route = Route(path, endpoint, methods=[method])
    route.methods = {method}
    return route


def _file_endpoint(source: SimulatedSource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        kind = request.path_params["name"].partition(".")[0]
        fault = source.faults.take_operation(Operation.DOWNLOAD, _session_id(request), kind)
        response = download(source, request) if fault is None else await _failed(fault)
        return _noted(source, request, Operation.DOWNLOAD, response)

    return endpoint


def _key_endpoint(source: SimulatedSource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        fault = source.faults.take_operation(Operation.WEBHOOK_KEY, "")
        if fault is not None:
            return _noted(source, request, Operation.WEBHOOK_KEY, await _failed(fault))
        data = {"publicKey": source.webhooks.public_key()}
        response = JSONResponse({"success": True, "data": data, "message": ""})
        return _noted(source, request, Operation.WEBHOOK_KEY, response)

    return endpoint


def _unknown_route(source: SimulatedSource) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        refusal = Refusal(status, "No route for that URI", ErrorShape.CLOUDFLARE, 7000)
        return _noted(source, request, Operation.OTHER, refusal.response())

    return answer


def _blocked(seconds: float) -> Response:
    refusal = Refusal(429, "More than what the rate limit allows", ErrorShape.CLOUDFLARE, 971)
    return refusal.response({"retry-after": str(math.ceil(seconds))})


async def _failed(fault: OperationFault) -> Response:
    if fault.status == 0:
        return Dropped(fault.hold_s)
    await asyncio.sleep(fault.hold_s)
    headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
    return Refusal(fault.status, "A fault that was asked for", fault.shape).response(headers)


def _admit(source: SimulatedSource, request: Request) -> None:
    wanted = f"Bearer {source.token}".encode()
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, wanted):
        raise Refusal(401, "Authentication error", ErrorShape.CLOUDFLARE, 10000)
    if request.path_params["account_id"] != source.account_id:
        raise Refusal(403, "Authentication error", ErrorShape.CLOUDFLARE, 10000)


def _check_ids(source: SimulatedSource, request: Request) -> None:
    app_id = request.path_params.get("app_id", "")
    if app_id and not source.has_app(app_id):
        raise Refusal(404, "Error: resource not found")
    session_id = _session_id(request)
    if not session_id or source.find(app_id, session_id) is not None:
        return
    if _UUID.match(session_id) is None:
        raise Refusal(400, 'BAD_REQUEST: "id" must be a valid GUID')
    raise Refusal(404, "Error: resource not found")


def _session_id(request: Request) -> str:
    session_id: str = request.path_params.get("session_id", "")
    return session_id


def _noted(
    source: SimulatedSource, request: Request, operation: Operation, response: Response
) -> Response:
    response.headers["rtk-simulated"] = "1"
    response.headers["date"] = format_datetime(source.clock.now(), usegmt=True)
    status = 0 if isinstance(response, Dropped) else response.status_code
    source.note(Noted(request.method, operation, _session_id(request), status))
    return response
