"""The endpoint as one ASGI application: its routes, and what stands around each of them.

ProblemPages (problems for people) ▶ Outermost (log, headers, no traceback) ▶ Access (who is let in)
▶ errors as problems ▶ routes
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from archiver.errors import ArchiverError
from search.web import api, coverage, health, metrics, pages, webhooks
from search.web.access import Access, Rule
from search.web.outermost import Outermost
from search.web.pages import ProblemPages
from search.web.problems import answer_error, answer_http_exception
from search.web.services import Services, State, Threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.routing import BaseRoute

__all__ = ["Services", "create_app", "create_webhook_app"]


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
    return _application(
        services,
        [
            *health.ROUTES,
            *metrics.ROUTES,
            *api.ROUTES,
            *coverage.ROUTES,
            *webhooks.ROUTES,
            *pages.ROUTES,
        ],
        [Middleware(ProblemPages), Middleware(Outermost), Middleware(Access, rule=rule)],
    )


def _application(
    services: Services, routes: Sequence[BaseRoute], middleware: Sequence[Middleware]
) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        threads = Threads(wait_s=services.settings.query_timeout.total_seconds())
        yield State(services=services, threads=threads, apps=())

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
