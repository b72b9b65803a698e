"""Calls while the connection is down, and those who wait for a state."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import ClientState, Reconnect
from wsrpc.errors import ConnectionClosed

from .connecting import connect

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_calls_in_flight_fail_and_are_not_repeated(scripted: Any) -> None:
    async with connect(scripted) as client:
        calls = [asyncio.create_task(client.call("charge", timeout=None)) for _ in range(3)]
        peer = await scripted.peer()
        for _ in calls:
            await peer.take()
        peer.abort()
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, ConnectionClosed)
            assert (error.code, error.sent, error.returning) == (1006, True, True)
            assert str(error).endswith(
                "; the call was sent, and may have been carried out; the client is coming back"
            )
        await client.until("connected")
        await (await scripted.peer()).nothing_came()


async def test_a_call_while_the_connection_is_down_fails_at_once(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        with pytest.raises(ConnectionClosed) as raised:
            await client.call("add")
        assert ws_clock.time == 0
        assert (raised.value.code, raised.value.sent, raised.value.returning) == (1006, False, True)
        with pytest.raises(ConnectionClosed, match="the client is coming back"):
            await client.publish("prices")
        with pytest.raises(ConnectionClosed, match="the client is coming back"):
            await client.subscribe("prices").__aenter__()
        await client.until("connected")
        await (await scripted.peer()).nothing_came()


async def test_a_call_while_the_connection_is_down_waits_if_it_is_to(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted, reconnect=Reconnect(calls="wait")) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        call = asyncio.create_task(client.call("add"))
        subscribing = asyncio.create_task(client.subscribe("prices").__aenter__())
        peer = await scripted.peer()
        assert (await peer.answer(3))["method"] == "add"
        assert (await peer.answer({}))["method"] == "subscribe"
        assert await call == 3
        await subscribing
        assert ws_clock.time == 1


async def test_a_call_that_waits_for_a_connection_times_out(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted, reconnect=Reconnect(calls="wait")) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        scripted.status = 503
        with pytest.raises(TimeoutError) as raised:
            await client.call("add", timeout=0.5)
        assert str(raised.value) == (
            "'add' (id 1) could not be sent within 0.5 s: the client is waiting"
        )
        assert ws_clock.time == 0.5


async def test_calls_that_wait_end_with_the_client(scripted: Any) -> None:
    async with connect(scripted, reconnect=Reconnect(calls="wait")) as client:
        (await scripted.peer()).abort()
        await client.until("waiting")
        call = asyncio.create_task(client.call("add"))
        waiting = asyncio.create_task(client.until("connected"))
        await asyncio.sleep(0.1)
        await client.close(4001, "enough")
        for task in (call, waiting):
            with pytest.raises(ConnectionClosed, match="code 4001, enough"):
                await task


async def test_a_wait_that_is_cancelled_or_times_out_is_forgotten(scripted: Any) -> None:
    async with connect(scripted) as client:
        with pytest.raises(TimeoutError) as raised:
            await client.until("waiting", "connecting", timeout=3)
        assert str(raised.value) == (
            "the client is connected, and was not connecting or waiting within 3 s"
        )
        cancelled = asyncio.create_task(client.until("waiting"))
        waiting = asyncio.create_task(client.until("waiting"))
        await asyncio.sleep(0)
        (await scripted.peer()).abort()
        cancelled.cancel()
        assert await waiting is ClientState.WAITING
        with pytest.raises(ValueError, match="'open' is not a valid ClientState"):
            await client.until("open")


async def test_a_wait_cancelled_as_the_state_comes_harms_no_other(scripted: Any) -> None:
    async with connect(scripted) as client:
        peer = await scripted.peer()
        waiting = [asyncio.create_task(client.until("waiting")) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0]._fut_waiter.cancel()  # type: ignore[attr-defined]
        client._link.drop("lost")
        assert await waiting[1] is ClientState.WAITING
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        del peer


async def test_a_callback_that_fails_is_logged(
    scripted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(state: ClientState) -> None:
        raise ZeroDivisionError

    async with connect(scripted, on_state_change=fail):
        pass
    assert caplog.messages == [
        "on_state_change failed for 'connected'",
        "on_state_change failed for 'closed'",
    ]
