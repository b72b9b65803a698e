"""Random schedules on virtual time: whoever was told to be subscribed gets events, or is told.

Several nodes share a bus that is slow, fails, cuts its connections, and restarts with all, some or
none of its data. Clients of them subscribe, hold their reply back, publish, leave and come back.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_wsrpc import VirtualLoop
from wsrpc import History, Limits, Publish, RpcError, Subscribe, Websocket
from wsrpc.patterns import Pattern

from ..simulated import SimulatedConnection
from .bus import Bus, Node, Topic

CHANNELS = ["x", "y"]
PATTERNS = ["*", "a", "b", "[ab]", "c"]
EVENTS = ["a", "b", "c", "d"]


class View(Subscribe, Publish, Websocket):
    """A view with a method that subscribes, lets its reply wait, and may fail."""

    limits = Limits(concurrent_calls=4)
    draw: random.Random

    async def authorize(self, action: Any, channel: str, event: str) -> bool:
        if self.draw.random() < 0.3:
            await asyncio.sleep(0.01)
        return True

    async def ws_rpc_hold(self, payload: dict[str, Any]) -> Any:
        """Subscribe as ``subscribe`` does, and hold the reply back."""
        patterns = await self.subscribe(payload["channel"], *payload["event"])
        await asyncio.sleep(self.draw.choice([0, 0.05, 0.3]))
        if self.draw.random() < 0.3:
            raise RpcError(1, "no")
        return {"subscribed": {payload["channel"]: patterns}}


@dataclass
class Followed:
    """What a client knows of one channel."""

    patterns: dict[str, int] = field(default_factory=dict)
    """Each with the number of events that had been published when it began."""
    last: int = 0
    """How many of the channel's events are behind the client."""
    excused: int = 0
    """How many of them it may have missed, as it was told."""
    position: tuple[str, int] | None = None
    coming_back: list[str] | None = None
    """The patterns that it had, and wants to have again."""


class Client:
    """Somebody who follows channels, over one connection after the other."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.connection: SimulatedConnection | None = None
        self.requests: dict[int, tuple[str, str, Any]] = {}
        self.channels: dict[str, Followed] = {}
        self.received = self.recovered = self.told = 0

    def connect(self, node: Node) -> None:
        view = View()
        view.draw = self.bus.draw
        self.connection = SimulatedConnection(node, view)

    def disconnect(self) -> None:
        self.read()
        assert self.connection is not None
        self.connection.close()
        self.connection = None
        self.requests.clear()
        for followed in self.channels.values():
            if followed.patterns:
                followed.coming_back = sorted(followed.patterns)
            followed.patterns = {}

    def send(self, id: int, method: str, channel: str, event: Any = None, **more: Any) -> None:
        assert self.connection is not None
        self.requests[id] = (method, channel, more.get("since", event))
        payload = {"channel": channel, "event": event, **more}
        self.connection.call(id, method, payload)

    def come_back(self, id: int, channel: str) -> None:
        """Subscribe again to what was followed before, from where the client stood."""
        followed = self.channels[channel]
        patterns, position = followed.coming_back, followed.position
        if channel.endswith("-held"):
            self.send(id, "hold", channel, patterns)
        elif position is None:
            self.send(id, "subscribe", channel, patterns)
        else:
            since = {"epoch": position[0], "offset": position[1]}
            self.send(id, "subscribe", channel, patterns, since=since)

    def read(self) -> None:
        """Read the wire, and hold each event against what was said before."""
        if self.connection is None:
            return
        for message in self.connection.written():
            if "event" in message and "id" not in message:
                self.take_event(message)
            else:
                self.take_reply(message)

    def take_reply(self, message: Any) -> None:
        method, channel, _ = self.requests.pop(message["id"])
        response = message.get("response")
        if response is None or method == "publish":
            return
        followed = self.channels.setdefault(channel, Followed())
        topic = self.bus.topic(channel)
        now = response["subscribed"].get(channel, [])
        if method == "unsubscribe":
            followed.patterns = {text: followed.patterns[text] for text in now}
            return
        begins = len(topic.everything)
        if "positions" in response:
            position = response["positions"][channel]
            at = (position["epoch"], position["offset"])
            begins = topic.starts[at]
            if response.get("recovered"):
                assert followed.position is not None
                assert topic.starts[followed.position] == followed.last
                self.recovered += begins > followed.last
                begins = followed.last
            elif not followed.patterns:
                followed.last, followed.position = begins, at
                followed.excused = max(followed.excused, begins)
        else:
            assert self.bus.history is None or method == "hold"
            assert not response.get("recovered")
            if not followed.patterns:
                followed.last = 0  # another node may be behind the one that it came from
        followed.patterns = {text: followed.patterns.get(text, begins) for text in now}
        followed.coming_back = None

    def take_event(self, message: Any) -> None:
        channel, name, data = message["channel"], message["event"], message["data"]
        followed, topic = self.channels.get(channel), self.bus.topic(channel)
        assert followed is not None, "an event before the reply"
        assert followed.patterns, "an event without a subscription"
        if name in ("wsrpc.gap", "wsrpc.position"):
            if data is not None:
                at = (data["epoch"], data["offset"])
                place = topic.starts[at]
                assert place >= followed.last, "back in time"
                if name == "wsrpc.position":
                    self.miss_nothing(followed, topic, place)
                followed.last = place
                if followed.position is not None:
                    followed.position = at
            if name == "wsrpc.gap":
                followed.excused = len(topic.everything)
                self.told += 1
            return
        event = next(event for event in topic.everything if event.data == data)
        assert any(Pattern(text).matches(name) for text in followed.patterns), "no pattern"
        assert event.index > followed.last, "again, or out of order"
        self.miss_nothing(followed, topic, event.index - 1)
        followed.last = event.index
        assert ("offset" in message) == (self.bus.history is not None)
        if followed.position is not None:
            followed.position = (followed.position[0], message["offset"])
            assert topic.starts[followed.position] == event.index, "another epoch"
        self.received += 1

    def miss_nothing(self, followed: Followed, topic: Topic, upto: int) -> None:
        """Demand that nothing that is due lies between what the client has and an event."""
        leaving = {
            text
            for method, channel, asked in self.requests.values()
            if method == "unsubscribe" and self.channels.get(channel) is followed
            for text in (followed.patterns if asked is None else asked)
        }
        for event in topic.everything[max(followed.last, followed.excused) : upto]:
            assert not any(
                begins < event.index and Pattern(text).matches(event.name)
                for text, begins in followed.patterns.items()
                if text not in leaving
            ), f"told subscribed, event {event} not delivered"

    def settle(self) -> None:
        """Demand, at the end, that nothing is missing."""
        self.read()
        if self.connection is not None:
            assert self.requests == {}
            for channel, followed in self.channels.items():
                topic = self.bus.topic(channel)
                self.miss_nothing(followed, topic, len(topic.everything))
            held = {n: m.patterns for n, m in self.connection.memberships._memberships.items()}
            told = {n: sorted(f.patterns) for n, f in self.channels.items() if f.patterns}
            assert held == told
            assert self.connection.outbox.held == 0


async def step(draw: random.Random, bus: Bus, clients: list[Client], number: int) -> None:
    """Let one thing happen."""
    kind = draw.random()
    client = draw.choice(clients)
    client.read()
    if client.connection is None:
        if kind < 0.6:
            client.connect(draw.choice(bus.nodes))
            for index, channel in enumerate(sorted(client.channels)):
                if client.channels[channel].coming_back is not None:
                    client.come_back(number * 10 + index, channel)
        return
    channel = draw.choice(CHANNELS)
    if kind < 0.2:
        followed = client.channels.get(channel)
        if followed and followed.coming_back:
            busy = any(asked[1] == channel for asked in client.requests.values())
            if not busy:
                client.come_back(number * 10, channel)
        else:
            client.send(number * 10, "subscribe", channel, draw.sample(PATTERNS, 2))
    elif kind < 0.24:
        if not any(method == "hold" for method, _, _ in client.requests.values()):
            client.send(number * 10, "hold", f"{channel}-held", draw.sample(PATTERNS, 2))
    elif kind < 0.3:
        some = draw.choice([None, draw.sample(PATTERNS, 2)])
        client.send(number * 10, "unsubscribe", channel, some)
    elif kind < 0.75:
        name, where = draw.choice(EVENTS), draw.choice([channel, channel, f"{channel}-held"])
        client.send(number * 10, "publish", where, name, data=number)
    elif kind < 0.79:
        client.disconnect()
    elif kind < 0.8:
        draw.choice(bus.nodes).cut()
    elif kind < 0.805:
        bus.restart()
    else:
        await asyncio.sleep(draw.choice([0.005, 0.02, 0.1, 0.5]))
    if draw.random() < 0.5:
        await asyncio.sleep(0)


async def simulate(seed: int, operations: int = 100) -> list[Client]:
    """Live one schedule; return the clients."""
    draw = random.Random(seed)
    history = draw.choice([None, History(size=4), History(size=12), History(size=1000)])
    bus = Bus(draw, history)
    nodes = [Node(bus) for _ in range(draw.choice([1, 2]))]
    clients = [Client(bus) for _ in range(3)]
    failures: list[AssertionError] = []

    def read_all() -> None:
        for client in clients:
            try:
                client.read()
            except AssertionError as error:  # out of a hook it would be taken for the backend's
                failures.append(error)

    bus.before_publish = read_all
    try:
        for number in range(operations):
            await step(draw, bus, clients, number)
            assert not failures, failures
        bus.failing = 0
        await asyncio.sleep(120)  # calls end, connections come back, hooks are tried again
        assert not failures, failures
        for client in clients:
            client.settle()
            if client.connection is not None:
                client.connection.close()
        await asyncio.sleep(60)
        assert len(asyncio.all_tasks()) == 1 + len(nodes)
        for node in nodes:
            assert node.channels._channels == {}
            assert node.server_info() == {"connections": 0, "channels": {}}
    finally:
        for node in nodes:
            await node.end()
    return clients


@pytest.mark.parametrize(
    "count", [10_000 // 50, pytest.param(10_000, marks=pytest.mark.soak, id="soak")]
)
def test_told_subscribed_means_delivered_or_told_of_a_gap(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1)
    received = recovered = told = 0
    first = random.randrange(10_000 - count + 1)  # others in each run
    for seed in range(first, first + count):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:  # so that each can be repeated
            try:
                clients = runner.run(simulate(seed))
            except AssertionError as error:
                raise AssertionError(f"simulate({seed})") from error
        received += sum(client.received for client in clients)
        recovered += sum(client.recovered for client in clients)
        told += sum(client.told for client in clients)
    assert received > count
    assert recovered > count / 10
    assert told > count / 10
