"""The pages in a real browser: what people do with them, and what must never happen on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import PHONE, WIDE, barriers, overflow_px
from tests.search.web.pages.meetings import ARABIC, ATTACK, LONG
from tests.search.web.world import PENDING, SESSION

if TYPE_CHECKING:
    from tests.browser.looking import Browsing

PATHS = {
    "home": "/",
    "results": "/?q=price",
    "narrowed": "/?q=price&speaker=Ana+Souza&in=chat&after=2026-10&before=2026-11&match=all",
    "nothing": "/?q=zebra&speaker=Ana",
    "problem": "/?q=price+AND",
    "session": f"/sessions/{SESSION}?q=price",
    "attack": f"/sessions/{ATTACK}?q=price",
    "arabic": f"/sessions/{ARABIC}?q=price",
    "pending": f"/sessions/{PENDING}",
    "missing": "/sessions/none",
    "sessions": "/sessions",
    "none-like-these": "/sessions?speaker=Nobody",
    "coverage": "/coverage?after=2026-10&before=2026-11",
}


@pytest.mark.parametrize("name", PATHS)
def test_every_page(browsing: Browsing, name: str) -> None:
    """axe-core finds nothing, light or dark; from a phone to a wide screen nothing is wider than it.

    The policy is never violated, nothing is loaded from elsewhere, and the console is empty.
    """
    page = browsing.open(PATHS[name])
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")

    assert barriers(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert barriers(page, "color-contrast") == []  # the one rule to which the colours matter
    for width in (320, PHONE[0], 700, WIDE[0]):
        page.set_viewport_size({"width": width, "height": 800})
        assert overflow_px(page) <= 0, width


def test_from_a_word_to_its_moment(browsing: Browsing) -> None:
    """Search, open a moment, and be where it was said, with the words marked."""
    page = browsing.open("/")
    page.fill("#q", "renewal price")
    page.keyboard.press("Enter")
    page.click(f".moment[href^='/sessions/{SESSION}'] >> nth=0")

    page.wait_for_url(re.compile(r"#t=123000$"))
    line = page.locator(".turn p.here")
    assert "renewal price until March" in line.inner_text()
    assert line.locator("mark").count() > 0
    assert page.evaluate("document.querySelector('.here').getBoundingClientRect().top") < WIDE[1]


def test_with_the_keyboard_alone(browsing: Browsing) -> None:
    """`/` to the box, arrows among the moments, Enter opens, Escape leaves."""
    page = browsing.open("/?q=price")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement === document.querySelectorAll('.moment')[0]")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    target = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url(target)


def test_the_first_key_leads_past_the_header(browsing: Browsing) -> None:
    """And what has the focus is seen."""
    page = browsing.open("/sessions")
    page.keyboard.press("Tab")

    skip = page.locator(".skip")
    assert skip.evaluate("each => each === document.activeElement")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert skip.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"


def test_a_filter_without_a_reload(browsing: Browsing) -> None:
    """The next state takes the place of this one, has its URL, and the way back works."""
    page = browsing.open("/?q=price")
    page.evaluate("window.stayed = true")
    page.click(".facets a:has-text('Spoken')")
    page.wait_for_url("**/?q=price&in=transcript")
    page.wait_for_selector(".chips a")
    assert page.evaluate("window.stayed")
    assert page.evaluate("document.body.classList.contains('busy')") is False
    assert "meeting" in page.locator("body > p[role=status]").inner_text()

    page.click(".chips a")
    page.wait_for_selector(".chips", state="detached")
    page.go_back()
    page.wait_for_selector(".chips a")
    assert page.evaluate("window.stayed")
    page.click(".brand")
    page.wait_for_selector(".hero")
    assert page.title() == "Search · Meeting archive"


def test_a_query_without_a_reload(browsing: Browsing) -> None:
    """Also one that cannot be understood; the box keeps the focus and what was typed."""
    page = browsing.open("/?q=price")
    page.evaluate("window.stayed = true")
    page.fill("#q", "price AND")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem")

    assert page.locator("#problem mark").inner_text() == "A"
    assert page.input_value("#q") == "price AND"
    assert page.evaluate("document.activeElement.id") == "q"
    page.fill("#q", "price")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    assert page.evaluate("window.stayed")


def test_more_results_are_added(browsing: Browsing) -> None:
    """Below those that are there; the first of them has the focus."""
    page = browsing.open("/?q=price&limit=1")
    for count in range(1, 4):
        assert page.locator(".hit").count() == count
        page.click("[data-more]")
        page.locator(".hit").nth(count).wait_for()
        assert (
            page.locator(".hit h2 a").nth(count).evaluate("each => each === document.activeElement")
        )
    page.locator("[data-more]").wait_for(state="detached")
    assert page.evaluate("location.search") == "?q=price&limit=1"


def test_without_a_script(browsing: Browsing) -> None:
    """Everything works: search, a filter, a moment, from match to match."""
    page = browsing.open("/", script=False)
    page.fill("#q", "price")
    page.click(".box button")
    page.click(".facets a:has-text('Spoken')")
    page.wait_for_url("**/?q=price&in=transcript")
    page.goto(f"{browsing.address}/?q=renewal+price")
    page.click(f".moment[href$='{SESSION}?q=renewal+price#t=123000']")
    page.wait_for_url(re.compile("#t=123000$"))
    assert page.locator("p:target").count() == 1
    page.click(".step >> nth=1")
    page.wait_for_url(re.compile("#m1$"))
    page.click(".hop:target")
    page.wait_for_url(re.compile("#m2$"))


def test_from_match_to_match(browsing: Browsing) -> None:
    """By the buttons and by keys, around the end; the count says which it is."""
    page = browsing.open(f"/sessions/{SESSION}?q=price")
    count = page.locator("[data-count]")
    assert count.inner_text() == "2 matches"

    said = []
    for key in ("n", "n", "n", "p"):
        page.keyboard.press(key)
        said.append(count.inner_text())
    page.click("[data-step='1']")
    assert [*said, count.inner_text()] == ["1 of 2", "2 of 2", "1 of 2", "2 of 2", "1 of 2"]


def test_the_nearest_moment(browsing: Browsing) -> None:
    """A link to a moment at which no line begins leads to the line that was being said."""
    page = browsing.open(f"/sessions/{SESSION}#t=124500")

    assert "until March" in page.locator(".here").inner_text()


@pytest.mark.parametrize("where", ["?q=price#m0", "?q=price#m3", "#m0", "?q=nowhere#m1", "#t=x"])
def test_a_place_that_is_not_there(browsing: Browsing, where: str) -> None:
    """The session is shown from its beginning, and nothing is complained of."""
    page = browsing.open(f"/sessions/{SESSION}{where}")

    assert page.locator(".turn").first.is_visible()
    assert page.locator(".here").count() == 0


def test_the_picture_leads_to_the_words(browsing: Browsing) -> None:
    """A click in the picture of who spoke when is a moment of the session."""
    page = browsing.open(f"/sessions/{LONG}")
    lane = page.locator(".lane svg").first
    box = lane.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 4)
    page.wait_for_selector(".here")

    ms = int(page.evaluate("location.hash").removeprefix("#t="))
    assert abs(ms - 3 * 3_600_000) < 60_000


def test_a_link_to_this_moment(browsing: Browsing) -> None:
    """Is copied, and says so."""
    page = browsing.open(f"/sessions/{SESSION}?q=price#t=123000")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-copy]")
    page.wait_for_selector("[data-copy]:has-text('Copied')")

    assert page.evaluate("navigator.clipboard.readText()") == (
        f"{browsing.address}/sessions/{SESSION}?q=price#t=123000"
    )


def test_an_attack_changes_nothing(browsing: Browsing) -> None:
    """It is there to be read, has run nothing, and has asked for nothing."""
    for path in (PATHS["results"], PATHS["attack"], PATHS["sessions"]):
        page = browsing.open(path)
        page.wait_for_load_state("networkidle")
        assert "owned" not in page.title() or "<script>" in page.title()
        assert (
            page.evaluate("document.images.length + document.querySelectorAll('iframe').length")
            == 0
        )
        assert "<script>document.title='owned'</script>" in page.locator("main").inner_text()
        assert overflow_px(page) <= 0
        assert page.evaluate("document.querySelector('h1').getBoundingClientRect().height") < 400


def test_from_right_to_left(browsing: Browsing) -> None:
    """Each piece of a meeting has its own direction; what stands around it keeps its place."""
    page = browsing.open(f"/sessions/{ARABIC}?q=price")
    directions = page.locator(".turn p[id]").evaluate_all(
        "all => all.map(each => getComputedStyle(each).direction)"
    )
    clocks = page.locator(".turn p[id] > a:first-child").evaluate_all(
        "all => all.map(each => Math.round(each.getBoundingClientRect().right))"
    )

    assert directions == ["rtl", "ltr", "rtl"]
    assert len(set(clocks)) == 1
    assert page.locator("h1").evaluate("each => getComputedStyle(each).direction") == "rtl"
    assert "\u200f" in page.locator(".talk").inner_text()


def test_a_session_of_six_hours(browsing: Browsing) -> None:
    """20,000 utterances: only what is seen is laid out, and a moment at the end is reached."""
    page = browsing.open(f"/sessions/{LONG}?q=price#t=21598920")

    assert page.locator(".here").is_visible()
    page.wait_for_function("() => !document.querySelector('noscript')")
    assert page.locator(".turn p[id]").count() == 20_000
    assert page.evaluate("scrollY") > 100_000
    laid_out = page.locator(".block").evaluate_all(
        "all => all.filter(each => each.firstElementChild"
        ".checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert 0 < laid_out < 50
    assert page.locator(".hop").count() == 40


def test_far_lines_are_there_when_they_are_wanted(browsing: Browsing) -> None:
    """A long session opens with its beginning: what is scrolled to or led to does not wait for the rest."""
    page = browsing.open(f"/sessions/{LONG}?q=price", idle=False)
    assert page.locator("noscript").count() > 400

    page.evaluate("scrollTo(0, 300_000)")
    page.wait_for_function(
        "() => document.elementFromPoint(innerWidth / 3, innerHeight / 2)?.closest('.turn')"
    )
    page.keyboard.press("p")
    assert page.locator("[data-count]").inner_text() == "40 of 40"
    assert "price" in page.locator(".here").inner_text()
    page.evaluate("location.hash = 't=10800000'")
    page.wait_for_function("() => document.querySelector('.here')?.id === 't=10800000'")
    assert page.locator("noscript").count() > 400
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".turn p[id]").count() == 20_000


def test_a_long_session_without_a_script(browsing: Browsing) -> None:
    """Every line is there, and the last moment is reached by its link."""
    page = browsing.open(f"/sessions/{LONG}?q=price#t=21598920", script=False)

    assert page.locator(".turn p[id]").count() == 20_000
    assert "number19999" in page.locator("p:target").inner_text()


def test_it_can_be_printed(browsing: Browsing) -> None:
    """On paper there is what was found, and nothing to press."""
    page = browsing.open(PATHS["coverage"])
    page.emulate_media(media="print")

    assert not page.locator("nav").is_visible()
    assert not page.locator(".filters").is_visible()
    assert page.locator(".figures").is_visible()
    assert page.locator(".calendar").is_visible()
