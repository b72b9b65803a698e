"""The broker of an application that is one process."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections import deque
from functools import cached_property
from typing import Any

from aiohttp import web

from ..errors import BrokerUnavailable, CannotPublish, CannotSubscribe
from ..manager import SocketsManager


class LocalBroker(SocketsManager):
    """Bring events to the subscribers in this process.

    Names of channels are lowercase; others raise `CannotPublish` and `CannotSubscribe`. Events are
    delivered in the order in which they were published, `latency` seconds later.
    """

    latency: float = 0.0
    _worker: asyncio.Task[None] | None = None
    _is_closed = False

    def __init__(self, latency: float = 0.0) -> None:
        if (
            isinstance(latency, bool)
            or not isinstance(latency, (int, float))
            or not (math.isfinite(latency) and latency >= 0)
        ):
            raise ValueError(f"latency must be a time in seconds, got {latency!r}")
        self.latency = latency

    @cached_property
    def _events(self) -> deque[tuple[float, str, dict[str, Any]]]:
        return deque()

    async def start(self, app: web.Application | None = None) -> None:
        """Take events, also after `close`."""
        self._is_closed = False

    async def publish(self, channel: str, event: str, body: Any) -> None:
        """Publish an event; without latency it is in the outboxes when this returns.

        Raises `CannotPublish` for a channel whose name is not lowercase, and `BrokerUnavailable`
        once the broker is closed.
        """
        if not _is_lowercase(channel):
            raise CannotPublish(f"{channel!r:.80} is not lowercase")
        if self._is_closed:
            raise BrokerUnavailable("the LocalBroker is closed")
        message = {"event": event, "data": body}
        if not self.latency and not self._events:
            await self.channels(channel, message)
            return
        due = asyncio.get_running_loop().time() + self.latency
        self._events.append((due, channel, message))
        if self._worker is None:
            # in a context of its own: an event has nothing to do with who published the first one
            loop = asyncio.get_running_loop()
            self._worker = loop.create_task(self._deliver(), context=contextvars.Context())

    async def subscribe(self, channel: str) -> None:
        """Accept a channel whose name is lowercase; else raise `CannotSubscribe`."""
        if not _is_lowercase(channel):
            raise CannotSubscribe(f"{channel!r:.80} is not lowercase")

    async def close(self, app: web.Application | None = None) -> None:
        """Close all connections, and drop what is not yet delivered."""
        await super().close(app)
        self._is_closed = True
        self._events.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._events:
                due, channel, message = self._events[0]
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                self._events.popleft()
                await self.channels(channel, message)
        finally:
            self._worker = None


def _is_lowercase(channel: str) -> bool:
    return channel.lower() == channel
