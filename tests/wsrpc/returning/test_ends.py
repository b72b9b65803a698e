"""Closing and cancelling a client that comes back, wherever it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_wsrpc import internals
from pytest_wsrpc.clock import VirtualClock
from wsrpc import ClientState, RpcClient

from .connecting import connect

pytestmark = pytest.mark.wsrpc(clock="virtual")


@pytest.mark.parametrize("when", ["waiting", "connecting", "on_connect"])
async def test_closing_ends_an_attempt_wherever_it_is(
    scripted: Any, ws_clock: VirtualClock, when: str
) -> None:
    greetings = 0

    async def greet(client: RpcClient) -> None:
        nonlocal greetings
        greetings += 1
        if greetings > 1:
            await asyncio.sleep(3600)

    client = await connect(scripted, on_connect=greet)
    peer = await scripted.peer()
    scripted.silent = when == "connecting"
    peer.abort()
    await client.until("waiting")
    if when != "waiting":
        await client.until("connecting")
    if when == "on_connect":
        peer = await scripted.peer()
    now = ws_clock.time
    await client.close(4000, "enough")
    assert (client.close_code, client.close_reason) == (4000, "enough")
    assert ws_clock.time == now
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []
    assert internals.timers(asyncio.get_running_loop()) == []
    await client.close()


async def test_a_cancelled_close_ends_the_attempt(scripted: Any) -> None:
    hold, held = asyncio.Event(), asyncio.Event()

    async def greet(client: RpcClient) -> None:
        try:
            held.set()
            await hold.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(1)  # in no hurry
            raise

    hold.set()
    client = await connect(scripted, on_connect=greet)
    hold.clear()
    held.clear()
    (await scripted.peer()).abort()
    await held.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.close()
    assert client.closed
    await asyncio.sleep(1)


async def test_a_cancelled_connect_leaves_nothing(scripted: Any) -> None:
    async def greet(client: RpcClient) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await connect(scripted, on_connect=greet)
    assert await (await scripted.peer()).closed == 1000


async def test_closing_refuses_what_no_close_frame_can_carry_while_it_comes_back(
    scripted: Any,
) -> None:
    async with connect(scripted) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        with pytest.raises(ValueError, match="a close code is between 1000 and 4999"):
            await client.close(1)
        await client.until("connected")


async def test_a_client_that_never_connected_can_be_closed() -> None:
    states: list[ClientState] = []
    connecting = RpcClient.connect("ws://app/", on_state_change=states.append)
    client = connecting._make()
    await client.close()
    assert states == ["closed"]
    assert (client.closed, client.close_code) == (True, 1000)
