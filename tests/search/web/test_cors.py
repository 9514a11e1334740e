"""Pages of other sites: none, unless the settings name them; and then with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.search.web.world import World

OURS, OTHER = "https://crm.example.com", "https://evil.example.com"
SEARCH = "/v1/search?q=price"


def shared(answer: Any) -> dict[str, str]:
    return {
        key: each for key, each in answer.headers.items() if key.startswith("access-control-allow")
    }


def preflight(client: TestClient, origin: str, path: str = SEARCH) -> Any:
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        },
    )


def test_nothing_is_shared_unless_it_is_set(world: World) -> None:
    """No header, and no answer to a preflight, for any origin."""
    headers = world.key()
    with world.client() as client:
        assert not shared(client.get(SEARCH, headers={**headers, "Origin": OURS}))
        assert not shared(preflight(client, OURS))


def test_a_named_site_may_ask_with_a_key(world: World) -> None:
    """Its pages read answers and refusals, and what they may send is told; never with cookies."""
    headers = world.key()
    world.set(cors_origins=(OURS,))
    with world.client() as client:
        asked = preflight(client, OURS)
        answer = client.get(SEARCH, headers={**headers, "Origin": OURS})
        refused = client.get(SEARCH, headers={"Authorization": "Bearer x", "Origin": OURS})

    assert asked.status_code == 200
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    for each in (asked, answer, refused):
        assert each.headers["access-control-allow-origin"] == OURS
        assert "Origin" in each.headers["vary"]
        assert "access-control-allow-credentials" not in each.headers
    assert (answer.status_code, refused.status_code) == (200, 401)
    assert "ETag" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", [OTHER, OURS + ".evil.example", "null", OURS.upper()])
def test_another_site_may_not(world: World, origin: str) -> None:
    """An origin is one of those that are named, to the letter, or it is none."""
    headers = world.key()
    world.set(cors_origins=(OURS,))
    with world.client() as client:
        assert not shared(client.get(SEARCH, headers={**headers, "Origin": origin}))
        assert "access-control-allow-origin" not in preflight(client, origin).headers


def test_without_a_key_nothing_is_shared(world: World) -> None:
    """Where this machine needs none, a page of another site in its browser still does."""
    world.set(cors_origins=(OURS,))
    with world.client() as client:
        answer = client.get(SEARCH, headers={"Origin": OURS})

    assert answer.status_code == 200
    assert not shared(answer)


def test_pages_are_not_shared(world: World) -> None:
    """The interface is, and nothing that a person signs in to."""
    headers = world.key()
    world.set(cors_origins=(OURS,))
    with world.client() as client:
        for path in ("/", "/sign-in", "/metrics"):
            assert not shared(client.get(path, headers={**headers, "Origin": OURS}))
            assert "access-control-allow-origin" not in preflight(client, OURS, path).headers
