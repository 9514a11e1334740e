"""GET /metrics: who is told, what of, and that a real Prometheus takes it in."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.journal import Link
from archiver.archive.seals import Seal
from archiver.intake import Intake
from archiver.ledger import BUDGET_LEFT, BUDGET_PAUSE, LISTED, VERIFIED, WORKER_SEEN
from archiver.metrics import PREFIX
from archiver.model import CHAT
from archiver.realtimekit.signatures import SigningKey
from archiver.release import version
from search.errors import IndexDamagedError, IndexMissingError
from search.web import Webhooks, create_app
from search.web.webhooks import BAD_SIGNATURE, REFUSALS
from tests.exposed import MONITORING, read
from tests.search.web.test_serve import serving
from tests.search.web.world import NOW, PENDING, SESSION, FixedClock, session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.testclient import TestClient
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.search.web.world import World


def told(client: TestClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return read(answer.content)


def test_the_ledger_and_the_index_are_told_of(client: TestClient, world: World) -> None:
    """One session archived and indexed, another pending; in the text format, made in a thread."""
    answer = client.get("/metrics")
    found = read(answer.content)

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert found[f"build_info{{version={version()}}}"] == 1
    assert found["sessions{state=known}"] == 2
    assert found["sessions{state=pending}"] == found["sessions{state=lost}"] == 1
    assert found["index_sessions"] == 1
    assert found["index_lag_inventories"] == found["index_lag_seconds"] == 0
    assert found["unread_artifacts"] == 0
    assert not any("MainThread" in each for each in world.shelf.threads)


def test_an_index_that_is_behind(client: TestClient, world: World) -> None:
    """How many inventories it has not seen, and since when the first of them waits."""
    world.shelf.places = {}
    found = told(client)
    assert (found["index_lag_inventories"], found["index_lag_seconds"]) == (1, 3600)

    ledger = world.open_ledger()
    committed = world.commit(session(PENDING), {CHAT: b"id\n1\n"})
    ledger.record(session(PENDING).id, {}, next_attempt_at=None, now=NOW, committed=committed)
    assert told(client)["index_lag_inventories"] == 2


def test_an_index_that_is_missing_or_damaged_hides_nothing_else(
    client: TestClient, world: World
) -> None:
    """A missing one has everything to come; of a damaged one nothing is claimed."""
    world.shelf.error = IndexMissingError("none")
    found = told(client)
    assert (found["index_sessions"], found["index_lag_inventories"]) == (0, 1)

    world.shelf.error = IndexDamagedError("broken")
    found = told(client)
    assert found["sessions{state=known}"] == 2
    assert not [each for each in found if each.startswith(("index", "unread"))]


def test_without_a_ledger_the_release_is_told(world: World) -> None:
    """It may be deleted any time, and is no reason to answer with an error."""
    world.ledger = None
    with world.client() as client:
        assert told(client) == {f"build_info{{version={version()}}}": 1}


def test_a_ledger_that_is_damaged_is_a_503(client: TestClient, world: World) -> None:
    """Prometheus then counts the endpoint as down, and says so."""
    world.open_ledger().close()
    path = world.open_ledger().path
    for each in path.parent.glob("ledger.db*"):
        each.unlink()
    path.write_bytes(b"no database at all, though long enough to be read as one " * 20)

    answer = client.get("/metrics")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:rtk-archive:problem:ledger-unavailable"


def with_webhooks(world: World) -> Webhooks:
    world.set(data=world.root)
    key = SigningKey("http://127.0.0.1:1/", FixedClock())
    return Webhooks(intake=Intake(world.settings, FixedClock()), key=key)


def test_refused_webhooks_are_counted_by_reason(world: World) -> None:
    """Every reason is told from the start; what another process refused is its own to tell."""
    webhooks = with_webhooks(world)
    webhooks.refused[BAD_SIGNATURE.slug] += 2
    with world.client() as client:
        assert not [each for each in told(client) if each.startswith("webhooks_refused")]

    from starlette.testclient import TestClient

    app = create_app(replace(world.services(), webhooks=webhooks))
    with TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        refused = {
            each: n for each, n in told(client).items() if each.startswith("webhooks_refused")
        }
    assert refused == {
        f"webhooks_refused_total{{reason={each.slug}}}": 2 * (each is BAD_SIGNATURE)
        for each in REFUSALS
    }


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        (("10.0.0.1", 1), {}, 401),
        (("127.0.0.1", 1), {"X-Forwarded-For": "127.0.0.1"}, 401),
        (("127.0.0.1", 1), {"Host": "example.com"}, 421),
    ],
)
def test_the_rule_of_everything_else_holds(
    world: World, peer: tuple[str, int], headers: dict[str, str], expected: int
) -> None:
    """How many meetings there are is nobody else's business."""
    with world.client(peer=peer) as client:
        answer = client.get("/metrics", headers=headers)

    assert answer.status_code == expected
    assert PREFIX not in answer.text


def test_nobody_and_no_session_is_named(client: TestClient) -> None:
    """No id, title or name."""
    text = client.get("/metrics").text
    for each in (SESSION, PENDING, session().app_id, "weekly", "Weekly sync", "Ana", "acc"):
        assert each not in text


# ---------------------------------------------------------------------- a real Prometheus


def watched(app: ASGIApp, times: int) -> tuple[ASGIApp, asyncio.Event]:
    """The app, and an event that is set once its metrics were asked for so often."""
    asked, left = asyncio.Event(), times

    async def wrapper(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left
        if scope.get("path") == "/metrics":
            left -= 1
            if left == 0:
                asked.set()
        await app(scope, receive, send)

    return wrapper, asked


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[str]:
    """A Prometheus that scrapes this target every second and evaluates our alerts; its URL."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(MONITORING / "alerts.yml")],
        "scrape_configs": [
            {"job_name": "rtk-archive", "static_configs": [{"targets": [target]}]},
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={listen}",
        "--log.level=error",
    )
    try:
        yield f"http://{listen}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def ask(url: str, path: str, **query: str) -> Any:
    """What Prometheus answers."""
    whole = f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}"

    def get() -> Any:
        with urllib.request.urlopen(whole, timeout=30) as answer:
            return json.load(answer)

    document = await asyncio.to_thread(get)
    assert document["status"] == "success"
    return document["data"]


def a_seal() -> Seal:
    """One that names nothing."""
    link = Link(sequence=1, digest="0" * 64)
    return Seal(link=link, sealed=(), sessions=0, listings=(), heads={}, format_digest="")


@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="needs Prometheus, of the Debian package prometheus"
)
async def test_a_real_prometheus_takes_it_in(world: World, tmp_path: Path) -> None:
    """It scrapes what is told, loads the alerts, and can answer every panel of the dashboard."""
    ledger = world.open_ledger()
    for name in (
        *(WORKER_SEEN, LISTED, VERIFIED, BUDGET_LEFT, BUDGET_PAUSE),
        *("fixity_failures", "underlocked"),
    ):
        ledger.note(name, 5, NOW)
    ledger.count_requests({("chat", "200"): 4}, NOW)
    ledger.events.count("meeting.ended", "accepted", NOW)
    ledger.sealing.take(a_seal(), made_at=NOW)
    services = replace(world.services(), webhooks=with_webhooks(world))
    app, asked = watched(create_app(services), 6)

    async with serving(app) as address, prometheus(tmp_path, str(address)) as url:
        async with asyncio.timeout(60):
            await asked.wait()
        (target,) = (await ask(url, "targets"))["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")

        found = await ask(url, "query", query=f'{{__name__=~"{PREFIX}.+"}}')
        scraped = {each["metric"]["__name__"] for each in found["result"]}
        with world.client() as client:
            names = {PREFIX + each.split("{")[0] for each in told(client)}
        assert scraped == names | {f"{PREFIX}webhooks_refused_total"}

        (group,) = (await ask(url, "rules"))["groups"]
        assert {each["health"] for each in group["rules"]} <= {"ok", "unknown"}
        states = {each["name"]: each["state"] for each in group["rules"]}
        assert states["RtkArchiveSilent"] == "firing"
        assert states["RtkArchiveDamaged"] == "firing"
        assert states["RtkArchiveAbsent"] == "inactive"

        dashboard = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for one in panel["targets"]:
                answer = await ask(url, "query", query=one["expr"].replace("$instance", ".*"))
                assert answer["result"], panel["title"]
