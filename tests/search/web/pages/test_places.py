"""The URL of a page as its whole state."""

from __future__ import annotations

from search.web.pages.places import Place, session_url

HERE = Place.of("/", [("q", "a b"), ("speaker", "Ana"), ("speaker", "Ben"), ("cursor", "x")])


def test_what_is_empty_is_not_there() -> None:
    """A form sends its empty fields, which mean nothing."""
    assert Place.of("/", [("q", "a"), ("after", ""), ("before", " ")]).url == "/?q=a"
    assert Place.of("/", []).url == "/"


def test_a_change_begins_at_the_first_page() -> None:
    """Whatever is changed, the place in the old list is forgotten."""
    changed = [
        HERE.plus("in", "chat"),
        HERE.without("speaker"),
        HERE.without_value("speaker", "Ana"),
        HERE.having(sort="newest"),
    ]

    assert [each.url for each in changed] == [
        "/?q=a+b&speaker=Ana&speaker=Ben&in=chat",
        "/?q=a+b",
        "/?q=a+b&speaker=Ben",
        "/?q=a+b&speaker=Ana&speaker=Ben&sort=newest",
    ]
    assert HERE.having(cursor="y").value("cursor") == "y"


def test_a_value_is_there_once() -> None:
    """Adding what is there changes nothing; setting to nothing takes away."""
    assert HERE.plus("speaker", "Ben").values("speaker") == ("Ana", "Ben")
    assert HERE.having(q="").value("q") == ""


def test_nothing_breaks_out_of_a_url() -> None:
    """Ids and queries are quoted, half a surrogate pair included."""
    assert session_url("a/b?c", '"&#', 5) == "/sessions/a%2Fb%3Fc?q=%22%26%23#t=5"
    assert session_url("x", "\ud800") == "/sessions/x?q=%3F"
    listed = Place("/sessions").having(after="2026-10-03", before="")
    assert listed.url == "/sessions?after=2026-10-03"
