"""LocalBroker: which channels it takes, order and latency, its end."""

from __future__ import annotations

import asyncio
import contextvars
import random
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc.clock import VirtualClock
from wsrpc import SOCKETS_KEY, BrokerUnavailable, CannotPublish, CannotSubscribe, LocalBroker
from wsrpc.failures import Failure


class Seen:
    """A callback that notes what it is called with."""

    def __init__(self) -> None:
        self.data: list[Any] = []
        self.arrived = asyncio.Event()

    def __call__(self, channel: str, event: str, data: Any) -> None:
        self.data.append(data)
        self.arrived.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.data) < count:
                self.arrived.clear()
                await self.arrived.wait()


class Watched(LocalBroker):
    """A broker that tells what is delivered, and when, before any queue."""

    def __init__(self, latency: float = 0.0) -> None:
        super().__init__(latency)
        self.delivered: list[Any] = []
        self.times: list[float] = []
        deliver = self.channels._deliver

        def watched(channel: str, message: Any) -> None:
            self.delivered.append(message["data"])
            self.times.append(asyncio.get_running_loop().time())
            deliver(channel, message)

        self.channels._deliver = watched  # type: ignore[method-assign]


@pytest.mark.parametrize("channel", ["x", "", "a b", "ä", "1", "a/b.c:d", "日本"])
async def test_a_lowercase_channel_is_taken(channel: str) -> None:
    broker = LocalBroker()
    await broker.subscribe(channel)
    await broker.publish(channel, "a", None)


@pytest.mark.parametrize("channel", ["X", "aB", "Ä", "Straße X"])
async def test_another_channel_is_refused(channel: str) -> None:
    broker = LocalBroker(latency=0.001)
    with pytest.raises(CannotSubscribe) as subscribing:
        await broker.subscribe(channel)
    assert subscribing.value.errors == {"channel": "Invalid channel"}
    with pytest.raises(CannotPublish) as publishing:
        await broker.publish(channel, "a", None)
    assert publishing.value.errors == {"channel": "Cannot publish to channel"}
    assert channel in publishing.value.reason


@pytest.mark.parametrize("latency", [-1, float("nan"), float("inf"), True, "1", None])
def test_a_latency_is_a_time(latency: Any) -> None:
    with pytest.raises(ValueError, match="latency must be a time in seconds"):
        LocalBroker(latency=latency)


async def test_without_latency_an_event_is_delivered_when_publish_returns() -> None:
    broker = Watched()
    await broker.publish("x", "a", 1)
    assert broker.delivered == [1]


async def test_latency_delays_each_event(ws_clock: VirtualClock) -> None:
    broker = Watched(latency=2)
    for index in range(3):
        await broker.publish("x", "a", index)
        await ws_clock.advance(0.5)
    assert broker.delivered == []
    await ws_clock.advance(10)
    assert broker.delivered == [0, 1, 2]
    assert broker.times == [2, 2.5, 3]


@pytest.mark.wsrpc(clock="virtual")
async def test_order_is_kept_when_the_latency_changes() -> None:
    draw = random.Random(7)
    broker = LocalBroker(latency=0.005)
    seen = Seen()
    await broker.channels.register("x", "*", seen)
    for index in range(200):
        broker.latency = draw.choice([0.0, 0.0, 0.001, 0.005])
        await broker.publish("x", "a", index)
        if draw.random() < 0.1:
            await asyncio.sleep(0.001)
    await seen.wait_for(200)
    assert seen.data == list(range(200))
    broker.latency = 0.0
    await broker.publish("x", "a", 200)
    await seen.wait_for(201)
    await broker.close()


@pytest.mark.wsrpc(clock="virtual")
async def test_many_publishers_keep_their_order() -> None:
    broker = LocalBroker(latency=0.001)
    seen = Seen()
    await broker.channels.register("x", "*", seen)

    async def publisher(name: str) -> None:
        for index in range(50):
            await broker.publish("x", name, [name, index])
            await asyncio.sleep(0)

    await asyncio.gather(*(publisher(name) for name in "abc"))
    await seen.wait_for(150)
    for name in "abc":
        assert [n for who, n in seen.data if who == name] == list(range(50))
    await broker.close()


@pytest.mark.wsrpc(clock="virtual")
async def test_a_failing_event_does_not_stop_those_behind_it(reported: list[Failure]) -> None:
    def data() -> None:
        raise ValueError

    broker = LocalBroker(latency=0.001)
    seen = Seen()
    await broker.channels.register("x", "b", seen)
    await broker.channels.register("x", "a", Seen())
    await broker.publish("x", "a", data)
    await broker.publish("x", "b", 1)
    await seen.wait_for(1)
    assert seen.data == [1]
    assert len(reported) == 1
    await broker.close()


async def test_closing_drops_what_is_not_yet_delivered_and_leaves_no_task(
    ws_clock: VirtualClock,
) -> None:
    before = asyncio.all_tasks()
    broker = Watched(latency=60.0)
    await broker.publish("x", "a", 1)
    await broker.publish("x", "a", 2)
    await asyncio.sleep(0)
    await broker.close()
    assert asyncio.all_tasks() == before
    await ws_clock.advance(120)
    assert broker.delivered == []
    await broker.close()


async def test_a_closed_broker_says_so_until_it_starts_again() -> None:
    broker = LocalBroker()
    await broker.start()
    await broker.close()
    with pytest.raises(BrokerUnavailable):
        await broker.publish("x", "a", None)
    await broker.start()
    seen = Seen()
    await broker.channels.register("x", "*", seen)
    await broker.publish("x", "a", 1)
    await seen.wait_for(1)
    await broker.close()


@pytest.mark.wsrpc(clock="virtual")
async def test_it_starts_and_ends_with_its_application() -> None:
    app = web.Application()
    broker = LocalBroker.for_app(app, latency=0.001)
    assert app[SOCKETS_KEY] is broker
    assert broker.latency == 0.001
    runner = web.AppRunner(app)
    await runner.setup()
    seen = Seen()
    await broker.channels.register("x", "*", seen)
    await broker.publish("x", "a", 1)
    await seen.wait_for(1)
    await runner.cleanup()
    with pytest.raises(BrokerUnavailable):
        await broker.publish("x", "a", None)
    assert len(broker.channels) == 0


@pytest.mark.wsrpc(clock="virtual")
async def test_a_subclass_need_not_call_super_init() -> None:
    class Own(LocalBroker):
        def __init__(self) -> None:
            pass

    broker = Own()
    seen = Seen()
    await broker.start()
    await broker.channels.register("x", "*", seen)
    await broker.publish("x", "a", 1)
    broker.latency = 0.001
    await broker.publish("x", "a", 2)
    await seen.wait_for(2)
    assert seen.data == [1, 2]
    await broker.close()


@pytest.mark.wsrpc(clock="virtual")
async def test_an_event_is_delivered_outside_of_the_context_of_any_publisher() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nobody")
    broker = LocalBroker(latency=0.001)
    seen: asyncio.Queue[str] = asyncio.Queue()
    await broker.channels.register("c", None, lambda channel, event, data: None)
    variable.set("alice")

    def data() -> None:
        seen.put_nowait(variable.get())

    await broker.publish("c", "e", data)
    assert await asyncio.wait_for(seen.get(), 5) == "nobody"
    await broker.close()
