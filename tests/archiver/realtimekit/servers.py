"""Small real servers on loopback, a clock that waits for nobody, and sessions to serve."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import RawTestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from archiver.realtimekit import Budget, RealtimeKit

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "secret-token-0123456789"
APP = "c94c437b-592a-4a39-b9e2-47ef1451e43b"
SESSION = "05e57591-d89e-45c9-ae44-08dc1eaad0e0"
START = datetime(2026, 6, 10, 10, 30, tzinfo=UTC)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class FakeClock:
    """A clock on which every sleep is over at once, and time has passed."""

    def __init__(self, now: datetime = START) -> None:
        self.moment = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class Script:
    """Answers in turn, the last one for ever; keeps what was asked."""

    answers: list[web.Response | Handler]
    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        return await answer(request)

    @property
    def paths(self) -> list[str]:
        return [request.raw_path for request in self.requests]


def answer(value: object, status: int = 200, **headers: str) -> web.Response:
    """A JSON answer; bytes and text go out as they are."""
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    body = text if isinstance(text, bytes) else text.encode()
    named = {name.replace("_", "-"): content for name, content in headers.items()}
    return web.Response(status=status, body=body, headers=named)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The base URL of an HTTP server with this handler."""
    async with RawTestServer(handler) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def serving_with_its_own_certificate(handler: Handler, directory: Path) -> AsyncIterator[str]:
    """The base URL of an HTTPS server whose certificate nobody vouches for."""
    server = RawTestServer(handler, scheme="https")
    await server.start_server(ssl=_own_certificate(directory))
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def _own_certificate(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@asynccontextmanager
async def raw_serving(
    respond: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """The base URL of a server that is given a request's head and the connection to spoil."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await respond(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def client_of(
    base_url: str, *, clock: FakeClock | None = None, budget: Budget | None = None, **more: Any
) -> AsyncIterator[RealtimeKit]:
    """A client of that server, on a fake clock."""
    clock = clock or FakeClock()
    async with RealtimeKit(
        base_url=base_url,
        account_id="account",
        token=TOKEN,
        budget=budget or Budget(10_000, 300, clock),
        clock=clock,
        **more,
    ) as client:
        yield client


def session(number: int = 0, **more: object) -> dict[str, object]:
    """A session as the reference's section 4.1 shows it."""
    row: dict[str, object] = {
        "id": f"{number:08}-d89e-45c9-ae44-08dc1eaad0e0",
        "associated_id": "50c8940e-1b97-402a-97d6-2708b7feca41",
        "meeting_display_name": "Weekly sync",
        "type": "meeting",
        "status": "ENDED",
        "live_participants": 0,
        "max_concurrent_participants": 4,
        "minutes_consumed": 93.4,
        "organization_id": APP,
        "started_at": "2026-06-03T10:00:00.000Z",
        "ended_at": "2026-06-03T10:30:00.000Z",
        "created_at": "2026-06-03T10:00:00.000Z",
        "updated_at": "2026-06-03T10:30:01.000Z",
    }
    return {name: value for name, value in (row | more).items() if value is not ...}


def listing(*rows: object, paging: object = None) -> dict[str, object]:
    """A page of the session list."""
    body: dict[str, object] = {"success": True, "data": {"sessions": list(rows)}}
    return body | ({"paging": paging} if paging is not None else {})
