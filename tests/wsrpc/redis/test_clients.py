"""`RpcClient` at servers behind one Redis: what it gets when any of the three is lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from pytest_wsrpc import FaultProxy
from wsrpc import (
    ApiPath,
    ClientState,
    Gap,
    Publisher,
    Reconnect,
    RpcClient,
    Subscribe,
    WsPathMixin,
)

pytestmark = pytest.mark.wsrpc(transport="tcp")

HISTORY = 100


class Stream(ApiPath, WsPathMixin, Subscribe):
    pass


class Follower:
    """A client behind a network that fails, and what its subscription brought."""

    def __init__(self, network, client):
        self.network = network
        self.client = client
        self.heard = []
        """The data of events, and `Gap` in the place of each gap."""
        self.gaps = []

    async def follow(self, subscription):
        async for event in subscription:
            is_gap = isinstance(event, Gap)
            self.heard.append(Gap if is_gap else event.data)
            if is_gap:
                self.gaps.append(event.data)

    @property
    def numbers(self):
        """The data of the events that are no gaps."""
        return [item for item in self.heard if item is not Gap]

    def lose(self):
        """Lose the connection, and keep the client from coming back."""
        self.network.cut(refuse=True)

    async def away(self):
        """Wait until the client knows that its connection is lost."""
        if self.client.state is ClientState.CONNECTED:
            await self.client.until("waiting")

    def lead_to(self, server):
        """Lead the client to a server from now on."""
        self.network.server = server.runner.addresses[0][:2]
        self.network.heal()


@pytest.fixture
def followed():
    """Follow a channel at a server: ``async with followed(server, "x") as follower``."""

    @asynccontextmanager
    async def follow(server, channel):
        async with FaultProxy(server.runner.addresses[0][:2]) as network:
            url = f"ws://{network.host}:{network.port}/ws"
            reconnect = Reconnect(delay=0.02, max_delay=0.1)
            async with RpcClient.connect(url, reconnect=reconnect) as client:
                follower = Follower(network, client)
                async with client.subscribe(channel) as subscription:
                    task = asyncio.create_task(follower.follow(subscription))
                    try:
                        yield follower
                    finally:
                        task.cancel()
                        await asyncio.wait([task])

    return follow


@pytest.fixture
async def publish(redis_server):
    """Publish numbers on the channel ``x`` from another process: ``await publish(range(3))``."""
    async with Publisher(redis_server.url, history=HISTORY) as publisher:

        async def publish(numbers):
            for number in numbers:
                await publisher.publish("x", "e", number)

        yield publish


async def test_a_client_whose_connection_was_reset_gets_what_it_missed(
    make_broker, serve, until, followed, publish
):
    server = await serve(Stream, await make_broker(history=HISTORY))
    async with followed(server, "x") as follower:
        await publish(range(3))
        await until(lambda: follower.numbers == [0, 1, 2])
        for start in (3, 8, 13):
            follower.lose()
            await publish(range(start, start + 4))
            await follower.away()
            follower.network.heal()
            await publish([start + 4])
            await until(lambda last=start + 4: follower.heard[-1] == last)
        assert follower.heard == list(range(18))


async def test_a_client_that_is_reset_while_events_come_gets_each_once_and_in_order(
    make_broker, serve, until, followed, publish
):
    server = await serve(Stream, await make_broker(history=1000))
    async with followed(server, "x") as follower:
        for start in range(0, 300, 50):
            publishing = asyncio.create_task(publish(range(start, start + 50)))
            await until(lambda least=start + 10: len(follower.heard) >= least)
            follower.network.cut()
            await publishing
        await until(lambda: len(follower.heard) >= 300)
        assert follower.heard == list(range(300))


@pytest.mark.parametrize("end", ["killed", "shut down"])
async def test_a_client_of_a_server_that_is_replaced_gets_what_it_missed(
    make_broker, serve, until, followed, publish, end
):
    first = await serve(Stream, await make_broker(history=HISTORY))
    async with followed(first, "x") as follower:
        await publish(range(3))
        await until(lambda: follower.numbers == [0, 1, 2])
        if end == "killed":
            follower.lose()
        await first.stop()
        follower.network.cut(refuse=True)
        await publish(range(3, 8))
        await follower.away()
        second = await serve(Stream, await make_broker(history=HISTORY))
        follower.lead_to(second)
        await publish(range(8, 10))
        await until(lambda: follower.heard[-1] == 9)
        await publish([10])
        await until(lambda: follower.heard[-1] == 10)
        assert follower.heard == list(range(11))


async def test_a_client_that_moves_to_a_process_with_subscribers_gets_what_it_missed(
    make_broker, serve, until, followed, publish
):
    first = await serve(Stream, await make_broker(history=HISTORY))
    second = await serve(Stream, await make_broker(history=HISTORY))
    async with followed(first, "x") as moving, followed(second, "x") as staying:
        for turn in range(6):
            await publish(range(10 * turn, 10 * turn + 5))
            moving.lose()
            await publish(range(10 * turn + 5, 10 * turn + 10))
            await moving.away()
            moving.lead_to(first if turn % 2 else second)
            await until(lambda last=10 * turn + 9: last in moving.heard)
        await until(lambda: len(staying.heard) >= 60)
        assert moving.heard == staying.heard == list(range(60))


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("is_away", [False, True])
async def test_a_client_is_told_of_a_gap_when_redis_was_restarted(
    make_broker, serve, until, followed, publish, redis_server, empty, is_away
):
    broker = await make_broker(history=HISTORY)
    server = await serve(Stream, broker)
    async with followed(server, "x") as follower:
        await publish(range(3))
        await until(lambda: follower.numbers == [0, 1, 2])
        before = broker.channels.position("x")
        if is_away:
            follower.lose()
            await publish([3])
            await follower.away()
        # nothing else runs in this process until Redis is another one
        redis_server.restart(empty=empty)
        follower.network.heal()
        await until(lambda: any(gap["epoch"] != before.epoch for gap in follower.gaps))
        await publish(range(4, 8))
        await until(lambda: follower.heard[-1] == 7)
        first = follower.heard.index(Gap)
        assert follower.heard[:first] in ([0, 1, 2], [0, 1, 2, 3])
        after = [item for item in follower.heard[first:] if item is not Gap]
        assert after == list(range(4, 8))


@pytest.mark.parametrize("empty", [False, True])
async def test_a_client_that_comes_back_to_another_server_and_another_redis_is_told_of_a_gap(
    make_broker, serve, until, followed, publish, redis_server, empty
):
    first = await serve(Stream, await make_broker(history=HISTORY))
    async with followed(first, "x") as follower:
        await publish(range(3))
        await until(lambda: follower.numbers == [0, 1, 2])
        follower.lose()
        await first.stop()
        await publish([3])
        redis_server.restart(empty=empty)
        await publish(range(10, 14))
        second = await serve(Stream, await make_broker(history=HISTORY))
        follower.lead_to(second)
        await until(lambda: follower.gaps)
        await publish([14])
        await until(lambda: follower.heard[-1] == 14)
        assert follower.heard == [0, 1, 2, Gap, 14]


async def test_a_client_gets_what_was_missed_while_the_connections_of_redis_were_killed(
    make_broker, serve, until, followed, publish, redis_server
):
    server = await serve(Stream, await make_broker(history=HISTORY))
    async with followed(server, "x") as follower:
        for start in range(0, 50, 10):
            await publish(range(start, start + 5))
            redis_server.command("CLIENT", "KILL", "TYPE", "pubsub")
            follower.network.cut()
            await publish(range(start + 5, start + 10))
        await until(lambda: len(follower.heard) >= 50)
        assert follower.heard == list(range(50))
