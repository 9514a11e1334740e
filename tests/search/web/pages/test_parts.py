"""What pages are made of: facets, marks, the conversation, the summary, the picture, the calendar."""

from __future__ import annotations

import re
from datetime import date

import pytest

from search.query import parse
from search.web.pages.conversation import colours_of, conversation, in_time
from search.web.pages.days import DayView, days_of, months_of
from search.web.pages.facets import chips_of, facets_of, following_month, month_text
from search.web.pages.marking import Marker
from search.web.pages.places import Place
from search.web.pages.summary import RENDERED_CHARS, rendered
from search.web.pages.timeline import lanes_of, length_of, matches_path, ticks_of
from tests.search.web.pages.reading import Page
from tests.search.web.world import LINES, said

# ------------------------------------------------------------------ narrowing


def test_a_facet_adds_its_filter_and_takes_it_away() -> None:
    """What is in force is shown so, and its link removes it."""
    here = Place.of("/", [("q", "price"), ("speaker", "Ana")])
    counts = {"speaker": [("Ana", 3), ("Ben", 1)], "kind": [("chat", 2)], "app": [("one", 3)]}

    speaker, kind = facets_of(counts, here)

    assert [(each.label, each.count, each.url, each.is_on) for each in speaker.values] == [
        ("Ana", 3, "/?q=price", True),
        ("Ben", 1, "/?q=price&speaker=Ana&speaker=Ben", False),
    ]
    assert [(each.label, each.url) for each in kind.values] == [
        ("Chat", "/?q=price&speaker=Ana&in=chat")
    ]


def test_several_apps_are_a_facet() -> None:
    """One app is no choice; of several the beginning of each id is shown."""
    app = "c94c437b-0000-4000-8000-000000000001"

    (facet,) = facets_of({"app": [(app, 2), ("other", 1)]}, Place("/"))

    assert [each.label for each in facet.values] == ["c94c437b-00…", "other"]
    assert facet.values[0].url == f"/?app={app}"


def test_a_month_is_a_range_of_dates() -> None:
    """Half-open, over the end of a year too."""
    (facet,) = facets_of({"month": [("2026-12", 2)]}, Place("/"))

    assert facet.values[0].label == "December 2026"
    assert facet.values[0].url == "/?after=2026-12&before=2027-01"
    (facet,) = facets_of(
        {"month": [("2026-12", 2)]}, Place.of("/", [("after", "2026-12"), ("before", "2027-01")])
    )
    assert (facet.values[0].is_on, facet.values[0].url) == (True, "/")
    assert (following_month("2026-09"), month_text("no month")) == ("2026-10", "no month")


def test_every_filter_is_a_chip() -> None:
    """With words, and a link to the place without it."""
    pairs = [("q", "x"), ("in", "chat"), ("after", "2026-10"), ("match", "all"), ("sort", "newest")]

    chips = chips_of(Place.of("/", pairs))

    assert [(each.label, each.value) for each in chips] == [
        ("in", "Chat"),
        ("from", "2026-10"),
        ("", "every word"),
    ]
    assert chips[0].url == "/?q=x&after=2026-10&match=all&sort=newest"


# ------------------------------------------------------------------ marks


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("price", ["renewal [price]", "renewal [price]"]),
        ('"renewal price"', ["[renewal price]", "[renewal price]"]),
        ("speaker:ana price", ["renewal [price]"]),
        ("speaker:an price", []),
        ("in:chat price", ["renewal [price]"]),
        ("speaker:ana", []),
        ("", []),
    ],
)
def test_only_what_counts_is_marked(query: str, marked: list[str]) -> None:
    """A speaker or a kind that was asked for is asked for in the marks as well."""
    lines = [
        said("renewal price", by="Ana Souza"),
        said("renewal price", kind="chat", by="Ben"),
    ]
    marker = Marker(parse(query))

    found = []
    for line, ranges in zip(lines, marker.ranges(lines), strict=True):
        text = line.text
        for start, end in reversed(ranges):
            text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
        found += [text] if text != line.text else []
    assert found == marked


def test_a_summary_is_said_by_nobody() -> None:
    """Its matches are marked unless a speaker, or another kind, was asked for."""
    assert Marker(parse("price")).ranges_of("a price") == [(2, 7)]
    assert Marker(parse("speaker:ana price")).ranges_of("a price") == []
    assert Marker(parse("in:chat price")).ranges_of("a price") == []


# ------------------------------------------------------------------ the conversation


def talk(query: str = "", *lines: object) -> Page:
    ordered = in_time(lines or LINES)  # type: ignore[arg-type]  # lines, as they are
    return Page("".join(conversation(ordered, Marker(parse(query)), colours_of(ordered)).blocks))


def test_what_was_typed_stands_between_what_was_said() -> None:
    """In the order of time, each line with the fragment of its moment; summaries stand elsewhere."""
    page = talk()

    lines = page.lines()
    assert [each.attributes.get("id") for each in lines] == ["t=1000", "t=123000", "t=130000"]
    assert page.texts("b") == ["Ben", "Ana Souza", "Ben"]
    assert [each["href"] for each in page.all("a")] == ["#t=1000", "#t=123000", "#t=130000"]
    assert page.texts("p", class_="who") == ["Ben", "Ana Souza", "Benchat"]


def test_who_goes_on_speaking_is_named_once() -> None:
    """Lines of one speaker are a turn, until it is so long that one forgets who speaks."""
    few = [said(f"line {number}", at_ms=number * 1000) for number in range(3)]
    many = [said(f"line {number}", at_ms=number * 1000) for number in range(30)]

    assert talk("", *few).texts("b") == ["Ana"]
    assert talk("", *many).texts("b") == ["Ana"] * 3


def test_an_id_is_given_once() -> None:
    """Of lines that begin at the same moment the first has the id, and one without a time has none."""
    page = talk("", said("a", at_ms=5), said("b", at_ms=5), said("c", at_ms=None, kind="chat"))

    assert [each.attributes.get("id") for each in page.lines()] == ["t=5", None, None]


def test_a_match_leads_to_the_next() -> None:
    """And the last to the first, without a script."""
    page = talk("price")

    hops = page.all("a", class_="hop")
    assert [(each["id"], each["href"]) for each in hops] == [("m1", "#m2"), ("m2", "#m1")]
    assert page.texts("mark") == ["price", "price"]


def test_only_what_may_turn_has_a_direction_of_its_own() -> None:
    """A browser looks for it where a line or a name needs it: that takes a fifth of a long page's time."""
    page = talk("", said("שלום", by="נועה"), said("a\u200fb"), said("plain, 你好"))

    assert [each.attributes.get("dir") for each in page.lines()] == ["auto", "auto", None]
    assert [each.attributes.get("dir") for each in page.all("b")] == ["auto", None]


def test_more_speakers_than_colours() -> None:
    """Colours begin again; names are there anyway."""
    lines = [said("x", by=f"Speaker {number}") for number in range(10)]

    assert sorted(colours_of(lines).values()) == [0, 0, 1, 1, 2, 3, 4, 5, 6, 7]


# ------------------------------------------------------------------ the summary


def nothing(_: str) -> list[tuple[int, int]]:
    return []


def test_a_summary_is_rendered() -> None:
    """Headings below those of the page, lists, emphasis, tables and code."""
    page = Page(
        rendered("## Top\n\n###### Deep\n\n- **bold** `code`\n\n|a|b|\n|:-|-|\n|1|2|\n", nothing)
    )

    assert page.texts("h3") == ["Top"]
    assert page.texts("h4") == ["Deep"]
    assert page.texts("strong") == ["bold"]
    assert page.texts("code") == ["code"]
    assert page.texts("td") == ["1", "2"]
    assert not [each for each in page.elements if "style" in each.attributes]


@pytest.mark.parametrize(
    "markdown",
    [
        "[a](http://e.example/)",
        "![a](http://e.example/x.png)",
        "<http://e.example/>",
        "<b>bold</b>",
        "<script>alert(1)</script>",
        "<div onclick=x>\nblock\n</div>",
        "&lt;b&gt;",
        "[a][r]",
    ],
)
def test_a_summary_loads_nothing_and_leads_nowhere(markdown: str) -> None:
    """HTML, links and images stand there as they were written."""
    page = Page(rendered(f"{markdown}\n\n[r]: http://e.example/", nothing))

    assert {each.tag for each in page.elements} == {"p"}
    assert "".join(page.texts("p")[:1]) == " ".join(markdown.split())


def test_headings_go_down_a_step_at_a_time() -> None:
    """Whatever levels a summary begins with or leaves out."""
    html = rendered("### a\n\n# b\n\n### c\n\n###### d\n\n# e\n", nothing)

    assert [(each.tag, each.text) for each in Page(html).elements] == [
        ("h3", "a"),
        ("h3", "b"),
        ("h4", "c"),
        ("h5", "d"),
        ("h3", "e"),
    ]


def test_matches_in_a_summary_are_marked() -> None:
    """Within emphasis too, and never inside a tag."""
    html = rendered("the **price** of strong", Marker(parse("price strong")).ranges_of)

    assert str(html) == "<p>the <strong><mark>price</mark></strong> of <mark>strong</mark></p>\n"


def test_a_summary_without_end_is_shown_as_it_is() -> None:
    """No parser is fed more than it can take."""
    text = "# a\n" + "*" * RENDERED_CHARS

    assert {each.tag for each in Page(rendered(text, nothing)).elements} == {"pre"}


# ------------------------------------------------------------------ the picture


def in_places(path: str) -> str:
    """The strokes of a path that is told in steps, each with the place where it begins."""
    x = y = 0
    strokes = ""
    for sign, numbers in re.findall("([Mmhv])([-0-9 ]+)", path):
        first, *others = map(int, re.findall("-?[0-9]+", numbers))
        match sign:
            case "M":
                x, y = first, others[0]
            case "m":
                x, y = x + first, y + others[0]
            case "h":
                strokes += f"M{x} {y}H{x + first}"
                x += first
            case "v":
                strokes += f"M{x} {y}v{first}"
                y += first
    return strokes


def test_who_spoke_when() -> None:
    """Whoever spoke most comes first, with a stroke for each stretch; what touches is one stroke."""
    lines = [
        said("a", at_ms=0, by="Ben"),
        said("b", at_ms=10_000, by="Ana"),
        said("c", at_ms=12_000, by="Ana"),
        said("d", at_ms=50_000, by="Ana"),
        said("typed", at_ms=60_000, kind="chat", by="Cat"),
    ]

    ana, ben = lanes_of(lines, 100_000, colours_of(lines))

    assert (ana.name, ana.colour, ana.share, in_places(ana.path)) == (
        "Ana",
        1,
        "75\u2009%",
        "M100 5H141M500 5H521",
    )
    assert (ben.name, in_places(ben.path)) == ("Ben", "M0 5H21")


def test_the_picture_is_as_long_as_the_session() -> None:
    """Or as what was said in it where that is longer; never without length."""
    assert length_of([said("a", at_ms=5000)], 60_000) == 60_000
    assert length_of([said("a", at_ms=5000)], 1000) == 7000
    assert length_of([], None) == 1
    assert lanes_of([], 1, {}) == []
    assert ticks_of(4000) == [0, 1000, 2000, 3000, 4000]


def test_where_the_matches_are() -> None:
    """A tick for each place, also at the very end."""
    path = matches_path([0, 1, 50_000, 100_000, None], 100_000)
    assert in_places(path) == "M0 0v10M500 0v10M999 0v10"
    assert matches_path([None], 1000) == ""


# ------------------------------------------------------------------ the calendar


def day(name: str, app: str = "one", **values: object) -> dict[str, object]:
    known: dict[str, object] = {
        "day": name,
        "app_id": app,
        "sessions": 1,
        "live": 0,
        "pending": 0,
        "artifacts": {"archived": 5},
        "listed": None,
        "missing": 0,
    }
    return known | values


def test_apps_share_a_day() -> None:
    """Their numbers are added, and the link keeps the apps that were asked for."""
    here = Place.of("/coverage", [("app", "one"), ("after", "2026")])
    documents = [
        day("2026-10-03", sessions=3, pending=1),
        day("2026-10-03", app="two", artifacts={"lost": 2}),
        day("2026-10-04"),
    ]

    newest, busiest = days_of(documents, here)

    assert (newest.day, newest.shade, newest.state) == ("2026-10-04", 1, "whole")
    assert (busiest.sessions, busiest.pending, dict(busiest.outcomes)) == (
        4,
        1,
        {"archived": 5, "lost": 2},
    )
    assert busiest.url == "/sessions?app=one&after=2026-10-03&before=2026-10-04"
    assert busiest.outcome_url("lost") == f"{busiest.url}&outcome=lost"


@pytest.mark.parametrize(
    ("values", "state", "sign"),
    [
        ({}, "whole", ""),
        ({"pending": 1}, "pending", "◷"),
        ({"live": 1}, "pending", "◷"),
        ({"missing": 1, "pending": 1}, "missing", "▲"),
        ({"listed": 2}, "missing", "▲"),
        ({"artifacts": {"lost": 1}, "pending": 1}, "lost", "▲"),
    ],
)
def test_a_day_is_as_good_as_its_worst(values: dict[str, object], state: str, sign: str) -> None:
    """Lost before missing before pending, each with a sign of its own."""
    (found,) = days_of([day("2026-10-03") | values], Place("/coverage"))

    assert (found.state, found.sign) == (state, sign)


def test_a_month_is_weeks_from_monday() -> None:
    """Every day of it stands in its week; months are newest first."""
    known = DayView("2026-10-03", sessions=2)

    october, september = months_of([known], date(2026, 9, 10), date(2026, 11, 1))

    assert (october.title, september.title) == ("October 2026", "September 2026")
    assert [each and each.number for each in october.weeks[0]] == [None, None, None, 1, 2, 3, 4]
    assert october.weeks[0][5] is known
    assert all(len(week) == 7 for month in (october, september) for week in month.weeks)
