"""Everything that the simulated source can be told to do wrong: the list of reference, section 15.

Switches are plain fields that a test may set before or while the source serves. Those whose name
ends in `times` are used up, artifact by artifact; the others hold until they are taken back.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """The requests that the source tells apart."""

    LIST_APPS = "list_apps"
    GET_APP = "get_app"
    LIST_SESSIONS = "list_sessions"
    GET_SESSION = "get_session"
    LIST_PARTICIPANTS = "list_participants"
    GET_PARTICIPANT = "get_participant"
    GET_CHAT = "get_chat"
    GET_TRANSCRIPT = "get_transcript"
    GET_SUMMARY = "get_summary"
    POST_SUMMARY = "post_summary"
    GET_PEER_REPORT = "get_peer_report"
    WEBHOOKS = "webhooks"
    WEBHOOK_KEY = "webhook_key"
    DOWNLOAD = "download"
    OTHER = "other"


class ErrorShape(StrEnum):
    """The bodies in which errors arrive: reference, 3.4."""

    REALTIMEKIT = "realtimekit"
    CLOUDFLARE = "cloudflare"
    MESSAGE = "message"
    HTML = "html"
    EMPTY = "empty"


class Expiry(StrEnum):
    """How the expiry of a download URL is written: reference, 6.4."""

    ISO = "iso"
    SPACE = "space"  #: `2022-12-13 07:08:39.051621Z`
    MISSING = "missing"
    EMPTY = "empty"
    PAST = "past"  #: a time gone by, on a URL that works


class Post(StrEnum):
    """What POST summary answers."""

    ACCEPTED = "accepted"  #: 200 with `status`
    OLD_SHAPE = "old-shape"  #: 202 with `success` and `message`
    CONFLICT = "conflict"  #: 409, and nothing is started
    CONFLICT_AFTER = "conflict-after-acceptance"  #: 409, since it is under way by now
    ERROR_AFTER = "error-after-acceptance"  #: 500
    ERROR_BEFORE = "error-before-acceptance"  #: 500, and nothing is started
    TIMEOUT_AFTER = "timeout-after-acceptance"  #: held, then dropped without an answer
    TIMEOUT_BEFORE = "timeout-before-acceptance"


class PageZero(StrEnum):
    """What `page_no=0` is."""

    FIRST = "first"  #: the same as page 1
    EMPTY = "empty"
    REFUSED = "refused"  #: 400


class Csv(StrEnum):
    """The transcript CSVs there have been: reference, 6.2."""

    MILLISECONDS = "milliseconds"  #: no header, everything quoted
    HEADER = "header"  #: header and ISO 8601 times
    SPACED_HEADER = "spaced-header"  #: as in Dyte's text: a space after each comma of the header


class JsonUnit(StrEnum):
    """The unit of the times in a JSON transcript."""

    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"


class Newline(StrEnum):
    """Line endings."""

    LF = "\n"
    CRLF = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the files are written; hashable, so that rendered files can be kept by it."""

    csv: Csv = Csv.MILLISECONDS
    json_unit: JsonUnit = JsonUnit.MILLISECONDS
    vtt_voice_tags: bool = True
    chat_json: bool = False
    chat_header_only: bool = False
    bom: bool = False
    newline: Newline = Newline.LF
    summary_plain: bool = False


@dataclass(slots=True, kw_only=True)
class OperationFault:
    """An answer that a request gets in place of its own, so many times."""

    operation: str = ""  #: "" is any but downloads
    session_id: str = ""  #: "" is any
    kind: str = ""  #: of a download; "" is any
    times: int = 1
    status: int = 500  #: 0 drops the connection without an answer
    shape: ErrorShape = ErrorShape.REALTIMEKIT
    retry_after: str = ""
    hold_s: float = 0  #: real seconds before the answer
    skip: int = 0  #: matching requests that are let through first


@dataclass(slots=True, kw_only=True)
class ArtifactFaults:
    """What goes wrong with one artifact, or with each of those it stands for."""

    not_found_times: int = 0  #: 404, though the artifact is there
    no_data_times: int = 0  #: 200 without `data`
    empty_url_times: int = 0  #: 200 with an empty URL
    html_times: int = 0  #: 200 with an HTML page
    expired_url_times: int = 0  #: URLs that the storage answers with `expired_status`
    expired_status: int = 403
    expiry: Expiry = Expiry.ISO
    url: str = ""  #: handed out in place of the artifact's own
    never: bool = False  #: it is never made: 404 to the end
    empty_file: bool = False
    empty_file_times: int = 0
    reset_times: int = 0  #: downloads that end in a connection reset, half-way
    short_times: int = 0  #: downloads that end early, under a longer Content-Length
    error_times: int = 0  #: downloads that the storage answers with `error_status`
    error_status: int = 500
    slow_s: float = 0  #: real seconds that a download takes
    gzip: bool = False  #: sent as gzip, whatever was accepted
    chunked: bool = False  #: no Content-Length
    redirects: int = 0  #: hops before the bytes
    redirect_to: str = ""  #: where the last hop leads, in place of the bytes
    post: Post = Post.ACCEPTED
    post_times: int = 1  #: POSTs that get `post`; later ones are accepted
    hold_s: float = 0.05  #: real seconds a timed-out POST is held


@dataclass(slots=True, kw_only=True)
class PagingFaults:
    """How lists are cut into pages."""

    default_per_page: int = 30
    most_per_page: int = 100
    refuse_more: bool = False  #: a larger per_page is a 400, instead of being cut down
    omit: bool = False  #: no `paging` at all
    participants_inside: bool = True  #: the participants' `paging` is inside `data`
    zero: PageZero = PageZero.FIRST
    insert_times: int = 0  #: sessions that appear at the front, each after a page was served
    compared: str = "created_at"  #: what start_time and end_time are compared with


@dataclass(slots=True, kw_only=True)
class ShapeFaults:
    """How records are written."""

    nested_session: bool = False  #: details under `data.session`
    flat_peer_report: bool = False
    unknown_fields: bool = False
    unknown_values: bool = False  #: a type, and of live sessions a status, outside their enums
    statuses: dict[str, str] = field(default_factory=dict)  #: by session id, in place of its own
    v1_meeting_ids: bool = False  #: associated_id like `abcdef-ghijkl`
    null_ended_at: bool = False
    seen_fields: bool = True  #: those no schema lists but real answers carry
    other_case: bool = False  #: snake_case keys in camelCase and the other way round


Key = tuple[str, str, str]  #: session id, kind, format; "" stands for any


@dataclass(slots=True, kw_only=True)
class Faults:
    """All switches of one simulated source; new, it does nothing wrong."""

    operations: list[OperationFault] = field(default_factory=list)
    artifacts: ArtifactFaults = field(
        default_factory=ArtifactFaults
    )  #: where nothing nearer is said
    per_artifact: dict[Key, ArtifactFaults] = field(default_factory=dict)
    paging: PagingFaults = field(default_factory=PagingFaults)
    shapes: ShapeFaults = field(default_factory=ShapeFaults)
    layout: Layout = field(default_factory=Layout)
    layouts: dict[str, Layout] = field(default_factory=dict)  #: by session id
    seed: int = 0
    #: The share of requests that fail at random, by the seed and the order of requests.
    random_rate: float = 0
    #: Random failures in all for one operation on one session, after which it works.
    random_times: int = 3
    #: API requests that five minutes may bring; one more, and all are refused for the next five.
    rate_limit: int = 0
    _used: Counter[tuple[str, ...]] = field(default_factory=Counter, repr=False)
    _random: random.Random | None = field(default=None, repr=False)

    def fail(self, operation: str = "", *, status: int, times: int = 1, **more: object) -> None:
        """Answer the next `times` such requests with this status; `more` as in OperationFault."""
        fault = OperationFault(operation=operation, status=status, times=times, **more)  # type: ignore[arg-type]  # checked by the dataclass
        self.operations.append(fault)

    def on(
        self,
        *,
        session_id: str = "",
        kind: str = "",
        format: str = "",  # noqa: A002 — the word of the API
        **switches: object,
    ) -> ArtifactFaults:
        """Set switches of ArtifactFaults for these artifacts; the most exact entry decides."""
        entry = self.per_artifact.setdefault((session_id, kind, format), ArtifactFaults())
        for name, value in switches.items():
            setattr(entry, name, value)
        return entry

    def of(self, session_id: str, kind: str, format_: str) -> ArtifactFaults:
        """What goes wrong with this artifact."""
        if not self.per_artifact:
            return self.artifacts
        wanted = (session_id, kind, format_)
        fitting = [
            key
            for key in self.per_artifact
            if all(part in ("", want) for part, want in zip(key, wanted, strict=True))
        ]
        if not fitting:
            return self.artifacts
        return self.per_artifact[max(fitting, key=lambda key: [part != "" for part in key])]

    def layout_of(self, session_id: str) -> Layout:
        """How this session's files are written."""
        return self.layouts.get(session_id, self.layout)

    def take(self, switch: str, artifact: Key) -> bool:
        """Whether this switch, which ends in `times`, still has a failure for this artifact."""
        limit: int = getattr(self.of(*artifact), switch)
        if self._used[switch, *artifact] >= limit:
            return False
        self._used[switch, *artifact] += 1
        return True

    def take_insert(self) -> bool:
        """Whether another session is to appear at the front of the list."""
        if self._used["insert",] >= self.paging.insert_times:
            return False
        self._used["insert",] += 1
        return True

    def take_operation(
        self, operation: Operation, session_id: str, kind: str = ""
    ) -> OperationFault | None:
        """The failure that this request gets, if any."""
        for fault in self.operations:
            if not _fits(fault, operation, session_id, kind):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times > 0:
                fault.times -= 1
                return fault
        return self._take_random(operation, session_id)

    def _take_random(self, operation: Operation, session_id: str) -> OperationFault | None:
        if self.random_rate <= 0:
            return None
        if self._random is None:
            self._random = random.Random(self.seed)  # noqa: S311 — repeatable faults, not a secret
        if self._random.random() >= self.random_rate:
            return None
        used = ("random", operation, session_id)
        if self._used[used] >= self.random_times:
            return None
        self._used[used] += 1
        return self._random.choice(_RANDOM_DOWNLOAD if operation is Operation.DOWNLOAD else _RANDOM)


def _fits(fault: OperationFault, operation: Operation, session_id: str, kind: str) -> bool:
    if fault.operation == "" and operation is Operation.DOWNLOAD:
        return False
    return (
        fault.operation in ("", operation)
        and fault.session_id in ("", session_id)
        and fault.kind in ("", kind)
    )


_RANDOM = (
    OperationFault(status=500),
    OperationFault(status=502, shape=ErrorShape.HTML),
    OperationFault(status=503, shape=ErrorShape.EMPTY),
    OperationFault(status=429, shape=ErrorShape.CLOUDFLARE, retry_after="20"),
    OperationFault(status=0),
)
_RANDOM_DOWNLOAD = (
    OperationFault(status=500, shape=ErrorShape.HTML),
    OperationFault(status=503, shape=ErrorShape.EMPTY),
    OperationFault(status=403, shape=ErrorShape.HTML),
    OperationFault(status=0),
)
