"""Servers that are almost right: another server behind, and one thing that is done differently."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.archiver.archive.stores.servers import Answer, Request, ScriptedServer, without_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def has(request: Request, name: str) -> bool:
    """Whether this is a question about a bucket's or an object's `?name`."""
    return name in parse_qs(urlsplit(request.path).query, keep_blank_values=True)


@contextmanager
def altered(
    url: str,
    change: Callable[[Request], Request | Answer],
    after: Callable[[Answer], Answer] = lambda answer: answer,
) -> Iterator[str]:
    """Passes requests on as `change` makes them, or answers what it says; yields the URL."""
    passed_on = without_header(url, "x-none")

    def answer(request: Request) -> Answer:
        changed = change(request)
        return after(changed if isinstance(changed, Answer) else passed_on(changed))

    with ScriptedServer(answer).running() as running:
        yield running


def with_headers(request: Request, **more: str) -> Request:
    """The request with these headers as well; `_` stands for `-`."""
    added = {name.replace("_", "-"): value for name, value in more.items()}
    return dataclasses.replace(request, headers={**request.headers, **added})


def less(request: Request, prefix: str) -> Request:
    """The request without the headers that begin so."""
    kept = {k: v for k, v in request.headers.items() if not k.lower().startswith(prefix)}
    return dataclasses.replace(request, headers=kept)
