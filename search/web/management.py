"""Keys and settings, for those who look after them; nothing of a meeting, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from archiver.settings.showing import settings_rows
from search.web import params
from search.web.answers import JSON

if TYPE_CHECKING:
    from starlette.responses import Response

    from search.web.services import AppRequest


async def keys(request: AppRequest) -> Response:
    """GET /v1/keys: every key there is and was."""
    params.no_parameters(request)
    services = request.state["services"]
    if services.keyring is None:
        return JSON({"keys": []})
    found, used = services.keyring.known.by_id.values(), services.keyring.usage.read()
    now = services.clock.now()
    return JSON({"keys": [each.shown(now, used.get(each.id)) for each in found]})


async def settings(request: AppRequest) -> Response:
    """GET /v1/settings: every setting, its value and where it came from."""
    params.no_parameters(request)
    return JSON({"settings": settings_rows(request.state["services"].settings)})


ROUTES = [Route("/v1/keys", keys), Route("/v1/settings", settings)]
