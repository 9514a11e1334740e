"""Whether whoever was let in may ask what they ask: by their role, and by how much they ask."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search.web.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.types import ASGIApp, Receive, Scope, Send

    from archiver.clock import Clock
    from archiver.settings import RequestBudget

FORBIDDEN = Problem(
    slug="forbidden",
    title="This role may not do that",
    status=403,
    detail="a reader searches and reads, an auditor sees coverage and the record of reads, an admin"
    " keys and settings",
)
NOT_FOUND = Problem(slug="not-found", title="Not Found", status=404)


class Permission:
    """Middleware that holds each request to its row in the rules."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = None if scope["type"] == "lifespan" else _refusal(scope)
        answer = self._app if problem is None else problem.response()
        await answer(scope, receive, send)


def _refusal(scope: Scope) -> Problem | None:
    found, reader = scope["state"]["match"], scope["state"]["reader"]
    if found is None:
        return NOT_FOUND
    return None if reader is None or found.rule.admits(reader.role) else FORBIDDEN


# ---------------------------------------------------------------------- how much


@dataclass(slots=True)
class Buckets:
    """How much each owner may still ask: a bucket of tokens that fills up evenly."""

    budget: RequestBudget
    _tokens: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def take(self, owner: str, now: datetime) -> float:
        """Take one token; returns 0, or the seconds until there is one."""
        if len(self._tokens) > _OWNERS_MAX:
            self._forget_full(now)
        left = self._filled(owner, now)
        if left >= 1:
            self._tokens[owner] = (left - 1, now)
            return 0.0
        self._tokens[owner] = (left, now)
        return (1 - left) * self.budget.period_s / self.budget.requests

    def _filled(self, owner: str, now: datetime) -> float:
        full = float(self.budget.requests)
        left, at = self._tokens.get(owner, (full, now))
        passed_s = max((now - at).total_seconds(), 0.0)
        return min(left + passed_s * self.budget.requests / self.budget.period_s, full)

    def _forget_full(self, now: datetime) -> None:
        full = [each for each in self._tokens if self._filled(each, now) >= self.budget.requests]
        for each in full:
            del self._tokens[each]


_OWNERS_MAX = 10_000


def too_many(wait_s: float, detail: str) -> Problem:
    """Asked too much; come again after so many seconds."""
    return Problem(
        slug="too-many-requests",
        title="Too many requests",
        status=429,
        detail=detail,
        headers={"Retry-After": str(max(math.ceil(wait_s), 1))},
    )


class Limits:
    """Middleware that bounds what one key, or one person, asks at a time and over time."""

    def __init__(
        self, app: ASGIApp, *, budget: RequestBudget, concurrency: int, clock: Clock
    ) -> None:
        self._app = app
        self._buckets = Buckets(budget)
        self._concurrency = concurrency
        self._under_way: Counter[str] = Counter()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reader = None if scope["type"] == "lifespan" else scope["state"]["reader"]
        owner = "" if reader is None else reader.owner
        if not owner:
            await self._app(scope, receive, send)
            return
        if self._under_way[owner] >= self._concurrency:
            problem = too_many(1, f"{self._concurrency} requests of this key are being answered")
            await problem.response()(scope, receive, send)
            return
        if wait_s := self._buckets.take(owner, self._clock.now()):
            problem = too_many(wait_s, "this key has asked too often")
            await problem.response()(scope, receive, send)
            return
        self._under_way[owner] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[owner] -= 1
            if not self._under_way[owner]:
                del self._under_way[owner]
