"""Fixtures every test may use."""

from __future__ import annotations

import sqlite3

import pytest


def pytest_report_header() -> str:
    """The versions that change what the tests see."""
    return f"sqlite {sqlite3.sqlite_version}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The one event loop aiobotocore and aiohttp run on."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or credentials of whoever runs it."""
    import os

    for name in list(os.environ):
        if name.startswith(("RTK_ARCHIVE_", "CLOUDFLARE_", "AWS_")):
            monkeypatch.delenv(name)
