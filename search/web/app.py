"""The endpoint as one ASGI application: its routes, and what stands around each of them.

ProblemPages (problems for people) ▶ Outermost (log, headers, no traceback) ▶ Cors (pages of other
sites, where they are named) ▶ Access (who is let in) ▶ Limits (how much they ask) ▶ Recording (nothing
leaves unrecorded) ▶ Permission (what their role may do) ▶ Compression ▶ errors as problems ▶ routes
"""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from archiver.errors import ArchiverError
from search.web import (
    api,
    audit,
    coverage,
    health,
    management,
    metrics,
    models,
    openapi,
    pages,
    searches,
    signing_in,
    webhooks,
)
from search.web.access import Access, Door, Rule
from search.web.compression import Compression
from search.web.cors import Cors
from search.web.outermost import Outermost
from search.web.pages import ProblemPages
from search.web.permission import Limits, Permission
from search.web.problems import answer_error, answer_http_exception
from search.web.recording import Reading, Recording
from search.web.services import Services, State, Threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.routing import BaseRoute

__all__ = ["ROUTES", "Services", "create_app", "create_webhook_app"]

#: Everything that is answered at the first address; `rules` says to whom.
ROUTES = (
    *health.ROUTES,
    *metrics.ROUTES,
    *api.ROUTES,
    *coverage.ROUTES,
    *audit.ROUTES,
    *management.ROUTES,
    *searches.ROUTES,
    *openapi.ROUTES,
    *models.ROUTES,
    *signing_in.ROUTES,
    *webhooks.ROUTES,
    *pages.ROUTES,
)


def create_webhook_app(services: Services) -> Starlette:
    """The application of the second address: the webhook and `/healthz`, and nothing else.

    It looks at no `Host`: a tunnel brings its own name, no answer holds anything of a meeting, and
    who may send is decided by the signature.
    """
    return _application(services, [*health.ROUTES[:1], *webhooks.ROUTES], [Middleware(Outermost)])


def create_app(services: Services) -> Starlette:
    """The application that answers from these services."""
    settings = services.settings
    rule = Rule(listen_host=settings.listen.host, public_url=settings.public_url)
    limits = Middleware(
        Limits,
        budget=settings.key_rate,
        concurrency=settings.key_concurrency,
        clock=services.clock,
    )
    door = Door(
        rule=rule,
        keyring=services.keyring,
        signed_in=services.signed_in,
        assertions=services.assertions,
    )
    access = Middleware(Access, door=door)
    recording = Middleware(Recording, trail=services.trail)
    cors = [Middleware(Cors, origins=settings.cors_origins)] if settings.cors_origins else []
    return _application(
        services,
        ROUTES,
        [
            Middleware(ProblemPages),
            Middleware(Outermost),
            *cors,
            access,
            limits,
            recording,
            Middleware(Permission),
            Middleware(Compression),
        ],
    )


def _application(
    services: Services, routes: Sequence[BaseRoute], middleware: Sequence[Middleware]
) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        settings = services.settings
        rule = Rule(listen_host=settings.listen.host, public_url=settings.public_url)
        threads = Threads(wait_s=services.settings.query_timeout.total_seconds())
        async with services.mcp() if services.mcp is not None else nullcontext() as mcp:
            yield State(
                services=services,
                threads=threads,
                reader=None,
                match=None,
                reading=Reading(),
                door=Door(rule=rule),
                attempts=signing_in.attempts(),
                apps=(),
                mcp=mcp,
            )
        services.ledgers.close()

    app = Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={
            ArchiverError: answer_error,
            HTTPException: answer_http_exception,
        },
        lifespan=lifespan,
    )
    # A redirect would be built from a Host header, and answers a path that nobody promised.
    app.router.redirect_slashes = False
    return app
