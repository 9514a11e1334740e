"""Every error the archiver raises, each either transient (worth another try) or permanent.

    ArchiverError
    ├── SettingsError                a setting: its name, where it came from, what it takes
    ├── SourceError                  RealtimeKit's API
    │   ├── SourceUnavailableError       transient: no connection, time-out, 5xx, a body that is no JSON
    │   │   └── TurnMissedError              never sent: the deadline came before its turn
    │   ├── RateLimitedError             transient: 429, with the seconds to wait
    │   ├── SourceDeniedError            401, 403: the token; everything stops
    │   ├── SourceNotFoundError          404
    │   ├── SourceConflictError          409
    │   ├── SourceRefusedError           any other 4xx
    │   └── PayloadError                 transient: a 2xx whose body lacks what it must have
    ├── DownloadError                an artifact's bytes
    │   ├── DownloadForbiddenError       the URL or its address breaks our rules; never retried
    │   ├── DownloadExpiredError         401, 403, 404, 410: ask the API for a new URL
    │   ├── DownloadTooLargeError        more than the configured size
    │   └── DownloadInterruptedError     transient: reset, short, time-out, 5xx
    ├── StoreError                   the bucket
    │   ├── ObjectExistsError            a put-if-absent was refused: the key is taken
    │   ├── ObjectMissingError           no such key
    │   ├── StoreUnavailableError        transient: no connection, 5xx, slow down
    │   ├── StoreDeniedError             credentials or policy
    │   └── StoreFullError               transient: no space left
    ├── ArchiveError                 what is in the bucket
    │   ├── ArchiveMissingError          there is none yet
    │   ├── ArchiveMismatchError         this archive belongs to another source or account
    │   ├── InventoryError               an inventory that cannot be read
    │   ├── RecordError                  a record of the archive itself: missing, changed, not linked
    │   ├── CommitConflictError          transient: another worker wrote this version first
    │   └── FixityError                  bytes that are not what their record says
    ├── LedgerError                  the worker's local file
    ├── AccessError                  a key that cannot be made or revoked
    │   └── KeysStaleError               transient: the keys were not read from the bucket for too long
    ├── AlertError                   a saved search that cannot be made, or a target that is not as it must be
    │   ├── SearchGoneError              there is no such saved search
    │   ├── SearchesStaleError           transient: the searches were not read from the bucket for too long
    │   └── UndeliveredError             transient: a target did not take an alert
    └── AuditError                   a read that cannot be recorded, or its record cannot be read

Messages name the thing and the place; `hint` says what to do about it. No message holds a token, a
signed URL, or anything that was said in a meeting.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class ArchiverError(Exception):
    """Something the archiver could not do, in one line; `hint` says what to do about it."""

    transient: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class SettingsError(ArchiverError):
    """A setting that is unknown, malformed or missing."""


class SourceError(ArchiverError):
    """RealtimeKit's API did not give what was asked."""

    def __init__(
        self, message: str, *, operation: str = "", status: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.operation = operation
        self.status = status


class SourceUnavailableError(SourceError):
    """No connection, a time-out, a 5xx, or a body that is not JSON.

    `sent` is False only when the request provably never reached the source.
    """

    transient = True

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        status: int | None = None,
        hint: str = "",
        sent: bool = True,
    ) -> None:
        super().__init__(message, operation=operation, status=status, hint=hint)
        self.sent = sent


class TurnMissedError(SourceUnavailableError):
    """The request was never sent: the budget did not come to it before the source may delete."""

    transient = False

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class RateLimitedError(SourceError):
    """429: the whole process waits `retry_after_s` seconds."""

    transient = True

    def __init__(self, message: str, *, operation: str = "", retry_after_s: float) -> None:
        super().__init__(message, operation=operation, status=429)
        self.retry_after_s = retry_after_s


class SourceDeniedError(SourceError):
    """401 or 403: the token is wrong or may not do this."""


class SourceNotFoundError(SourceError):
    """404: there is no such thing, or not yet."""


class SourceConflictError(SourceError):
    """409: something of the kind is already under way."""


class SourceRefusedError(SourceError):
    """Another 4xx: the request itself is not acceptable."""


class PayloadError(SourceError):
    """A 2xx answer that lacks what it must have."""

    transient = True


class DownloadError(ArchiverError):
    """An artifact's bytes could not be had."""

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class DownloadForbiddenError(DownloadError):
    """The URL, a redirect, or the address behind it breaks the download rules."""


class DownloadExpiredError(DownloadError):
    """401, 403, 404 or 410 from the storage host: the URL no longer works."""


class DownloadTooLargeError(DownloadError):
    """The body is larger than the configured limit."""


class DownloadInterruptedError(DownloadError):
    """The body did not arrive whole."""

    transient = True


class StoreError(ArchiverError):
    """The bucket refused or failed."""

    def __init__(self, message: str, *, key: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key


class ObjectExistsError(StoreError):
    """A put-if-absent was refused because the key is taken."""


class ObjectMissingError(StoreError):
    """There is no object under this key."""


class StoreUnavailableError(StoreError):
    """The bucket cannot be reached, or asks to be left alone for a while."""

    transient = True


class StoreDeniedError(StoreError):
    """Credentials or policy do not allow this."""


class StoreFullError(StoreError):
    """No space is left."""

    transient = True


class ArchiveError(ArchiverError):
    """What is in the bucket is not what it should be."""


class ArchiveMissingError(ArchiveError):
    """There is no archive in this store yet."""


class ArchiveMismatchError(ArchiveError):
    """The archive belongs to another source or account."""


class InventoryError(ArchiveError):
    """An inventory that cannot be read or contradicts its own key."""


class RecordError(ArchiveError):
    """A record of the archive itself that is missing, changed, or not linked to the one before."""

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message, hint="run `rtk-archive verify`")
        self.key = key


class CommitConflictError(ArchiveError):
    """Another worker wrote this inventory version first; work starts again from the newer one."""

    transient = True


class FixityError(ArchiveError):
    """Stored bytes are not what their record says."""


class LedgerError(ArchiverError):
    """The worker's local file cannot be used."""


class AccessError(ArchiverError):
    """A key that cannot be made or revoked."""


class KeysStaleError(AccessError):
    """The keys were not read from the bucket for so long that nobody is let in."""

    transient = True


class AlertError(ArchiverError):
    """A saved search that cannot be made, or what it calls is not as it must be."""


class SearchGoneError(AlertError):
    """There is no such saved search."""


class SearchesStaleError(AlertError):
    """The saved searches were not read from the bucket for so long that none counts."""

    transient = True


class UndeliveredError(AlertError):
    """A target did not take an alert; `is_gone` where it never will again."""

    transient = True

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message)
        self.is_gone = is_gone


class AuditError(ArchiverError):
    """A read that cannot be recorded, or a record of reads that is not as it was written."""


def explain(error: BaseException) -> str:
    """An error in one line: what, where, and what to do about it."""
    if isinstance(error, BaseExceptionGroup):
        return explain(error.exceptions[0])
    if isinstance(error, ArchiverError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        hint = " (free some space; nothing is lost)" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror or error}{hint}"
    return f"{type(error).__name__}: this should not happen; run again with -v and report it"
