"""Callbacks of the application on channels: each in a task of its own, one event at a time."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from .channel import GAP, Channel, ChannelEvent
from .errors import ChannelCallbackError
from .failures import Failure, is_being_cancelled, report
from .limits import Limits

logger = logging.getLogger("wsrpc.callbacks")

ChannelCallback = Callable[[str, str, Any], Awaitable[None] | None]
"""Called with the channel, the name of the event and its data."""

_LEAST_SIZE = 64  # what an event without an encoding counts


class Registration:
    """One callback on one channel.

    Events queue up to `Limits.outbox_size` bytes. What does not fit is dropped, and the callback
    is told by the event ``wsrpc.gap`` in its place.
    """

    def __init__(
        self,
        channel: Channel,
        callback: ChannelCallback,
        removed: Callable[[Registration], None],
    ) -> None:
        self.channel = channel
        self.callback = callback
        self.patterns: set[str] = set()
        self._removed = removed
        self._context = contextvars.copy_context()
        self._queue: deque[tuple[ChannelEvent, int]] = deque()
        self._size = 0
        self._task: asyncio.Task[None] | None = None

    def deliver(self, event: ChannelEvent) -> int:
        """Queue an event for the callback."""
        size = _size(event)
        if self._size + size > Limits.outbox_size and self._queue:
            if self._queue[-1][0].name != GAP:
                logger.warning("callback %r is too slow: events are dropped", self.callback)
                self._put(ChannelEvent(self.channel.name, GAP, None), 0)
        else:
            self._put(event, size)
        return 0

    def tell_gap(self, event: ChannelEvent) -> None:
        """Queue the event that tells of a gap, unless it is the last already."""
        if not self._queue or self._queue[-1][0].name != GAP:
            self._put(event, 0)

    def fail(self, event: ChannelEvent, reason: str) -> None:
        """Tell of a gap, as there is no data to call with."""
        self.tell_gap(ChannelEvent(self.channel.name, GAP, None))

    def _put(self, event: ChannelEvent, size: int) -> None:
        self._queue.append((event, size))
        self._size += size
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._work(), context=self._context.copy())

    async def _work(self) -> None:
        try:
            while self._queue:
                event, size = self._queue.popleft()
                self._size -= size
                await self._call(event)
        finally:
            self._task = None

    async def _call(self, event: ChannelEvent) -> None:
        try:
            result = self.callback(event.channel, event.name, event.data)
            if inspect.isawaitable(result):
                await result
        except ChannelCallbackError:
            self._removed(self)
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            self._report(event, error)
        except Exception as error:
            # the application's own code, which must not end the delivery of later events
            self._report(event, error)

    def _report(self, event: ChannelEvent, error: BaseException) -> None:
        report(logger, Failure(error, f"callback of channel {event.channel:.80}"))

    def close(self) -> None:
        """Drop what is queued; a callback that runs is cancelled, unless it is the caller."""
        self._queue.clear()
        self._size = 0
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()


def _size(event: ChannelEvent) -> int:
    try:
        return len(event.message.text)
    except (TypeError, ValueError):
        return _LEAST_SIZE
