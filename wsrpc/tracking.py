"""Channels of a broker with history: where each stands, and the reading of what is missing."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .channel import Channel
from .errors import BrokerUnavailable
from .failures import Failure, is_being_cancelled, report
from .history import History, Past, Position
from .reminders import Reminders
from .stream import Counts, Stream

if TYPE_CHECKING:
    from .manager import SocketsManager

logger = logging.getLogger("wsrpc.tracking")

READ_TIMEOUT: Final = 5.0
"""Seconds that reading history may take: live events are held back meanwhile."""

_CONCURRENT_READS: Final = 256
_FIRST_RETRY: Final = 0.1
_LAST_RETRY: Final = 30.0


class Tracking:
    """Keeps the streams of channels, with one task for each that is behind."""

    def __init__(
        self,
        manager: SocketsManager,
        history: History,
        counts: Counts,
        emit: Callable[[Channel, Mapping[str, Any]], None],
        tell_gap: Callable[[Channel, Position], None],
        give_turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._manager = manager
        self._history = history
        self._counts = counts
        self._emit = emit
        self._tell_gap = tell_gap
        self._give_turn = give_turn
        self._tasks: dict[Channel, asyncio.Task[None]] = {}
        self._retries: dict[Channel, asyncio.TimerHandle] = {}
        self._reads = asyncio.Semaphore(_CONCURRENT_READS)

    def begin(self, channel: Channel) -> None:
        """Watch a channel from before it is subscribed on, so that no doubt goes unnoticed."""
        self.end(channel)
        channel.stream = Stream(
            self._history,
            self._counts,
            partial(self._emit, channel),
            partial(self._tell_gap, channel),
        )
        channel.reminders = Reminders(self._history)

    def is_open(self, channel: Channel) -> bool:
        """Tell whether it is known where a channel stands."""
        return channel.stream is not None and channel.stream.is_open

    async def open(self, channel: Channel, since: Position | None) -> Past:
        """Learn where a channel stands that was just subscribed; return what was read.

        Raises what the backend raises, and `BrokerUnavailable` where it takes too long.
        """
        stream = channel.stream
        assert stream is not None
        try:
            past = await self._read(channel.name, since)
        except TimeoutError as error:
            raise BrokerUnavailable(
                f"reading the history of channel {channel.name!r:.80} took over {READ_TIMEOUT:g} s"
            ) from error
        stream.open(past.position)
        self.look_after(channel)
        return past

    async def missed(self, channel: Channel, since: Position) -> Past | None:
        """Read the history after a position; None where that fails or takes too long."""
        try:
            return await self._read(channel.name, since)
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            self._report(channel, error)
        except Exception as error:
            # the backend's code may raise anything
            self._report(channel, error)
        return None

    async def _read(self, channel: str, since: Position | None) -> Past:
        async with self._reads, asyncio.timeout(READ_TIMEOUT):
            past = await self._manager.read_history(channel, since)
        if not isinstance(past, Past):
            raise TypeError(f"read_history must return a Past, got {past!r:.80}")
        return past

    def _report(self, channel: Channel, error: BaseException) -> None:
        report(logger, Failure(error, f"hook read_history of channel {channel.name:.80}"))

    def look_after(self, channel: Channel, delay: float = _FIRST_RETRY) -> None:
        """Bring a channel up to date, in a task, if it is behind.

        Where its history cannot be read, that is tried again after `delay` seconds.
        """
        stream = channel.stream
        if stream is None or not (stream.is_open and stream.is_behind) or channel in self._tasks:
            return
        self._retry_no_more(channel)
        # in a context of its own: it has nothing to do with who made it necessary
        self._tasks[channel] = asyncio.get_running_loop().create_task(
            self._catch_up(channel, stream, delay), context=contextvars.Context()
        )

    async def catch_up(self, channel: Channel) -> None:
        """Wait until a channel is up to date, or `READ_TIMEOUT` has passed."""
        self.look_after(channel)
        await asyncio.wait([self._tasks[channel]], timeout=READ_TIMEOUT)

    async def _catch_up(self, channel: Channel, stream: Stream, delay: float) -> None:
        try:
            while stream.is_behind:
                past = await self.missed(channel, stream.ask())
                for _ in stream.fill(past):
                    await self._give_turn()
        finally:
            if self._tasks.get(channel) is asyncio.current_task():
                del self._tasks[channel]
        if stream.is_unsure and channel.stream is stream:
            self._retries[channel] = asyncio.get_running_loop().call_later(
                delay, self._retry, channel, stream, min(2 * delay, _LAST_RETRY)
            )

    def _retry(self, channel: Channel, stream: Stream, delay: float) -> None:
        stream.retry()
        self.look_after(channel, delay)

    def end(self, channel: Channel) -> None:
        """Look no longer after a channel, which is subscribed no more."""
        channel.stream = channel.reminders = None
        self._retry_no_more(channel)
        task = self._tasks.pop(channel, None)
        if task is not None:
            task.cancel()

    def _retry_no_more(self, channel: Channel) -> None:
        retry = self._retries.pop(channel, None)
        if retry is not None:
            retry.cancel()

    async def close(self, timeout: float) -> None:
        """End all reading, and wait for it, `timeout` seconds at most."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        for channel in tuple(self._retries):
            self._retry_no_more(channel)
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)
