"""A broker over a bus in memory that takes time and fails."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from wsrpc import (
    BrokerUnavailable,
    CannotPublish,
    CannotSubscribe,
    History,
    Past,
    PastEvent,
    Position,
    SocketsManager,
)

LAG = 0.003


class Bus:
    """The backend: what processes share."""

    def __init__(self) -> None:
        self.processes: list[Broker] = []
        self.subscribers: dict[str, dict[Broker, None]] = {}
        self.logs: dict[str, list[PastEvent]] = {}
        self.epoch = secrets.token_hex(4)
        self.is_down = False

    async def reach(self) -> None:
        await asyncio.sleep(LAG)
        if self.is_down:
            raise BrokerUnavailable

    def publish(self, channel: str, event: str, data: bytes, *, keep: bool) -> None:
        entry = PastEvent(0, event, data)
        if keep:
            log = self.logs.setdefault(channel, [])
            entry = PastEvent(len(log) + 1, event, data)
            log.append(entry)
        for process in self.subscribers.get(channel, ()):
            process.queue.put_nowait((channel, entry))

    @asynccontextmanager
    async def outage(self, *, empty: bool = False):
        """Lose all connections, with what is on its way, and perhaps all data."""
        self.is_down = True
        self.subscribers.clear()
        for process in self.processes:
            process.queue = asyncio.Queue()
            process.restart()
        if empty:
            self.logs.clear()
            self.new_epoch()
        yield
        self.is_down = False
        for process in self.processes:
            await process.returned()

    def new_epoch(self) -> None:
        self.epoch = secrets.token_hex(4)


class Broker(SocketsManager):
    """A broker that keeps the contract."""

    also: frozenset[str] = frozenset()
    """Clauses that a broken one breaks beside its own, as a consequence."""

    def __init__(self, bus: Bus, history: int = 0) -> None:
        self.bus = bus
        self.history = History.of(history)
        self.queue: asyncio.Queue[tuple[str, PastEvent]] = asyncio.Queue()
        self.wanted: set[str] = set()
        self.worker: asyncio.Task[None] | None = None

    async def start(self, app: Any = None) -> None:
        self.bus.processes.append(self)
        self.restart()

    def restart(self) -> None:
        if self.worker is not None:
            self.worker.cancel()
        self.worker = asyncio.create_task(self.work())

    async def close(self, app: Any = None) -> None:
        await super().close(app)
        self.bus.processes.remove(self)
        for subscribers in self.bus.subscribers.values():
            subscribers.pop(self, None)
        self.worker.cancel()

    async def work(self) -> None:
        while True:
            arrived = await self.queue.get()
            await asyncio.sleep(LAG)
            await self.hand_over(*arrived)

    async def hand_over(self, channel: str, entry: PastEvent) -> None:
        message = {"event": entry.event, "json": entry.json}
        if self.history is not None:
            message |= {"epoch": self.bus.epoch, "offset": entry.offset}
        await self.channels(channel, message)

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if channel != channel.lower():
            raise CannotPublish
        await self.bus.reach()
        keep = self.history is not None
        self.bus.publish(channel, event, json.dumps(body).encode(), keep=keep)

    async def subscribe(self, channel: str) -> None:
        if channel != channel.lower():
            raise CannotSubscribe
        await self.bus.reach()
        self.wanted.add(channel)
        self.take(channel)

    def take(self, channel: str) -> None:
        self.bus.subscribers.setdefault(channel, {})[self] = None

    async def unsubscribe(self, channel: str) -> None:
        self.wanted.discard(channel)
        await self.bus.reach()
        self.let_go(channel)

    def let_go(self, channel: str) -> None:
        subscribers = self.bus.subscribers.get(channel, {})
        subscribers.pop(self, None)
        if not subscribers:
            self.bus.subscribers.pop(channel, None)

    async def returned(self) -> None:
        """The bus is back."""
        for channel in self.wanted:
            self.take(channel)
            await self.channels.gap(channel)

    async def read_history(self, channel: str, since: Position | None) -> Past:
        await self.bus.reach()
        log = self.bus.logs.get(channel, [])
        position = Position(self.bus.epoch, len(log))
        if since is None:
            return Past(position)
        return Past(position, [entry for entry in log if entry.offset > since.offset])


def setting(kind: type[Broker]) -> tuple[Any, dict[str, Any]]:
    """Return what makes brokers of a kind, on a bus of their own, and the outages of that."""
    bus = getattr(kind, "bus_type", Bus)()
    make = partial(kind, bus, getattr(kind, "keeps", 0))
    return make, {"short": bus.outage, "with all data lost": partial(bus.outage, empty=True)}
