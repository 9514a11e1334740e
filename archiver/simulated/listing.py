"""Lists: which rows a query wants, in what order, and which of them are on the page."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from archiver.model import parse_time
from archiver.simulated.answers import Refusal
from archiver.simulated.faults import PageZero
from archiver.simulated.payloads import minutes_consumed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from archiver.simulated.faults import PagingFaults
    from archiver.simulated.sessions import SimulatedSession

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which page was asked for."""

    number: int
    size: int

    @classmethod
    def from_query(cls, query: Mapping[str, str], faults: PagingFaults) -> Page:
        number = _whole_number(query, "page_no", 1)
        size = _whole_number(query, "per_page", 0) or faults.default_per_page
        if size > faults.most_per_page:
            if faults.refuse_more:
                raise Refusal(
                    400, f'BAD_REQUEST: "per_page" must be at most {faults.most_per_page}'
                )
            size = faults.most_per_page
        if number == 0 and faults.zero is PageZero.REFUSED:
            raise Refusal(400, 'BAD_REQUEST: "page_no" must be greater than or equal to 1')
        if number == 0 and faults.zero is PageZero.FIRST:
            number = 1
        return cls(number=number, size=size)

    def cut(self, rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, int]]:
        """The rows of this page, and the `paging` that goes with them."""
        start = (self.number - 1) * self.size
        found = rows[start : start + self.size] if start >= 0 else rows[:0]
        paging = {
            "total_count": len(rows),
            "start_offset": start + 1 if found else 0,
            "end_offset": start + len(found) if found else 0,
        }
        return found, paging


def select_sessions(
    sessions: Sequence[SimulatedSession],
    query: Mapping[str, str],
    now: datetime,
    compared: str = "created_at",
) -> Sequence[SimulatedSession]:
    """The sessions a list query wants, in its order; newest first where it does not say."""
    started = bisect.bisect_right(sessions, now, key=lambda one: one.started_at)
    chosen: Sequence[SimulatedSession] = sessions[:started]
    chosen = _in_window(chosen, query, compared)
    if status := query.get("status"):
        chosen = [one for one in chosen if one.has_ended(now) == (status == "ENDED")]
    if meeting_id := query.get("associated_id"):
        chosen = [one for one in chosen if one.meeting_id == meeting_id]
    if text := query.get("search"):
        chosen = [one for one in chosen if _mentions(one, text)]
    if query.get("sort_by") == "minutesConsumed":
        chosen = sorted(chosen, key=lambda one: minutes_consumed(one, now))
    return chosen if query.get("sort_order") == "ASC" else chosen[::-1]


def select_participants(
    records: list[dict[str, Any]], query: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The participants a list query wants, in its order."""
    text = query.get("search", "").casefold()
    keys = ("id", "custom_participant_id", "display_name")
    chosen = [one for one in records if any(text in str(one[key]).casefold() for key in keys)]
    key = "duration" if query.get("sort_by") == "duration" else "joined_at"
    return sorted(chosen, key=lambda one: one[key], reverse=query.get("sort_order") == "DESC")


def _in_window(
    sessions: Sequence[SimulatedSession], query: Mapping[str, str], compared: str
) -> Sequence[SimulatedSession]:
    first, last = _time(query, "start_time"), _time(query, "end_time")
    if compared == "ended_at":
        return [
            one
            for one in sessions
            if one.ended_at is not None
            and (first is None or one.ended_at >= first)
            and (last is None or one.ended_at <= last)
        ]
    low = 0 if first is None else bisect.bisect_left(sessions, first, key=lambda s: s.started_at)
    high = (
        len(sessions)
        if last is None
        else bisect.bisect_right(sessions, last, key=lambda s: s.started_at)
    )
    return sessions[low:high]


def _mentions(session: SimulatedSession, text: str) -> bool:
    return (
        text.casefold() in session.meeting.title.casefold()
        or text == session.meeting_id
        or text == session.session_id
    )


def _whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    try:
        # The schema says number, and the official SDK writes it so.
        number = float(text)
    except ValueError as error:
        raise Refusal(400, f'BAD_REQUEST: "{name}" must be a number') from error
    if not 0 <= number < 1e9:
        raise Refusal(400, f'BAD_REQUEST: "{name}" must be greater than or equal to 0')
    return int(number)


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise Refusal(400, f'BAD_REQUEST: "{name}" must be a valid ISO 8601 date') from error
