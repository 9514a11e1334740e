"""What each operation of the API answers, once its request was let in: reference, section 4."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse

from archiver.model import Kind, TranscriptFormat, format_time
from archiver.simulated.answers import Dropped, Refusal
from archiver.simulated.downloads import file_path
from archiver.simulated.faults import Post
from archiver.simulated.listing import Page, select_participants, select_sessions
from archiver.simulated.payloads import (
    expiry_text,
    link_record,
    participant_record,
    peer_report,
    session_record,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from archiver.simulated.sessions import SimulatedSession
    from archiver.simulated.source import SimulatedApp, SimulatedSource

_FORMATS = frozenset(map(str, TranscriptFormat))
_NOT_FOUND = "Error: resource not found"


def _success(data: object, paging: dict[str, int] | None = None) -> JSONResponse:
    body: dict[str, Any] = {"success": True, "data": data}
    if paging is not None:
        body["paging"] = paging
    return JSONResponse(body)


def _session(source: SimulatedSource, request: Request) -> SimulatedSession:
    return source.session(request.path_params["session_id"])


def list_apps(source: SimulatedSource, request: Request) -> Response:
    query = request.query_params
    text = query.get("search", "").casefold()
    apps = [app for app in source.apps if text in app.name.casefold()]
    if query.get("sort_order") != "ASC":
        apps.reverse()
    found, paging = Page.from_query(query, source.faults.paging).cut(apps)
    return _success([_app(app) for app in found], None if source.faults.paging.omit else paging)


def get_app(source: SimulatedSource, request: Request) -> Response:
    wanted = request.path_params["app_id"]
    return _success(next(_app(app) for app in source.apps if app.app_id == wanted))


def _app(app: SimulatedApp) -> dict[str, str]:
    return {"id": app.app_id, "name": app.name, "created_at": format_time(app.created_at)}


def list_sessions(source: SimulatedSource, request: Request) -> Response:
    app_id, query, faults = request.path_params["app_id"], request.query_params, source.faults
    now = source.clock.now()
    page = Page.from_query(query, faults.paging)
    chosen = select_sessions(source.sessions_of(app_id), query, now, faults.paging.compared)
    found, paging = page.cut(chosen)
    records = [session_record(one, faults.shapes, now, rooms=True) for one in found]
    if faults.take_insert():
        source.add_session(app_id=app_id, started_at=now)
    return _success({"sessions": records}, None if faults.paging.omit else paging)


def get_session(source: SimulatedSource, request: Request) -> Response:
    rooms = request.query_params.get("include_breakout_rooms", "").lower() in ("true", "1")
    shapes = source.faults.shapes
    record = session_record(_session(source, request), shapes, source.clock.now(), rooms=rooms)
    return _success({"session": record} if shapes.nested_session else record)


def list_participants(source: SimulatedSource, request: Request) -> Response:
    session, query, faults = _session(source, request), request.query_params, source.faults.paging
    now = source.clock.now()
    events = query.get("include_peer_events", "").lower() in ("true", "1")
    everyone = [
        participant_record(session, index, now, events=events)
        for index in range(len(session.meeting.participants))
    ]
    chosen = select_participants(everyone, query)
    found, paging = Page.from_query(query, faults).cut(chosen)
    if faults.omit:
        return _success({"participants": found})
    if faults.participants_inside:
        return _success({"paging": paging, "participants": found})
    return _success({"participants": found}, paging)


def get_participant(source: SimulatedSource, request: Request) -> Response:
    session, wanted = _session(source, request), request.path_params["participant_id"]
    events = request.query_params.get("include_peer_events", "").lower() in ("true", "1")
    for index in range(len(session.meeting.participants)):
        if session.peers.peer_id(index) == wanted:
            now = source.clock.now()
            record = participant_record(session, index, now, events=events)
            return _success({"participant": record})
    raise Refusal(404, _NOT_FOUND)


def get_report(source: SimulatedSource, request: Request) -> Response:
    found = source.find_peer(request.path_params["app_id"], request.path_params["peer_id"])
    if found is None:
        raise Refusal(404, _NOT_FOUND)
    record = peer_report(*found, source.clock.now())
    if not source.faults.shapes.flat_peer_report:
        return _success({"participant": record})
    record["preset_name"] = record.pop("role")
    return _success(record)


def get_chat(source: SimulatedSource, request: Request) -> Response:
    return _link(source, _session(source, request), Kind.CHAT, "")


def get_transcript(source: SimulatedSource, request: Request) -> Response:
    format_ = request.query_params.get("format", "") or TranscriptFormat.CSV
    if format_ not in _FORMATS:
        raise Refusal(400, 'BAD_REQUEST: "format" must be one of [CSV, JSON, SRT, VTT]')
    return _link(source, _session(source, request), Kind.TRANSCRIPT, format_)


def get_summary(source: SimulatedSource, request: Request) -> Response:
    return _link(source, _session(source, request), Kind.SUMMARY, "")


def _link(source: SimulatedSource, session: SimulatedSession, kind: Kind, format_: str) -> Response:
    key = (session.session_id, str(kind), str(format_))
    if not source.has_artifact(session, kind, format_) or source.faults.take(
        "not_found_times", key
    ):
        raise Refusal(404, _NOT_FOUND)
    if source.faults.take("no_data_times", key):
        return JSONResponse({"success": True})
    if source.faults.take("html_times", key):
        return HTMLResponse("<!DOCTYPE html><title>One moment</title>")
    faults, now = source.faults.of(*key), source.clock.now()
    expires_at = source.expires_at(session)
    works_until = expires_at
    if source.faults.take("expired_url_times", key):
        works_until = now - timedelta(minutes=1)
    url = source.signed_url(file_path(session.session_id, kind, format_), works_until)
    if source.faults.take("empty_url_times", key):
        url = ""
    expiry = expiry_text(faults.expiry, expires_at, now)
    other_case = source.faults.shapes.other_case
    return _success(link_record(session, kind, faults.url or url, expiry, other_case=other_case))


_STARTS = frozenset(
    {Post.ACCEPTED, Post.OLD_SHAPE, Post.CONFLICT_AFTER, Post.ERROR_AFTER, Post.TIMEOUT_AFTER}
)


def post_summary(source: SimulatedSource, request: Request) -> Response:
    session = _session(source, request)
    source.summary_posts[session.session_id] += 1
    if not source.has_artifact(session, Kind.TRANSCRIPT):
        raise Refusal(404, _NOT_FOUND)
    if not session.has_words:
        raise Refusal(400, "BAD_REQUEST: the transcript is empty")
    key = (session.session_id, str(Kind.SUMMARY), "")
    faults = source.faults.of(*key)
    post = Post.ACCEPTED
    if faults.post is not Post.ACCEPTED and source.faults.take("post_times", key):
        post = faults.post
    if post in _STARTS:
        source.request_summary(session)
    return _post_answer(post, session.session_id, faults.hold_s)


def _post_answer(post: Post, session_id: str, hold_s: float) -> Response:
    if post in (Post.CONFLICT, Post.CONFLICT_AFTER):
        raise Refusal(409, "CONFLICT: summary generation is in progress")
    if post in (Post.ERROR_AFTER, Post.ERROR_BEFORE):
        raise Refusal(500, "Internal server error")
    if post in (Post.TIMEOUT_AFTER, Post.TIMEOUT_BEFORE):
        return Dropped(hold_s)
    if post is Post.OLD_SHAPE:
        data = {"success": True, "message": "Success"}
        return JSONResponse({"success": True, "data": data}, status_code=202)
    return _success({"session_id": session_id, "status": "IN_PROGRESS"})
