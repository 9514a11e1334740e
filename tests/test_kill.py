"""Killed at any step between download and ledger, a worker loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.archive.keys import parse_key
from archiver.verify import verify
from tests.rig import rig
from tests.test_promises import assert_everything_is_archived

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rig import Rig

STEPS = [
    ("fetch", "after", 2),
    ("put", "before", 3),
    ("write", "before", 8),
    ("write", "after", 7),
    ("put", "after", 5),
    ("commit", "before", 1),
    ("commit", "after", 2),
    ("record", "before", 1),
    ("record", "after", 2),
    ("claim", "before", 1),
    ("claim", "after", 1),
    ("request", "after", 1),
    ("post", "before", 1),
    ("post", "after", 1),
]


async def _run_killed(one: Rig, step: str, when: str, number: int) -> int:
    settings = one.configured()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "CLOUDFLARE_API_TOKEN": one.source.token,
        "CLOUDFLARE_ACCOUNT_ID": one.source.account_id,
        "CLOUDFLARE_BASE_URL": one.base_url,
        "RTK_ARCHIVE_STORE": settings.store,
        "RTK_ARCHIVE_DATA": str(settings.data),
        "RTK_ARCHIVE_CONCURRENCY": "2",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.killed", step, when, str(number), one.clock.now().isoformat()),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await asyncio.wait_for(process.wait(), 30)


@pytest.mark.parametrize(("step", "when", "number"), STEPS)
async def test_killed_at_any_step_nothing_is_lost(
    step: str, when: str, number: int, tmp_path: Path
) -> None:
    """After SIGKILL no final name holds half an object, and the next passes archive everything."""
    async with rig(tmp_path, meetings=4, summaries="generate") as one:
        for session_id in one.source.session_ids:
            one.source.faults.on(session_id=session_id, kind="summary", not_found_times=1)

        assert await _run_killed(one, step, when, number) == -signal.SIGKILL

        async with one.runtime() as runtime:
            after_kill = await verify(runtime.archive)
        assert after_kill.findings == []
        await one.sync_until_settled(step=timedelta(hours=1))
        await assert_everything_is_archived(one)
        async with one.runtime() as runtime:
            assert (await verify(runtime.archive)).findings == []
        objects = await one.objects()

    assert set(one.source.summary_posts.values()) <= {1, 2}
    requested = [parsed for key in objects if (parsed := parse_key(key)) and parsed.request]
    assert one.source.summary_posts.total() <= len(requested)
