"""The log: one event name and its keys a line, and nothing anybody said, is called, or could open."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from archiver.intake import Intake
from archiver.ledger import EVERYTHING
from archiver.simulated import EventShape, Faults, Post, sent
from archiver.terminal import _JsonFormatter
from search.formats import Limits
from search.indexer import Indexer
from tests.rig import rig

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EVENT = re.compile(r"[a-z]+[._][a-z_]+")


async def test_no_personal_data_token_or_url_in_any_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Through faults, webhooks, captures and indexing, at the finest level."""
    caplog.set_level(logging.DEBUG)
    faults = Faults(seed=5, random_rate=0.3)
    faults.artifacts.expired_url_times = 1
    faults.artifacts.short_times = 1
    faults.artifacts.post = Post.ERROR_AFTER
    async with rig(tmp_path, meetings=4, faults=faults) as one:
        await one.sync_until_settled()
        async with one.runtime() as runtime:
            told = runtime.worker.discovery.told.set
            intake = Intake(runtime.settings, one.clock, offers=runtime.offers, told=told)
            for session_id in one.source.session_ids:
                for name in ("meeting.ended", "meeting.summary", "livestreaming.statusUpdate"):
                    intake.take(sent(one.source, session_id, name).body)
                intake.take(
                    sent(one.source, session_id, "meeting.ended", shape=EventShape.BARE).body
                )
            await runtime.worker.sync()
            indexer = Indexer(
                runtime.archive, runtime.ledger, tmp_path / "index", Limits(size_bytes=2**20)
            )
            await indexer.catch_up()
            indexer.close()
            assert runtime.ledger.session_counts(EVERYTHING)["sessions"] == 4
        lines = [
            (each.getMessage(), _JsonFormatter().format(each))
            for each in caplog.records
            if each.name.split(".")[0] in {"archiver", "search"}
        ]
        secrets = {one.source.token, "signature=", "/files/", "a-stream-key"}
        for session_id in one.source.session_ids:
            meeting = one.source.session(session_id).meeting
            secrets |= {meeting.title, *(each.name for each in meeting.participants)}
            secrets |= {meeting.title.split()[-1], meeting.utterances[0].text}

    assert lines
    for event, line in lines:
        assert EVENT.fullmatch(event), event
        assert json.loads(line)["event"] == event
        for secret in secrets:
            assert secret not in line, (secret, line)
