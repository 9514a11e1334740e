"""Whether the endpoint lives, and whether it is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.errors import IndexMissingError

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.search.web.world import World


def test_healthz_says_only_that_it_lives(world: World) -> None:
    """The process answers, whatever is broken behind it, and from anywhere."""
    world.shelf.error = IndexMissingError("none")
    with world.client(peer=("10.0.0.1", 1)) as client:
        answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_asks_every_part(client: TestClient) -> None:
    """Index, ledger and archive answer."""
    answer = client.get("/readyz")

    parts = {"index": "ok", "ledger": "ok", "archive": "ok"}
    assert (200, {"status": "ok", "parts": parts}) == (answer.status_code, answer.json())


def parts_of(client: TestClient) -> dict[str, str]:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    return {name: part for name, part in answer.json()["parts"].items() if part != "ok"}


def test_readyz_names_an_index_that_is_missing(client: TestClient, world: World) -> None:
    """Without an index it is not ready, and says what to do."""
    world.shelf.error = IndexMissingError("there is no index yet", hint="run `rtk-archive sync`")

    assert parts_of(client) == {"index": "there is no index yet: run `rtk-archive sync`"}


def test_readyz_names_a_ledger_that_is_missing_or_damaged(client: TestClient, world: World) -> None:
    """Without a ledger, or with a broken one, it is not ready."""
    world.open_ledger().close()
    path = world.open_ledger().path
    for each in path.parent.glob("ledger.db*"):
        each.unlink()

    assert parts_of(client) == {"ledger": "there is no ledger yet"}
    path.write_bytes(b"no database at all, though long enough to be read as one " * 20)
    assert "rebuild ledger" in parts_of(client)["ledger"]


def test_readyz_names_an_archive_that_is_gone(client: TestClient, world: World) -> None:
    """A bucket whose first record is missing is not ready."""
    (world.root / "archive" / "_archive" / "format.json").unlink()

    assert parts_of(client) == {"archive": "_archive/format.json is missing"}


def test_readyz_names_what_there_is_not(world: World) -> None:
    """Without an archive and a ledger there is nothing to be ready for."""
    world.archive = world.ledger = None
    with world.client() as client:
        assert {"archive", "ledger"} == set(parts_of(client))


def test_readyz_takes_no_detour(client: TestClient) -> None:
    """HEAD is enough for a probe."""
    assert client.head("/readyz").status_code == 200
