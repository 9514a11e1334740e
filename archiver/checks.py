"""What was tried, what came of it, and what to do about it: one line of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a trial ended."""

    OK = "ok"
    WEAK = "weak"  #: it works, and could be stronger
    FAILED = "failed"
    UNKNOWN = "unknown"  #: it could not be tried, or the trial proves nothing
    NOT_APPLICABLE = "not applicable"  #: nothing here claims it


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried; holds no credential, no token, and nothing said in a meeting."""

    name: str
    verdict: Verdict
    observed: str  #: the fact, in one line
    advice: str = ""  #: what to do about it, in one line
    endangers: bool = False  #: a failure that puts at risk what is archived already
    area: str = ""


def ok(name: str, observed: str) -> Check:
    """As it should be."""
    return Check(name=name, verdict=Verdict.OK, observed=observed)


def weak(name: str, observed: str, advice: str) -> Check:
    """It works, and could be stronger."""
    return Check(name=name, verdict=Verdict.WEAK, observed=observed, advice=advice)


def failed(name: str, observed: str, advice: str, *, endangers: bool = False) -> Check:
    """Not as it should be."""
    return Check(
        name=name, verdict=Verdict.FAILED, observed=observed, advice=advice, endangers=endangers
    )


def unknown(name: str, observed: str, advice: str = "") -> Check:
    """Could not be tried, or proves nothing."""
    return Check(name=name, verdict=Verdict.UNKNOWN, observed=observed, advice=advice)


def not_applicable(name: str, observed: str, advice: str = "") -> Check:
    """Nothing here claims it."""
    return Check(name=name, verdict=Verdict.NOT_APPLICABLE, observed=observed, advice=advice)
