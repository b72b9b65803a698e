"""The broker of an application that is one process."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from aiohttp import web

from ..errors import BrokerUnavailable, CannotPublish, CannotSubscribe
from ..history import History, Past, Position
from ..manager import SocketsManager
from ..protocol import encode_json
from .archive import Archive

_P = ParamSpec("_P")
_M = TypeVar("_M", bound=SocketsManager)


class LocalBroker(SocketsManager):
    """Bring events to the subscribers in this process.

    Names of channels are lowercase; others raise `CannotPublish` and `CannotSubscribe`. Events are
    delivered in the order in which they were published, `latency` seconds later. `history` is a
    `History`, or the number of events of a channel that are kept for clients that come back.
    """

    latency: float = 0.0
    _worker: asyncio.Task[None] | None = None
    _is_closed = False

    def __init__(self, latency: float = 0.0, history: History | int = 0) -> None:
        if (
            isinstance(latency, bool)
            or not isinstance(latency, (int, float))
            or not (math.isfinite(latency) and latency >= 0)
        ):
            raise ValueError(f"latency must be a time in seconds, got {latency!r}")
        self.latency = latency
        limits = History.of(history)
        if limits is not None:
            self.history = limits

    if TYPE_CHECKING:
        # Its arguments are those of the class.
        @classmethod
        def for_app(
            cls: Callable[_P, _M], app: web.Application, *args: _P.args, **kwargs: _P.kwargs
        ) -> _M: ...

    @cached_property
    def _events(self) -> deque[tuple[float, str, dict[str, Any]]]:
        return deque()

    @cached_property
    def _archive(self) -> Archive:
        assert self.history is not None
        return Archive(self.history, self.channels.__contains__)

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
            await self._hand_over(channel, message)
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

    async def read_history(self, channel: str, since: Position | None) -> Past:
        """Return where a channel stands, and what is kept of it after an offset."""
        return self._archive.read(channel, since, asyncio.get_running_loop().time())

    async def _hand_over(self, channel: str, message: dict[str, Any]) -> None:
        if self.history is not None:
            self._record(channel, message)
        await self.channels(channel, message)

    def _record(self, channel: str, message: dict[str, Any]) -> None:
        """Number and keep an event, whose data is called here if it is callable."""
        json: bytes | None = None
        try:
            if callable(message["data"]):
                message["data"] = message["data"]()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # The application's own code may raise anything. Delivery raises it again, and deals
            # with those whom it concerns.
            message["data"] = partial(_fail, error)
        else:
            with suppress(TypeError, ValueError):  # which delivery meets again, too
                json = encode_json(message["data"])
        now = asyncio.get_running_loop().time()
        position = self._archive.append(channel, message["event"], json, now)
        message.update(json=json, epoch=position.epoch, offset=position.offset)

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
                await self._hand_over(channel, message)
        finally:
            self._worker = None


def _fail(error: BaseException) -> Any:
    raise error


def _is_lowercase(channel: str) -> bool:
    return channel.lower() == channel
