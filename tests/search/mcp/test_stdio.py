"""`rtk-archive mcp`: a client on this machine, over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client as SdkClient
from mcp.client.stdio import StdioServerParameters, stdio_client

from archiver.access import Role, os_user
from archiver.errors import AuditError
from archiver.simulated import SettableClock
from search.mcp.stdio import Client, Lines
from search.mcp.tools import TOOLS
from search.web.parameters import BODY_LIMIT_BYTES
from search.web.services import Threads
from tests.search.mcp.asked import assert_told_as_quotes, message
from tests.search.mcp.attacks import ATTACKS, INNOCENT
from tests.search.web.scoped import ABSENT, FOREIGN
from tests.search.web.world import APP, NOW, SESSION, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.index.library import Library
    from search.mcp.telling import Told

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def told(world: World, **variables: str) -> tuple[list[str], dict[str, str]]:
    """The command over this world, and its environment."""
    world.set(data=world.root)  # where the command records
    argv = ["-m", "search", "--data", str(world.root), "--store", f"file:{world.root / 'archive'}"]
    environment = {"PATH": os.environ["PATH"], "RTK_ARCHIVE_MCP": "on", **variables}
    return [*argv, "mcp"], environment


@contextmanager
def started(world: World, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, which has shaken hands."""
    argv, environment = told(world, **variables)
    process = subprocess.Popen(
        [sys.executable, *argv],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        say(process, message("initialize", **HELLO))
        assert heard(process)["result"]["serverInfo"]["name"] == "realtimekit-archive"
        say(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield process
    finally:
        process.kill()
        process.wait()
        for each in (process.stdin, process.stdout, process.stderr):
            assert each is not None
            each.close()


def say(process: subprocess.Popen[bytes], body: Any) -> None:
    line = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert process.stdin is not None
    process.stdin.write(line + b"\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


# ------------------------------------------------------------------------------------ the process


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_searches_and_reads(
    world: World, index: Library, mode: str
) -> None:
    """A real process, by the protocol of today and that of the handshake; recorded as the OS user."""
    argv, environment = told(world)
    parameters = StdioServerParameters(command=sys.executable, args=argv, env=environment)
    async with SdkClient(stdio_client(parameters), mode=mode) as model:
        listed = await model.list_tools()
        found = await model.call_tool("search", {"q": "needle", "moments": 5})
        session = await model.call_tool("get_session", {"session_id": SESSION})
        read = await model.call_tool("get_transcript", {"session_id": SESSION})
        missing = await model.call_tool("get_transcript", {"session_id": ABSENT})

    assert [each.name for each in listed.tools] == list(TOOLS)
    for each in (found, session, read):
        assert_told_as_quotes(each.model_dump(mode="json", by_alias=True))
    assert found.structured_content is not None
    assert {each["session_id"] for each in found.structured_content["hits"]} == {SESSION, FOREIGN}
    assert read.structured_content is not None
    assert len(read.structured_content["utterances"]) == len(ATTACKS) + len(INNOCENT)
    assert missing.is_error
    reads = [each for each in world.reads() if each["action"].startswith("mcp")]
    assert [(each["action"], each["status"]) for each in reads] == [
        ("mcp search", 200),
        ("mcp session", 200),
        ("mcp transcript", 200),
        ("mcp transcript", 404),
    ]
    assert {each["who"]["kind"] for each in reads} == {"os"}
    assert reads[0]["who"] == os_user().document()


def test_whatever_is_sent_is_answered_or_refused(world: World, index: Library) -> None:
    """Bad JSON, batches, unknown methods and tools, and a line without an end: errors; and it goes on."""
    abuse: list[Any] = [
        b"{",
        b"\xff\xfe",
        b"[" * 20_000,
        [message("ping")],
        {"jsonrpc": "2.0", "id": 1},
        b'{"a": "' + b"x" * (20 * BODY_LIMIT_BYTES) + b'"}',
        message("no/such/method"),
        message("tools/call", name="drop_everything"),
        message("tools/call", name="search", arguments=[1]),
        message("tools/call", name="search", arguments={"limit": "all"}),
    ]
    with started(world) as process:
        answers = []
        for each in abuse:
            say(process, each)
            answers.append(heard(process))
        say(process, message("tools/call", name="search", arguments={"q": "needle"}))
        last = heard(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""

    codes = [each.get("error", {}).get("code") for each in answers]
    assert codes[:6] == [-32700] * 6
    assert all(code < 0 for code in codes[:9])
    assert answers[9]["result"]["isError"]
    assert last["result"]["structuredContent"]["hits"]


def test_it_ends_when_told_to(world: World, index: Library) -> None:
    """SIGTERM while standard input is open: at once, with 0, and nothing else on standard output."""
    with started(world) as process:
        process.send_signal(signal.SIGTERM)

        assert process.wait(60) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b""


def test_a_client_that_went_away_is_no_error(world: World, index: Library) -> None:
    """Whoever reads no more is not written to: it ends without a word."""
    with started(world) as process:
        assert process.stdout is not None
        process.stdout.close()
        say(process, message("tools/list"))
        assert process.stdin is not None

        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_is_off_unless_it_is_set(world: World) -> None:
    """One line on standard error says what to set, and 1; standard output stays empty."""
    argv, environment = told(world, RTK_ARCHIVE_MCP="off")
    ran = subprocess.run(
        [sys.executable, *argv], env=environment, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("rtk-archive: RTK_ARCHIVE_MCP is off: set it to `on`")
    assert len(ran.stderr.splitlines()) == 1


def test_without_the_sdk_it_is_said_what_to_install(world: World) -> None:
    """One line names the extra; nothing else needs it, not even the endpoint's modules."""
    argv, environment = told(world)
    blocked = (
        "import sys, runpy; sys.modules['mcp'] = sys.modules['mcp_types'] = None;"
        f" import search.web, search.endpoint; sys.argv[1:] = {argv[2:]!r};"
        " runpy.run_module('search', run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", blocked],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "pip install 'realtimekit-archive[mcp]'" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


# ------------------------------------------------------------------------------------ the key


@pytest.fixture
def client(world: World, index: Library) -> Iterator[Client]:
    """A client that was given a key of one app, in a process that records."""
    world.clock = SettableClock(NOW)
    trail = world.recorded()
    secret = world.key("desk", APP)["Authorization"].partition(" ")[2]
    services = replace(world.services(), index=index)
    yield Client(services=services, threads=Threads(wait_s=5), secret=secret)
    trail.close()


def ask(client: Client, tool: str = "search", **arguments: Any) -> Told:
    return asyncio.run(client.answer(TOOLS[tool], arguments or {"q": "needle"}))


def test_a_key_narrows_what_this_user_sees(world: World, client: Client) -> None:
    """Its apps alone, under its name in the record; a foreign session is absent."""
    found = ask(client)
    foreign = ask(client, "get_session", session_id=FOREIGN)

    assert [each["session_id"] for each in found.content["hits"]] == [SESSION]
    assert foreign.content["type"].endswith(":session-missing")
    assert {each["who"]["name"] for each in world.reads()} == {"desk"}


def test_a_revoked_key_reads_nothing_more(world: World, client: Client) -> None:
    """From the next reading of the keys on, within a minute, every call is refused."""
    assert not ask(client).is_error
    world.revoke("desk")
    world.ring()
    refused = ask(client)

    assert refused.is_error
    assert refused.content["status"] == 401
    assert "needle" not in refused.text


def test_keys_that_cannot_be_read_let_nobody_in(world: World, client: Client) -> None:
    """Once the patience is over."""
    assert isinstance(world.clock, SettableClock)
    world.clock.advance(world.settings.keys_patience.total_seconds() + 1)

    assert ask(client).content["status"] == 503


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
def test_only_readers_may_use_tools(world: World, client: Client, role: Role) -> None:
    """A key of another role is refused, and that is recorded."""
    secret = world.key("other", role=role)["Authorization"].partition(" ")[2]
    refused = ask(replace(client, secret=secret))

    assert refused.content["status"] == 403
    assert world.reads()[-1]["status"] == 403


def test_an_unknown_key_is_not_the_user(client: Client) -> None:
    """Whoever gave a key that is none is not let in as whoever runs the process."""
    assert ask(replace(client, secret="rtka_" + "A" * 43)).content["status"] == 401


def test_what_cannot_be_recorded_is_not_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool's error says so, without a word of the answer."""

    def full(*_: Any, **__: Any) -> None:
        raise AuditError("no space left")

    assert client.services.trail is not None
    monkeypatch.setattr(client.services.trail, "record", full)
    refused = ask(client)

    assert (refused.is_error, refused.content["status"]) == (True, 503)
    assert "needle" not in refused.text


# ------------------------------------------------------------------------------------ its lines


async def test_lines_are_read_as_they_come(tmp_path: Any) -> None:
    """Whole lines, the last one too; one that is too long becomes one that is no message."""
    inside, outside = os.pipe()
    lines = Lines(inside)
    long = b"x" * (3 * BODY_LIMIT_BYTES)
    os.write(outside, b'{"a":')
    os.write(outside, b"1}\n\n  \n")

    def rest() -> None:
        os.write(outside, long + b"\n")
        os.write(outside, b"\xffb")
        os.close(outside)

    await asyncio.gather(asyncio.to_thread(rest), asyncio.sleep(0))
    found = [each async for each in lines]
    os.close(inside)

    assert found == ['{"a":1}', "\n", "\ufffdb"]
