"""A broker whose history and hooks the test moves, and clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from wsrpc import (
    History,
    Past,
    PastEvent,
    Position,
    Publish,
    SocketsManager,
    Subscribe,
    Websocket,
)

from ..simulated import SimulatedConnection


class Broker(SocketsManager):
    """A broker whose history and hooks the test moves."""

    history = History(size=100)

    def __init__(self) -> None:
        self.epoch = "E"
        self.top = 0
        self.events: list[PastEvent] = []
        self.reads: list[Position | None] = []
        self.before_read: Callable[[], Awaitable[None]] | None = None
        self.after_read: Callable[[], Awaitable[None]] | None = None
        self.unsubscribed = 0

    async def subscribe(self, channel: str) -> None:
        pass

    async def unsubscribe(self, channel: str) -> None:
        self.unsubscribed += 1

    async def read_history(self, channel: str, since: Position | None) -> Past:
        self.reads.append(since)
        if self.before_read is not None:
            await self.before_read()
        after = self.top if since is None else since.offset
        past = Past(
            Position(self.epoch, self.top), [event for event in self.events if event.offset > after]
        )
        if self.after_read is not None:
            await self.after_read()
        return past

    async def emit(self, count: int = 1, name: str = "a", lost: bool = False) -> None:
        """Publish events; lost ones are in the history only."""
        for _ in range(count):
            self.top += 1
            self.events.append(PastEvent(self.top, name, b"%d" % self.top))
            if not lost:
                message = {"event": name, "json": b"%d" % self.top}
                await self.channels("x", {**message, "epoch": self.epoch, "offset": self.top})


class View(Subscribe, Publish, Websocket):
    """A view with a method that subscribes for as long as it is told."""

    async def ws_rpc_join(self, payload: dict[str, Any]) -> Any:
        patterns = await self.subscribe("x", "b")
        await asyncio.sleep(payload["seconds"])
        return patterns


class Client:
    """Calls of one connection, and all that comes out of it."""

    def __init__(self, broker: SocketsManager, view: Websocket | None = None) -> None:
        self.broker = broker
        self.connection = SimulatedConnection(broker, view or View())
        self._ids = 0
        self._unread: list[Any] = []

    def send(self, method: str, **payload: Any) -> int:
        self._ids += 1
        self.connection.call(self._ids, method, payload)
        return self._ids

    def subscribe(self, event: Any = None, since: Any = None) -> int:
        if isinstance(since, int):
            since = {"epoch": "E", "offset": since}
        return self.send("subscribe", channel="x", event=event, since=since)

    async def answer(self) -> Any:
        """Return the next reply's response or error; no event may come before it."""
        for _ in range(1000):
            self._unread += self.connection.written()
            if self._unread:
                message = self._unread.pop(0)
                assert "id" in message, "an event before the reply"
                return message.get("response", message.get("error"))
            await asyncio.sleep(0.01)
        raise AssertionError("no reply")

    @property
    def got(self) -> list[Any]:
        """What came since the last time: data of events, gaps and positions."""
        messages, self._unread = self._unread + self.connection.written(), []
        shown: list[Any] = []
        for message in messages:
            kind, data = message["event"].removeprefix("wsrpc."), message["data"]
            if kind in ("gap", "position"):
                shown.append(f"{kind} {data['epoch']}:{data['offset']}")
            else:
                assert message["offset"] == data
                shown.append(data)
        return shown


def told(offset: int, recovered: bool | None = None, *, epoch: str = "E", event: Any = "*") -> Any:
    answer: dict[str, Any] = {
        "subscribed": {"x": [event] if isinstance(event, str) else event},
        "positions": {"x": {"epoch": epoch, "offset": offset}},
    }
    return answer if recovered is None else {**answer, "recovered": recovered}


async def settle(seconds: float = 0.05) -> None:
    await asyncio.sleep(seconds)
