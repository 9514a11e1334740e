"""The source's webhook: let in by its signature alone, and confirmed only once it is durably noted.

The source sends a webhook again after a 5xx, never after a 4xx (reference, 9.1). So only what is
certainly not from it is refused; whatever goes wrong on our side is a 503.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from archiver.realtimekit.signatures import Check
from archiver.registrations import PATH
from search.web.answers import JSON
from search.web.problems import Problem

if TYPE_CHECKING:
    from starlette.responses import Response

    from search.web.services import AppRequest, Webhooks

_log = logging.getLogger("search.web")

#: A hundred times the largest event in the documents.
BODY_LIMIT_BYTES = 256 * 1024
BODY_TIMEOUT_S = 10.0
#: More at the same time are asked to come again: what each may hold in memory is bounded.
UNDER_WAY_MAX = 64

BAD_SIGNATURE = Problem(
    slug="bad-signature",
    title="The signature is not the source's",
    status=401,
    headers={"WWW-Authenticate": 'Signature realm="realtimekit"'},
)
TOO_LARGE = Problem(slug="body-too-large", title="No event is that large", status=413)
TOO_SLOW = Problem(slug="body-too-slow", title="The body did not come in time", status=503)
NOT_NOW = Problem(
    slug="not-now",
    title="The event cannot be taken at the moment",
    status=503,
    headers={"Retry-After": "30"},
)
#: Every reason there is.
REFUSALS = (BAD_SIGNATURE, TOO_LARGE, TOO_SLOW, NOT_NOW)


async def receive(request: AppRequest) -> Response:
    """POST /webhooks/realtimekit."""
    webhooks = request.state["services"].webhooks
    if webhooks is None or webhooks.under_way >= UNDER_WAY_MAX:
        return NOT_NOW.response()
    webhooks.under_way += 1
    try:
        return await _receive(request, webhooks)
    finally:
        webhooks.under_way -= 1


async def _receive(request: AppRequest, webhooks: Webhooks) -> Response:
    try:
        with anyio.fail_after(BODY_TIMEOUT_S):
            body = await _body(request)
    except TimeoutError:
        return _refuse(webhooks, TOO_SLOW)
    if body is None:
        return _refuse(webhooks, TOO_LARGE)
    try:
        check = await webhooks.key.check(body, request.headers.get("rtk-signature", ""))
        if check is Check.BAD:
            return _refuse(webhooks, BAD_SIGNATURE)
        if check is Check.UNKNOWN:
            return _refuse(webhooks, NOT_NOW)
        await _take(request, webhooks, body)
    except ClientDisconnect:
        raise
    except Exception as error:  # noqa: BLE001 — whatever it is, it is ours, and the event comes again
        _log.warning("webhook.failed", extra={"error": type(error).__name__})
        return _refuse(webhooks, NOT_NOW)
    # Nobody learns here which apps are ours.
    return JSON({"status": "accepted"})


async def _take(request: AppRequest, webhooks: Webhooks, body: bytes) -> None:
    webhook_id = request.headers.get("rtk-webhook-id", "")
    uuid = request.headers.get("rtk-uuid", "")
    verdict = await request.state["threads"].run(
        lambda: webhooks.intake.take(body, webhook_id=webhook_id, uuid=uuid)
    )
    webhooks.intake.wake()
    _log.info("webhook.taken", extra={"verdict": str(verdict)})


async def _body(request: AppRequest) -> bytes | None:
    """The raw body; None where it is larger than any event."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:12]) > BODY_LIMIT_BYTES:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            return None
    return bytes(body)


def _refuse(webhooks: Webhooks, problem: Problem) -> Response:
    webhooks.refused[problem.slug] += 1
    return problem.response()


ROUTES = [Route(PATH, receive, methods=["POST"])]
