"""Documents made by hand, and an index of them in a folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.formats import Chat, Message, Participant, Summary, Transcript, Utterance
from search.index.appfile import AppFile
from search.index.generations import Generations, app_path
from search.index.library import Library
from search.index.seam import Document, Position, SearchRequest
from search.query import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from search.results import Hit, SearchResult

APP, OTHER_APP = "app-one", "app-two"
MONDAY_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
#: Utterances begin so far apart.
BEAT_MS = 5_000

NOWHERE = Position()

Said = tuple[str, str]  #: who, and what


def person(name: str, user_id: str, *, peer_id: str = "", custom_id: str = "") -> Participant:
    """Somebody who took part from beginning to end."""
    return Participant(
        peer_id=peer_id or f"peer-{user_id}",
        user_id=user_id,
        custom_id=custom_id,
        name=name,
        joined_at_ms=0,
        left_at_ms=None,
    )


def document(
    session_id: str,
    said: Sequence[Said] = (),
    typed: Sequence[Said] = (),
    summary: str = "",
    *,
    app_id: str = APP,
    title: str = "",
    meeting_id: str = "",
    hour: int = 0,
    version: int = 1,
    participants: Sequence[Participant] = (),
) -> Document:
    """A session in which these said and typed that."""
    started_at_ms = MONDAY_MS + hour * HOUR_MS
    ids = {each.name: each for each in participants}
    return Document(
        app_id=app_id,
        session_id=session_id,
        meeting_id=meeting_id,
        title=title,
        started_at_ms=started_at_ms,
        ended_at_ms=started_at_ms + HOUR_MS,
        version=version,
        digest="0" * 64,
        participants=participants,
        transcript=_transcript(said, ids) if said else None,
        chat=_chat(typed, ids) if typed else None,
        summary=Summary(text=summary, layout="plain", notes=()) if summary else None,
    )


def _transcript(said: Sequence[Said], ids: dict[str, Participant]) -> Transcript:
    utterances = []
    for number, (who, text) in enumerate(said):
        known = ids.get(who, person(who, "", peer_id=""))
        start_ms = number * BEAT_MS
        utterances.append(
            Utterance(
                start_ms, start_ms + BEAT_MS - 1, who, "", known.user_id, known.custom_id, text
            )
        )
    return Transcript(utterances=tuple(utterances), layout="json-array", notes=())


def _chat(typed: Sequence[Said], ids: dict[str, Participant]) -> Chat:
    messages = tuple(
        Message(
            number * BEAT_MS,
            f"m{number}",
            who,
            ids[who].user_id if who in ids else "",
            text,
            "text",
            False,
            False,
        )
        for number, (who, text) in enumerate(typed)
    )
    return Chat(messages=messages, layout="csv", notes=(), attachments=0)


@dataclass
class Made:
    """An index in a folder."""

    root: Path
    library: Library

    @classmethod
    def of(cls, root: Path, documents: Iterable[Document] = (), **options: Any) -> Made:
        """An index of these sessions."""
        made = cls(root, Library(root, **options))
        made.put(*documents)
        return made

    def path(self, app_id: str = APP) -> Path:
        """An app's file."""
        return app_path(Generations(self.root).ensure(), app_id)

    def put(self, *documents: Document, position: Position = NOWHERE) -> None:
        """Take these in, each into its app's file."""
        for app_id in dict.fromkeys(each.app_id for each in documents):
            mine = [each for each in documents if each.app_id == app_id]
            with closing(AppFile.open(self.path(app_id))) as file:
                file.put(mine, position)

    def remove(self, session_id: str, app_id: str = APP) -> bool:
        """Forget a session."""
        with closing(AppFile.open(self.path(app_id))) as file:
            return file.remove(session_id)

    def search(self, text: str, **options: Any) -> SearchResult:
        """What this query finds."""
        return self.library.search(SearchRequest(query=parse(text), **options))

    def ids(self, text: str, **options: Any) -> list[str]:
        """The sessions this query finds, in order."""
        return [each.session_id for each in self.search(text, **{"limit": 1000, **options}).hits]

    def only(self, text: str, **options: Any) -> Hit:
        """The one session this query finds."""
        (hit,) = self.search(text, **options).hits
        return hit

    def pages(self, text: str, **options: Any) -> Iterator[list[str]]:
        """The sessions this query finds, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            result = self.search(text, **options, cursor=cursor)
            yield [each.session_id for each in result.hits]
            cursor = result.next_cursor

    def close(self) -> None:
        """Let go of the files."""
        self.library.close()


def marked(hit: Hit) -> list[str]:
    """The snippets of a hit, with what is highlighted in brackets."""
    found = []
    for moment in hit.moments:
        text = moment.snippet
        for start, end in reversed(moment.highlights):
            text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
        found.append(text)
    return found
