"""Reads side by side, their results in the order in which they were begun."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

T = TypeVar("T")


async def in_order(
    begun: AsyncGenerator[Coroutine[object, object, T]], lanes: int
) -> AsyncGenerator[T]:
    """The results of these, as many under way as there are lanes; an error ends all of them."""
    under_way: deque[asyncio.Task[T]] = deque()
    try:
        async with aclosing(begun):
            async for each in begun:
                under_way.append(asyncio.create_task(each))
                if len(under_way) >= lanes:
                    yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
