"""A bus in memory that joins several processes' brokers, and all that may happen to it."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wsrpc import (
    BrokerUnavailable,
    CannotSubscribe,
    History,
    Past,
    PastEvent,
    Position,
    SocketsManager,
)


@dataclass
class Published:
    """One event, at its place in the channel's order over all epochs."""

    index: int
    name: str
    data: Any
    position: tuple[str, int]


@dataclass
class Topic:
    """One channel of the bus."""

    epoch: str
    offset: int = 0
    kept: deque[PastEvent] = field(default_factory=deque)
    everything: list[Published] = field(default_factory=list)
    starts: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many events were published up to a position."""


class Bus:
    """Brings events to the nodes that subscribed, each after its own time, in order."""

    def __init__(self, draw: random.Random, history: History | None) -> None:
        self.draw = draw
        self.history = history
        self.nodes: list[Node] = []
        self.topics: dict[str, Topic] = {}
        self.failing = 0.1
        self._epochs = 0
        self.before_publish: Callable[[], None] = lambda: None

    def topic(self, channel: str) -> Topic:
        if channel not in self.topics:
            self.topics[channel] = self._begin(Topic(""), 0)
        return self.topics[channel]

    def _begin(self, topic: Topic, offset: int) -> Topic:
        self._epochs += 1
        topic.epoch, topic.offset = f"E{self._epochs}", offset
        topic.starts[topic.epoch, offset] = len(topic.everything)
        return topic

    def publish(self, channel: str, name: str, data: Any) -> None:
        self.before_publish()
        topic = self.topic(channel)
        topic.offset += 1
        position = (topic.epoch, topic.offset)
        topic.everything.append(Published(len(topic.everything) + 1, name, data, position))
        topic.starts[position] = len(topic.everything)
        message: dict[str, Any] = {"event": name, "json": json.dumps(data).encode()}
        if self.history is not None:
            topic.kept.append(PastEvent(topic.offset, name, message["json"]))
            while len(topic.kept) > self.history.size:
                topic.kept.popleft()
            message.update(epoch=topic.epoch, offset=topic.offset)
        for node in self.nodes:
            node.send(channel, message)

    def restart(self) -> None:
        """Come back with all data, with an older snapshot of it, or with none."""
        for topic in self.topics.values():
            lost = self.draw.choice([0, 0, 1, 3, len(topic.kept)])
            for _ in range(min(lost, len(topic.kept))):
                topic.kept.pop()
            self._begin(topic, topic.offset - lost if lost < topic.offset else 0)
        for node in self.nodes:
            node.cut()

    def chance(self) -> bool:
        return self.draw.random() < self.failing


class Node(SocketsManager):
    """One process's broker."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.history = bus.history
        self.is_up = True
        self.cuts = 0
        self.subscribed: set[str] = set()
        """What the bus knows of this node."""
        self.wanted: set[str] = set()
        self._inbox: deque[tuple[float, str, Any]] = deque()
        self._arrived = asyncio.Event()
        self._tasks = {asyncio.create_task(self._read())}
        bus.nodes.append(self)

    async def _hop(self) -> None:
        await asyncio.sleep(self.bus.draw.choice([0, 0, 0.01, 0.01, 0.02, 0.05]))

    async def _there(self) -> None:
        await self._hop()
        if not self.is_up or self.bus.chance():
            raise self.bus.draw.choice([BrokerUnavailable(), ConnectionError()])

    async def _back(self) -> None:
        await self._hop()
        if not self.is_up or self.bus.chance():
            raise self.bus.draw.choice([BrokerUnavailable(), ConnectionError(), OSError()])

    async def subscribe(self, channel: str) -> None:
        if self.bus.draw.random() < 0.03:
            raise CannotSubscribe
        await self._there()
        self.subscribed.add(channel)
        cuts = self.cuts
        await self._back()
        if cuts != self.cuts:
            raise BrokerUnavailable
        self.wanted.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        self.wanted.discard(channel)
        await self._there()
        self.subscribed.discard(channel)
        await self._back()

    async def publish(self, channel: str, event: str, body: Any) -> None:
        await self._there()
        self.bus.publish(channel, event, body)
        await self._back()

    async def read_history(self, channel: str, since: Position | None) -> Past:
        await self._there()
        topic = self.bus.topic(channel)
        after = topic.offset if since is None else since.offset
        past = Past(
            Position(topic.epoch, topic.offset),
            [event for event in topic.kept if event.offset > after],
        )
        if self.bus.failing and self.bus.draw.random() < 0.02:
            await asyncio.sleep(6)  # too slow
        await self._back()
        return past

    def send(self, channel: str, message: Any) -> None:
        """Put a message on its way from the bus to this node."""
        if channel in self.subscribed and self.is_up:
            due = asyncio.get_running_loop().time() + self.bus.draw.choice([0, 0.01, 0.02, 0.1])
            if self._inbox:
                due = max(due, self._inbox[-1][0])
            self._inbox.append((due, channel, message))
            self._arrived.set()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._inbox:
                await asyncio.sleep(max(0.0, self._inbox[0][0] - loop.time()))
                if self._inbox and self._inbox[0][0] <= loop.time():
                    _, channel, message = self._inbox.popleft()
                    await self.channels(channel, message)

    def cut(self) -> None:
        """Lose the connection to the bus, with all that is on its way; it comes back."""
        self.cuts += 1
        self._inbox.clear()
        self.subscribed.clear()
        if self.is_up:
            self.is_up = False
            self._tasks.add(asyncio.create_task(self._come_back()))

    async def _come_back(self) -> None:
        await asyncio.sleep(self.bus.draw.choice([0.01, 0.1, 0.3]))
        self.is_up = True
        again = sorted(self.wanted)
        self.subscribed.update(again)
        for channel in again:
            if self.history is not None and self.bus.draw.random() < 0.3:
                await self._hop()  # live events come before the word of the gap, or after it
            await self.channels.gap(channel)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.channels.close(1)
