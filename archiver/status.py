"""The ledger in numbers: as a document for programs, in lines for people, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.characters import visible
from archiver.coverage import certainty
from archiver.exits import DONE, LOST, PENDING
from archiver.model import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.ledger import Ledger, Range


def status_code(document: dict[str, Any]) -> int:
    """0, 3 or 4: what a status means."""
    if document["sessions"]["lost"]:
        return LOST
    return PENDING if document["sessions"]["pending"] else DONE


def status_document(ledger: Ledger, of: Range, now: datetime, rows: int = 10) -> dict[str, Any]:
    """The ledger in numbers, with the nearest deadlines, what was lost, and what nobody can tell."""
    artifacts: dict[str, dict[str, int]] = {}
    for (kind, outcome), count in ledger.artifact_counts(of).items():
        artifacts.setdefault(kind, {})[outcome] = count
    return {
        "sessions": ledger.session_counts(of),
        "artifacts": artifacts,
        "nearest_deadlines": [
            {
                "app": session_id.app_id,
                "session": session_id.session_id,
                "deadline_at": format_time(deadline_at),
                "problem": problem,
            }
            for session_id, deadline_at, problem in ledger.nearest_deadlines(of, rows)
        ],
        "lost": [
            {"session": session_id.session_id, "artifact": str(artifact), "reason": reason}
            for session_id, artifact, reason in ledger.lost(of, rows)
        ],
        "coverage": certainty(ledger, of, now),
        "alarms": [
            {"session": session_id.session_id, "artifact": str(artifact), "reason": reason}
            for session_id, artifact, reason in ledger.alarms(of, rows)
        ],
        "requests": {
            f"{operation} {status_}": count
            for (operation, status_), count in ledger.requests().items()
        },
    }


def status_lines(document: dict[str, Any]) -> list[str]:
    """A status for people."""
    sessions = document["sessions"]
    heading = (
        f"sessions   {sessions['sessions']} known, {sessions['live']} live, "
        f"{sessions['pending']} pending, {sessions['lost']} with something lost"
    )
    lines = [heading, *(_counts_line(*each) for each in document["artifacts"].items())]
    for row in document["nearest_deadlines"]:
        problem = f"  ({visible(row['problem'])})" if row["problem"] else ""
        lines.append(f"pending    {visible(row['session'])}  until {row['deadline_at']}{problem}")
    lines += [
        f"lost       {visible(row['session'])}  {row['artifact']}: {row['reason']}"
        for row in document["lost"]
    ]
    lines += [
        f"alarm      {visible(row['session'])}  {row['artifact']}: {row['reason']}"
        for row in document["alarms"]
    ]
    lines += [
        f"unread     {visible(row['session'])}  {row['object']}: {row['reason']}"
        for row in document.get("unread", ())
    ]
    coverage = document["coverage"]
    lines += [
        f"gap        app {visible(row['app_id'])}: nobody saw what began from {row['from']}"
        f" to {row['until']}"
        for row in coverage["source"]["gaps"]
    ]
    if missing := coverage["bucket"]["inventories_missing"]:
        lines.append(f"missing    {missing} inventories are not in the bucket: run `verify`")
    if document.get("index"):
        index = document["index"]
        unread = f", {index['unread']} artifacts could not be read" * bool(index["unread"])
        lines.append(f"index      {index['sessions']} sessions, {index['behind']} to come{unread}")
        if problem := index.get("problem"):
            lines.append(f"           {visible(problem)}")
    total = sum(document["requests"].values())
    return [*lines, f"requests   {total} made to the source"]


def _counts_line(kind: str, outcomes: dict[str, int]) -> str:
    return f"{visible(kind):<10} " + ", ".join(f"{n} {name}" for name, n in outcomes.items())
