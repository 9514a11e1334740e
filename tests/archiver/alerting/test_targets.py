"""What is called: by which rules, for how long, and with what it is told."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from archiver.alerts import Search, Target
from archiver.alerts.programs import Programs
from archiver.alerts.webhooks import Webhooks
from archiver.errors import AlertError, UndeliveredError
from archiver.settings import Secret, Settings
from tests.archiver.realtimekit.servers import START, Script, answer, serving
from tests.archiver.realtimekit.test_download import Answers

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(alert_secret=Secret("s" * 32), alert_hosts=("hooks.example.com",))


def search_to(url: str) -> Search:
    return Search(
        id="0" * 32,
        name="watch",
        query="price",
        match="all",
        key_id="",
        key_name="",
        target=Target(kind="webhook", to=url),
        created_at=START,
    )


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_any_2xx_is_taken(status: int) -> None:
    """Whatever its body says, and however long that is."""
    script = Script([web.Response(status=status, body=b"" if status == 204 else b"x" * 100_000)])
    async with serving(script) as url, Webhooks(SETTINGS, exempt_base_url=url) as webhooks:
        await webhooks.send(search_to(f"{url}/h"), "msg_1", 1, b"{}")
    assert script.bodies == [b"{}"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
async def test_nothing_else_is_and_no_redirect_is_followed(status: int) -> None:
    """The error names host and status, and not the URL."""
    script = Script([answer("", status, Location="/elsewhere")])
    async with serving(script) as url, Webhooks(SETTINGS, exempt_base_url=url) as webhooks:
        with pytest.raises(UndeliveredError, match=f"webhook at 127.0.0.1: {status}") as caught:
            await webhooks.send(search_to(f"{url}/secret"), "msg_1", 1, b"{}")
    assert (len(script.requests), "secret" in str(caught.value)) == (1, False)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://other.example.com/",
        "https://hooks.example.com.evil.example/",
        "https://user:password@hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "ftp://hooks.example.com/",
        "hooks.example.com",
        "",
    ],
)
def test_only_hosts_that_are_named_are_called(url: str) -> None:
    """Https on 443, by the rules of downloads; a password is not repeated."""
    with pytest.raises(AlertError) as caught:
        Webhooks(SETTINGS).check(url)
    assert "password" not in str(caught.value)


async def test_an_address_that_leads_inside_is_not_called() -> None:
    """Whatever the name of the host resolves to."""
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"):
        async with Webhooks(SETTINGS, resolver=Answers(address)) as webhooks:
            with pytest.raises(UndeliveredError, match="not public"):
                await webhooks.send(search_to("https://hooks.example.com/"), "msg_1", 1, b"{}")


@pytest.mark.parametrize("missing", ["alert_secret", "alert_hosts"])
def test_without_its_settings_nothing_is_called(missing: str) -> None:
    """The error says which to set, and how."""
    values: dict[str, Any] = {"alert_secret": SETTINGS.alert_secret, "alert_hosts": ("a.example",)}
    with pytest.raises(AlertError, match=f"RTK_ARCHIVE_{missing.upper()} is not set"):
        Webhooks(Settings(**{**values, missing: type(values[missing])("")})).check(
            "https://a.example"
        )


def programs(folder: Path, script: str, timeout_s: float = 60) -> Programs:
    (folder / "it.sh").write_text(script)
    return Programs({"it": ("/bin/sh", str(folder / "it.sh"), "a; b")}, timeout_s=timeout_s)


async def test_a_command_gets_its_arguments_and_the_alert(tmp_path: Path) -> None:
    """Without a shell that reads them; of a length that fills no pipe unread."""
    body = json.dumps({"text": "x" * 200_000}).encode()
    script = f'cat > {tmp_path}/body; printf %s "$1" > {tmp_path}/argument'
    await programs(tmp_path, script).run("it", "msg_1", body)

    assert (tmp_path / "body").read_bytes() == body
    assert (tmp_path / "argument").read_text() == "a; b"


@pytest.mark.parametrize(
    ("script", "told"),
    [("exit 3", "command it ended with 3"), ("kill -9 $$", "command it ended with -9")],
)
async def test_a_command_that_fails_has_not_taken_it(
    tmp_path: Path, script: str, told: str
) -> None:
    """Nor has one that reads nothing of it and fails, or is not there."""
    with pytest.raises(UndeliveredError, match=told):
        await programs(tmp_path, script).run("it", "msg_1", b"x" * 200_000)
    with pytest.raises(UndeliveredError, match="cannot be run: No such file"):
        await Programs({"it": ("/nonexistent",)}).run("it", "msg_1", b"{}")
    with pytest.raises(UndeliveredError, match="names no command other"):
        await programs(tmp_path, script).run("other", "msg_1", b"{}")


async def test_a_command_that_takes_too_long_is_killed_whole(tmp_path: Path) -> None:
    """With whatever it has started."""
    fifo = tmp_path / "child"
    os.mkfifo(fifo)
    script = f"sleep 600 > {fifo} & wait"
    running = asyncio.create_task(programs(tmp_path, script, 0.5).run("it", "msg_1", b"{}"))
    # The pipe ends once nobody holds it open for writing.
    assert await asyncio.to_thread(fifo.read_bytes) == b""
    with pytest.raises(UndeliveredError, match=r"took longer than 0\.5 s"):
        await running
