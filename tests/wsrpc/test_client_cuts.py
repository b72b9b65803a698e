"""`RpcClient` comes back from a connection cut anywhere, and loses and doubles nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from wsrpc import LocalBroker, RpcClient

from .cuts import Cut, CuttingConnector, Stream, converse, frames

pytestmark = [pytest.mark.slow, pytest.mark.wsrpc(clock="virtual")]

DIRECTIONS = ("sent", "received")


class Lab:
    """One server with a history, and conversations with it over connections that break."""

    def __init__(self, runner: web.AppRunner, broker: LocalBroker) -> None:
        self._runner = runner
        self._broker = broker
        self._number = 1000

    async def converse(self, messages: int, *plan: Cut) -> CuttingConnector:
        """Hold a conversation over connections that break as planned."""
        self._number += 1
        connector = CuttingConnector(self._runner.server, *plan)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            RpcClient.connect("ws://app/", session=session) as client,
        ):
            await converse(client, self._broker, f"c{self._number}", messages)
        assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []
        assert len(connector.seen) > len(plan)
        return connector


@pytest.fixture
async def lab(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Lab]:
    app = web.Application()
    broker = LocalBroker.for_app(app, history=1000)
    app.router.add_view("/", Stream)
    runner = web.AppRunner(app)
    await runner.setup()
    yield Lab(runner, broker)
    await runner.cleanup()
    assert [record for record in caplog.records if record.name.startswith("wsrpc")] == []


def places(connector: CuttingConnector, connection: int, direction: str) -> range:
    """Give where a conversation can be cut: behind the handshake, before its last call is over."""
    seen = list(frames(connector.seen[connection][direction]))
    return range(seen[0].start + 1, seen[-4].stop)


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_a_cut_at_every_byte_of_three_messages(lab: Lab, direction: str) -> None:
    whole = await lab.converse(3)
    for after in places(whole, 0, direction):
        await lab.converse(3, Cut(direction, after))


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_a_cut_at_each_boundary_of_a_frame_and_a_byte_around_it(
    lab: Lab, direction: str
) -> None:
    whole = await lab.converse(20)
    for frame in list(frames(whole.seen[0][direction]))[:-4]:
        for after in (frame.stop - 1, frame.stop, frame.stop + 1):
            await lab.converse(20, Cut(direction, after))


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_a_cut_at_300_places_of_a_long_conversation(
    lab: Lab, direction: str, part: int
) -> None:
    whole = await lab.converse(100)
    generator = random.Random(f"{direction} {part}")
    for after in generator.sample(places(whole, 0, direction), 100):
        await lab.converse(100, Cut(direction, after))


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_a_cut_at_every_byte_of_coming_back(lab: Lab, direction: str) -> None:
    whole = await lab.converse(2)
    first = Cut("received", places(whole, 0, "received").stop // 2)
    again = await lab.converse(2, first)
    for after in range(1, places(again, 1, direction).stop):
        await lab.converse(2, first, Cut(direction, after))


async def test_cuts_of_one_connection_after_the_other(lab: Lab) -> None:
    whole = await lab.converse(100)
    generator = random.Random(5)
    for _ in range(100):
        direction = generator.choice(DIRECTIONS)
        plan = [Cut(direction, generator.choice(places(whole, 0, direction)[:500]))]
        for _ in range(4):
            plan.append(Cut(generator.choice(DIRECTIONS), generator.randrange(1, 900)))
        await lab.converse(100, *plan)
