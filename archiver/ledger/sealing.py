"""What the ledger knows of seals: which inventories are named by one, and which are still to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive import keys
from archiver.archive.journal import BEGINNING, Link
from archiver.archive.seals import Listing, Sealed, digest_of_ids
from archiver.ledger.rows import explained
from archiver.model import from_ms, to_ms
from migrations.sqlite import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.seals import Seal
    from migrations.sqlite import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """Inventories that no seal names yet, and up to where the list of commits was looked through."""

    sealed: tuple[Sealed, ...]
    through_seq: int
    more: bool  #: whether there may be more behind them


class Sealing:
    """The ledger's part that is about seals."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @explained
    def head(self) -> Link:
        """The last seal that was taken note of."""
        found = self._about("seal")
        if not found:
            return BEGINNING
        sequence, _, digest = found.partition(":")
        return Link(sequence=int(sequence), digest=digest)

    def _about(self, name: str) -> str:
        row = self._db.execute("select value from about where name = ?", [name]).fetchone()
        return "" if row is None else str(row[0])

    @explained
    def sessions(self) -> int:
        """How many sessions the seals name."""
        row = self._db.execute("select count(*) from sealed").fetchone()
        return int(row[0])

    @explained
    def new_among(self, sealed: Iterable[Sealed]) -> int:
        """How many of these sessions no seal names yet."""
        new = 0
        for each in sealed:
            names = [each.session_id.app_id, each.session_id.session_id]
            row = self._db.execute(
                "select 1 from sealed where app_id = ? and session_id = ?", names
            ).fetchone()
            new += row is None
        return new

    @explained
    def unsealed(self, limit: int) -> Unsealed:
        """The newest inventory of up to so many sessions that no seal names, in order of commit."""
        through = int(self._about("sealed_through") or 0)
        rows = self._db.execute(
            "select inventory.seq, app_id, session_id, inventory.version, key, digest"
            " from inventory left join sealed using (app_id, session_id)"
            " where inventory.seq > ? and inventory.version > coalesce(sealed.version, 0)"
            " order by inventory.seq limit ?",
            [through, limit],
        ).fetchall()
        newest = {
            (row["app_id"], row["session_id"]): Sealed(
                folder=keys.folder_of(row["key"]), version=row["version"], digest=row["digest"]
            )
            for row in rows
        }
        if len(rows) == limit:
            through = rows[-1]["seq"]
        else:
            row = self._db.execute("select coalesce(max(seq), 0) from inventory").fetchone()
            through = max(through, int(row[0]))
        return Unsealed(sealed=tuple(newest.values()), through_seq=through, more=len(rows) == limit)

    @explained
    def committed(self) -> Iterator[Sealed]:
        """Every inventory this ledger knows to be committed, a session's in the order of versions."""
        for row in self._db.execute("select key, version, digest from inventory order by seq"):
            yield Sealed(
                folder=keys.folder_of(row["key"]), version=row["version"], digest=row["digest"]
            )

    @explained
    def listings(self) -> list[Listing]:
        """What the source's lists held since the last seal, as far as they were seen whole."""
        found: list[Listing] = []
        sealed_until = {
            row[0]: row[1]
            for row in self._db.execute("select app_id, until_ms from sealed_listing")
        }
        for app_id, since_ms, until_ms in self._db.execute(
            "select app_id, since_ms, until_ms from listed order by app_id, since_ms"
        ).fetchall():
            since_ms = max(since_ms, sealed_until.get(app_id, since_ms))
            if since_ms >= until_ms:
                continue
            rows = self._db.execute(
                "select session_id from session where app_id = ? and listed = 1"
                " and started_at_ms >= ? and started_at_ms < ? order by session_id",
                [app_id, since_ms, until_ms],
            )
            count, digest = digest_of_ids(row[0] for row in rows)
            found.append(
                Listing(
                    app_id=app_id,
                    since=from_ms(since_ms),
                    until=from_ms(until_ms),
                    count=count,
                    digest=digest,
                )
            )
        return found

    @explained
    def take(self, seal: Seal, *, made_at: datetime, through_seq: int | None = None) -> None:
        """Take note of a seal: everything it names is sealed."""
        with Transaction(self._db) as db:
            db.executemany(
                "insert into sealed values (?, ?, ?) on conflict do update"
                " set version = max(version, excluded.version)",
                [
                    (each.session_id.app_id, each.session_id.session_id, each.version)
                    for each in seal.sealed
                ],
            )
            db.executemany(
                "insert into sealed_listing values (?, ?) on conflict do update"
                " set until_ms = max(until_ms, excluded.until_ms)",
                [(each.app_id, to_ms(each.until)) for each in seal.listings],
            )
            about = {"seal": str(seal.link), "sealed_at_ms": str(to_ms(made_at))}
            if through_seq is not None:
                about["sealed_through"] = str(through_seq)
            db.executemany("insert or replace into about values (?, ?)", about.items())

    @explained
    def sealed_at(self) -> datetime | None:
        """When the last seal that was taken note of was made."""
        found = self._about("sealed_at_ms")
        return from_ms(int(found)) if found else None
