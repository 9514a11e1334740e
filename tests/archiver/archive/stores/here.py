"""Which S3 servers can be started here, how, and how to get those that cannot."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.archiver.archive.stores import ceph, servers
from tests.archiver.archive.stores.processes import Process, free_port
from tests.archiver.archive.stores.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

#: One or more addresses of the same buckets.
Urls = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that somebody else wrote."""

    start: Callable[[Path], AbstractContextManager[Urls]]
    missing: Callable[[], str] = lambda: ""  #: why it cannot be started here, or nothing


def find_command(name: str) -> str | None:
    """A command beside this interpreter or on the path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


def _needs(command: str, how: str) -> Callable[[], str]:
    def missing() -> str:
        return "" if find_command(command) else f"{command} is not installed: {how}"

    return missing


@contextmanager
def _process(
    command: str,
    folder: Path,
    *arguments: str,
    port: int,
    path: str = "/",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Urls]:
    found = find_command(command)
    assert found is not None
    process = Process(command, [found, *arguments], folder, environment or {})
    url = f"http://127.0.0.1:{port}"
    try:
        process.start()
        process.await_answer(url + path)
        yield (url,)
    finally:
        process.stop()


@contextmanager
def _moto(_folder: Path) -> Iterator[Urls]:
    with servers.moto() as url:
        yield (url,)


def _ministack(folder: Path) -> AbstractContextManager[Urls]:
    port = free_port()
    environment = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    return _process(
        "ministack", folder, port=port, path="/_localstack/health", environment=environment
    )


def _localstack(folder: Path) -> AbstractContextManager[Urls]:
    port = free_port()
    environment = {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "SERVICES": "s3",
        "STRICT_SERVICE_LOADING": "1",
        "EAGER_SERVICE_LOADING": "1",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "FILESYSTEM_ROOT": str(folder / "root"),
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
    }
    return _process(
        "localstack-s3", folder, port=port, path="/_localstack/health", environment=environment
    )


@contextmanager
def _radosgw(folder: Path) -> Iterator[Urls]:
    with ceph.running(folder) as store:
        yield store.urls


def _versitygw(folder: Path) -> AbstractContextManager[Urls]:
    port = free_port()
    for name in ("buckets", "versions"):
        (folder / name).mkdir()
    return _process(
        "versitygw",
        folder,
        *("--port", f"127.0.0.1:{port}", "--quiet"),
        *("posix", "--versioning-dir", str(folder / "versions"), str(folder / "buckets")),
        port=port,
        environment={"ROOT_ACCESS_KEY": ceph.ACCESS_KEY, "ROOT_SECRET_KEY": ceph.SECRET_KEY},
    )


SERVERS: Mapping[str, Server] = {
    "moto": Server(start=_moto),
    "ministack": Server(
        start=_ministack, missing=_needs("ministack", "pip install it into a venv of its own")
    ),
    "localstack": Server(
        start=_localstack,
        missing=_needs("localstack-s3", ".ci/run makes this command, around localstack-core"),
    ),
    "radosgw": Server(start=_radosgw, missing=ceph.missing),
    "versitygw": Server(
        start=_versitygw,
        missing=_needs("versitygw", "go install github.com/versity/versitygw/cmd/versitygw@v1.7.0"),
    ),
}


def quick_server() -> str:
    """The server that is quickest to start of those that keep what they promise."""
    return "moto" if SERVERS["ministack"].missing() else "ministack"


def needs(name: str) -> list[pytest.MarkDecorator]:
    """The marks of a test that needs this server: without it, it is skipped and says how to get it."""
    why = SERVERS[name].missing() if name in SERVERS else ""
    return [pytest.mark.skipif(bool(why), reason=why)] if why else []


class Running:
    """Servers by name, each begun when it is first asked for; one that fails is not tried again."""

    def __init__(self, folder: Callable[[str], Path], shared: Path) -> None:
        self._folder = folder
        self._shared = shared
        self._servers: dict[str, Shared] = {}
        self._urls: dict[str, Urls | RuntimeError] = {}

    def urls(self, name: str) -> Urls:
        """Where this server answers; it must not be missing."""
        if name not in self._urls:
            self._servers[name] = self._server(name)
            try:
                self._urls[name] = self._servers[name].urls()
            except RuntimeError as error:
                self._urls[name] = error
        found = self._urls[name]
        if isinstance(found, RuntimeError):
            raise found
        return found

    def _server(self, name: str) -> Shared:
        folder = self._folder(name)
        # Moto is a thread of this process.
        shared = folder if name == "moto" else self._shared
        return Shared(shared, name, lambda: SERVERS[name].start(folder))

    def close(self) -> None:
        """End them all, once the other test processes can do without."""
        for each in self._servers.values():
            each.leave()
        for each in self._servers.values():
            each.close()
