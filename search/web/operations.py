"""What can be asked of the interface, one row for each: `/openapi.json` is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search.web import alert_shapes, parameters, shapes
from search.web.artifacts import MEDIA_TYPES
from search.web.streaming import MEDIA_TYPE as NDJSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.web.parameters import Parameter

JSON = "application/json"
_SESSION = "/v1/sessions/{session_id}"
_SEARCH = "/v1/searches/{search_id}"
#: What may be said instead of an answer, wherever it is asked.
EVERYWHERE = frozenset({401, 403, 421, 429, 500, 503})
_ASKED = frozenset({400})
_TEXTS = {"vtt": "text/vtt", "srt": "application/x-subrip", "csv": "text/csv"}
_TEXTS |= {"txt": "text/plain", "md": "text/markdown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method at one path."""

    path: str
    name: str
    summary: str
    answer: Any = None  #: the type of the JSON answer; None: no JSON
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: parameters.NONE)
    texts: tuple[str, ...] = ()  #: other media types of the answer
    problems: frozenset[int] = _ASKED
    has_body: bool = False  #: POST, with the parameters as JSON
    has_tag: bool = False  #: answers conditions
    has_parts: bool = False  #: answers ranges
    is_open: bool = False
    deletes: bool = False

    @property
    def method(self) -> str:
        """In lower case, as OpenAPI has it."""
        return "post" if self.has_body else "delete" if self.deletes else "get"


def _texts(formats: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_TEXTS[each] for each in formats if each != "json")


def _said(name: str, answer: Any, known: Mapping[str, Parameter]) -> Operation:
    return Operation(
        path=f"{_SESSION}/{name}",
        name=name,
        summary=f"The {name} of a session, as it was indexed",
        answer=answer,
        parameters=known,
        texts=_texts(known["format"].choices),
        problems=frozenset({400, 404}),
    )


OPERATIONS = (
    Operation(
        path="/v1/search",
        name="search",
        summary="Sessions that match, with their moments",
        answer=shapes.SearchPage,
        parameters=parameters.SEARCH,
        texts=(NDJSON,),
    ),
    Operation(
        path="/v1/search",
        name="searchByBody",
        summary="The same, with the query in the body, which no log has",
        answer=shapes.SearchPage,
        parameters=parameters.SEARCH_BODY,
        texts=(NDJSON,),
        problems=frozenset({400, 413, 415}),
        has_body=True,
    ),
    Operation(
        path="/v1/complete",
        name="complete",
        summary="Speakers or meetings whose names hold what was typed so far",
        answer=shapes.Completions,
        parameters=parameters.COMPLETE,
    ),
    Operation(
        path="/v1/sessions",
        name="sessions",
        summary="Sessions, newest first",
        answer=shapes.SessionsPage,
        parameters=parameters.SESSIONS,
    ),
    Operation(
        path=_SESSION,
        name="session",
        summary="A session, its participants, and what became of each artifact",
        answer=shapes.Session,
        problems=frozenset({400, 404, 412}),
        has_tag=True,
    ),
    _said("transcript", shapes.Transcript, parameters.TRANSCRIPT),
    _said("chat", shapes.Chat, parameters.CHAT),
    _said("summary", shapes.Summary, parameters.SUMMARY),
    Operation(
        path=f"{_SESSION}/artifacts/{{name}}",
        name="artifact",
        summary="The original bytes of an artifact, as archived",
        texts=MEDIA_TYPES,
        problems=frozenset({400, 404, 412, 416}),
        has_tag=True,
        has_parts=True,
    ),
    Operation(
        path="/v1/coverage",
        name="coverage",
        summary="How much of what there was is archived",
        answer=shapes.CoverageReport,
        parameters=parameters.COVERAGE,
    ),
    Operation(
        path="/v1/audit",
        name="audit",
        summary="Who read what, newest first; a page may be short and still have a `next`",
        answer=shapes.Reads,
        parameters=parameters.AUDIT,
    ),
    Operation(
        path="/v1/keys", name="keys", summary="Every key there is and was", answer=shapes.Keys
    ),
    Operation(
        path="/v1/settings", name="settings", summary="Every setting", answer=shapes.SettingsTable
    ),
    Operation(
        path="/v1/searches",
        name="savedSearches",
        summary="The saved searches of the key that asks; for an admin all, without their queries",
        answer=alert_shapes.SavedSearches,
    ),
    Operation(
        path="/v1/searches",
        name="saveSearch",
        summary="Have what a query finds from now on sent to a webhook",
        answer=alert_shapes.CreatedSearch,
        parameters=parameters.SAVED_SEARCH,
        problems=frozenset({400, 409, 413, 415}),
        has_body=True,
    ),
    Operation(
        path=_SEARCH,
        name="savedSearch",
        summary="One saved search, and how its alerts stand",
        answer=alert_shapes.SavedSearch,
        problems=frozenset({400, 404}),
    ),
    Operation(
        path=_SEARCH,
        name="deleteSavedSearch",
        summary="Have it sent no more, for good",
        answer=alert_shapes.DeletedSearch,
        problems=frozenset({400, 404, 409}),
        deletes=True,
    ),
    Operation(
        path="/openapi.json", name="interface", summary="This document", answer=dict[str, Any]
    ),
    Operation(
        path="/healthz",
        name="health",
        summary="That the process answers",
        answer=shapes.Live,
        problems=frozenset(),
        is_open=True,
    ),
)
