"""Fixtures every test may use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from migrations import sqlite
from tests.archiver.archive.stores.here import Running
from tests.console import own_logs

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Files whose tests take longest, most of it waiting: begun last, they would be waited for alone.
_LONG = {"test_outages.py", "test_shares.py", "test_simulation.py", "test_kill_at_random.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: item.path.name not in _LONG)


def pytest_report_header() -> str:
    """The versions that change what the tests see."""
    return f"sqlite {sqlite.VERSION}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The one event loop aiobotocore and aiohttp run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """S3 servers, each begun when a test first asks for it, and shared by all test processes."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    running = Running(tmp_path_factory.mktemp, shared)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or credentials of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("RTK_ARCHIVE_", "CLOUDFLARE_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A command that a test runs sets up the logs of its process: no other test's."""
    with own_logs():
        yield
