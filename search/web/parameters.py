"""Every parameter there is: what is read is held to this table, and `/openapi.json` is made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from archiver.alerts.records import MATCHES, NAME_MAX, URL_MAX
from archiver.model import Outcome
from search.index.completion import FIELDS
from search.index.facets import FACETS

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_LIMIT_BYTES = 64 * 1024
TEXT_LIMIT = 300
#: In a URL, where a character may take twelve bytes and all of it has 64 KiB; a body may hold more.
URL_QUERY_LIMIT = 4000
CURSOR_LIMIT = 8 * 1024
VALUES_LIMIT = 50
#: The furthest moment of a session that may be asked for: eleven days.
MOMENT_LIMIT_MS = 999_999_999
KINDS = ("transcript", "chat", "summary")
TRANSCRIPT_FORMATS = ("json", "vtt", "srt", "csv", "txt")
CHAT_FORMATS = ("json", "csv", "txt")
SUMMARY_FORMATS = ("json", "txt", "md")
_DATE = r"^\d{4}(-\d{2}(-\d{2}([Tt]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})?)?)?)?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, of a query string or in a JSON body."""

    name: str
    meaning: str
    default: str = ""
    choices: tuple[str, ...] = ()
    bounds: tuple[int, int] | None = None  #: of a whole number
    longest: int = TEXT_LIMIT
    is_date: bool = False
    is_repeatable: bool = False
    is_list: bool = False  #: by commas
    is_needed: bool = False

    def schema(self) -> dict[str, Any]:
        """As JSON Schema, where it stands in a query string."""
        one = self._one()
        if self.is_repeatable or self.is_list:
            return {"type": "array", "items": one, "maxItems": VALUES_LIMIT}
        if self.default:
            one["default"] = int(self.default) if self.bounds is not None else self.default
        return one

    def schema_in_body(self) -> dict[str, Any]:
        """As JSON Schema, where it is a member of a body: null says nothing, one value needs no list."""
        told = [self.schema(), *([] if self.is_needed else [{"type": "null"}])]
        if self.is_repeatable:
            told.append(self._one())
        if self.is_list:
            names = "|".join(self.choices)
            listed = f"^({names})(,({names})){{0,{VALUES_LIMIT - 1}}}$"
            told.append({"type": "string", "pattern": listed, "maxLength": self.longest})
        return {"anyOf": told, "description": self.meaning}

    def _one(self) -> dict[str, Any]:
        one: dict[str, Any] = {"type": "string", "maxLength": self.longest}
        if self.bounds is not None:
            least, most = self.bounds
            one = {"type": "integer", "minimum": least, "maximum": most}
        elif self.choices:
            one = {"type": "string", "enum": list(self.choices)}
        elif self.is_date:
            one = {"type": "string", "pattern": _DATE.replace(r"\d", "[0-9]")}
        return one


def _table(*parameters: Parameter) -> Mapping[str, Parameter]:
    return {each.name: each for each in parameters}


def _number(name: str, default: int | str, bounds: tuple[int, int], meaning: str) -> Parameter:
    return Parameter(name=name, default=str(default), bounds=bounds, meaning=meaning)


def _format(*formats: str) -> Parameter:
    return Parameter(name="format", choices=formats, default="json", meaning="how it is written")


_Q = Parameter(name="q", longest=URL_QUERY_LIMIT, meaning="the query, in the query language")
_APP = Parameter(name="app", is_repeatable=True, meaning="only these apps")
_AFTER = Parameter(name="after", is_date=True, meaning="from this date on, in UTC: 2026-10-03")
_BEFORE = Parameter(name="before", is_date=True, meaning="before this date, in UTC")
_CURSOR = Parameter(name="cursor", longest=CURSOR_LIMIT, meaning="`next` of the page before")
_ONE_SPEAKER = Parameter(name="speaker", meaning="only where somebody of this name spoke")

SEARCH = _table(
    _Q,
    _APP,
    Parameter(name="speaker", is_repeatable=True, meaning="only what these people said"),
    Parameter(name="in", is_repeatable=True, choices=KINDS, meaning="only what stands in these"),
    _AFTER,
    _BEFORE,
    Parameter(
        name="sort", choices=("relevance", "newest", "oldest"), default="relevance", meaning="order"
    ),
    Parameter(
        name="match",
        choices=("best", "all"),
        meaning="`best` or, unless sorted by relevance, `all`: only sessions that hold every word",
    ),
    _number("limit", 20, (1, 100), "sessions of a page"),
    _number("moments", 3, (0, 10), "moments of a session"),
    Parameter(
        name="facets",
        is_list=True,
        longest=1000,
        choices=FACETS,
        meaning="what to count sessions by",
    ),
    _CURSOR,
)
#: The same in a JSON body.
SEARCH_BODY = {**SEARCH, "q": replace(_Q, longest=BODY_LIMIT_BYTES)}
SESSIONS = _table(
    _APP,
    _ONE_SPEAKER,
    _AFTER,
    _BEFORE,
    Parameter(
        name="outcome",
        choices=tuple(each.value for each in Outcome),
        meaning="only sessions with an artifact that stands so; not together with `speaker`",
    ),
    _number("limit", 50, (1, 100), "sessions of a page"),
    _CURSOR,
)
COMPLETE = _table(
    Parameter(name="field", choices=FIELDS, is_needed=True, meaning="what is being typed"),
    Parameter(name="q", meaning="what was typed so far"),
    _APP,
    _number("limit", 10, (1, 50), "names"),
)
COVERAGE = _table(_APP, _AFTER, _BEFORE)
AUDIT = _table(
    Parameter(name="who", meaning="the name or id of whoever read"),
    _AFTER,
    _BEFORE,
    Parameter(name="q", meaning="somewhere in the record, whatever its case"),
    _number("limit", 100, (1, 1000), "reads of a page"),
    _CURSOR,
)
SAVED_SEARCH = _table(
    Parameter(name="name", is_needed=True, longest=NAME_MAX, meaning="what it is called"),
    Parameter(
        name="query", is_needed=True, longest=URL_QUERY_LIMIT, meaning="in the query language"
    ),
    Parameter(name="webhook", is_needed=True, longest=URL_MAX, meaning="the URL that is called"),
    Parameter(
        name="match",
        choices=MATCHES,
        default="all",
        meaning="`all` of the words, or any of them: `best`",
    ),
)
TRANSCRIPT = _table(
    _format(*TRANSCRIPT_FORMATS),
    _number("from_ms", "", (0, MOMENT_LIMIT_MS), "from this moment on, in ms from the start"),
    _number("to_ms", "", (0, MOMENT_LIMIT_MS), "up to this moment"),
)
CHAT = _table(_format(*CHAT_FORMATS))
SUMMARY = _table(_format(*SUMMARY_FORMATS))
SESSION_PAGE = _table(_Q)
#: What models may ask, who read all that they are answered: less of a page than programs.
_SESSION_ID = Parameter(name="session_id", is_needed=True, meaning="the session's id")
TOOL_SEARCH = {
    **SEARCH_BODY,
    **_table(
        _number("limit", 10, (1, 20), "sessions of a page"),
        _number("moments", 3, (0, 5), "moments of a session"),
    ),
}
TOOL_SESSION = _table(_SESSION_ID)
TOOL_TRANSCRIPT = _table(
    _SESSION_ID,
    TRANSCRIPT["from_ms"],
    TRANSCRIPT["to_ms"],
    _number("skip", 0, (0, MOMENT_LIMIT_MS), "lines of this range that were read already"),
)
NONE = _table()
