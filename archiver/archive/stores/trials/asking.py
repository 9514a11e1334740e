"""One request to an S3 server whose refusal is the answer that was wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from archiver.archive.stores.s3_errors import FAILURES, error_code, error_status, translate

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")

_DENIED = frozenset({401, 403})
_CODE_LENGTH = 60
#: R2's bucket locks, which hold without a header of Object Lock.
BUCKET_LOCK = "ObjectLockedByBucketPolicy"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server called its no."""

    code: str
    status: int

    def __str__(self) -> str:
        return f"{self.status} {self.code}" if self.code != str(self.status) else self.code

    @property
    def denied(self) -> bool:
        """Whether permission is what was missing, as far as the answer tells."""
        return self.status in _DENIED and self.code != BUCKET_LOCK

    @property
    def unheard_of(self) -> bool:
        """Whether the server does not know the question."""
        return self.status in {405, 501} or self.code in {"NotImplemented", "MethodNotAllowed"}


async def asked(request: Awaitable[T], url: str) -> T | Refusal:
    """The answer, or the refusal; raises StoreError where there was neither."""
    try:
        return await request
    except ClientError as error:
        status = error_status(error)
        # 501 is an answer; any other 5xx, and a request to wait, say nothing of what was asked.
        if (status >= 500 and status != 501) or status == 429 or not status:
            raise translate(error, url, "") from error
        return Refusal(error_code(error)[:_CODE_LENGTH], status)
    except FAILURES as error:
        raise translate(error, url, "") from error


async def refused(request: Awaitable[Any], url: str) -> Refusal | None:
    """The refusal, or None where it was let through."""
    answer = await asked(request, url)
    return answer if isinstance(answer, Refusal) else None
