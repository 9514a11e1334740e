"""What the client gives: typed results, with the exact text beside them that said it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from archiver.realtimekit.lenient import escape
from archiver.realtimekit.paging import Page

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.model import Session


class DownloadUrl:
    """A signed URL: whoever has it has the artifact, so it shows only its host."""

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        object.__setattr__(self, "_url", url)

    def reveal(self) -> str:
        """The URL itself, to be requested and for nothing else."""
        return str(object.__getattribute__(self, "_url"))

    @property
    def host(self) -> str:
        """The host it points to, "" where it has none."""
        try:
            return urlsplit(self.reveal()).hostname or ""
        except ValueError:
            return ""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a download URL is not changed: {name}")

    def __copy__(self) -> DownloadUrl:
        return self

    def __deepcopy__(self, memo: object) -> DownloadUrl:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a download URL is not written down")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DownloadUrl) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __str__(self) -> str:
        return f"https://{escape(self.host)}/…"

    def __repr__(self) -> str:
        return f"DownloadUrl({self})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The answer to GET chat, transcript or summary; without a URL it is evidence of none (yet)."""

    url: DownloadUrl | None = None
    expires_at: datetime | None = None
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPayload:
    """A session, and the slice of the answer that is its object."""

    session: Session
    title: str = field(default="", repr=False)
    raw: str = field(repr=False)
    parent_session_id: str = ""
    #: Of the details, the sessions nested in it; in a list they are items of their own.
    breakout_rooms: tuple[SessionPayload, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage(Page):
    """One page of sessions; `malformed` counts rows that have no id or no time."""

    items: tuple[SessionPayload, ...]
    malformed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsPage(Page):
    """One page of participants, as it was sent."""

    raw: str = field(repr=False)
    peer_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """All participants of a session: the pages' whole bodies."""

    pages: tuple[str, ...] = field(repr=False)
    count: int
    peer_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app of the account."""

    id: str
    name: str = ""
    created_at: datetime | None = None
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPage(Page):
    """One page of apps."""

    items: tuple[App, ...]


@dataclass(frozen=True, slots=True)
class SummaryRequested:
    """POST summary was accepted; `status` is whatever the source said about it."""

    status: str


@dataclass(frozen=True, slots=True)
class ParticipantDetails:
    """The details of one participant, as they were sent."""

    raw: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PeerReport:
    """A peer report, as it was sent: it holds IP addresses and devices."""

    raw: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook registered at the source."""

    id: str
    name: str = ""
    url: str = ""
    events: tuple[str, ...] = ()
    enabled: bool = True
