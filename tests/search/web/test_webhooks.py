"""The webhook's route: who is let in, what is confirmed, and what is asked to come again."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from archiver.errors import LedgerError
from archiver.intake import Intake
from archiver.ledger import Ledger
from archiver.realtimekit.signatures import SigningKey
from archiver.registrations import PATH
from archiver.simulated import (
    SettableClock,
    SimulatedSource,
    generate_meetings,
    sent,
    serve_in_thread,
)
from search.web import Webhooks, create_app, create_webhook_app
from search.web.services import Threads
from search.web.webhooks import BODY_LIMIT_BYTES, UNDER_WAY_MAX
from tests.rig import NOW
from tests.search.web.world import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx2 import Response

    from tests.search.web.world import World

TUNNEL = ("203.0.113.7", 40_000)
THROUGH_TUNNEL = {"Host": "hooks.example.com", "CF-Connecting-IP": "198.51.100.1", "Via": "1.1 cf"}


@dataclass(slots=True)
class Receiver:
    source: SimulatedSource
    webhooks: Webhooks
    client: TestClient
    ledger_path: Path

    def post(self, body: bytes, signature: str | None = None, **headers: str) -> Response:
        signed = self.source.sign(body) if signature is None else signature
        return self.client.post(PATH, content=body, headers={"rtk-signature": signed, **headers})

    def tell(self, name: str = "meeting.ended", **more: Any) -> Response:
        delivery = sent(self.source, self.source.session_ids[0], name, **more)
        return self.client.post(PATH, content=delivery.body, headers=delivery.headers)

    def counts(self) -> dict[tuple[str, str], int]:
        ledger = Ledger.open(self.ledger_path, read_only=True)
        try:
            return ledger.events.counts()
        finally:
            ledger.close()


@contextmanager
def receiving(world: World, *, second_address: bool = False) -> Iterator[Receiver]:
    clock = SettableClock(NOW)
    source = SimulatedSource(clock=clock, meetings=generate_meetings(1))
    world.set(data=world.root)
    ledger = world.open_ledger()
    ledger.note_apps([each.app_id for each in source.apps], NOW)
    with ExitStack() as stack:
        stack.enter_context(serve_in_thread(source))
        key = SigningKey(f"{source.origin}/.well-known/webhooks.json", clock)
        webhooks = Webhooks(intake=Intake(world.settings, clock), key=key)
        services = replace(world.services(), webhooks=webhooks)
        app = create_webhook_app(services) if second_address else create_app(services)
        peer, base_url = (
            (TUNNEL, "http://hooks.example.com") if second_address else (LOCAL, "http://127.0.0.1")
        )
        client = stack.enter_context(TestClient(app, base_url, client=peer))
        yield Receiver(source, webhooks, client, world.settings.ledger_path)


@pytest.fixture
def receiver(world: World) -> Iterator[Receiver]:
    with receiving(world) as made:
        yield made


def test_a_signed_event_is_confirmed_once_it_is_noted(receiver: Receiver) -> None:
    """200, with nothing in it that tells whose event it was; the ledger has event and session."""
    answer = receiver.tell("meeting.summary")
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert receiver.counts() == {("meeting.summary", "accepted"): 1}
    assert receiver.tell("meeting.summary").status_code == 200
    assert receiver.counts()["meeting.summary", "duplicate"] == 1


def test_another_customers_event_is_answered_alike(receiver: Receiver) -> None:
    """Nobody learns from the answer which apps are ours."""
    mine = receiver.tell()
    other = receiver.post(b'{"event":"meeting.ended","sessionId":"s","organizedBy":{"id":"x"}}')
    assert (other.status_code, other.content) == (mine.status_code, mine.content)
    assert set(other.headers) == set(mine.headers)


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!"])
def test_a_bad_signature_is_refused(signature: str, receiver: Receiver) -> None:
    """401, by a key that was fetched just now; nothing reaches the ledger."""
    answer = receiver.post(b'{"event":"meeting.ended"}', signature)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert receiver.counts() == {}
    assert receiver.webhooks.refused == {"bad-signature": 1}


def test_the_raw_bytes_are_verified(receiver: Receiver) -> None:
    """A body with unusual white space is good; one that was written anew is not."""
    body = b'{ "event"\t:  "meeting.started" }\r\n'
    assert receiver.post(body).status_code == 200
    assert receiver.post(body.strip(), receiver.source.sign(body)).status_code == 401


def test_without_the_key_everything_is_asked_to_come_again(receiver: Receiver) -> None:
    """503: the source sends it again, as it does after no 4xx."""
    receiver.source.faults.fail("webhook_key", status=500, times=1000)
    answer = receiver.tell()
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("error", [LedgerError("no space"), OSError("disk"), RuntimeError("a bug")])
def test_whatever_goes_wrong_on_our_side_is_503(
    error: Exception, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, it is no reason to lose the event."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(receiver.webhooks.intake, "take", fail)
    assert receiver.tell().status_code == 503


def test_a_body_larger_than_any_event(receiver: Receiver) -> None:
    """Is refused before it is read, and before its signature is looked at."""
    assert receiver.post(b"x" * 2_000_000, "AAAA").status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT_BYTES // 1024 + 1):
            yield b"x" * 1024

    answer = receiver.client.post(PATH, content=endless(), headers={"rtk-signature": "AAAA"})
    assert answer.status_code == 413
    assert receiver.source.counts["webhook_key"] == 0


def test_more_than_can_be_held_at_once(receiver: Receiver) -> None:
    """Comes again later."""
    receiver.webhooks.under_way = UNDER_WAY_MAX
    assert receiver.tell().status_code == 503


def test_only_a_post_is_an_event(receiver: Receiver) -> None:
    """405 for anything else."""
    assert receiver.client.get(PATH).status_code == 405


def test_the_webhook_is_open_and_its_host_is_checked(receiver: Receiver) -> None:
    """Through a proxy it needs no key; under a name that is not ours it is not served."""
    forwarded = receiver.post(
        b'{"event":"meeting.started"}', None, **{"X-Forwarded-For": "1.2.3.4"}
    )
    assert forwarded.status_code == 200
    assert receiver.post(b"{}", "AAAA", Host="elsewhere.example").status_code == 421


def test_an_endpoint_that_takes_none(world: World) -> None:
    """As the demo's: the event may come again."""
    with world.client() as client:
        assert client.post(PATH, content=b"{}").status_code == 503


def test_the_second_address_answers_the_webhook_and_nothing_else(world: World) -> None:
    """Under any name, through a tunnel, from anywhere; nothing of an archive is to be had there."""
    with receiving(world, second_address=True) as one:
        assert one.post(b'{"event":"meeting.started"}', None, **THROUGH_TUNNEL).status_code == 200
        assert one.client.get("/healthz").status_code == 200
        for path in (
            "/",
            "/readyz",
            "/metrics",
            "/v1/search?q=price",
            "/v1/sessions",
            "/v1/coverage",
        ):
            assert one.client.get(path).status_code == 404


async def test_a_body_that_never_ends_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503: whoever holds it up may be a tunnel, and after a 4xx the source would not send it again."""
    monkeypatch.setattr("search.web.webhooks.BODY_TIMEOUT_S", 0.01)
    key = SigningKey("http://127.0.0.1:9/none", SettableClock(NOW))
    webhooks = Webhooks(intake=Intake(world.settings, SettableClock(NOW)), key=key)
    services = replace(world.services(), webhooks=webhooks)
    answered: list[Any] = []

    async def silence() -> Any:
        await asyncio.Event().wait()

    async def sent_back(message: Any) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "headers": [],
        "query_string": b"",
        "state": {"services": services, "threads": Threads(wait_s=1), "apps": ()},
    }
    await create_webhook_app(services)(scope, silence, sent_back)

    assert answered[0]["status"] == 503
    assert webhooks.refused == {"body-too-slow": 1}
    assert webhooks.under_way == 0
