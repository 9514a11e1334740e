"""What RealtimeKit's answers say: typed, lenient, and beside it the exact text that said it.

Nothing here does I/O. Reference, sections 3.3, 3.4, 4 and 13, is what it is lenient about.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.errors import PayloadError, SourceUnavailableError
from archiver.model import Session
from archiver.realtimekit import slices
from archiver.realtimekit.lenient import Fields, encode, escape, without_queries
from archiver.realtimekit.paging import Paging
from archiver.realtimekit.results import (
    App,
    AppPage,
    DownloadUrl,
    Offer,
    ParticipantDetails,
    ParticipantsPage,
    PeerReport,
    SessionPage,
    SessionPayload,
    SummaryRequested,
    Webhook,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archiver.realtimekit.slices import Slice

#: How deep `breakout_rooms` are followed; the product nests them once.
BREAKOUT_DEPTH = 8
#: What Cloudflare's gateway says of a path it knows no way for: general knowledge of its API, since
#: no document of this product lists its codes.
ROUTING_CODES = frozenset({7000, 7003})
CODE_LENGTH_MAX = 20
#: Of a longer message the rest is not even looked at.
MESSAGE_LENGTH_MAX = 10_000
_NO = frozenset({"false", "0", "0.0", "no"})


def parse_sessions(body: str, app_id: str) -> SessionPage:
    """A page of the session list; the sessions of breakout rooms are in `items` too."""
    root = _load(body)
    rows = slices.elements(_rows(root, "sessions"))
    items: list[SessionPayload] = []
    ids: set[str] = set()
    malformed = 0
    for row in rows:
        ids.add(Fields(row.value).text("id") or row.raw)
        for found in _session_tree(row, app_id, parent_id="", depth=0):
            if found is None:
                malformed += 1
            else:
                items.append(found)
    paging = Paging.of(Fields(root.value))
    return SessionPage(
        items=tuple(items),
        malformed=malformed,
        count=len(rows),
        total_count=paging.total_count,
        end_offset=paging.end_offset,
        ids=frozenset(ids),
    )


def parse_session(body: str, app_id: str) -> SessionPayload:
    """The details of one session, under `data` or `data.session`."""
    data = _data(_load(body))
    nested = slices.member(data, "session")
    row = nested if nested and isinstance(nested.value, dict) else data
    found, *rooms = _session_tree(row, app_id, parent_id="", depth=0)
    if found is None:
        raise PayloadError("the session has no id or no time")
    return replace(found, breakout_rooms=tuple(room for room in rooms if room is not None))


def parse_saved_session(body: str, app_id: str) -> SessionPayload:
    """A session as somebody saved it: in the answer it came in, in a record of ours, or alone.

    Raises PayloadError or SourceUnavailableError where it is none.
    """
    row = _load(body)
    for name in ("data", "session"):
        inner = slices.member(row, name)
        row = inner if inner is not None and isinstance(inner.value, dict) else row
    found = _session(row, app_id, parent_id="")
    if found is None:
        raise PayloadError("the session has no id or no time")
    return found


def _session_tree(
    row: Slice, app_id: str, *, parent_id: str, depth: int
) -> Iterator[SessionPayload | None]:
    """The session of a row and those nested in it; None for each that is malformed."""
    found = _session(row, app_id, parent_id=parent_id)
    yield found
    rooms = slices.member(row, "breakoutrooms")
    if rooms is None:
        return
    session_id = found.session.session_id if found else parent_id
    for room in slices.elements(rooms):
        if depth == BREAKOUT_DEPTH:
            yield None
            continue
        yield from _session_tree(room, app_id, parent_id=session_id, depth=depth + 1)


def _session(row: Slice, app_id: str, *, parent_id: str) -> SessionPayload | None:
    fields = Fields(row.value)
    session_id = fields.text("id", "sessionid")
    started_at = fields.time("startedat", "createdat")
    if not session_id or started_at is None:
        return None
    try:
        session = Session(
            app_id=app_id,
            session_id=session_id,
            meeting_id=_printable(fields.text("associatedid", "meetingid")),
            started_at=started_at,
            ended_at=fields.time("endedat"),
            created_at=fields.time("createdat") or started_at,
            ended=fields.text("status").upper() == "ENDED",
            transcribed=_transcribed(fields),
        )
    except ValueError:  # an id that no folder can be named after
        return None
    return SessionPayload(
        session=session,
        title=fields.text("meetingdisplayname", "title"),
        raw=row.raw,
        parent_session_id=fields.text("parentsessionid") or parent_id,
    )


def _printable(text: str) -> str:
    """The text, or nothing where it could not be written in a record: no session is lost for it."""
    return text if text.isprintable() else ""


def _transcribed(fields: Fields) -> bool | None:
    minutes = fields.number("transcriptionminutesconsumed")
    return None if minutes is None else minutes > 0


def parse_participants(body: str) -> ParticipantsPage:
    """A page of participants: only counted, for the archive keeps it whole."""
    root = _load(body)
    rows = _rows(root, "participants").value or []
    paging = Paging.of(Fields(root.value))
    return ParticipantsPage(
        raw=body,
        count=len(rows),
        total_count=paging.total_count,
        end_offset=paging.end_offset,
        ids=frozenset(Fields(row).text("id") or repr(row) for row in rows),
        peer_ids=tuple(peer_id for row in rows if (peer_id := Fields(row).text("id"))),
    )


def session_record(session_raw: str, participant_pages: Sequence[str]) -> bytes:
    """The archived record of a session: a JSON document around the source's own text, verbatim."""
    pages = ",".join(participant_pages)
    return encode(f'{{"participants":[{pages}],"session":{session_raw}}}')


def peer_reports_record(reports: Sequence[str]) -> bytes:
    """The archived record of a session's peer reports: the answers, verbatim, in one document."""
    return encode(f'{{"peer_reports":[{",".join(reports)}]}}')


def parse_offer(body: str, artifact: str, status: int = 200) -> Offer:
    """What GET chat, transcript or summary answered; `artifact` is which."""
    root = Fields(_load(body).value)
    if root.get("error") or root.get("errors"):
        raise PayloadError("a success that holds an error")
    if not isinstance(root.get("data"), dict | None):
        raise PayloadError("the answer's data are no object")
    data = Fields(root.get("data"))
    url = data.get(f"{artifact}downloadurl", "downloadurl")
    if url is None or (isinstance(url, str) and not url.strip()):
        return Offer(status=status)
    if not isinstance(url, str):
        raise PayloadError("the download URL is not a string")
    expires_at = data.time(f"{artifact}downloadurlexpiry", "downloadurlexpiry")
    return Offer(url=DownloadUrl(url.strip()), expires_at=expires_at, status=status)


def parse_missing(body: str) -> Offer:
    """A 404 that says there is no such artifact; PayloadError where it says something else.

    A page of HTML comes from whatever stands before the source, and a routing error from its gateway:
    neither knows what a session has (reference, 3.4). An error in either shape is taken for an answer
    otherwise: in which of them the source says that there is none, no document tells.
    """
    if not body.strip():
        return Offer(status=404)
    try:
        root = slices.parse(body).value
    except ValueError:
        raise PayloadError("a 404 that is not JSON") from None
    errors = Fields(root).get("errors")
    codes = {Fields(each).integer("code") for each in errors} if isinstance(errors, list) else set()
    if not isinstance(root, dict) or ROUTING_CODES & codes:
        raise PayloadError("a 404 that is about the request and not about the session")
    return Offer(status=404)


def parse_apps(body: str) -> AppPage:
    """A page of the account's apps."""
    root = _load(body)
    rows = slices.elements(_rows(root, "apps"))
    apps = []
    for row in rows:
        fields = Fields(row.value)
        if app_id := fields.text("id") or fields.text("appid"):
            created_at = fields.time("createdat")
            name = fields.text("name")
            apps.append(App(id=app_id, name=name, created_at=created_at, raw=row.raw))
    paging = Paging.of(Fields(root.value))
    return AppPage(
        items=tuple(apps),
        count=len(rows),
        total_count=paging.total_count,
        end_offset=paging.end_offset,
        ids=frozenset(app.id for app in apps),
    )


def parse_summary_requested(body: str) -> SummaryRequested:
    """Any 2xx means accepted, whatever the body is."""
    try:
        root = Fields(slices.parse(body).value)
    except ValueError:
        return SummaryRequested("")
    data = Fields(root.get("data"))
    return SummaryRequested(escape(data.text("status", "message"), 80))


def parse_participant(body: str) -> ParticipantDetails:
    """The details of one participant."""
    _data(_load(body))
    return ParticipantDetails(body)


def parse_peer_report(body: str) -> PeerReport:
    """A peer report; its layout drifted, so it is kept as it is."""
    _data(_load(body))
    return PeerReport(body)


def parse_webhook(body: str) -> Webhook:
    """One webhook."""
    data = _data(_load(body))
    return _webhook((slices.member(data, "webhook") or data).value)


def parse_webhooks(body: str) -> list[Webhook]:
    """The webhooks of an app."""
    return [_webhook(row.value) for row in slices.elements(_rows(_load(body), "webhooks"))]


def _webhook(value: object) -> Webhook:
    fields = Fields(value)
    if not fields.text("id"):
        raise PayloadError("the webhook has no id")
    events = fields.get("events")
    return Webhook(
        id=fields.text("id"),
        name=fields.text("name"),
        url=fields.text("url"),
        events=tuple(map(str, events)) if isinstance(events, list) else (),
        enabled=fields.get("enabled") is not False,
    )


def parse_error(body: str) -> tuple[str, str]:
    """The code and message of an error body in either shape, fit to be shown; "" where none."""
    try:
        root = Fields(slices.parse(body).value)
    except ValueError:
        return "", ""
    errors = root.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    error = root.get("error") or first or {}
    if isinstance(error, str):
        error = {"message": error}
    code = Fields(error).text("code") or root.text("code")
    message = Fields(error).text("message") or root.text("message")
    # A long code is none, and cut short it could be half of a token that nobody recognises.
    shown_code = escape(code) if len(code) <= CODE_LENGTH_MAX else ""
    return shown_code, escape(without_queries(message[:MESSAGE_LENGTH_MAX]))


def _load(body: str) -> Slice:
    """The answer as a JSON object that does not call itself a failure."""
    try:
        root = slices.parse(body)
    except ValueError:
        raise SourceUnavailableError("the answer is not JSON") from None
    if not isinstance(root.value, dict):
        raise PayloadError("the answer is not a JSON object")
    if _denied(Fields(root.value).get("success")):
        code, _ = parse_error(body)
        raise PayloadError(f"a success that calls itself a failure {code}".rstrip())
    return root


def _denied(success: object) -> bool:
    """Whether `success` says no, in whichever spelling; null and absent say nothing."""
    return success is not None and str(success).strip().lower() in _NO


def _data(root: Slice) -> Slice:
    data = slices.member(root, "data")
    if data is None or not isinstance(data.value, dict) or not data.value:
        raise PayloadError("the answer has no data")
    return data


def _rows(root: Slice, name: str) -> Slice:
    """The array under `data.<name>`, or `data` itself; null there stands for an empty one."""
    data = slices.member(root, "data")
    rows = slices.member(data, name) if data and isinstance(data.value, dict) else data
    if rows is None or (rows is data and rows.value is None):
        raise PayloadError(f"the answer has no {name}")
    if rows.value is not None and not isinstance(rows.value, list):
        raise PayloadError(f"the answer's {name} are not a list")
    return rows
