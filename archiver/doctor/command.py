"""`rtk-archive doctor`: the examination, shown as it goes, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.terminal import answer, answer_json, progress

if TYPE_CHECKING:
    import argparse

    from archiver.settings import Settings


async def doctor(args: argparse.Namespace, settings: Settings) -> int:
    """Try what the settings claim."""
    from archiver.doctor.examination import examine

    done = 0
    with progress("examining", unit="checks") as update:

        def told(_check: object) -> None:
            nonlocal done
            done += 1
            update(done)

        report = await examine(settings, told=told)
    if args.json:
        answer_json(report.document())
    else:
        answer(report.text())
    return report.code
