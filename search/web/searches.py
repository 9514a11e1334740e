"""Saved searches: made, listed and deleted by whoever has a key, each their own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.routing import Route

from archiver.access import Keys, Role
from archiver.alerts import Target, create_search, delete_search
from archiver.alerts.queue import FILE, tallies_in
from archiver.alerts.records import NAME_MAX, WEBHOOK, is_name
from archiver.alerts.webhooks import Webhooks
from archiver.capture import Maker
from archiver.errors import AlertError, ArchiveMissingError, SearchGoneError
from search.web import alert_shapes, params
from search.web.answers import JSON
from search.web.errors import ParameterError
from search.web.permission import FORBIDDEN
from search.web.problems import Problem
from search.web.saved import new_search, shown

if TYPE_CHECKING:
    from starlette.responses import Response

    from archiver.access import Reader
    from archiver.alerts import Search, Shelf
    from archiver.archive.archive import Archive
    from search.web.services import AppRequest, Services

NEEDS_KEY = Problem(
    slug="key-needed",
    title="A saved search belongs to a key",
    status=403,
    detail="whoever comes through Cloudflare Access has none: sign in with a key, or ask for one",
)


async def saved(request: AppRequest) -> Response:
    """GET and POST /v1/searches."""
    does = "create" if request.method == "POST" else "list"
    request.state["reading"].action = f"searches {does}"
    return await (_create(request) if request.method == "POST" else _list(request))


async def saved_one(request: AppRequest) -> Response:
    """GET and DELETE /v1/searches/{search_id}."""
    does = "delete" if request.method == "DELETE" else "list"
    request.state["reading"].action = f"searches {does}"
    params.no_parameters(request)
    reader, search_id = _reader(request), str(request.path_params["search_id"])
    if request.method == "DELETE":
        return await _delete(request, reader, search_id)
    for each in _visible(request, reader):
        if each.id == search_id:
            (document,) = await _shown(request, reader, [each])
            return JSON(document)
    raise _gone()


async def _list(request: AppRequest) -> Response:
    params.no_parameters(request)
    reader = _reader(request)
    found = await _shown(request, reader, _visible(request, reader))
    request.state["reading"].found(len(found))
    return JSON(alert_shapes.SavedSearches(searches=found))


async def _create(request: AppRequest) -> Response:
    """Save a search, with the query in the body alone; what is asked is recorded like any query."""
    services, reader = request.state["services"], _reader(request)
    if reader.role is Role.ADMIN:
        return FORBIDDEN.response()
    if reader.kind == "access":
        return NEEDS_KEY.response()
    asked = await params.saved_search(request)
    told = {"name": [asked.name], "q": [asked.query], "match": [asked.match]}
    request.state["reading"].asked = told | {"to": [urlsplit(asked.webhook).hostname or ""]}
    if not is_name(asked.name):
        raise ParameterError("name", f"wants 1 to {NAME_MAX} characters that can be written")
    webhooks = Webhooks(services.settings)
    webhooks.require_settings()
    try:
        webhooks.check(asked.webhook)
    except AlertError as error:
        raise ParameterError("webhook", f"cannot be called: {error}") from None
    search = new_search(
        asked.name,
        asked.query,
        match=asked.match,
        key=reader if reader.id else None,
        target=Target(kind=WEBHOOK, to=asked.webhook),
        now=services.clock.now(),
    )
    shelf = _shelf(services)
    made = _made(services, "searches create")
    await create_search(_archive(services), search, made=made, known=shelf.known)
    await shelf.refresh()
    (document,) = await _shown(request, reader, [search])
    created: alert_shapes.CreatedSearch = {**document, "secret": webhooks.secret(search)}
    return JSON(created)


async def _delete(request: AppRequest, reader: Reader, search_id: str) -> Response:
    services = request.state["services"]
    if search_id not in {each.id for each in _visible(request, reader)}:
        raise _gone()
    search = await delete_search(
        _archive(services),
        search_id,
        key_id=None if _sees_all(reader) else reader.id,
        now=services.clock.now(),
        made=_made(services, "searches delete"),
        known=_shelf(services).known,
    )
    await _shelf(services).refresh()
    return JSON(alert_shapes.DeletedSearch(id=search.id, name=search.name))


def _gone() -> SearchGoneError:
    return SearchGoneError("there is no such saved search")


def _visible(request: AppRequest, reader: Reader) -> list[Search]:
    """What a reader is told of: their own; whoever looks after keys, or asks from this machine, all."""
    shelf = request.state["services"].shelf
    if shelf is None:
        return []
    known = shelf.known
    if _sees_all(reader):
        return list(known.by_id.values())
    return known.owned(reader.id) if reader.kind == "key" else []


def _sees_all(reader: Reader) -> bool:
    return reader.role in {Role.ADMIN, Role.LOCAL}


async def _shown(
    request: AppRequest, reader: Reader, searches: list[Search]
) -> list[alert_shapes.SavedSearch]:
    services = request.state["services"]
    path = services.settings.data / FILE
    tallies = await request.state["threads"].run(lambda: tallies_in(path))
    keys = Keys() if services.keyring is None else services.keyring.known
    now, with_content = services.clock.now(), reader.role is not Role.ADMIN
    return [
        shown(each, keys, tallies.get(each.id), now, with_content=with_content) for each in searches
    ]


def _reader(request: AppRequest) -> Reader:
    reader = request.state["reader"]
    assert reader is not None  # no area of these routes is open
    return reader


def _archive(services: Services) -> Archive:
    if services.archive is None:
        raise ArchiveMissingError("there is no archive yet")
    return services.archive


def _shelf(services: Services) -> Shelf:
    if services.shelf is None:
        raise ArchiveMissingError("there is no archive yet")
    return services.shelf


def _made(services: Services, command: str) -> dict[str, str]:
    return Maker.of(command).made(services.clock.now())


ROUTES = [
    Route("/v1/searches", saved, methods=["GET", "POST"]),
    Route("/v1/searches/{search_id}", saved_one, methods=["GET", "DELETE"]),
]
