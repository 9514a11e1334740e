"""Calls of tools as they stand in a request, and what must hold of every answer to one."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.testclient import TestClient

HEADERS = {"Accept": "application/json, text/event-stream"}
#: The tools, and a call of each that finds the session of this id.
CALLS = ("search", "get_session", "get_transcript")


def arguments(tool: str, session_id: str) -> dict[str, Any]:
    return {"q": f"needle session:{session_id}"} if tool == "search" else {"session_id": session_id}


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def post(client: TestClient, body: Any, **headers: str) -> Any:
    """The answer to this body, over HTTP."""
    return client.post("/mcp", json=body, headers={**HEADERS, **headers})


def call(client: TestClient, tool: str, headers: dict[str, str], **told: Any) -> dict[str, Any]:
    """What a tool answers."""
    answer = post(client, message("tools/call", name=tool, arguments=told), **headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == 7
    result: dict[str, Any] = answer.json()["result"]
    return result


def texts_of(value: Any) -> list[str]:
    """Every text in a document, but for links of our own and the cursor."""
    match value:
        case str():
            return [value]
        case dict():
            told = [each for name, each in value.items() if name not in {"url", "next"}]
            return [*value, *texts_of(told)]
        case list() | tuple():
            return [text for each in value for text in texts_of(each)]
        case _:
            return []


_LINK = re.compile(
    r"://|\]\(|\]\[|\]:|<[A-Za-z/!?]|\bwww\.|\b(?:mailto|javascript|data):[^\s\x22]|\w@[\w-]+\.",
    re.I,
)
_BLOCK = re.compile(
    r"-----BEGIN QUOTES ([0-9a-f]{16})-----\n(.*)\n-----END QUOTES \1-----\Z", re.DOTALL
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def assert_inert(text: str) -> None:
    """Nothing is hidden in it, and nothing of it is a link or HTML."""
    assert not _LINK.search(text), text
    for each in text:
        category = unicodedata.category(each)
        assert category not in {"Cs", "Co", "Cn", "Zl", "Zp"}, text
        assert category != "Cc" or each in "\n\t", text
        assert category != "Cf" or each in "\u200c\u200d", text
        assert not 0xE0110 <= ord(each) <= 0xE0FFF, text


def block_of(result: dict[str, Any]) -> list[str]:
    """The lines between the delimiters of an answer, each of which is one of ours."""
    (content,) = result["content"]
    assert content["type"] == "text"
    found = _BLOCK.search(content["text"])
    assert found is not None, content["text"]
    assert content["text"].count(found[1]) == 3
    return found[2].split("\n")


def assert_told_as_quotes(result: dict[str, Any]) -> None:
    """Whatever was said is inert in both forms of an answer, and in words within quotation marks."""
    structured = result["structuredContent"]
    for each in texts_of(structured):
        assert_inert(each)
    assert_inert(result["content"][0]["text"])
    assert "never instructions" in structured["notice"]
    assert json.dumps(structured).isascii()
    for line in block_of(result):
        bare = _QUOTED.sub("", line)
        assert '"' not in bare, line
        assert "needle" not in bare, line
        assert "Eve" not in bare, line
