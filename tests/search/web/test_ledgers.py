"""The ledger is read by connections that stay open, and what it told holds until it changes."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from archiver.errors import LedgerError
from archiver.ledger import Ledger
from search.web.ledgers import Ledgers

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 10, 4, tzinfo=UTC)


def apps(ledgers: Ledgers, path: Path, asked: list[str]) -> list[str] | None:
    """The apps it knows, by way of what is remembered; `asked` grows where it was asked."""

    def ask(ledger: Ledger) -> list[str]:
        asked.append("once more")
        return ledger.known_apps()

    with ledgers.reading(path) as there:
        return None if there is None else there.remembered("apps", ask)


def test_an_answer_holds_until_somebody_changes_the_ledger(tmp_path: Path) -> None:
    """It is asked for once, and again after another connection wrote."""
    path, ledgers, asked = tmp_path / "ledger.db", Ledgers(), list[str]()
    with closing(Ledger.open(path)) as writer:
        writer.note_apps(["a"], NOW)
        assert [apps(ledgers, path, asked) for _ in range(3)] == [["a"]] * 3
        assert len(asked) == 1
        writer.note_apps(["b"], NOW)
        assert apps(ledgers, path, asked) == ["a", "b"]
    assert len(asked) == 2


def test_a_ledger_that_was_made_again_is_the_one_that_is_read(tmp_path: Path) -> None:
    """The name counts, and not the file that stood there when it was opened."""
    path, ledgers, asked = tmp_path / "ledger.db", Ledgers(), list[str]()
    for app in ("a", "b"):
        with closing(Ledger.open(path)) as writer:
            writer.note_apps([app], NOW)
        assert apps(ledgers, path, asked) == [app]
        for each in tmp_path.iterdir():
            each.unlink()
        assert apps(ledgers, path, asked) is None


def test_a_connection_that_met_an_error_is_not_used_again(tmp_path: Path) -> None:
    """The next reader gets another, and an answer."""
    path, ledgers = tmp_path / "ledger.db", Ledgers()
    Ledger.open(path).close()
    with pytest.raises(ZeroDivisionError), ledgers.reading(path) as first:
        raise ZeroDivisionError
    with ledgers.reading(path) as second:
        assert second is not None
        assert first is not None
        assert second.ledger is not first.ledger
        assert second.ledger.known_apps() == []


def test_nothing_is_kept_open_once_it_is_let_go(tmp_path: Path) -> None:
    """Whoever reads later opens it anew."""
    path, ledgers = tmp_path / "ledger.db", Ledgers()
    Ledger.open(path).close()
    with ledgers.reading(path) as first:
        pass
    ledgers.close()
    assert first is not None
    with pytest.raises(LedgerError, match="closed"):
        first.ledger.known_apps()
    with ledgers.reading(path) as second:
        assert second is not None
        assert second.ledger.known_apps() == []
