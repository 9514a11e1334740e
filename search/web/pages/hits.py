"""Sessions that match, each with its moments beneath; pure.

A page shows dozens of moments, so that this HTML is put together by hand, as lean as it can be.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from markupsafe import Markup

from search.web.pages.places import at_moment, session_url
from search.web.pages.times import day_text, iso_text, length_text, moment_clock, time_text, when_of
from search.web.pages.words import counted, html_of, name_of, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.results import Hit, Moment


def hits_html(hits: Iterable[Hit], query: str) -> Markup:
    """The items of the list, whose links lead to the sessions with the query's matches marked."""
    html = "".join([_hit(each, query) for each in hits])
    return Markup(html)  # noqa: S704 — every piece is escaped


def _hit(hit: Hit, query: str) -> str:
    url = escape(session_url(hit.session_id, query))
    title = html_of(title_of(hit.meeting_title))
    when = when_of(hit.started_at_ms)
    length = length_text(hit.started_at_ms, hit.ended_at_ms)
    after = f" · {length}" if length else ""
    moments = "".join([_moment(each, url) for each in hit.moments])
    beneath = f'<ul class="moments">{moments}</ul>{_more(hit, url)}' if moments else ""
    return (
        f'<li class="hit"><h2><a href="{url}" dir="auto">{title}</a></h2><p class="when">'
        f'<time datetime="{iso_text(when)}">{day_text(when)}, {time_text(when)}</time>{after}</p>'
        f"{beneath}</li>\n"
    )


def _moment(moment: Moment, session: str) -> str:
    """One link to a place in the session whose URL, escaped, this is."""
    kind, start_ms = moment.kind, moment.start_ms
    url, clock = at_moment(session, start_ms), "–"
    if start_ms is not None:
        clock = moment_clock(start_ms)
    elif kind == "summary":
        url = f"{session}#summary"
    by = html_of(name_of(moment.speaker)) or ("Summary" if kind == "summary" else "Unknown")
    label = "<i>chat</i>" if kind == "chat" else ""
    return (
        f'<li><a class="moment" href="{url}"><span class="clock">{clock}</span><span class="said">'
        f'<span class="by"><b dir="auto">{by}</b>{label}</span>'
        f'<q dir="auto">{html_of(moment.snippet, moment.highlights)}</q></span></a></li>'
    )


def _more(hit: Hit, url: str) -> str:
    """How many matches there are beside the moments."""
    more = hit.matches - len(hit.moments)
    if more <= 0:
        return ""
    text = counted(more, "more match", "more matches")
    return f'<p class="more"><a href="{url}">{text} in this meeting</a></p>'
