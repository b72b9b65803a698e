"""Random lives of connections and channels over a backend whose hooks wait and fail.

Real calls, subscriptions and outboxes run without a network. Everything random comes from the
seed, and nothing waits for time: the backend's hooks end when the simulation says so.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest

from wsrpc import CannotSubscribe, Limits, RpcError, SocketsManager, Subscribe, Websocket, channels
from wsrpc.patterns import Pattern

from .simulated import SimulatedConnection

CHANNELS = ["x", "y"]
PATTERNS = ["*", "a", "b", "[ab]", "c"]
EVENTS = ["a", "b", "c", "d"]


class Backend(SocketsManager):
    """A backend that brings events of the channels that it was asked for, and of no others."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self.running: set[str] = set()
        self.known: dict[str, bool | None] = {}  # what a caller can know; None: it cannot
        self.wanted: dict[str, bool] = {}
        self.mistakes: list[str] = []

    def demand(self, is_so: bool, mistake: str) -> None:
        """Note a mistake; an exception out of a hook would be taken for the backend's own."""
        if not is_so:
            self.mistakes.append(mistake)

    async def subscribe(self, channel: str) -> None:
        self.demand(self.known.get(channel, False) is not True, "subscribed twice")
        await self._hook(channel, True)

    async def unsubscribe(self, channel: str) -> None:
        self.demand(self.known.get(channel, False) is not False, "unsubscribed twice")
        await self._hook(channel, False)

    async def subscribe_to_event(self, channel: str, event: str) -> None:
        self.demand(self.wanted.get(channel, False), "a pattern before its channel")
        await self._gate(channel)

    async def _gate(self, channel: str) -> None:
        self.demand(channel not in self.running, "hooks of one channel overlap")
        self.running.add(channel)
        try:
            if not await self.decide(channel):
                raise self.draw.choice([CannotSubscribe(), ConnectionError(), ValueError()])
        finally:
            self.running.discard(channel)

    async def decide(self, name: str) -> bool:
        """Wait until the simulation says whether a hook succeeds."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.waiting.append((name, future))
        try:
            return await future
        finally:
            self.waiting.remove((name, future))

    async def _hook(self, channel: str, wanted: bool) -> None:
        known, self.known[channel] = self.known.get(channel, False), None
        try:
            await self._gate(channel)
        except asyncio.CancelledError:
            if self.draw.random() < 0.5:
                self.wanted[channel] = wanted
            raise
        except Exception:
            if wanted:
                self.known[channel] = known
            elif self.draw.random() < 0.5:
                self.wanted[channel] = wanted
            raise
        self.known[channel] = self.wanted[channel] = wanted

    def answer(self, succeeds: bool) -> None:
        """End one of the hooks that wait."""
        pending = [(name, future) for name, future in self.waiting if not future.done()]
        if pending:
            name, future = self.draw.choice(pending)
            future.set_result(self.draw.random() < 0.5 if name == "join" else succeeds)


class View(Subscribe, Websocket):
    """A view whose `authorize` waits too, with a method that subscribes and may fail."""

    limits = Limits(concurrent_calls=4)
    backend: Backend

    async def authorize(self, action: Any, channel: str, event: str) -> bool:
        return self.backend.draw.random() < 0.7 or await self.backend.decide("authorize")

    async def ws_rpc_join(self, payload: dict[str, Any]) -> Any:
        """Subscribe as ``subscribe`` does, then wait, and perhaps fail."""
        patterns = await self.subscribe(payload["channel"], *payload["event"])
        if not await self.backend.decide("join"):
            raise RpcError(1, "no")
        return {"subscribed": {payload["channel"]: patterns}}


class Connection(SimulatedConnection):
    """One connection, and what its client may expect."""

    def __init__(self, backend: Backend) -> None:
        view = View()
        view.backend = backend
        super().__init__(backend, view)
        self.requests: dict[int, tuple[str, str]] = {}
        self.state: dict[str, list[str]] = {}  # the client's patterns, by the replies
        self.got: dict[str, list[int]] = {}
        self.due: dict[str, list[int]] = {}  # events that the client must get

    def send(self, id: int, method: str, channel: str, event: Any) -> None:
        self.requests[id] = (method, channel)
        payload = {"channel": channel} if event is None else {"channel": channel, "event": event}
        self.call(id, method, payload)

    def read(self) -> None:
        """Read the wire as a client does, and hold each event against the replies before it."""
        for message in self.written():
            if "event" in message:
                channel, name = message["channel"], message["event"]
                patterns = self.state.get(channel, [])
                assert any(Pattern(text).matches(name) for text in patterns), "not subscribed"
                got = self.got.setdefault(channel, [])
                assert not got or got[-1] < message["data"], "order"
                got.append(message["data"])
            else:
                _, channel = self.requests.pop(message["id"])
                if "response" in message:
                    self.state[channel] = message["response"]["subscribed"].get(channel, [])

    def expect(self, channel: str, name: str, number: int) -> bool:
        """Tell whether an event that is published now must reach the client; note it."""
        self.read()
        leaving = ("unsubscribe", channel) in self.requests.values()
        if not self.is_open or leaving:
            return False
        if not any(Pattern(text).matches(name) for text in self.state.get(channel, [])):
            return False
        self.due.setdefault(channel, []).append(number)
        return True

    def close(self) -> None:
        self.read()
        super().close()

    def settle(self) -> None:
        """Check, at the end, that nothing is missing."""
        self.read()
        if self.is_open:
            assert self.requests == {}
            for channel, due in self.due.items():
                missing = set(due) - set(self.got.get(channel, []))
                assert not missing, "told subscribed, not delivered"
            held = {name: m.patterns for name, m in self.memberships._memberships.items()}
            assert held == {name: patterns for name, patterns in self.state.items() if patterns}
            assert self.outbox.held == 0


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def simulate(seed: int, operations: int = 120) -> int:
    """Live one random life; return how many events had to reach someone."""
    draw = random.Random(seed)
    backend = Backend(draw)
    connections: list[Connection] = []
    expected = 0
    # a simulated world that fails as often as it waits, or that hardly ever does
    failing = draw.choice([0.0, 0.1, 0.3])
    for number in range(operations):
        kind = draw.random()
        alive = [connection for connection in connections if connection.is_open]
        if not alive or (kind < 0.05 and len(alive) < 4):
            connections.append(Connection(backend))
            continue
        connection = draw.choice(alive)
        channel = draw.choice(CHANNELS)
        if kind < 0.25:
            event = draw.sample(PATTERNS, draw.randint(1, 2))
            if draw.random() < 0.4:
                if ("join", f"{channel}-joined") not in connection.requests.values():
                    connection.send(number, "join", f"{channel}-joined", event)
            else:
                connection.send(number, "subscribe", channel, event)
        elif kind < 0.32:
            some = draw.choice([None, None, draw.sample(PATTERNS, 2)])
            connection.send(number, "unsubscribe", channel, some)
        elif kind < 0.6:
            channel = draw.choice([channel, "x-joined", "y-joined"])
            name = draw.choice(EVENTS)
            must = [other.expect(channel, name, number) for other in connections]
            assert backend.wanted.get(channel) or not any(must), "told subscribed, but is not"
            expected += sum(must)
            if backend.wanted.get(channel):
                await backend.channels(channel, {"event": name, "data": number})
        elif kind < 0.61:
            connection.close()
        else:
            backend.answer(draw.random() >= failing)
        await turns(draw.randint(0, 4))
    while (
        backend.waiting
        or backend.channels._releases
        or any(other.requests for other in connections if other.is_open)
    ):
        backend.answer(True)
        await turns(3)
        for other in connections:
            other.read()
    await turns(20)
    for other in connections:
        other.settle()
    wanted = {name for name, is_wanted in backend.wanted.items() if is_wanted}
    assert wanted == {channel.name for channel in backend.channels}, "the backend's end state"
    for other in connections:
        if other.is_open:
            other.close()
    while backend.channels._channels or backend.waiting:
        backend.answer(True)
        await turns(3)
    assert backend.mistakes == []
    assert not any(backend.wanted.values())
    assert backend.server_info() == {"connections": 0, "channels": {}}
    assert not backend.channels._releases
    return expected


@pytest.mark.parametrize(
    "count", [10_000 // 20, pytest.param(10_000, marks=pytest.mark.soak, id="soak")]
)
async def test_told_subscribed_means_delivered(
    count: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1, "wsrpc")
    monkeypatch.setattr(channels, "_FIRST_RETRY", 0)
    before = asyncio.all_tasks()
    expected = 0
    for seed in range(count):
        try:
            expected += await simulate(seed)
        except AssertionError as error:
            raise AssertionError(f"simulate({seed})") from error
    assert expected > count
    assert asyncio.all_tasks() == before
