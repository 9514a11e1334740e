from __future__ import annotations

import asyncio
import json
import logging
import traceback
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from archiver.errors import (
    PayloadError,
    RateLimitedError,
    SettingsError,
    SourceConflictError,
    SourceDeniedError,
    SourceError,
    SourceNotFoundError,
    SourceRefusedError,
    SourceUnavailableError,
)
from archiver.realtimekit import Budget, RealtimeKit
from archiver.realtimekit import transport as transport_module
from archiver.simulated import SettableClock, SimulatedSource, generate_meetings, serve
from tests.archiver.realtimekit.servers import (
    APP,
    SESSION,
    START,
    TOKEN,
    FakeClock,
    Handler,
    Script,
    answer,
    client_of,
    listing,
    raw_serving,
    serving,
    serving_with_its_own_certificate,
    session,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from aiohttp import web

BASE = f"/accounts/account/realtime/kit/{APP}"
GOOD = answer({"success": True, "data": {"chat_download_url": "https://h.example/x?sig=1"}})
HTML = "<html><body>502 Bad Gateway</body></html>"
REALTIMEKIT = {"success": False, "error": {"code": 0, "message": "Error: it went wrong"}}
CLOUDFLARE = {"success": False, "errors": [{"code": 10000, "message": "Error: it went wrong"}]}


async def ids(client: RealtimeKit, **filters: Any) -> list[str]:
    """The ids of a walk over all sessions."""
    return [item.session.session_id async for item in client.sessions(APP, **filters)]


async def test_the_request_of_every_operation() -> None:
    """Each operation asks the documented path with the documented parameters and the token."""
    everything = {
        "success": True,
        "data": session(1) | {"id": "h", "sessions": [], "participants": [], "webhooks": []},
    }
    script = Script([answer(everything)])
    async with serving(script) as url, client_of(url) as client:
        await ids(
            client, start_time=START, end_time=START, status="ENDED", search="a b", per_page=7
        )
        await client.session(APP, SESSION)
        await client.participants(APP, SESSION)
        await client.participant(APP, SESSION, "p")
        await client.chat(APP, SESSION)
        await client.transcript(APP, SESSION, "json")
        await client.summary(APP, SESSION)
        await client.request_summary(APP, SESSION)
        await client.peer_report(APP, "peer", ["device_info", "events"])
        await client.webhooks(APP)
        await client.create_webhook(APP, "n", "https://x", ["meeting.ended"])
        await client.delete_webhook(APP, "h")

    one = f"{BASE}/sessions/{SESSION}"
    query = (
        "sort_by=createdAt&sort_order=DESC&start_time=2026-06-10T10:30:00.000Z"
        "&end_time=2026-06-10T10:30:00.000Z&status=ENDED&search=a+b&page_no=1&per_page=7"
    )
    expected = [
        f"GET {BASE}/sessions?{query}",
        f"GET {one}",
        f"GET {one}/participants?sort_by=joinedAt&sort_order=ASC&page_no=1&per_page=100",
        f"GET {one}/participants/p",
        f"GET {one}/chat",
        f"GET {one}/transcript?format=JSON",
        f"GET {one}/summary",
        f"POST {one}/summary",
        f"GET {BASE}/sessions/peer-report/peer?filters=device_info,events",
        f"GET {BASE}/webhooks",
        f"POST {BASE}/webhooks",
        f"DELETE {BASE}/webhooks/h",
    ]
    assert [f"{request.method} {request.raw_path}" for request in script.requests] == expected
    assert {request.headers["Authorization"] for request in script.requests} == {f"Bearer {TOKEN}"}
    assert not any("Cookie" in request.headers for request in script.requests)
    assert script.bodies[7] == b""
    assert "Content-Type" not in script.requests[7].headers
    assert json.loads(script.bodies[10]) == {
        "name": "n", "url": "https://x", "events": ["meeting.ended"], "enabled": True,
    }  # fmt: skip


async def test_an_id_cannot_climb_out_of_its_place() -> None:
    """Whatever an id holds, it stays one segment of the path."""
    script = Script([GOOD])
    async with serving(script) as url, client_of(url) as client:
        for name in ("a/../../b?c#d", "..", "ü", "%2e%2e"):
            await client.chat(APP, name)
        with pytest.raises(ValueError, match="empty id"):
            await client.chat(APP, "")

    middles = [
        path.removeprefix(f"{BASE}/sessions/").removesuffix("/chat") for path in script.paths
    ]
    assert middles == ["a%2F..%2F..%2Fb%3Fc%23d", "%2E%2E", "%C3%BC", "%252e%252e"]


class Growing:
    """A list of sessions, newest first, into which rows are put while it is read."""

    def __init__(
        self, rows: int, *, grows: Iterable[int] = (), says: str = "all", clamp: int = 1000
    ) -> None:
        self.numbers = list(range(rows, 0, -1))
        self.grows = iter(grows)  #: rows inserted after each request
        self.says, self.clamp = says, clamp
        self.requests = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        per_page = min(int(request.query["per_page"]), self.clamp)
        start = (int(request.query["page_no"]) - 1) * per_page
        part = self.numbers[start : start + per_page]
        end = start + len(part)
        paging = {"total_count": len(self.numbers), "start_offset": start + 1, "end_offset": end}
        newest = self.numbers[0]
        self.numbers = [*range(newest + next(self.grows, 0), newest, -1), *self.numbers]
        said = {"all": paging, "total": {"total_count": len(self.numbers)}, "nothing": None}
        return answer(listing(*map(session, part), paging=said[self.says]))


STEADY: list[Iterable[int]] = [[], [1] * 99, [2] * 99, [3], [0, 3, 0, 3], [3, 0] * 9, [5, 0] * 9]


@pytest.mark.parametrize(
    ("says", "grows"),
    [
        *product(["all", "total", "nothing"], STEADY),
        # Only where a page says how far it reaches can this be told from having no pages at all.
        *product(["all"], [[3] * 5, [7] * 5]),
    ],
)
async def test_paging_neither_skips_nor_repeats(says: str, grows: list[int]) -> None:
    """While rows are inserted in front, each session that was there is given exactly once."""
    server = Growing(10, grows=grows, says=says)
    async with serving(server) as url, client_of(url) as client:
        found = await ids(client, per_page=3)

    assert len(found) == len(set(found))
    assert {str(session(number)["id"]) for number in range(1, 11)} <= set(found)


async def test_a_page_size_that_the_source_clamps() -> None:
    """A source that gives fewer rows than asked for is walked to its end all the same."""
    server = Growing(10, clamp=3)
    async with serving(server) as url, client_of(url) as client:
        found = await ids(client, per_page=100)

    assert (len(found), server.requests) == (10, 4)


async def test_one_page_is_one_request() -> None:
    """A list that fits a page costs one request."""
    server = Growing(10)
    async with serving(server) as url, client_of(url) as client:
        await ids(client)

    assert server.requests == 1


async def test_malformed_rows_are_reported_beside_the_others() -> None:
    """A row that cannot be read is counted, and the walk goes on."""
    script = Script([answer(listing(session(1), {"id": 5}, session(2))), answer(listing())])
    malformed: list[tuple[str, int]] = []
    async with (
        serving(script) as url,
        client_of(url, on_malformed=lambda *seen: malformed.append(seen)) as client,
    ):
        assert len(await ids(client)) == 2

    assert malformed == [(APP, 1)]


async def test_apps_of_all_pages() -> None:
    """The apps of every page are listed, each once."""
    pages = [
        answer({"data": [{"id": "a"}, {"id": "b"}], "paging": {"total_count": 3, "end_offset": 2}}),
        answer({"data": [{"id": "b"}, {"id": "c"}], "paging": {"total_count": 3, "end_offset": 3}}),
    ]
    async with serving(Script([*pages])) as url, client_of(url) as client:
        assert [app.id for app in await client.apps()] == ["a", "b", "c"]


def people(*names: str, **paging: int) -> str:
    """A page of participants, oddly spaced."""
    rows = [{"id": name} for name in names]
    return json.dumps({"data": {"participants": rows, "paging": paging or None}}, indent=3) + " \n"


async def test_participants_of_all_pages_as_they_were_sent() -> None:
    """Every page's body is kept exactly; the last offset ends the walk."""
    bodies = [
        people("a", "b", total_count=3, end_offset=2),
        people("c", total_count=3, end_offset=3),
    ]
    script = Script([answer(body) for body in bodies])
    async with serving(script) as url, client_of(url) as client:
        found = await client.participants(APP, SESSION)

    assert (found.pages, found.count, len(script.requests)) == (tuple(bodies), 3, 2)


@pytest.mark.parametrize("second", [people(), people("a")])
async def test_participants_without_paging(second: str) -> None:
    """Without paging one more page is asked for, and kept only if it brings anybody."""
    script = Script([answer(people("a")), answer(second)])
    async with serving(script) as url, client_of(url) as client:
        found = await client.participants(APP, SESSION)

    assert (found.pages, len(script.requests)) == ((people("a"),), 2)


async def test_a_session_without_participants() -> None:
    """An empty first page is kept: it is what the source said."""
    async with serving(Script([answer(people())])) as url, client_of(url) as client:
        found = await client.participants(APP, SESSION)

    assert (found.pages, found.count) == ((people(),), 0)


async def test_a_body_that_is_no_utf8_is_kept() -> None:
    """Bytes that are no UTF-8 reach the record unchanged."""
    body = b'{"data":{"participants":[{"id":"a","display_name":"\xff\xfe"}],"paging":{"total_count":1,"end_offset":1}}}'
    async with serving(Script([answer(body)])) as url, client_of(url) as client:
        found = await client.participants(APP, SESSION)

    assert found.pages[0].encode("utf-8", "surrogateescape") == body


@pytest.mark.parametrize("status", [404, 200, 204])
async def test_no_artifact_yet(status: int) -> None:
    """404, a 200 without data and a 204 are answers: there is none (yet)."""
    none = answer("" if status == 204 else {"success": status == 200}, status)
    script = Script([none])
    async with serving(script) as url, client_of(url) as client:
        offers = [
            await client.chat(APP, SESSION),
            await client.transcript(APP, SESSION, "VTT"),
            await client.summary(APP, SESSION),
        ]

    assert [(offer.url, offer.status) for offer in offers] == [(None, status)] * 3
    assert len(script.requests) == 3


STATUSES: list[tuple[int, type[SourceError], int]] = [
    (302, SourceRefusedError, 1),
    (400, SourceRefusedError, 1),
    (401, SourceDeniedError, 1),
    (403, SourceDeniedError, 1),
    (404, SourceNotFoundError, 1),
    (408, SourceUnavailableError, 4),
    (409, SourceConflictError, 1),
    (422, SourceRefusedError, 1),
    (429, RateLimitedError, 8),
    (500, SourceUnavailableError, 4),
    (502, SourceUnavailableError, 4),
    (503, SourceUnavailableError, 4),
]


@pytest.mark.parametrize("body", [REALTIMEKIT, CLOUDFLARE], ids=["realtimekit", "cloudflare"])
@pytest.mark.parametrize(("status", "kind", "requests"), STATUSES)
async def test_every_status_in_both_shapes(
    status: int, kind: type[SourceError], requests: int, body: object
) -> None:
    """Each status is its own error with the source's message; only transient ones are retried."""
    script = Script([answer(body, status, Location="https://elsewhere.example/")])
    async with serving(script) as url, client_of(url) as client:
        with pytest.raises(SourceError, match="it went wrong") as caught:
            await client.session(APP, SESSION)

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.operation) == (status, "session")
    assert len(script.requests) == requests
    assert str(caught.value).startswith(f"session: {status} ")


@pytest.mark.parametrize("status", [200, 500, 502])
async def test_html_is_no_answer(status: int) -> None:
    """An HTML body, on 200 or 502, means that the source is not available; its text stays out."""
    async with serving(Script([answer(HTML, status)])) as url, client_of(url) as client:
        with pytest.raises(SourceUnavailableError) as caught:
            await client.chat(APP, SESSION)

    assert "<" not in str(caught.value)
    assert caught.value.status == status


@pytest.mark.parametrize("first", [answer(HTML, 502), answer(HTML), answer({"success": False})], ids=["502", "html", "failure"])  # fmt: skip
async def test_a_passing_failure_is_retried(first: web.Response) -> None:
    """What is transient is tried again after a growing, capped wait on the given clock."""
    clock, script = FakeClock(), Script([first, first, GOOD])
    seen: list[tuple[str, str]] = []
    async with (
        serving(script) as url,
        client_of(url, clock=clock, on_request=lambda *call: seen.append(call)) as client,
    ):
        offer = await client.chat(APP, SESSION)

    assert offer.url is not None
    assert seen == [("chat", str(first.status))] * 2 + [("chat", "200")]
    assert len(clock.slept) == 2
    assert 0.5 <= clock.slept[0] <= 2 <= 2 * clock.slept[1] <= 6


async def test_data_that_is_missing_is_retried_and_then_an_error() -> None:
    """A 2xx without what it must have is a PayloadError that names the operation."""
    script = Script([answer({"success": True})])
    async with serving(script) as url, client_of(url) as client:
        with pytest.raises(PayloadError, match="session: the answer has no data"):
            await client.session(APP, SESSION)

    assert len(script.requests) == 4


async def test_five_minutes_are_waited_by_the_whole_process() -> None:
    """After one 429 with Retry-After 300 no concurrent request leaves for five minutes."""
    clock, times = FakeClock(), list[datetime]()
    limited = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        times.append(clock.now())
        if len(times) == 1:
            return answer(CLOUDFLARE, 429, Retry_After="300")
        return answer({"data": {"chat_download_url": "https://h.example/x"}})

    class Watched(Budget):
        def pause(self, seconds: float) -> None:
            super().pause(seconds)
            limited.set()

    budget = Watched(100, 300, clock)
    async with (
        serving(handler) as url,
        client_of(url, clock=clock, budget=budget) as first,
        client_of(url, clock=clock, budget=budget) as second,
    ):
        limited_one = asyncio.create_task(first.chat(APP, "0"))
        await limited.wait()
        assert budget.paused_until == START + timedelta(seconds=300)
        others = [kit.chat(APP, str(number)) for kit in (first, second) for number in range(1, 6)]
        offers = await asyncio.gather(limited_one, *others)

    assert all(offer.url for offer in offers)
    assert len(times) == 12
    assert all(time >= START + timedelta(seconds=300) for time in times[1:])


IN_AN_HOUR = format_datetime(START + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({}, 300),
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "86400"}, 86400),
        ({"Retry_After": "0"}, 1),
        ({"Retry_After": "-5"}, 1),
        ({"Retry_After": "1.5"}, 1.5),
        ({"Retry_After": "soon"}, 300),
        ({"Retry_After": "nan"}, 300),
        ({"Retry_After": IN_AN_HOUR}, 3600),
        ({"X_Ratelimit_Reset": IN_AN_HOUR}, 3600),
        ({"Retry_After": "Wed, 10 Jun 2020 10:30:00 GMT"}, 1),
    ],
)
async def test_retry_after_of_any_form(headers: dict[str, str], pause_s: float) -> None:
    """Seconds of any length, a date, nonsense and nothing: the pause is obeyed before the retry."""
    clock, script = FakeClock(), Script([answer(CLOUDFLARE, 429, **headers), GOOD])
    async with serving(script) as url, client_of(url, clock=clock) as client:
        await client.chat(APP, SESSION)

    assert [slept for slept in clock.slept if slept] == [pause_s]


async def test_retry_after_of_a_503_is_obeyed_too() -> None:
    """A Retry-After beside another status pauses everyone as well."""
    clock = FakeClock()
    script = Script([answer(HTML, 503, Retry_After="900"), GOOD])
    async with serving(script) as url, client_of(url, clock=clock) as client:
        await client.chat(APP, SESSION)

    assert clock.now() >= START + timedelta(seconds=900)


async def test_every_request_is_taken_from_the_budget() -> None:
    """Retries included, no request leaves without a place in the window."""
    clock = FakeClock()
    budget = Budget(2, 300, clock)
    script = Script([answer(HTML, 500), answer(HTML, 500), GOOD])
    async with serving(script) as url, client_of(url, clock=clock, budget=budget) as client:
        await client.chat(APP, SESSION)

    assert clock.now() >= START + timedelta(seconds=300)


async def test_nothing_that_waits_for_a_connection_leaves_in_a_pause() -> None:
    """With one connection and many callers, the first 429 holds back all that had not left."""
    clock, times = FakeClock(), list[datetime]()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        times.append(clock.now())
        limited = len(times) == 1
        return answer({"data": {}}, 429 if limited else 200, Retry_After="3600")

    async with serving(handler) as url, client_of(url, clock=clock, connections=1) as client:
        await asyncio.gather(*(client.chat(APP, str(number)) for number in range(5)))

    assert len(times) == 6
    assert all(time >= START + timedelta(hours=1) for time in times[1:])


async def test_a_request_without_an_answer_is_counted_too() -> None:
    """The caller is told of every request that was sent, with "error" where nothing came back."""
    seen: list[tuple[str, str]] = []
    async with (
        serving(Script([reset])) as url,
        client_of(url, attempts=2, on_request=lambda *call: seen.append(call)) as client,
    ):
        with pytest.raises(SourceUnavailableError, match="the connection broke"):
            await client.session(APP, SESSION)

    assert seen == [("session", "error")] * 2


async def too_late(request: web.BaseRequest) -> web.StreamResponse:
    """Accept, and say nothing."""
    await asyncio.sleep(3600)
    return answer({})


async def reset(request: web.BaseRequest) -> web.StreamResponse:
    """Accept, and break the connection."""
    assert request.transport is not None
    request.transport.abort()
    return answer({})


POST_FATES: list[tuple[web.Response | Handler, type[SourceError]]] = [
    (answer(REALTIMEKIT, 400), SourceRefusedError),
    (answer(REALTIMEKIT, 401), SourceDeniedError),
    (answer(REALTIMEKIT, 404), SourceNotFoundError),
    (answer(REALTIMEKIT, 409), SourceConflictError),
    (answer(CLOUDFLARE, 429, Retry_After="300"), RateLimitedError),
    (answer(REALTIMEKIT, 500), SourceUnavailableError),
    (answer(HTML, 502), SourceUnavailableError),
    (too_late, SourceUnavailableError),
    (reset, SourceUnavailableError),
]


@pytest.mark.parametrize(("fate", "kind"), POST_FATES)
async def test_a_summary_is_asked_for_once(
    fate: web.Response | Handler, kind: type[SourceError]
) -> None:
    """POST summary is never repeated, whatever becomes of it, and nobody claims it was unsent."""
    script = Script([fate, answer({"data": {"status": "second"}})])
    async with serving(script) as url, client_of(url, timeout_s=0.2) as client:
        with pytest.raises(SourceError) as caught:
            await client.request_summary(APP, SESSION)

    assert type(caught.value) is kind
    assert getattr(caught.value, "sent", True)
    assert [request.method for request in script.requests] == ["POST"]


async def test_a_webhook_is_created_once() -> None:
    """Creating a webhook is not repeated either."""
    script = Script([answer(HTML, 500)])
    async with serving(script) as url, client_of(url) as client:
        with pytest.raises(SourceUnavailableError):
            await client.create_webhook(APP, "n", "https://x", [])

    assert len(script.requests) == 1


async def test_a_post_on_a_kept_connection_that_died_is_not_repeated() -> None:
    """A connection the server closes on the second request is no reason to send it again."""
    script = Script([GOOD, reset, GOOD])
    async with serving(script) as url, client_of(url) as client:
        await client.chat(APP, SESSION)
        with pytest.raises(SourceUnavailableError) as caught:
            await client.request_summary(APP, SESSION)

    assert caught.value.sent
    assert [request.method for request in script.requests] == ["GET", "POST"]


async def test_a_post_that_never_left() -> None:
    """Where nobody listens, the request provably was not sent."""
    async with serving(Script([GOOD])) as url:
        pass
    async with client_of(url) as client:
        with pytest.raises(SourceUnavailableError) as caught:
            await client.request_summary(APP, SESSION)

    assert not caught.value.sent


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_accepts_a_summary(status: int) -> None:
    """Whatever 2xx answers POST summary, with whatever body, it was accepted."""
    body = "" if status == 204 else "OK"
    async with serving(Script([answer(body, status)])) as url, client_of(url) as client:
        assert (await client.request_summary(APP, SESSION)).status == ""


async def cut_short(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Announce more than is sent."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"data":{}')
    await writer.drain()


async def gibberish(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer with something that is no HTTP."""
    writer.write(b"\x16\x03\x01\x00\xff what?\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("respond", [cut_short, gibberish])
async def test_broken_answers(
    respond: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    """A short body and a broken protocol are transient."""
    async with raw_serving(respond) as url, client_of(url) as client:
        with pytest.raises(SourceUnavailableError):
            await client.chat(APP, SESSION)


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer beyond the bound is not read on."""
    monkeypatch.setattr(transport_module, "BODY_BYTES_MAX", 1000)
    async with serving(Script([answer("x" * 2000)])) as url, client_of(url) as client:
        with pytest.raises(SourceUnavailableError, match="longer than 1000 bytes"):
            await client.chat(APP, SESSION)


async def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    """A source that cannot prove who it is gets no token, and provably no request."""
    script = Script([GOOD])
    async with (
        serving_with_its_own_certificate(script, tmp_path) as url,
        client_of(url) as client,
    ):
        with pytest.raises(SourceUnavailableError, match="certificate") as caught:
            await client.request_summary(APP, SESSION)

    assert not caught.value.sent
    assert script.requests == []


async def test_no_cookie_is_kept() -> None:
    """A cookie the source sets is not sent back."""
    cookie = answer({"data": {}}, Set_Cookie="a=b")
    script = Script([cookie])
    async with serving(script) as url, client_of(url) as client:
        await client.chat(APP, SESSION)
        await client.chat(APP, SESSION)

    assert "Cookie" not in script.requests[1].headers


async def test_redirects_are_not_followed() -> None:
    """The token is not carried to wherever the API redirects."""
    elsewhere = Script([GOOD])
    async with serving(elsewhere) as other:
        script = Script([answer({}, 307, Location=f"{other}/x")])
        async with serving(script) as url, client_of(url) as client:
            with pytest.raises(SourceRefusedError, match="redirects are not followed"):
                await client.chat(APP, SESSION)

    assert elsewhere.requests == []


async def test_the_token_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """No repr, message, traceback or log holds the token, even if the source echoes it."""
    caplog.set_level(logging.DEBUG)
    echo = {"success": False, "error": {"code": 403, "message": f"bad token {TOKEN}"}}
    shown: list[str] = []
    for fate in (answer(echo, 403), answer({"success": False, "message": TOKEN}), reset):
        async with serving(Script([fate])) as url, client_of(url, attempts=2) as client:
            shown.extend((repr(client), repr(client._transport), repr(client._transport._token)))
            with pytest.raises(SourceError) as caught:
                await client.session(APP, SESSION)
            shown.extend((str(caught.value), repr(caught.value)))
            shown.extend(traceback.format_exception(caught.value))

    assert TOKEN not in "\n".join(shown) + caplog.text


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "naïve"])
def test_a_token_that_cannot_be(token: str) -> None:
    """A token that would break a header is a settings error that does not show it."""
    with pytest.raises(SettingsError) as caught:
        transport_module.Token(token)

    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    ["https://api.cloudflare.com/client/v4/", "http://127.0.0.1:8787/client/v4", "http://localhost",
     "http://[::1]:9", "https://10.0.0.1/x"],
)  # fmt: skip
def test_base_urls(base_url: str) -> None:
    """HTTPS anywhere and plain HTTP on loopback are accepted."""
    assert transport_module.checked_base_url(base_url) == base_url.rstrip("/")


@pytest.mark.parametrize(
    "base_url",
    ["", "api.cloudflare.com", "http://api.cloudflare.com", "http://10.0.0.1", "ftp://127.0.0.1",
     "https://user:pass@api.example", "https://api.example/?a=b", "https://api.example/#a",
     "http://localhost.example.com", "https://[", "file:///etc/passwd"],
)  # fmt: skip
def test_refused_base_urls(base_url: str) -> None:
    """Anything else is a settings error that names the setting and shows no password."""
    with pytest.raises(SettingsError, match="CLOUDFLARE_BASE_URL") as caught:
        transport_module.checked_base_url(base_url)

    assert "pass" not in str(caught.value)


async def test_an_account_is_needed() -> None:
    """Without an account id the client is not made."""
    with pytest.raises(SettingsError, match="CLOUDFLARE_ACCOUNT_ID"):
        async with client_of("http://127.0.0.1:1") as client:
            RealtimeKit(
                base_url="https://x", account_id=" ", token="t",
                budget=client._transport._budget, clock=FakeClock(),
            )  # fmt: skip


async def test_a_proxy_of_the_environment_is_used_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The environment's proxy is ignored by default, and never asked for loopback."""
    proxy = Script([GOOD])
    async with serving(proxy) as proxy_url, serving(Script([GOOD])) as url:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy_url)
        for trust_env in (False, True):
            async with client_of(url, trust_env=trust_env) as client:
                await client.chat(APP, SESSION)

    assert proxy.requests == []


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        {"success": False, "errors": [{"code": 7003, "message": "Could not route"}]},
        {"errors": [{"code": 1}, {"code": "7000"}]},
        [],
    ],
)
async def test_a_404_that_is_not_about_the_session_is_no_evidence(body: object) -> None:
    """A page of HTML and an error of the gateway say nothing of an artifact: they are transient."""
    script = Script([answer(body, 404), GOOD])
    async with serving(script) as url, client_of(url) as client:
        assert (await client.chat(APP, SESSION)).url is not None

    lasting = Script([answer(body, 404)])
    async with serving(lasting) as url, client_of(url) as client:
        with pytest.raises(PayloadError, match="404"):
            await client.chat(APP, SESSION)


@pytest.mark.parametrize(
    "body", ["", " \n", "{}", REALTIMEKIT, CLOUDFLARE, {"message": "Not found"}, {"errors": []}]
)
async def test_a_404_about_the_session_is_an_answer(body: object) -> None:
    """Empty, or an error in either shape: there is none, and a summary may be asked for."""
    script = Script([answer(body, 404)])
    async with serving(script) as url, client_of(url) as client:
        offer = await client.chat(APP, SESSION)

    assert (offer.url, offer.status, len(script.requests)) == (None, 404, 1)


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "data": "https://h.example/x"},
        {"errors": [{"code": 10000}], "result": None},
        {"success": "false", "error": {"code": 500}},
        {"success": False},
        *({"success": no} for no in ("false", "FALSE", " False ", 0, "0", "no")),
        {"success": True, "data": {"chat_download_url": False}},
        {"success": True, "data": []},
    ],
)
async def test_a_200_that_holds_an_error_is_no_evidence(body: object) -> None:
    """What cannot be an offer is neither an offer nor the absence of one."""
    async with serving(Script([answer(body)])) as url, client_of(url) as client:
        with pytest.raises(PayloadError):
            await client.chat(APP, SESSION)


async def test_a_blank_url_is_no_url() -> None:
    """White space in the place of a URL offers nothing."""
    body = {"success": True, "data": {"chat_download_url": "  "}}
    async with serving(Script([answer(body)])) as url, client_of(url) as client:
        assert (await client.chat(APP, SESSION)).url is None


async def test_the_library_sends_nothing_by_itself() -> None:
    """What the server sees is what the budget gave and what was counted, though connections die."""
    budget, counted, connections = Budget(100, 300, FakeClock()), list[str](), set[object]()

    async def closed(request: web.BaseRequest) -> web.StreamResponse:
        connections.add(request.transport)
        return await (good if len(script.requests) == 1 else reset)(request)

    async def good(request: web.BaseRequest) -> web.StreamResponse:
        return answer({"data": {"chat_download_url": "https://h.example/x"}})

    script = Script([closed, closed, GOOD])
    async with (
        serving(script) as url,
        client_of(
            url, budget=budget, on_request=lambda _name, status: counted.append(status)
        ) as client,
    ):
        await client.chat(APP, SESSION)
        await client.chat(APP, SESSION)

    assert len(connections) == 1, "the second request was on the connection that was kept"
    assert counted == ["200", "error", "200"]
    assert len(script.requests) == len(counted) == 100 - budget.left()


@pytest.mark.parametrize(
    ("status", "headers", "pause_s"),
    [
        (500, {"X_Ratelimit_Reset": format_datetime(START + timedelta(hours=1))}, 0),
        (429, {"X_Ratelimit_Reset": str(int(START.timestamp()) + 40)}, 40),
        (429, {"Retry_After": "7", "X_Ratelimit_Reset": "90"}, 7),
        (429, {"X_Ratelimit_Reset": str(int(START.timestamp() * 1000) + 40_000)}, 40),
        (429, {"X_Ratelimit_Reset": format_datetime(START + timedelta(days=2))}, 2 * 86_400),
        (429, {"X_Ratelimit_Reset": "90"}, 300),
        (429, {"X_Ratelimit_Reset": "1e300"}, 300),
        (503, {"X_Ratelimit_Reset": str(int(START.timestamp()) + 40)}, 0),
        (429, {"Retry_After": "soon", "X_Ratelimit_Reset": format_datetime(START + timedelta(hours=1))}, 3600),
        (429, {"Retry_After": "inf"}, 300),
        (429, {"Retry_After": "1e300"}, 300),
        (429, {"Retry_After": str(int(START.timestamp() * 1000) + 40_000)}, 40),
        (429, {"Retry_After": format_datetime(START + timedelta(days=2))}, 2 * 86_400),
        (429, {"Retry_After": str(3 * 86_400)}, 3 * 86_400),
    ],
)  # fmt: skip
async def test_how_long_it_keeps_away(status: int, headers: dict[str, str], pause_s: float) -> None:
    """The reset of a window counts only where the limit was hit; a moment is no length of time."""
    clock = FakeClock()
    script = Script([answer({}, status, **headers), GOOD])
    async with serving(script) as url, client_of(url, clock=clock) as client:
        await client.chat(APP, SESSION)

    assert abs(sum(clock.slept) - pause_s) < 3


@pytest.mark.parametrize("most", [50, 25, 7, 0])
async def test_a_source_that_refuses_large_pages(most: int) -> None:
    """A page size that is refused is halved, at last left out, and remembered."""
    rows = [session(number) for number in range(12)]

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        asked = request.query.get("per_page")
        if asked is not None and int(asked) > most:
            return answer(REALTIMEKIT, 400)
        size = int(asked or 5)
        start = (int(request.query["page_no"]) - 1) * size
        part = rows[start : start + size]
        paging = {"total_count": len(rows), "end_offset": start + len(part)}
        return answer(listing(*part, paging=paging))

    script = Script([respond])
    async with serving(script) as url, client_of(url) as client:
        first = await ids(client)
        asked = len(script.requests)
        assert len(first) == len(set(first)) == 12
        assert await ids(client) == first
        assert len(script.requests) - asked < asked


async def test_a_refusal_for_another_reason_makes_no_page_small() -> None:
    """A list that is refused whatever its size leaves the page size of the others as it was."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        if request.query.get("search") == "bad":
            return answer(REALTIMEKIT, 400)
        return answer(listing(paging={"total_count": 0, "end_offset": 0}))

    script = Script([respond])
    async with serving(script) as url, client_of(url) as client:
        with pytest.raises(SourceRefusedError):
            await ids(client, search="bad")
        await ids(client)

    assert script.requests[-1].query["per_page"] == "100"


async def test_a_walk_keeps_to_one_page_size() -> None:
    """While another walk learns a smaller size, the pages of this one still begin where they did."""
    rows = [session(number) for number in range(9)]
    most = 100

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        size, number = int(request.query.get("per_page", "2")), int(request.query["page_no"])
        if number == 1 and size > most:
            return answer(REALTIMEKIT, 422)
        start = (number - 1) * size
        part = rows[start : start + size]
        return answer(listing(*part, paging={"total_count": 9, "end_offset": start + len(part)}))

    script = Script([respond])
    async with serving(script) as url, client_of(url) as client:
        walk = client.sessions(APP, per_page=4)
        first = await anext(walk)
        most = 2
        await anext(client.sessions(APP, per_page=20))
        rest = [item async for item in walk]

    assert len({item.session.session_id for item in (first, *rest)}) == 9
    asked = [(r.query["page_no"], r.query.get("per_page")) for r in script.requests]
    assert [each for each in asked if each[1] == "4"] == [("1", "4"), ("2", "4"), ("3", "4")]


@pytest.mark.parametrize("most", [50, 25, 7])
async def test_lists_of_a_simulated_source_that_refuses_large_pages(most: int) -> None:
    """Sessions, participants and apps are listed whole, and the size that served is remembered."""
    clock = SettableClock(START)
    source = SimulatedSource(clock=clock, meetings=generate_meetings(30))
    source.faults.paging.refuse_more = True
    source.faults.paging.most_per_page = most
    app_id, session_id = source.apps[0].app_id, source.session_ids[0]
    requests: list[str] = []
    async with (
        serve(source) as server,
        RealtimeKit(
            base_url=server.base_url, account_id="simulated-account", token=source.token,
            budget=Budget(10_000, 300, FakeClock()), clock=FakeClock(),
            on_request=lambda _name, status: requests.append(status),
        ) as client,
    ):  # fmt: skip
        first = [item.session.session_id async for item in client.sessions(app_id)]
        assert [app.id for app in await client.apps()] == [app.app_id for app in source.apps]
        assert (await client.participants(app_id, session_id)).count
        refused = requests.count("400")
        again = [item.session.session_id async for item in client.sessions(app_id)]

    assert sorted(first) == sorted(source.session_ids)
    assert again == first
    assert 0 < refused == requests.count("400")


async def test_back_off_has_jitter_and_a_cap() -> None:
    """Waits grow, differ, and never exceed twenty seconds and one."""
    waits = []
    for _ in range(6):
        clock = FakeClock()
        script = Script([answer({}, 503)])
        async with serving(script) as url, client_of(url, clock=clock, attempts=9) as client:
            with pytest.raises(SourceUnavailableError):
                await client.chat(APP, SESSION)
        waits.append([each for each in clock.slept if each])

    assert all(len(each) == 8 for each in waits)
    assert all(20 <= each[-1] <= 21 for each in waits)
    assert len({each[0] for each in waits}) > 1


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "xn--.example", "xn--a.example"])
async def test_a_base_url_without_a_host(host: str) -> None:
    """What no host can be called is a setting to mend, not a crash at the first request."""
    with pytest.raises(SettingsError, match="CLOUDFLARE_BASE_URL"):
        async with client_of(f"https://{host}/client"):
            pass


@pytest.mark.parametrize(
    "proxy", ["http://[", "ftp://x", "http://", "http://a..b:1", "http://xn--a:1", "http://x:99999"]
)
async def test_a_proxy_that_is_no_url(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and nothing is sent past it."""
    monkeypatch.setenv("https_proxy", proxy)
    async with client_of("https://source.invalid", trust_env=True) as client:
        with pytest.raises(SettingsError, match="HTTPS_PROXY"):
            await client.chat(APP, SESSION)


@pytest.mark.parametrize("no_proxy", ["source.invalid", ".invalid", "*"])
async def test_a_source_beside_the_proxy(no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is asked where it is asked for, except for what NO_PROXY names."""
    proxy = Script([answer("", 403)])
    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("https_proxy", proxy_url.removeprefix("http://"))
        asked = []
        for trust_env, beside in ((True, ""), (False, ""), (True, no_proxy)):
            monkeypatch.setenv("no_proxy", beside)
            base_url = "https://source.invalid"
            async with client_of(base_url, trust_env=trust_env, attempts=1) as client:
                with pytest.raises(SourceUnavailableError):
                    await client.chat(APP, SESSION)
            asked.append(len(proxy.requests))

    assert asked == [1, 1, 1]
    assert proxy.requests[0].method == "CONNECT"


async def test_the_token_is_not_repeated_as_a_code() -> None:
    """A source that echoes the token as an error's code is not quoted, not even in part."""
    body = {"success": False, "error": {"code": TOKEN, "message": TOKEN}}
    for status in (200, 400):
        async with serving(Script([answer(body, status)])) as url, client_of(url) as client:
            with pytest.raises(SourceError) as caught:
                await client.chat(APP, SESSION)

        assert TOKEN[:8] not in str(caught.value)


@pytest.mark.parametrize("first", [answer(HTML, 502), answer({}, 429, Retry_After="1"), reset])
async def test_a_webhook_that_a_failed_attempt_removed(first: web.Response | Handler) -> None:
    """A 404 after a failure is what was asked for; a 404 at once is an error."""
    gone = answer(REALTIMEKIT, 404)
    script = Script([first, gone])
    async with serving(script) as url, client_of(url) as client:
        await client.delete_webhook(APP, "h")
        with pytest.raises(SourceNotFoundError):
            await client.delete_webhook(APP, "h")

    assert len(script.requests) == 3
