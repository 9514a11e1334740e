"""The operations of RealtimeKit's API that an archive needs, each as one method."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote

from archiver.errors import (
    PayloadError,
    SettingsError,
    SourceRefusedError,
)
from archiver.model import TranscriptFormat, format_time
from archiver.realtimekit import payloads, results
from archiver.realtimekit.paging import Page, Walk
from archiver.realtimekit.transport import Answer, Call, Transport

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Mapping,
        Sequence,
    )
    from datetime import datetime, timedelta
    from types import TracebackType

    from archiver.clock import Clock
    from archiver.realtimekit.budget import Budget
    from archiver.realtimekit.results import (
        App,
        Offer,
        ParticipantDetails,
        Participants,
        PeerReport,
        SessionPayload,
        SummaryRequested,
        Webhook,
    )

P = TypeVar("P", bound=Page)

#: No list of anything is walked further than this.
PAGES_MAX = 10_000
APPS_PER_PAGE = 50
PARTICIPANTS_PER_PAGE = 100
#: Below this a page size is not halved again but left to the source; 0 stands for that.
PER_PAGE_MIN = 10
REFUSED_SIZE = frozenset({400, 422})


def _nothing(*_: object) -> None:
    """What is done with a count nobody asked for."""


class RealtimeKit:
    """A client of one account.

    `on_request` is told the operation and the status ("error" where there was none) of every
    request sent; `on_malformed` the app and the number of rows of a session list that could not be
    read, while the others go on.
    """

    def __init__(
        self,
        *,
        base_url: str,
        account_id: str,
        token: str,
        budget: Budget,
        clock: Clock,
        on_request: Callable[[str, str], None] = _nothing,
        on_malformed: Callable[[str, int], None] = _nothing,
        timeout_s: float = 30,
        attempts: int = 4,
        connections: int = 16,
        trust_env: bool = False,
    ) -> None:
        if not account_id.strip():
            raise SettingsError("CLOUDFLARE_ACCOUNT_ID is missing")
        self._prefix = f"/accounts/{_segment(account_id.strip())}/realtime/kit"
        self._on_malformed = on_malformed
        self._page_sizes: dict[str, int] = {}  #: by operation, what served where more was refused
        self._transport = Transport(
            base_url=base_url,
            token=token,
            budget=budget,
            clock=clock,
            on_request=on_request,
            timeout_s=timeout_s,
            attempts=attempts,
            connections=connections,
            trust_env=trust_env,
        )

    def clock_agrees(self, now: datetime) -> bool:
        """Whether our clock, which shows `now`, was found just now to agree with the source's."""
        return self._transport.timekeeping.agrees(now)

    @property
    def clock_offset(self) -> timedelta | None:
        """How far the source's clock was ahead of ours; None where no answer told the time."""
        return self._transport.timekeeping.offset

    @property
    def clock_doubt(self) -> timedelta:
        """By how much `clock_offset` may be wrong."""
        return self._transport.timekeeping.doubt

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)

    async def apps(self) -> list[App]:
        """All apps of the account."""
        found: dict[str, App] = {}
        path = f"{self._prefix}/apps"
        async for page in self._pages(
            "apps", path, {}, per_page=APPS_PER_PAGE, parse=payloads.parse_apps
        ):
            for app in page.items:
                found.setdefault(app.id, app)
        return list(found.values())

    async def sessions(
        self,
        app_id: str,
        *,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        status: str | None = None,
        search: str | None = None,
        associated_id: str | None = None,
        participants: str | None = None,
        sort_by: str = "createdAt",
        sort_order: str = "DESC",
        per_page: int = 100,
    ) -> AsyncGenerator[SessionPayload]:
        """The sessions of an app, each once, those of breakout rooms included.

        Sessions that begin while this walks are for the next walk; none is skipped for them.
        """
        query = {
            "sort_by": sort_by,
            "sort_order": sort_order,
            "start_time": format_time(start_time) if start_time else "",
            "end_time": format_time(end_time) if end_time else "",
            "status": status or "",
            "search": search or "",
            "associated_id": associated_id or "",
            "participants": participants or "",
        }
        seen: set[str] = set()

        def parse(body: str) -> results.SessionPage:
            return payloads.parse_sessions(body, app_id)

        path = self._path(app_id, "sessions")
        # As many may begin as a page holds, and push a whole page back: that is no end yet.
        walk = Walk(stale_pages_max=2)
        async for page in self._pages(
            "sessions", path, query, per_page=per_page, parse=parse, walk=walk
        ):
            if page.malformed:
                self._on_malformed(app_id, page.malformed)
            for item in page.items:
                if item.session.session_id not in seen:
                    seen.add(item.session.session_id)
                    yield item

    async def session(self, app_id: str, session_id: str) -> SessionPayload:
        """The details of one session."""
        call = Call(operation="session", path=self._path(app_id, "sessions", session_id))
        return await self._transport.send(
            call, lambda answer: payloads.parse_session(answer.body, app_id)
        )

    async def participants(self, app_id: str, session_id: str) -> Participants:
        """All participants of a session, in the order they joined."""
        path = self._path(app_id, "sessions", session_id, "participants")
        query = {"sort_by": "joinedAt", "sort_order": "ASC"}
        bodies: list[str] = []
        ids: set[str] = set()
        peer_ids: dict[str, None] = {}
        async for page in self._pages(
            "participants",
            path,
            query,
            per_page=PARTICIPANTS_PER_PAGE,
            parse=payloads.parse_participants,
        ):
            if not bodies or not page.ids <= ids:
                bodies.append(page.raw)
            ids |= page.ids
            peer_ids |= dict.fromkeys(page.peer_ids)
        return results.Participants(pages=tuple(bodies), count=len(ids), peer_ids=tuple(peer_ids))

    async def participant(
        self, app_id: str, session_id: str, participant_id: str
    ) -> ParticipantDetails:
        """The details of one participant."""
        path = self._path(app_id, "sessions", session_id, "participants", participant_id)
        call = Call(operation="participant", path=path)
        return await self._transport.send(
            call, lambda answer: payloads.parse_participant(answer.body)
        )

    async def chat(self, app_id: str, session_id: str) -> Offer:
        """Where the chat of a session can be downloaded."""
        return await self._offer("chat", app_id, session_id)

    async def transcript(
        self,
        app_id: str,
        session_id: str,
        format: TranscriptFormat | str,  # noqa: A002 — the source's own name for it
    ) -> Offer:
        """Where the transcript of a session can be downloaded in this format."""
        return await self._offer("transcript", app_id, session_id, {"format": str(format).upper()})

    async def summary(self, app_id: str, session_id: str) -> Offer:
        """Where the summary of a session can be downloaded."""
        return await self._offer("summary", app_id, session_id)

    async def request_summary(self, app_id: str, session_id: str) -> SummaryRequested:
        """Ask for a summary to be made: one request, never repeated here.

        SourceUnavailableError with `sent=False`: nothing was started. With `sent=True` nobody
        knows. SourceConflictError: one is being made already.
        """
        path = self._path(app_id, "sessions", session_id, "summary")
        call = Call(operation="request summary", path=path, method="POST")
        return await self._transport.send(
            call, lambda answer: payloads.parse_summary_requested(answer.body)
        )

    async def peer_report(
        self, app_id: str, peer_id: str, filters: Sequence[str] | None = None
    ) -> PeerReport:
        """The report on one peer's connection: devices, addresses, quality."""
        call = Call(
            operation="peer report",
            path=self._path(app_id, "sessions", "peer-report", peer_id),
            query={"filters": ",".join(filters)} if filters else {},
        )
        return await self._transport.send(
            call, lambda answer: payloads.parse_peer_report(answer.body)
        )

    async def webhooks(self, app_id: str) -> list[Webhook]:
        """The webhooks registered for an app."""
        call = Call(operation="webhooks", path=self._path(app_id, "webhooks"))
        return await self._transport.send(call, lambda answer: payloads.parse_webhooks(answer.body))

    async def create_webhook(
        self, app_id: str, name: str, url: str, events: Sequence[str]
    ) -> Webhook:
        """Register a webhook; not repeated after a failure, for it might be registered twice."""
        body = {"name": name, "url": url, "events": list(events), "enabled": True}
        call = Call(
            operation="create webhook",
            path=self._path(app_id, "webhooks"),
            method="POST",
            body=json.dumps(body).encode(),
        )
        return await self._transport.send(call, lambda answer: payloads.parse_webhook(answer.body))

    async def delete_webhook(self, app_id: str, webhook_id: str) -> None:
        """Remove a webhook."""
        path = self._path(app_id, "webhooks", webhook_id)
        call = Call(operation="delete webhook", path=path, method="DELETE")
        await self._transport.send(call, _ignore)

    async def _offer(
        self, artifact: str, app_id: str, session_id: str, query: Mapping[str, str] | None = None
    ) -> Offer:
        call = Call(
            operation=artifact,
            path=self._path(app_id, "sessions", session_id, artifact),
            query=query or {},
            may_be_missing=True,
        )

        def parse(answer: Answer) -> Offer:
            if answer.status == 404:
                return payloads.parse_missing(answer.body)
            body = "{}" if answer.status == 204 else answer.body
            return payloads.parse_offer(body, artifact, answer.status)

        return await self._transport.send(call, parse)

    async def _pages(
        self,
        operation: str,
        path: str,
        query: Mapping[str, str],
        *,
        per_page: int,
        parse: Callable[[str], P],
        walk: Walk | None = None,
    ) -> AsyncIterator[P]:
        """The pages of a list, from the first to the one that ends it."""
        given = {name: value for name, value in query.items() if value}
        walk = walk or Walk()

        async def ask(page_no: int, size: int) -> P:
            pages = {"page_no": str(page_no)} | ({"per_page": str(size)} if size else {})
            call = Call(operation=operation, path=path, query={**given, **pages})
            return await self._transport.send(call, lambda answer: parse(answer.body))

        page, size = await self._first_page(operation, per_page, lambda size: ask(1, size))
        for page_no in range(1, PAGES_MAX + 1):
            if page_no > 1:
                page = await ask(page_no, size)  # of one size: others would begin elsewhere
            yield page
            if walk.ends_with(page):
                return
        raise PayloadError(f"{operation}: more than {PAGES_MAX} pages", operation=operation)

    async def _first_page(
        self, operation: str, wanted: int, ask: Callable[[int], Awaitable[P]]
    ) -> tuple[P, int]:
        """The first page and its size, as large as the source allows: no document says how large.

        A size that is refused is halved, and at last left to the source. Only one that served is
        asked for from then on: a list refused for another reason makes no other list's pages small.
        """
        size = min(wanted, self._page_sizes.get(operation, wanted))
        refused = False
        while True:
            try:
                page = await ask(size)
            except SourceRefusedError as error:
                if error.status not in REFUSED_SIZE or not size:
                    raise
                refused = True
                size = size // 2 if size > PER_PAGE_MIN else 0
            else:
                if refused:
                    self._page_sizes[operation] = size
                return page, size

    def _path(self, app_id: str, *names: str) -> str:
        return "/".join([self._prefix, *map(_segment, (app_id, *names))])


def _segment(name: str) -> str:
    """One segment of a path, whatever the id holds: it cannot climb out of its place."""
    if not name:
        raise ValueError("an empty id would name something else")
    if not name.strip("."):
        return name.replace(".", "%2E")
    return quote(name, safe="", errors="surrogatepass")


def _ignore(_: Answer) -> None:
    """Any 2xx will do."""
