"""Query parameters, and a JSON body in their place, read strictly: nothing is ignored or guessed.

Both are first brought into one form, the values of each name as text, and then read by the same rules.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archiver.audit import Wanted
from archiver.model import from_ms
from search.index.facets import FACETS
from search.index.seam import SearchRequest
from search.query import Filters, parse, time_range
from search.text import prepare
from search.web import parameters
from search.web.errors import BodyTooLargeError, MediaTypeError, ParameterError
from search.web.parameters import BODY_LIMIT_BYTES, KINDS, VALUES_LIMIT, Parameter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from starlette.requests import Request

_NUMBER = re.compile(r"[0-9]{1,12}\Z")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Values:
    """The values of each parameter, as text; each name at most once unless it may be repeated."""

    by_name: Mapping[str, list[str]]
    known: Mapping[str, Parameter]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], known: Mapping[str, Parameter]) -> Values:
        """Collect the pairs; raises ParameterError for a name that is unknown or said too often."""
        by_name: dict[str, list[str]] = {}
        for name, value in pairs:
            _known(name, known)
            if _HALF_A_PAIR.search(value):
                raise ParameterError(name, "holds half of a character")
            by_name.setdefault(name, []).append(value)
        for name, values in by_name.items():
            if len(values) > (VALUES_LIMIT if known[name].is_repeatable else 1):
                raise ParameterError(name, "is given too often")
        return cls(by_name, known)

    def text(self, name: str) -> str:
        """The one value of a parameter."""
        return self.texts(name)[0] if name in self.by_name else self.known[name].default

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter, none of them too long."""
        values, longest = self.by_name.get(name, []), self.known[name].longest
        if any(len(value) > longest for value in values):
            raise ParameterError(name, f"is longer than {longest} characters")
        return tuple(dict.fromkeys(values))

    def names(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter, each with something to look for, as in the query language."""
        values = self.texts(name)
        if not all(prepare(value).strip() for value in values):
            raise ParameterError(name, "has nothing to look for")
        return values

    def choice(self, name: str) -> str:
        """One of the values there are; the default, which may be none, where none is given."""
        value, parameter = self.text(name), self.known[name]
        if (name in self.by_name or parameter.is_needed) and value not in parameter.choices:
            raise ParameterError(name, f"wants {_one_of(parameter.choices)}")
        return value

    def number(self, name: str) -> int | None:
        """A whole number within its bounds; None where none is given, and none goes without saying."""
        value, bounds = self.text(name), self.known[name].bounds
        if not value and name not in self.by_name:
            return None
        assert bounds is not None
        least, most = bounds
        if not _NUMBER.match(value) or not least <= int(value) <= most:
            raise ParameterError(name, f"wants a whole number from {least} to {most}")
        return int(value)

    def count(self, name: str) -> int:
        """A whole number that has a default."""
        value = self.number(name)
        assert value is not None
        return value

    def start_ms(self, name: str) -> int | None:
        """The first millisecond of a date, or None where none is given."""
        if name not in self.by_name:
            return None
        try:
            return time_range(self.text(name))[0]
        except (ValueError, OverflowError):
            raise ParameterError(
                name, "wants a date: 2026, 2026-10, 2026-10-03 or 2026-10-03T10:00:00Z, in UTC"
            ) from None


def _known(name: str, known: Collection[str]) -> None:
    if name not in known:
        raise ParameterError(name[:100], f"is not known here; {_one_of(sorted(known))}")


def _one_of(choices: Iterable[str]) -> str:
    return f"one of {', '.join(choices)}"


async def search_values(request: Request[Any]) -> Values:
    """The parameters of a search: of the query string, or of the JSON body of a POST."""
    if request.method != "POST":
        return search_values_of(request.query_params.multi_items())
    return await _body_values(request, parameters.SEARCH_BODY)


async def _body_values(request: Request[Any], known: Mapping[str, Parameter]) -> Values:
    """The parameters in a JSON body."""
    if request.query_params:
        raise ParameterError(next(iter(request.query_params))[:100], "belongs into the body")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise MediaTypeError("the body wants Content-Type: application/json")
    return Values.of(_pairs(await _body(request), known), known)


def search_values_of(pairs: Iterable[tuple[str, str]]) -> Values:
    """The parameters of a search; raises ParameterError for one that is not known."""
    return Values.of(pairs, parameters.SEARCH)


async def _body(request: Request[Any]) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise BodyTooLargeError(f"a body may have {BODY_LIMIT_BYTES} bytes")
    return body


def _pairs(body: bytes, known: Mapping[str, Parameter]) -> list[tuple[str, str]]:
    """The members of a JSON object as the pairs a query string would have."""
    try:
        members = json.loads(body, object_pairs_hook=tuple)  # so that objects are not arrays
    except (ValueError, RecursionError):
        raise ParameterError("the body", "is not JSON") from None
    if not isinstance(members, tuple):
        raise ParameterError("the body", "wants a JSON object")
    if len({name for name, _ in members}) < len(members):
        raise ParameterError("the body", "has a member twice")
    return list(pairs_of(members, known))


def pairs_of(
    members: Iterable[tuple[str, object]], known: Mapping[str, Parameter]
) -> Iterator[tuple[str, str]]:
    """The members of a JSON object as the pairs a query string would have; raises ParameterError."""
    for name, value in members:
        _known(name, known)  # one that is null is not given, but still has to be known
        for text in _texts(known[name], value):
            yield name, text


def _texts(parameter: Parameter, value: object) -> list[str]:
    match value:
        case None:
            return []
        case str() if parameter.bounds is None:
            return [value]
        case int() if not isinstance(value, bool) and parameter.bounds is not None:
            return [str(value)]
        case list() if parameter.is_repeatable and _are_texts(value):
            return list(value)
        case list() if parameter.is_list and _are_texts(value):
            return [",".join(value)]
        case _:
            raise ParameterError(parameter.name, "has a value of the wrong type")


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(each, str) for each in values)


def search_request(values: Values, apps: tuple[str, ...] | None) -> SearchRequest:
    """The search these parameters ask for, within these apps.

    Raises QueryError or ParameterError.
    """
    query = parse(values.text("q"))
    sort = values.choice("sort")
    listed = [each for each in values.text("facets").split(",") if each]
    if len(listed) > VALUES_LIMIT or not set(listed) <= set(FACETS):
        raise ParameterError("facets", f"wants a list of {', '.join(FACETS)}")
    return SearchRequest(
        query=replace(query, filters=_merged(query.filters, values)),
        apps=apps,
        sort=sort,
        match=values.choice("match") or ("best" if sort == "relevance" else "all"),
        limit=values.count("limit"),
        moments=values.count("moments"),
        cursor=values.text("cursor"),
        facets=tuple(dict.fromkeys(listed)),
    )


def _merged(filters: Filters, values: Values) -> Filters:
    """The query's own filters and those of the parameters: of one field either will do, dates narrow."""
    kinds = values.names("in")
    if not set(kinds) <= set(KINDS):
        raise ParameterError("in", f"wants {_one_of(KINDS)}")
    return filters.narrowed(
        apps=values.names("app"),
        speakers=values.names("speaker"),
        kinds=kinds,
        after_ms=values.start_ms("after"),
        before_ms=values.start_ms("before"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsRequest:
    """One page of the list of sessions."""

    apps: tuple[str, ...]  #: asked for; all that may be seen if empty
    speaker: str
    after_ms: int | None
    before_ms: int | None
    outcome: str  #: of one of its artifacts; "" for any
    limit: int
    cursor: str


def sessions_request(pairs: Iterable[tuple[str, str]]) -> SessionsRequest:
    """The page of sessions these parameters ask for; raises ParameterError."""
    values = Values.of(pairs, parameters.SESSIONS)
    return SessionsRequest(
        apps=values.names("app"),
        speaker=next(iter(values.names("speaker")), ""),
        after_ms=values.start_ms("after"),
        before_ms=values.start_ms("before"),
        outcome=_outcome(values),
        limit=values.count("limit"),
        cursor=values.text("cursor"),
    )


def _outcome(values: Values) -> str:
    outcome = values.choice("outcome") if values.text("outcome") else ""
    if outcome and values.names("speaker"):
        raise ParameterError("outcome", "cannot be combined with speaker")
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRequest:
    """What is being typed, and where."""

    field: str  #: speaker or meeting
    text: str
    apps: tuple[str, ...]
    limit: int


def complete_request(request: Request[Any]) -> CompleteRequest:
    """The completion these parameters ask for; raises ParameterError."""
    values = Values.of(request.query_params.multi_items(), parameters.COMPLETE)
    return CompleteRequest(
        field=values.choice("field"),
        text=values.text("q"),
        apps=values.names("app"),
        limit=values.count("limit"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSearch:
    """A search to be saved."""

    name: str
    query: str
    webhook: str
    match: str


async def saved_search(request: Request[Any]) -> SavedSearch:
    """The search this body asks to be saved; raises ParameterError."""
    values = await _body_values(request, parameters.SAVED_SEARCH)
    for each in parameters.SAVED_SEARCH.values():
        if each.is_needed and each.name not in values.by_name:
            raise ParameterError(each.name, "is needed")
    name, query, webhook = (values.texts(each)[0] for each in ("name", "query", "webhook"))
    return SavedSearch(name=name, query=query, webhook=webhook, match=values.choice("match"))


def no_parameters(request: Request[Any]) -> None:
    """Refuse any parameter; raises ParameterError."""
    Values.of(request.query_params.multi_items(), parameters.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRequest:
    """Which sessions the coverage is asked for."""

    apps: tuple[str, ...]
    after_ms: int | None
    before_ms: int | None


def coverage_request(pairs: Iterable[tuple[str, str]]) -> CoverageRequest:
    """The range these parameters name; raises ParameterError."""
    values = Values.of(pairs, parameters.COVERAGE)
    return CoverageRequest(
        apps=values.names("app"),
        after_ms=values.start_ms("after"),
        before_ms=values.start_ms("before"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """One page of the record of reads."""

    wanted: Wanted
    limit: int
    cursor: str


def audit_request(request: Request[Any]) -> AuditRequest:
    """The reads these parameters ask for; raises ParameterError."""
    values = Values.of(request.query_params.multi_items(), parameters.AUDIT)
    after_ms, before_ms = values.start_ms("after"), values.start_ms("before")
    wanted = Wanted(
        who=values.text("who"),
        since=None if after_ms is None else from_ms(after_ms),
        until=None if before_ms is None else from_ms(before_ms),
        text=values.text("q"),
    )
    cursor = values.text("cursor")
    return AuditRequest(wanted=wanted, limit=values.count("limit"), cursor=cursor)


def in_scope(wanted: tuple[str, ...], allowed: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The apps that are both asked for (all, if none is named) and allowed (all, if None)."""
    if not wanted:
        return allowed
    return wanted if allowed is None else tuple(each for each in wanted if each in allowed)
