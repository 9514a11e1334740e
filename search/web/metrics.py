"""How the archive and this process fare, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from archiver.metrics import MEDIA_TYPE, exposition
from search.lag import index_facts
from search.web.webhooks import REFUSALS

if TYPE_CHECKING:
    from search.web.services import AppRequest, Services


async def metrics(request: AppRequest) -> Response:
    """GET /metrics: the text exposition; without a ledger, little more than which release this is."""
    services = request.state["services"]
    text = await request.state["threads"].run(lambda: _text(services))
    return Response(text, media_type=MEDIA_TYPE)


def _text(services: Services) -> bytes:
    refused = None
    if services.webhooks is not None:
        counted = services.webhooks.refused
        refused = {each.slug: counted[each.slug] for each in REFUSALS}
    now = services.clock.now()
    with services.reading_ledger() as there:
        if there is None:
            return exposition(None, now, refused=refused)
        index = index_facts(services.index, there.ledger, now)
        return exposition(there.ledger, now, index=index, refused=refused)


ROUTES = [Route("/metrics", metrics)]
