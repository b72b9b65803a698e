"""A broker of one's own, with a history, for processes that share an exchange."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, assert_type

import msgspec
from aiohttp import web

from wsrpc import CannotPublish, CannotSubscribe, History, Past, PastEvent, Position, SocketsManager


class Exchange:
    """Passes events on to the brokers that have subscribed, and keeps them."""

    def __init__(self) -> None:
        self.subscribers: dict[str, set[ExchangeBroker]] = defaultdict(set)
        self.events: dict[str, list[PastEvent]] = defaultdict(list)

    def publish(self, channel: str, event: str, json: bytes) -> None:
        kept = PastEvent(len(self.events[channel]) + 1, event, json)
        self.events[channel].append(kept)
        for broker in self.subscribers[channel]:
            broker.arrived.put_nowait((channel, kept))


class ExchangeBroker(SocketsManager):
    def __init__(self, exchange: Exchange, history: History | int = 100) -> None:
        self.exchange = exchange
        self.history = History.of(history)
        self.arrived: asyncio.Queue[tuple[str, PastEvent]] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None

    async def start(self, app: web.Application | None = None) -> None:
        self.task = asyncio.create_task(self.deliver())

    async def close(self, app: web.Application | None = None) -> None:
        await super().close(app)
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def deliver(self) -> None:
        while True:
            channel, kept = await self.arrived.get()
            message: dict[str, Any] = {
                "event": kept.event,
                "json": kept.json,
                "epoch": "1",
                "offset": kept.offset,
            }
            await self.channels(channel, message)

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if not channel.islower():
            raise CannotPublish
        self.exchange.publish(channel, event, msgspec.json.encode(body))

    async def subscribe(self, channel: str) -> None:
        if not channel.islower():
            raise CannotSubscribe
        self.exchange.subscribers[channel].add(self)

    async def unsubscribe(self, channel: str) -> None:
        self.exchange.subscribers[channel].discard(self)

    async def read_history(self, channel: str, since: Position | None) -> Past:
        events = self.exchange.events[channel]
        position = Position("1", len(events))
        assert_type(position.offset, int)
        return Past(position, () if since is None else events[since.offset :])
