"""Names in the bucket: what is stored under which key, and what a key says; pure."""

from __future__ import annotations

import functools
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import quote, unquote

from archiver.model import ArtifactId, Kind, SessionId

#: Where the records of the archive itself are; no app's id is written so.
ARCHIVE_FOLDER = "_archive"
FORMAT_KEY = f"{ARCHIVE_FOLDER}/format.json"
#: Where objects may be put on trial, and the only place they may be removed from.
CANARIES = f"{ARCHIVE_FOLDER}/canaries/"
#: How many folders a session's objects lie below the top: app, year, month, day, session.
FOLDER_DEPTH = 5

#: What may follow `_archive/`; most of it is reserved for records to come.
SEALS, REPORTS, COPIES, ACCESS, AUDIT = "seals", "reports", "copies", "access", "audit"
SEARCHES = "searches"
#: All of them but the canaries' are journals.
JOURNALS = frozenset(
    {SEALS, REPORTS, COPIES, ACCESS, AUDIT, SEARCHES, "policies", "holds", "dispositions"}
)
RESERVED_FOLDERS = JOURNALS | {"canaries"}

#: Escapes that are longer would not fit a file's name, with what an index file's own adds.
_ESCAPED_MAX = 240
#: Such an id stands as base64 behind this, which no escape begins with.
_COMPACT = "%-"
_RECORD_NAME = re.compile(r"([0-9]{8,12})\.json\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_EXTENSIONS: dict[str, str] = {
    Kind.SESSION: "json",
    Kind.CHAT: "csv",
    Kind.SUMMARY: "md",
    Kind.PEER_REPORTS: "json",
}


def encode_id(text: str) -> str:
    """An app or session id as one ASCII path segment, never `.`, `..` or `_archive`.

    Raises ValueError for an empty id and for half a surrogate pair.
    """
    if not text:
        raise ValueError("an empty id is no folder's name")
    if _UUID.match(text):
        return text
    encoded = quote(text, safe="").replace(".", "%2E").replace("~", "%7E")
    if len(encoded) > _ESCAPED_MAX:
        return _COMPACT + urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")
    return "%5F" + encoded[1:] if encoded.startswith("_") else encoded


def decode_id(segment: str) -> str:
    """The id that `encode_id` made this segment of; raises ValueError where it made none."""
    if segment.startswith(_COMPACT):
        data = segment.removeprefix(_COMPACT)
        return urlsafe_b64decode(data + "=" * (-len(data) % 4)).decode()
    return unquote(segment, errors="strict")


def app_prefix(app_id: str) -> str:
    """What every key of an app's sessions starts with."""
    return f"{encode_id(app_id)}/"


def day_prefix(app_id: str, day: datetime) -> str:
    """What every key of an app's sessions of this UTC day starts with."""
    utc = day.astimezone(UTC)
    return f"{app_prefix(app_id)}{utc.year:04}/{utc.month:02}/{utc.day:02}/"


def folder(session_id: SessionId, started_at: datetime) -> str:
    """The folder of a session: its app, the UTC day it started, its id."""
    return f"{day_prefix(session_id.app_id, started_at)}{encode_id(session_id.session_id)}/"


def extension(artifact: ArtifactId) -> str:
    """How the name of an artifact's object ends."""
    if artifact.kind == Kind.TRANSCRIPT:
        return artifact.format.lower()
    return _EXTENSIONS.get(artifact.kind, "bin")


def artifact_name(artifact: ArtifactId, digest: str) -> str:
    """The bare name of an artifact's object: kind, the SHA-256 of its bytes, and an extension."""
    return f"{artifact.kind}.{digest}.{extension(artifact)}"


def inventory_name(version: int) -> str:
    """The bare name of the inventory of this version."""
    return f"inventory-{version:04d}.json"


def summary_request_name(number: int) -> str:
    """The bare name of the recorded intent to ask for a summary the first or second time."""
    return f"summary-request-{number}.json"


def record_prefix(journal: str) -> str:
    """What the keys of a journal, such as the seals, start with."""
    return f"{ARCHIVE_FOLDER}/{journal}/"


def record_key(journal: str, sequence: int) -> str:
    """The key of a journal's record of this number, from 1."""
    return f"{record_prefix(journal)}{sequence:08d}.json"


def record_sequence(journal: str, key: str) -> int | None:
    """The number of the record under this key, if it is one of this journal."""
    match = _RECORD_NAME.match(key.removeprefix(record_prefix(journal)))
    sequence = int(match[1]) if match and key.startswith(record_prefix(journal)) else 0
    return sequence if sequence and key == record_key(journal, sequence) else None


def folder_of(key: str) -> str:
    """The folder a key stands in, with its last slash."""
    return key[: key.rfind("/") + 1]


_NAME = re.compile(
    r"(?P<kind>[a-z][a-z-]*)\.(?P<digest>[0-9a-f]{64})\.(?P<extension>[a-z0-9]{1,8})\Z"
    r"|inventory-(?P<version>[0-9]{4,9})\.json\Z"
    r"|summary-request-(?P<request>[12])\.json\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """A key inside a session's folder, taken apart."""

    session_id: SessionId
    folder: str
    name: str
    kind: str = ""  #: of an artifact object
    digest: str = ""  #: of an artifact object: what its bytes must hash to
    version: int = 0  #: of an inventory
    request: int = 0  #: of a summary request


def digest_in(name: str) -> str:
    """The digest in an artifact's bare name; "" where it is no such name."""
    match = _NAME.match(name)
    return (match["digest"] or "") if match else ""


_FOLDER = re.compile(r"(?P<app>[^/]+)/(?P<day>[0-9]{4}/[0-9]{2}/[0-9]{2})/(?P<session>[^/]+)/\Z")


def session_folder(key: str) -> SessionKey | None:
    """In which session's folder a key lies, whatever its name there; None where in none."""
    folder = "".join(part + "/" for part in key.split("/")[:FOLDER_DEPTH])
    return parse_key(folder + inventory_name(1)) if key.count("/") >= FOLDER_DEPTH else None


def parse_key(key: str) -> SessionKey | None:
    """What a key says, or None where it is not one of ours."""
    end = key.rfind("/") + 1
    session_id, match = _session_in(key[:end]), _NAME.match(key, end)
    if session_id is None or match is None:
        return None
    name, version = key[end:], int(match["version"] or 0)
    if match["version"] and name != inventory_name(version or 1):
        return None  # another spelling is not ours
    return SessionKey(
        session_id=session_id,
        folder=key[:end],
        name=name,
        kind=match["kind"] or "",
        digest=match["digest"] or "",
        version=version,
        request=int(match["request"] or 0),
    )


@functools.lru_cache(maxsize=1024)  # a listing shows the same folder again and again
def _session_in(folder: str) -> SessionId | None:
    """Whose folder this is, if it is spelled as we would spell it."""
    match = _FOLDER.match(folder)
    if match is None:
        return None
    try:
        date(*map(int, match["day"].split("/")))
        session_id = SessionId(decode_id(match["app"]), decode_id(match["session"]))
        spelled = [encode_id(session_id.app_id), encode_id(session_id.session_id)]
    except ValueError:
        return None
    return session_id if spelled == [match["app"], match["session"]] else None
