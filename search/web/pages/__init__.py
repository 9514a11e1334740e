"""The pages: what people look at. Rendered here, whole without a script, and better with one.

    places ─▶ search_page · session_page · browse_page · coverage_page ─▶ templates ─▶ site

A page reads the same services as the JSON routes and takes the same parameters. What it shows is first
put into plain values by pure functions, so that a template only says where each of them stands.
"""

from __future__ import annotations

from starlette.routing import Route

from search.web.pages import site
from search.web.pages.browse_page import browse
from search.web.pages.coverage_page import coverage
from search.web.pages.problems import ProblemPages
from search.web.pages.search_page import search
from search.web.pages.session_page import session

__all__ = ["ROUTES", "ProblemPages"]

ROUTES = [
    Route("/", search),
    Route("/sessions", browse),
    Route("/sessions/{session_id}", session),
    Route("/coverage", coverage),
    *site.ROUTES,
]
