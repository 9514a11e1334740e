"""S3 servers to test against: two that others wrote, and one that says what a test tells it to."""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_START_TIMEOUT_S = 30.0


@contextmanager
def moto() -> Iterator[str]:
    """Moto in a thread; yields its URL."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def find_ministack() -> str | None:
    """Ministack's command, beside this interpreter or on the path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("ministack", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


@contextmanager
def ministack(command: str, folder: Path) -> Iterator[str]:
    """Ministack in a process of its own; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with (
        (folder / "ministack.log").open("wb") as log,
        subprocess.Popen([command], cwd=folder, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            _await_health(f"{url}/_localstack/health", process)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_health(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("ministack did not start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it says."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def refusal(status: int, code: str) -> Answer:
    """An error as S3 writes it, with a message that nobody may repeat."""
    text = f"<Error><Code>{code}</Code><Message>AKIASECRET said no</Message></Error>"
    return Answer(status=status, headers={"Content-Type": "application/xml"}, body=text.encode())


class ScriptedServer:
    """A server whose answers a test decides, and that remembers what it was asked."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.requests: list[Request] = []
        self._answer = answer

    def asked(self, method: str) -> int:
        """How many requests with this method came."""
        return sum(request.method == method for request in self.requests)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve; yields the URL."""
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    method=self.command,
                    path=self.path,
                    headers=dict(self.headers.items()),
                    body=self.rfile.read(length),
                )
                scripted.requests.append(request)
                answer = scripted._answer(request)
                self.send_response(answer.status)
                head = {"Content-Length": str(len(answer.body)), **answer.headers}
                for name, value in head.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)
                    if int(answer.headers.get("Content-Length", -1)) > len(answer.body):
                        self.close_connection = True

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 — http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — its own name
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def without_header(url: str, name: str) -> Callable[[Request], Answer]:
    """Passes requests on to another server, less one header that it thereby ignores."""
    host, port = url.removeprefix("http://").split(":")

    def answer(request: Request) -> Answer:
        connection = http.client.HTTPConnection(host, int(port))
        try:
            kept = {k: v for k, v in request.headers.items() if k.lower() != name.lower()}
            connection.request(request.method, request.path, request.body, kept)
            response = connection.getresponse()
            body = response.read()
            hop = {"connection", "transfer-encoding", "server"}
            headers = {k: v for k, v in response.getheaders() if k.lower() not in hop}
            if request.method != "HEAD":
                headers["Content-Length"] = str(len(body))
            return Answer(status=response.status, headers=headers, body=body)
        finally:
            connection.close()

    return answer
