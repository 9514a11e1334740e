"""Trying again, by tenacity, at no cost to what succeeds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import AsyncRetrying

T = TypeVar("T")


async def retried(retrying: Callable[[], AsyncRetrying], attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` gives, tried again as `retrying` says.

    The machinery of retries takes a tenth of a request's own time, and is set up only once a first
    try has failed; that failure counts as its first.
    """
    failure: BaseException | None = None
    try:
        return await attempt()
    except Exception as error:  # noqa: BLE001 — which errors are worth another try, `retrying` knows
        failure = error

    async def again() -> T:
        nonlocal failure
        if failure is not None:
            first, failure = failure, None
            raise first
        return await attempt()

    return await retrying()(again)
