"""Waiting for what happens in its own time, with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

_FIRST_POLL: Final = 0.002
_LAST_POLL: Final = 0.05
_GROWTH: Final = 1.25
"""What comes, comes soon; who waits for what does not come need not look often."""

_T = TypeVar("_T")


async def comes_true(
    is_so: Callable[[], bool],
    patience: float,
    read: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Wait until something is so, as long as the patience; return whether it is.

    Before each look, `read` takes what has come.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    poll = _FIRST_POLL
    while True:
        if read is not None:
            await read()
        if is_so():
            return True
        if loop.time() > deadline:
            return False
        await asyncio.sleep(poll)
        poll = min(poll * _GROWTH, _LAST_POLL)


async def at_once(calls: Iterable[Awaitable[_T]]) -> list[_T]:
    """Await calls that are made at the same time; when all have ended, raise what one has."""
    asked = [asyncio.ensure_future(call) for call in calls]
    await asyncio.gather(*asked, return_exceptions=True)
    return [one.result() for one in asked]
