"""The simulated source's state: apps, sessions and their files, by its clock; and what was asked of it."""

from __future__ import annotations

import bisect
import gzip
import hashlib
import hmac
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from archiver.model import Kind
from archiver.simulated.faults import Faults
from archiver.simulated.generated import generate_meeting
from archiver.simulated.library import load_meetings
from archiver.simulated.rendering import made_id, render
from archiver.simulated.sessions import SimulatedSession, Timing
from archiver.simulated.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.clock import Clock
    from archiver.simulated.faults import Layout
    from archiver.simulated.library import Meeting

_CACHE_BYTES = 32 * 1024 * 1024
_LIMIT_PERIOD = timedelta(minutes=5)
_LOG_LENGTH = 200_000
#: A seed no test is likely to use, for sessions added without a meeting.
_ADDED_SEED = 77_777
EXTENSIONS = {"JSON": "json", "CSV": "csv", "SRT": "srt", "VTT": "vtt"}


class Request(NamedTuple):
    """One request as it was answered; status 0 is none."""

    method: str
    operation: str
    session_id: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedApp:
    """One app of the account."""

    app_id: str
    name: str
    created_at: datetime


class SimulatedSource:
    """A whole RealtimeKit account, held in memory."""

    def __init__(
        self,
        *,
        clock: Clock,
        account_id: str = "simulated-account",
        token: str = "simulated-token",  # noqa: S107 — the simulated source's own
        meetings: Sequence[Meeting] | None = None,
        faults: Faults | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.clock = clock
        self.account_id = account_id
        self.token = token
        self.faults = faults or Faults()
        self.timing = timing or Timing()
        self.requests: deque[Request] = deque(maxlen=_LOG_LENGTH)
        self.counts: Counter[str] = Counter()  #: requests by operation
        self.summary_posts: Counter[str] = Counter()  #: POSTs that arrived, by session
        self.webhooks = Webhooks(clock)
        self.origin = ""  #: where its files are downloaded from, once it is served
        self._began_at = clock.now()
        self._window_at = self._blocked_until = self._began_at
        self._window_requests = 0
        self._apps: dict[str, SimulatedApp] = {}
        self._sessions: dict[str, SimulatedSession] = {}
        self._by_app: dict[str, list[SimulatedSession]] = {}
        self._files: OrderedDict[tuple[str, str, str, Layout], bytes] = OrderedDict()
        self._files_bytes = 0
        self._secret = hashlib.sha256(f"{account_id}/{token}".encode()).digest()
        self._fill(load_meetings() if meetings is None else meetings)

    # Apps and sessions

    @property
    def apps(self) -> tuple[SimulatedApp, ...]:
        return tuple(self._apps.values())

    def add_app(self, name: str) -> str:
        """The id of the app of this name, which is made if there is none."""
        app_id = made_id(self.account_id, "app", name)
        if app_id not in self._apps:
            created_at = self._began_at - timedelta(days=90)
            self._apps[app_id] = SimulatedApp(app_id=app_id, name=name, created_at=created_at)
            self._by_app[app_id] = []
        return app_id

    def has_app(self, app_id: str) -> bool:
        return app_id in self._apps

    def sessions_of(self, app_id: str) -> list[SimulatedSession]:
        """The sessions of an app by the time of their start, without breakout rooms."""
        return self._by_app[app_id]

    @property
    def session_ids(self) -> tuple[str, ...]:
        """Every session there is or will be, breakout rooms too."""
        return tuple(self._sessions)

    def session(self, session_id: str) -> SimulatedSession:
        return self._sessions[session_id]

    def find(self, app_id: str, session_id: str) -> SimulatedSession | None:
        """The session, if it is one of this app and has begun."""
        session = self._sessions.get(session_id)
        if session is None or session.app_id != app_id or session.started_at > self.clock.now():
            return None
        return session

    def find_peer(self, app_id: str, peer_id: str) -> tuple[SimulatedSession, int] | None:
        """The session and the participant this connection belongs to."""
        for session in self._sessions.values():
            if session.app_id != app_id:
                continue
            for index in range(len(session.meeting.participants)):
                if session.peers.peer_id(index) == peer_id:
                    return session, index
        return None

    def add_session(
        self,
        meeting: Meeting | None = None,
        *,
        app_id: str = "",
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        live: bool = False,
        session_id: str = "",
        meeting_id: str = "",
        parent_id: str = "",
    ) -> str:
        """Add a session, which by default has ended this moment, and give its id.

        A `live` one lasts until `end_session`; one with a parent is its breakout room.
        """
        meeting = meeting or generate_meeting(len(self._sessions), _ADDED_SEED)
        app_id = app_id or self.add_app(meeting.app_name)
        length = timedelta(milliseconds=meeting.duration_ms)
        if started_at is None:
            started_at = (ended_at or self.clock.now()) - length
        session = SimulatedSession(
            session_id=session_id or self._free_id(app_id, meeting.slug),
            app_id=app_id,
            meeting_id=meeting_id or made_id(app_id, "meeting", meeting.title),
            meeting=meeting,
            started_at=started_at,
            ended_at=None if live else ended_at or started_at + length,
            parent_id=parent_id,
        )
        self._keep(session)
        return session.session_id

    def end_session(self, session_id: str, ended_at: datetime | None = None) -> None:
        """End a live session, by default now."""
        self._sessions[session_id].ended_at = ended_at or self.clock.now()

    def request_summary(self, session: SimulatedSession) -> None:
        """Begin to make the summary, unless that is under way."""
        if session.requested_at is None:
            session.requested_at = self.clock.now()

    def _fill(self, meetings: Sequence[Meeting]) -> None:
        if not meetings:
            self.add_app("Simulated app")
        today = self._began_at.date()
        for meeting in meetings:
            start = time.fromisoformat(meeting.start_time)
            day = today - timedelta(days=meeting.days_ago)
            self.add_session(meeting, started_at=datetime.combine(day, start, UTC))

    def _keep(self, session: SimulatedSession) -> None:
        if session.session_id in self._sessions:
            raise ValueError(f"there is a session {session.session_id} already")
        self._sessions[session.session_id] = session
        if session.parent_id:
            self._sessions[session.parent_id].rooms.append(session)
            return
        # Newest last: meetings mostly come in order, and an append is cheap.
        bisect.insort(
            self._by_app[session.app_id], session, key=lambda one: (one.started_at, one.session_id)
        )

    def _free_id(self, app_id: str, slug: str) -> str:
        session_id = made_id(app_id, "session", slug)
        return (
            session_id
            if session_id not in self._sessions
            else made_id(app_id, "session", slug, len(self._sessions))
        )

    # Files

    def put_artifact(
        self,
        session_id: str,
        kind: str,
        content: bytes | Path,
        *,
        format: str = "",  # noqa: A002 — the word of the API
    ) -> None:
        """Serve this in place of the rendered file; a path is streamed from the disk."""
        self._sessions[session_id].content[kind, format] = content

    def has_artifact(self, session: SimulatedSession, kind: str, format_: str = "") -> bool:
        """Whether the source has the file now."""
        if self.faults.of(session.session_id, kind, format_).never:
            return False
        return session.has_file(kind, self.timing, self.clock.now())

    def content(self, session_id: str, kind: str, format_: str = "") -> bytes | Path:
        """The file itself, before any encoding on its way."""
        session = self._sessions[session_id]
        put = session.content.get((kind, format_))
        if put is not None:
            return put
        layout = self.faults.layout_of(session_id)
        key = (session_id, kind, format_, layout)
        body = self._files.get(key)
        if body is None:
            body = render(session.source, kind, format_, layout)
            self._remember(key, body)
        else:
            self._files.move_to_end(key)
        return body

    def artifact_bytes(self, session_id: str, kind: str, format: str = "") -> bytes:  # noqa: A002 — the word of the API
        """What a download of this artifact brings, byte for byte."""
        format_ = format or ("CSV" if kind == Kind.TRANSCRIPT else "")
        faults = self.faults.of(session_id, kind, format_)
        if faults.empty_file:
            return b""
        content = self.content(session_id, kind, format_)
        body = content.read_bytes() if isinstance(content, Path) else content
        return gzip.compress(body, 6, mtime=0) if faults.gzip else body

    def _remember(self, key: tuple[str, str, str, Layout], body: bytes) -> None:
        if len(body) > _CACHE_BYTES // 4:
            return
        self._files[key] = body
        self._files_bytes += len(body)
        while self._files_bytes > _CACHE_BYTES:
            _, dropped = self._files.popitem(last=False)
            self._files_bytes -= len(dropped)

    # Download URLs

    def expires_at(self, session: SimulatedSession) -> datetime:
        """When a URL handed out now stops working."""
        deleted_at = (session.ended_at or self.clock.now()) + self.timing.retention
        lifetime_s = self.timing.url_lifetime_s
        if lifetime_s is None:
            return deleted_at
        return min(deleted_at, self.clock.now() + timedelta(seconds=lifetime_s))

    def signed_url(self, path: str, expires_at: datetime) -> str:
        """A URL under which the file can be had, without a token, until then."""
        expires = str(int(expires_at.timestamp()))
        query = urlencode({"signature": self._signature(path, expires), "expires": expires})
        return f"{self.origin}{path}?{query}"

    def is_signed(self, path: str, signature: str, expires: str) -> bool:
        return hmac.compare_digest(
            self._signature(path, expires).encode(), signature.encode("utf-8", "replace")
        )

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()

    # The record of requests, and webhooks

    def note(self, request: Request) -> None:
        self.requests.append(request)
        self.counts[request.operation] += 1

    def blocked_s(self) -> float:
        """How long this request, and every other one, is refused for the rate limit: reference, 3.2."""
        now, limit = self.clock.now(), self.faults.rate_limit
        if now < self._blocked_until:
            return (self._blocked_until - now).total_seconds()
        if now - self._window_at >= _LIMIT_PERIOD:
            self._window_at, self._window_requests = now, 0
        self._window_requests += 1
        if not limit or self._window_requests <= limit:
            return 0
        self._window_requests = 0
        self._window_at = self._blocked_until = now + _LIMIT_PERIOD
        return _LIMIT_PERIOD.total_seconds()

    def sign(self, body: bytes) -> str:
        """The `rtk-signature` of a webhook body."""
        return self.webhooks.sign(body)
