"""What the README tells of models, done word for word."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from search.mcp.server import over_http
from search.mcp.telling import ANSWER_CHARS_MAX
from search.mcp.tools import TOOLS
from search.web import create_app
from tests.search.web.test_serve import serving
from tests.search.web.world import APP, SESSION, World

if TYPE_CHECKING:
    from search.index.library import Library

README = Path(__file__).parents[3].joinpath("README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## Models\n")[1].split("\n## ")[0]
SECRET = "rtka_…"


def entry(name: str) -> Any:
    """The entry of a client's configuration that the README has."""
    match = re.search(rf"<!-- {name} -->\n```json\n(.*?)\n```", SECTION, re.DOTALL)
    assert match is not None
    (found,) = json.loads(match[1])["mcpServers"].values()
    return found


@pytest.fixture
def secret(world: World) -> str:
    """A key of one app."""
    return world.key("model", APP)["Authorization"].partition(" ")[2]


async def shown(client: Client) -> list[str]:
    found = await client.call_tool("search", {"q": "needle"})
    assert found.structured_content is not None
    return [each["session_id"] for each in found.structured_content["hits"]]


async def test_a_client_on_this_machine_is_set_up_as_it_says(
    world: World, index: Library, secret: str
) -> None:
    """The entry starts the command, by its settings file, with a key and so within its apps."""
    told = entry("mcp stdio")
    file = world.root / "rtk-archive.toml"
    file.write_text(f'data = "{world.root}"\nstore = "file:{world.root}/archive"\n')
    file.chmod(0o600)
    assert told["command"].endswith("/.venv/bin/rtk-archive")
    parameters = StdioServerParameters(
        command=str(Path(sys.executable).with_name("rtk-archive")),
        args=[each.replace("/srv/rtk-archive", str(world.root)) for each in told["args"]],
        env={name: value.replace(SECRET, secret) for name, value in told["env"].items()},
    )
    async with Client(stdio_client(parameters)) as client:
        assert await shown(client) == [SESSION]


async def test_a_client_elsewhere_is_set_up_as_it_says(
    world: World, index: Library, secret: str
) -> None:
    """The entry's path and header are all that it takes."""
    told = entry("mcp http")
    headers = {name: value.replace(SECRET, secret) for name, value in told["headers"].items()}
    app = create_app(replace(world.services(), index=index, mcp=over_http))
    async with serving(app) as address, httpx2.AsyncClient(headers=headers) as http:
        url = told["url"].replace("https://meetings.example.com", f"http://{address}")
        async with Client(streamable_http_client(url, http_client=http)) as client:
            assert await shown(client) == [SESSION]


def test_the_tools_are_those_it_names() -> None:
    """With their bounds."""
    assert re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE) == list(TOOLS)
    limits = TOOLS["search"].takes()["properties"]
    assert f"{limits['limit']['maximum']} sessions" in SECTION
    assert f"{limits['moments']['maximum']} moments" in SECTION
    assert f"{ANSWER_CHARS_MAX:,} characters" in SECTION
    for tool in TOOLS.values():
        assert f"`{tool.action}`" in SECTION
