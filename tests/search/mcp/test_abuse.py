"""Wrong arguments, abuse of the protocol, and errors nobody foresaw: told, and nothing with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from search.web.parameters import BODY_LIMIT_BYTES
from tests.search.mcp.asked import HEADERS, call, message
from tests.search.web.scoped import ABSENT

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from search.index.library import Library
    from tests.search.web.world import World

SEARCH = message("tools/call", name="search", arguments={"q": "needle"})


@pytest.mark.parametrize(
    ("tool", "told", "slug"),
    [
        ("search", {"q": 7}, "invalid-parameter"),
        ("search", {"limit": 21}, "invalid-parameter"),
        ("search", {"moments": 6}, "invalid-parameter"),
        ("search", {"limit": True}, "invalid-parameter"),
        ("search", {"q": ["needle"]}, "invalid-parameter"),
        ("search", {"q": "\ud800"}, "invalid-parameter"),
        ("search", {"\ud800": "x"}, "invalid-parameter"),
        ("search", {"cursor": "made up"}, "invalid-cursor"),
        ("search", {"speaker": [{"a": 1}]}, "invalid-parameter"),
        ("get_session", {}, "invalid-parameter"),
        ("get_session", {"session_id": ""}, "invalid-parameter"),
        ("get_session", {"session_id": "x" * 301}, "invalid-parameter"),
        ("get_session", {"session_id": "../../etc/passwd"}, "session-missing"),
        ("get_session", {"session_id": "x\u202e\x1b[2J"}, "session-missing"),
        ("get_transcript", {"session_id": ABSENT, "from_ms": -1}, "invalid-parameter"),
        ("get_transcript", {"session_id": ABSENT, "skip": 10**12}, "invalid-parameter"),
        ("get_transcript", {"session_id": ABSENT, "bogus": None}, "invalid-parameter"),
    ],
)
def test_wrong_arguments_are_told(
    client: TestClient, tool: str, told: dict[str, Any], slug: str
) -> None:
    """A tool's error that names the argument; never a 500, whatever the types."""
    body = json.dumps(message("tools/call", name=tool, arguments=told))
    modern = {"MCP-Protocol-Version": "2025-11-25", "Content-Type": "application/json"}
    answer = client.post("/mcp", content=body, headers={**HEADERS, **modern})

    if answer.status_code == 400:  # half a character is no JSON to the SDK
        assert "ud800" in body
        return
    result = answer.json()["result"]
    assert result["isError"]
    assert result["structuredContent"]["type"].endswith(slug)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 20_000, 400),
        (b"null", 400),
        (b"[]", 400),
        (json.dumps([SEARCH, SEARCH]).encode(), 400),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', 400),
        (b"\xff\xfe", 400),
        (b'{"a": "' + b"x" * BODY_LIMIT_BYTES + b'"}', 413),
        (json.dumps(message("tools/call", name="drop_everything")).encode(), 200),
        (json.dumps(message("tools/call", name=["search"])).encode(), 200),
        (json.dumps(message("tools/call", name="search", arguments=[1])).encode(), 200),
        (json.dumps(message("resources/list")).encode(), 200),
        (json.dumps(message("no/such/method")).encode(), 200),
        (json.dumps(message("subscriptions/listen")).encode(), 200),
    ],
)
def test_abuse_of_the_protocol_is_an_error(client: TestClient, body: bytes, status: int) -> None:
    """Broken, huge, batched or unknown: an error in its terms, and no traceback."""
    told = {**HEADERS, "Content-Type": "application/json"}
    answer = client.post("/mcp", content=body, headers=told)

    assert answer.status_code == status
    assert "Traceback" not in answer.text
    if status != 413:
        assert answer.json()["error"]["code"] < 0


def test_nothing_is_pushed(client: TestClient) -> None:
    """No stream is opened, and there is no session to end: 405, with what is allowed."""
    for method in ("GET", "DELETE", "PUT"):
        answer = client.request(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_an_unforeseen_error_tells_nothing(
    world: World, client: TestClient, index: Library, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """The tool says that something went wrong; the log has the kind and place, and no word of it."""

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("needle: what was said")

    monkeypatch.setattr(type(index), "search", broken)
    result = call(client, "search", {}, q="secret")

    assert result["isError"]
    assert result["structuredContent"]["status"] == 500
    told = [each for each in caplog.records if each.getMessage() == "tool_failed"]
    assert len(told) == 1
    text = json.dumps([vars(each) for each in caplog.records], default=str) + json.dumps(result)
    assert "needle" not in text
    assert "secret" not in text
    assert world.reads()[-1]["status"] == 500
