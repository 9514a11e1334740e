"""Facets: how many of the best sessions each speaker, app, kind and month has a part in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from search.index.appfile import KINDS

if TYPE_CHECKING:
    from migrations.sqlite import Connection
    from search.index.filters import Scope
    from search.index.planning import Plan

#: Facets are counted among so many of the best sessions.
FACETS_OF = 100
FACETS = ("speaker", "app", "kind", "month")
FACET_VALUES = 50

#: Those of them that only the lines of a session tell.
_OF_LINES = {"speaker", "kind"}


def need_lines(names: tuple[str, ...]) -> bool:
    """Whether any of these facets is told by a session's lines."""
    return bool(_OF_LINES & set(names))


def month_of(started_at_ms: int) -> str:
    """The month, in UTC, as the facet writes it."""
    return f"{datetime.fromtimestamp(started_at_ms / 1000, UTC):%Y-%m}"


def parts_of(db: Connection, plan: Plan, scope: Scope, row_id: int) -> dict[str, set[str]]:
    """Who and which kinds the matching lines of a session belong to."""
    row = db.execute("select line_first, line_last from session where id = ?", [row_id]).fetchone()
    if row is None:  # removed since it was ranked
        return {"speaker": set(), "kind": set()}
    ids, values = scope.ids_sql(plan.lines, *row)
    rows = db.execute(
        "select distinct coalesce(speaker.name, ''), line.kind from line"
        f" left join speaker on speaker.id = line.speaker where line.id in ({ids})",
        values,
    ).fetchall()
    return {"speaker": {row[0] for row in rows} - {""}, "kind": {KINDS[row[1]] for row in rows}}
