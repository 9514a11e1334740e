"""Lists: filters, order, pages, and how paging goes wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.model import format_time
from archiver.simulated import (
    PageZero,
    SettableClock,
    SimulatedSource,
    generate_meetings,
    marker_word,
)

if TYPE_CHECKING:
    from tests.archiver.simulated.api import Answer, Api


@pytest.fixture
def source(clock: SettableClock) -> SimulatedSource:
    return SimulatedSource(clock=clock, meetings=generate_meetings(25))


def ids(answer: Answer) -> list[str]:
    return [one["id"] for one in answer.data["sessions"]]


async def page(api: Api, number: int, **more: object) -> Answer:
    return await api.app("/sessions", params={"page_no": number, "per_page": 10, **more})


async def test_pages(api: Api) -> None:
    """Pages are cut newest first, with 1-based inclusive offsets, and end empty."""
    pages = [await page(api, number) for number in (1, 2, 3, 4)]
    found = [one for answer in pages for one in ids(answer)]
    times = [one["created_at"] for answer in pages for one in answer.data["sessions"]]

    assert len(found) == len(set(found)) == 25
    assert times == sorted(times, reverse=True)
    assert pages[2].json["paging"] == {"total_count": 25, "start_offset": 21, "end_offset": 25}
    assert pages[3].json["paging"] == {"total_count": 25, "start_offset": 0, "end_offset": 0}


async def test_order(api: Api) -> None:
    """Sessions can be had oldest first, and by minutes."""
    newest = ids(await page(api, 1, per_page=50))
    oldest = ids(await page(api, 1, per_page=50, sort_by="createdAt", sort_order="ASC"))
    minutes = await page(api, 1, per_page=50, sort_by="minutesConsumed", sort_order="ASC")
    consumed = [one["minutes_consumed"] for one in minutes.data["sessions"]]

    assert oldest == newest[::-1]
    assert consumed == sorted(consumed)


async def test_filters(api: Api, source: SimulatedSource, clock: SettableClock) -> None:
    """Sessions can be filtered by time, status, meeting and title."""
    live = source.add_session(live=True)
    last = {"end_time": format_time(clock.now() - timedelta(days=3))}
    first = {"start_time": format_time(clock.now() - timedelta(days=3))}
    meeting_id = source.session(live).meeting_id
    title = {"search": marker_word(7)}

    assert len(ids(await page(api, 1, per_page=50, **last))) + len(
        ids(await page(api, 1, per_page=50, **first))
    ) == len(source.session_ids)
    assert live not in ids(await page(api, 1, per_page=50, status="ENDED"))
    assert ids(await page(api, 1, status="LIVE")) == [live]
    assert ids(await page(api, 1, associated_id=meeting_id)) == [live]
    assert ids(await page(api, 1, **title)) == [source.session_ids[7]]
    assert (await page(api, 1, start_time="yesterday")).status == 400


async def test_times_compared_with_the_end(
    api: Api, source: SimulatedSource, clock: SettableClock
) -> None:
    """start_time may be compared with the session's end."""
    new = source.add_session()
    source.faults.paging.compared = "ended_at"
    now = format_time(clock.now())

    assert ids(await page(api, 1, start_time=now, end_time=now)) == [new]


async def test_large_pages_are_cut_down(api: Api, source: SimulatedSource) -> None:
    """A larger per_page than there may be is cut down, or refused."""
    source.faults.paging.most_per_page = 5

    assert len(ids(await page(api, 1))) == 5

    source.faults.paging.refuse_more = True

    assert (await page(api, 1)).status == 400


async def test_default_page_size(api: Api) -> None:
    """No per_page, or one of zero, is the default."""
    api.source.faults.paging.default_per_page = 7

    assert len(ids(await api.app("/sessions"))) == 7
    assert len(ids(await page(api, 1, per_page=0))) == 7


async def test_numbers(api: Api) -> None:
    """Page numbers may be written as floats; what is no number is refused."""
    assert ids(await api.app("/sessions?page_no=2.0&per_page=10.0")) == ids(await page(api, 2))
    assert (await api.app("/sessions?page_no=x")).status == 400
    assert (await api.app("/sessions?page_no=-1")).status == 400


async def test_paging_missing(api: Api, source: SimulatedSource, session_id: str) -> None:
    """`paging` may be missing everywhere."""
    source.faults.paging.omit = True
    participants = await api.app(f"/sessions/{session_id}/participants")

    assert "paging" not in (await page(api, 1)).json
    assert "paging" not in participants.json
    assert "paging" not in participants.data
    assert "paging" not in (await api.kit("/apps")).json


async def test_participants_paging_outside(
    api: Api, source: SimulatedSource, session_id: str
) -> None:
    """The participants' `paging` may be next to `data`."""
    source.faults.paging.participants_inside = False
    answer = await api.app(f"/sessions/{session_id}/participants")

    assert answer.json["paging"]["total_count"] == 2
    assert "paging" not in answer.data


async def test_page_zero(api: Api, source: SimulatedSource) -> None:
    """Page 0 is page 1, or empty, or refused."""
    assert ids(await page(api, 0)) == ids(await page(api, 1))

    source.faults.paging.zero = PageZero.EMPTY

    assert ids(await page(api, 0)) == []

    source.faults.paging.zero = PageZero.REFUSED

    assert (await page(api, 0)).status == 400


async def test_sessions_inserted_while_paging(api: Api, source: SimulatedSource) -> None:
    """A session may appear at the front after a page was served, and pushes a row to the next."""
    source.faults.paging.insert_times = 1
    first, second = await page(api, 1), await page(api, 2)
    again = await page(api, 1)

    assert ids(second)[0] == ids(first)[-1]
    assert second.json["paging"]["total_count"] == 26
    assert ids(again)[1:] == ids(first)[:-1]
