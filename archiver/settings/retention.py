"""How long objects are locked, per app: what RTK_ARCHIVE_LOCK and RTK_ARCHIVE_LEGAL_HOLD say; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

from archiver.model import UNLOCKED, Lock, LockMode

#: S3 takes no retention beyond a hundred years.
YEARS_MAX = 100
_TERM = re.compile(r"(governance|compliance):(\d{1,5})([dy])\Z")
_DAYS_OF_YEAR = 366
ALL_APPS = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One kind of retention: its mode, and its length in days or calendar years."""

    mode: LockMode
    length: int
    unit: str  #: "d" or "y"

    def __str__(self) -> str:
        return f"{self.mode.lower()}:{self.length}{self.unit}"

    def until(self, moment: datetime) -> datetime:
        """When a retention that begins at this moment ends; rounded up to whole seconds."""
        whole = moment.replace(microsecond=0) + timedelta(seconds=bool(moment.microsecond))
        if self.unit == "d":
            return whole + timedelta(days=self.length)
        try:
            return whole.replace(year=whole.year + self.length)
        except ValueError:  # 29 February: the day after, and never a day too early
            return whole.replace(year=whole.year + self.length, month=3, day=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The terms of an archive: one for all apps, and exceptions."""

    default: Term | None = None
    by_app: tuple[tuple[str, Term | None], ...] = ()

    def __str__(self) -> str:
        terms = [f"{app}={term or 'off'}" for app, term in self.by_app]
        return ",".join([str(self.default or "off"), *terms])

    def term(self, app_id: str) -> Term | None:
        """The term of an app."""
        return dict(self.by_app).get(app_id, self.default)

    def lock(self, app_id: str, now: datetime) -> Lock:
        """The lock of what is put for this app now."""
        return _lock(self.term(app_id), now)

    def strictest(self, now: datetime) -> Lock:
        """The lock of what vouches for every app: as strict and as long as any of theirs."""
        terms = [self.default, *(term for _, term in self.by_app)]
        return reduce(Lock.joined, (_lock(each, now) for each in terms), UNLOCKED)


def _lock(term: Term | None, now: datetime) -> Lock:
    return UNLOCKED if term is None else Lock(mode=term.mode, until=term.until(now))


def retention(text: str) -> Retention:
    """`off`, or MODE:LENGTH such as compliance:7y; exceptions follow as APP=MODE:LENGTH or APP=off."""
    default: list[Term | None] = []
    by_app: dict[str, Term | None] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        app_id, equals, term = part.rpartition("=")
        if not equals:
            default.append(_term(term))
        elif not app_id.strip() or app_id.strip() in by_app:
            raise ValueError("names an app twice, or none before its =")
        else:
            by_app[app_id.strip()] = _term(term)
    if len(default) > 1:
        raise ValueError("has two terms without an app")
    return Retention(default=default[0] if default else None, by_app=tuple(by_app.items()))


def _term(text: str) -> Term | None:
    value = text.strip().lower()
    if value == "off":
        return None
    match = _TERM.match(value)
    most = YEARS_MAX * (_DAYS_OF_YEAR if match and match[3] == "d" else 1)
    if match is None or not 1 <= int(match[2]) <= most:
        raise ValueError("wants off, governance:90d or compliance:7y, and APP=… for one app alone")
    return Term(mode=LockMode(match[1].upper()), length=int(match[2]), unit=match[3])


def held_apps(text: str) -> tuple[str, ...]:
    """`off`, `all`, or comma-separated app ids: whose objects are put under a legal hold."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if found in {(), ("off",)}:
        return ()
    if len(found) > 1 and {"off", ALL_APPS} & set(found):
        raise ValueError("wants off, all, or app ids")
    return found
