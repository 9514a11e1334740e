"""`/openapi.json`: a valid document, held against real answers, and asked with whatever it allows."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from archiver.access import Role
from archiver.alerts import Search, Target, create_search
from archiver.settings import Address, RequestBudget
from search.web import create_app, serve
from search.web.app import ROUTES
from search.web.openapi import document
from search.web.rules import RULES, Area
from tests.search.web.test_scope import KEY_ROLES
from tests.search.web.world import MADE, PENDING, SESSION, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

DOCUMENT = json.loads(document())
#: Their members depend on what they tell of.
VARIOUS = {"Read", "Problem"}
EXAMPLES = 2
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@pytest.fixture
def asked(world: World) -> Iterator[TestClient]:
    """Somebody who may ask everything, and something that was read and made."""
    world.recorded()
    world.saved()
    save(world, "0" * 32)
    with world.client() as client:
        yield client


def save(world: World, search_id: str) -> None:
    """A search of this id, saved by this machine."""
    search = Search(
        id=search_id,
        name="prices",
        query="price",
        match="all",
        key_id="",
        key_name="",
        target=Target(kind="webhook", to="https://hooks.example.com/"),
        created_at=world.clock.now(),
    )
    asyncio.run(create_search(world.open_archive(), search, made=MADE))
    asyncio.run(world.saved().refresh())


def strict() -> dict[str, Any]:
    """The schemas, with no room for a member they do not name."""
    schemas: dict[str, Any] = json.loads(document())["components"]["schemas"]
    for name, schema in schemas.items():
        if "properties" in schema and name not in VARIOUS:
            schema["additionalProperties"] = False
    return schemas


def check(answer: Any, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": {"schemas": strict()}}
    jsonschema.Draft202012Validator(whole).validate(answer)


def test_it_is_valid() -> None:
    """As OpenAPI 3.1 has it."""
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_it_is_for_every_role_and_the_same_for_all(world: World) -> None:
    """It needs a key once there is one, tells nothing of any app, and is no read that is recorded."""
    keys = [world.key(str(role), role=role) for role in KEY_ROLES]
    world.recorded()
    with world.client() as client:
        answers = {client.get("/openapi.json", headers=each).content for each in keys}
        assert client.get("/openapi.json").status_code == 401
        assert client.head("/openapi.json", headers=keys[0]).status_code == 200

    assert answers == {document()}
    assert world.reads() == []


def test_every_route_for_programs_is_in_it() -> None:
    """With the methods it is served with, and no key where it is open."""
    served = {
        each.path: {method.lower() for method in each.methods or ()} - {"head"} for each in ROUTES
    }
    told = {path: set(methods) for path, methods in DOCUMENT["paths"].items()}

    assert {each for each in served if each.startswith("/v1/")} <= set(told)
    assert told == {path: served[path] for path in told}
    open_ones = {each.path for each in RULES if each.area is Area.OPEN} & set(told)
    without_key = {
        path for path, methods in DOCUMENT["paths"].items() if methods["get"].get("security") == []
    }
    assert open_ones == without_key


QUESTIONS = [
    ("/v1/search?q=price&facets=speaker,app,kind,month", "/v1/search"),
    ("/v1/search?q=price&limit=1&sort=newest", "/v1/search"),
    ("/v1/search?q=", "/v1/search"),
    ("/v1/complete?field=speaker&q=a", "/v1/complete"),
    ("/v1/sessions", "/v1/sessions"),
    ("/v1/sessions?outcome=pending", "/v1/sessions"),
    (f"/v1/sessions/{SESSION}", "/v1/sessions/{session_id}"),
    (f"/v1/sessions/{PENDING}", "/v1/sessions/{session_id}"),
    *(
        (f"/v1/sessions/{SESSION}/{each}", f"/v1/sessions/{{session_id}}/{each}")
        for each in ("transcript", "chat", "summary")
    ),
    ("/v1/coverage?after=2026-10-01", "/v1/coverage"),
    ("/v1/audit", "/v1/audit"),
    ("/v1/keys", "/v1/keys"),
    ("/v1/settings", "/v1/settings"),
    ("/v1/searches", "/v1/searches"),
    (f"/v1/searches/{'0' * 32}", "/v1/searches/{search_id}"),
    ("/openapi.json", "/openapi.json"),
    ("/healthz", "/healthz"),
]


def test_every_answer_is_asked_for_here() -> None:
    """A new route without a question here fails here."""
    assert {path for _, path in QUESTIONS} == set(DOCUMENT["paths"]) - {
        "/v1/sessions/{session_id}/artifacts/{name}"  # bytes
    }


@pytest.mark.parametrize(("question", "path"), QUESTIONS)
def test_an_answer_is_as_it_is_told(
    asked: TestClient, world: World, question: str, path: str
) -> None:
    """Every member it must have, none that is not told of, each of its type; and HEAD says the same."""
    auditor = world.key("audit", role=Role.AUDITOR) if path == "/v1/audit" else {}
    admin = world.key("keys", role=Role.ADMIN) if path == "/v1/keys" else {}
    headers = {**auditor, **admin}
    with world.client() as client:
        asking = client if headers else asked
        asking.get("/v1/coverage", headers=auditor)  # for the record of reads
        answer = asking.get(question, headers=headers)
        head = asking.head(question, headers=headers)

    assert (answer.status_code, head.status_code) == (200, 200), answer.text
    told = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    check(answer.json(), told["application/json"]["schema"])
    if path == "/v1/audit":
        assert answer.json()["reads"]
    if path == "/v1/keys":
        assert answer.json()["keys"]


def test_a_post_and_a_stream_answer_as_told(asked: TestClient) -> None:
    """The body's page is the page, and each line of a stream one of four shapes."""
    told = DOCUMENT["paths"]["/v1/search"]["post"]["responses"]["200"]["content"]
    page = asked.post("/v1/search", json={"q": "price", "limit": 5, "app": []})
    check(page.json(), told["application/json"]["schema"])
    stream = asked.get("/v1/search?q=price", headers={"Accept": "application/x-ndjson"})

    opening, *hits, last = [json.loads(each) for each in stream.text.splitlines()]
    for name, line in (
        ("Opening", opening),
        *(("Hit", each) for each in hits),
        ("StreamEnd", last),
    ):
        check(line, {"$ref": f"#/components/schemas/{name}"})
    assert hits


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("/v1/search?q=(a", 400),
        ("/v1/search?limit=0", 400),
        ("/v1/sessions/none", 404),
        (f"/v1/sessions/{PENDING}/chat", 404),
    ],
)
def test_a_problem_is_as_it_is_told(asked: TestClient, question: str, status: int) -> None:
    """Under its own media type, with what every problem has."""
    answer = asked.get(question)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    check(answer.json(), {"$ref": "#/components/schemas/Problem"})


@contextmanager
def served(world: World) -> Iterator[str]:
    """The endpoint behind a real socket; its address."""
    loop, stop, listening = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    found: list[Address] = []

    def told(address: Address) -> None:
        found.append(address)
        listening.set()

    app = create_app(world.services())
    running = serve(app, Address("127.0.0.1", 0), stop, listening=told)
    thread = threading.Thread(target=loop.run_until_complete, args=(running,))
    thread.start()
    try:
        assert listening.wait(10)
        yield f"http://127.0.0.1:{found[0].port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        (Role.READER, "^/v1/(search|complete|sessions|coverage)|^/(openapi|healthz)"),
        (Role.AUDITOR, "^/v1/audit"),
        (Role.ADMIN, "^/v1/(keys|settings)"),
    ],
)
def test_schemathesis_finds_nothing(world: World, tmp_path: Path, role: Role, paths: str) -> None:
    """Whatever the document allows is answered as it says, and what it does not is refused."""
    assert shutil.which(SCHEMATHESIS)
    config = Path(__file__).parent.parent.parent.parent / "schemathesis.toml"
    world.set(key_rate=RequestBudget(1_000_000, 1.0))
    world.recorded()
    headers = world.key("tried", role=role)
    with served(world) as url:
        command: list[str | Path] = [
            *(SCHEMATHESIS, "--config-file", config, "run", f"{url}/openapi.json"),
            *("--header", f"Authorization: {headers['Authorization']}"),
            *("--include-path-regex", paths, "--phases", "coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none"),
        ]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )

    assert done.returncode == 0, "\n".join(each[:500] for each in done.stdout.splitlines())
