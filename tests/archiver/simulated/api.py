"""A bare client of the simulated source, for tests that look at what is on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

    from archiver.simulated import SimulatedServer, SimulatedSource

KIND_URLS = {
    "chat": "chat_download_url",
    "transcript": "transcript_download_url",
    "summary": "summaryDownloadUrl",
}


@dataclass(frozen=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json["data"]


@dataclass(frozen=True)
class Api:
    """Requests to one served source."""

    http: aiohttp.ClientSession
    source: SimulatedSource
    server: SimulatedServer

    @property
    def app_id(self) -> str:
        return self.source.apps[0].app_id

    def url(self, path: str) -> str:
        return f"{self.server.base_url}/accounts/simulated-account/realtime/kit{path}"

    async def send(self, method: str, url: str, **more: Any) -> Answer:
        async with self.http.request(method, url, **more) as response:
            body = await response.read()
            return Answer(response.status, response.headers, body)

    async def kit(self, path: str, method: str = "GET", **more: Any) -> Answer:
        """A request with the token, below `…/realtime/kit`."""
        headers = {"authorization": f"Bearer {self.source.token}"}
        return await self.send(method, self.url(path), headers=headers, **more)

    async def app(self, path: str, method: str = "GET", **more: Any) -> Answer:
        """A request with the token, below the first app."""
        return await self.kit(f"/{self.app_id}{path}", method, **more)

    async def link(self, session_id: str, kind: str, format_: str = "") -> str:
        """The download URL of an artifact."""
        query = f"?format={format_}" if format_ else ""
        answer = await self.app(f"/sessions/{session_id}/{kind}{query}")
        assert answer.status == 200, answer.body
        url: str = answer.data[KIND_URLS[kind]]
        return url

    async def download(self, session_id: str, kind: str, format_: str = "") -> Answer:
        """The file, as it is sent."""
        return await self.send("GET", await self.link(session_id, kind, format_))
