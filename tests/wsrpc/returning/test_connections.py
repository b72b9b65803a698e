"""A lost connection is replaced, or is not: close codes, attempts, pauses."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import COME_BACK, ClientState, Reconnect, RpcClient
from wsrpc.errors import ConnectionClosed

from .connecting import connect

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_a_lost_connection_is_replaced(scripted: Any, ws_clock: VirtualClock) -> None:
    states: list[ClientState] = []
    async with connect(scripted, on_state_change=states.append) as client:
        assert client.state is ClientState.CONNECTED
        (await scripted.peer()).abort()
        assert await client.until("waiting") is ClientState.WAITING
        assert not client.closed
        assert client.close_code is None
        assert repr(client) == f"<RpcClient {scripted.url} waiting>"
        assert await client.until("connected") is ClientState.CONNECTED
        assert ws_clock.time == 1
        peer = await scripted.peer()
        call = asyncio.create_task(client.call("echo"))
        await peer.answer("here")
        assert await call == "here"
    assert states == ["connected", "waiting", "connecting", "connected", "closed"]


@pytest.mark.parametrize("code", [1001, 1011, 1012])
async def test_a_close_code_that_passes_is_come_back_from(scripted: Any, code: int) -> None:
    async with connect(scripted) as client:
        await (await scripted.peer()).ws.close(code=code)
        await client.until("waiting")
        await client.until("connected")


async def test_a_busy_server_is_left_alone_for_longer(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted) as client:
        await (await scripted.peer()).ws.close(code=1013)
        await client.until("waiting")
        await client.until("connected")
        assert ws_clock.time == 11


@pytest.mark.parametrize("code", [1000, 1008, 4000])
async def test_a_close_code_that_is_meant_is_the_end(scripted: Any, code: int) -> None:
    async with connect(scripted) as client:
        call = asyncio.create_task(client.call("slow"))
        peer = await scripted.peer()
        await peer.take()
        await peer.ws.close(code=code, message=b"go away")
        with pytest.raises(ConnectionClosed) as raised:
            await call
        assert (raised.value.code, raised.value.sent, raised.value.returning) == (code, True, False)
        assert (client.closed, client.close_code, client.close_reason) == (True, code, "go away")
        with pytest.raises(ConnectionClosed, match=f"code {code}, go away"):
            await client.until("connected")


async def test_an_application_has_codes_of_its_own_to_come_back_from(scripted: Any) -> None:
    async with connect(scripted, reconnect=Reconnect(codes=COME_BACK | {4000})) as client:
        await (await scripted.peer()).ws.close(code=4000)
        await client.until("waiting")
        await client.until("connected")


async def test_a_frame_that_breaks_the_protocol_is_the_end(scripted: Any) -> None:
    async with connect(scripted) as client:
        await (await scripted.peer()).write(b"\x83\x00")
        await client.until("closed")
        assert client.close_code == 1002


async def test_a_message_too_big_for_the_client_is_the_end(scripted: Any) -> None:
    async with connect(scripted, max_message_size=1000) as client:
        await (await scripted.peer()).send("x" * 2000)
        await client.until("closed")
        assert client.close_code == 1009


async def test_a_server_without_pongs_is_left_for_another_connection(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    scripted.reading = False
    async with RpcClient.connect(scripted.url, heartbeat=20) as client:
        await client.until("waiting")
        assert ws_clock.time == 30
        scripted.reading = True
        await client.until("connected")


async def test_without_reconnect_the_client_ends_with_its_connection(scripted: Any) -> None:
    async with connect(scripted, reconnect=False) as client:
        (await scripted.peer()).abort()
        await client.until("closed")
        assert client.close_code == 1006


async def test_attempts_go_on_with_longer_pauses_until_one_succeeds(
    scripted: Any, ws_clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(scripted) as client:
        await ws_clock.advance(60)
        scripted.status = 503
        with caplog.at_level(logging.INFO, "wsrpc"):
            (await scripted.peer()).abort()
            await client.until("waiting")
            await ws_clock.advance(14.5)
        scripted.status = 101
        await client.until("connected")
        assert ws_clock.time == 60 + 1 + 2 + 4 + 8
        assert len(caplog.messages) == 4
        assert caplog.messages[-1].startswith(f"{scripted.url}: 503, message=")
        assert caplog.messages[-1].endswith("trying to connect in 8.0 s")


async def test_a_server_that_is_silent_is_given_up_after_the_timeout(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with connect(scripted, timeout=10) as client:
        scripted.silent = True
        (await scripted.peer()).abort()
        await client.until("waiting")
        await client.until("connecting")
        await client.until("waiting")
        assert ws_clock.time == 1 + 10
        scripted.silent = False
        scripted.release.set()
        await client.until("connected")


async def test_the_client_gives_up_after_so_many_attempts(
    scripted: Any, ws_clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(scripted, reconnect=Reconnect(attempts=3)) as client:
        peer = await scripted.peer()
        events = await peer.accept(client.subscribe("prices"))
        scripted.status = 503
        peer.abort()
        with pytest.raises(ConnectionClosed) as raised:
            await anext(events)
        assert ws_clock.time == 1 + 2 + 4
        assert raised.value.code == client.close_code == 1006
        assert raised.value.reason.startswith("gave up after 3 attempts to come back: 503")
        assert isinstance(raised.value.__cause__, aiohttp.WSServerHandshakeError)
        assert caplog.messages == [f"{scripted.url}: {raised.value.reason}"]
        with pytest.raises(ConnectionClosed, match="gave up after 3 attempts"):
            await client.call("any")


async def test_the_client_gives_up_after_so_long(scripted: Any, ws_clock: VirtualClock) -> None:
    async with connect(scripted, reconnect=Reconnect(delay=5, within=5)) as client:
        scripted.status = 503
        (await scripted.peer()).abort()
        await client.until("closed")
        assert ws_clock.time == 5
        assert "gave up after 1 attempt to come back" in (client.close_reason or "")


async def test_a_refused_handshake_that_blames_the_client_is_the_end(scripted: Any) -> None:
    async with connect(scripted) as client:
        scripted.status = 401
        (await scripted.peer()).abort()
        await client.until("closed")
        assert client.close_code == 1006
        reason = client.close_reason or ""
        assert reason.startswith("could not come back: WSServerHandshakeError: 401")


async def test_the_first_connection_is_not_tried_again(scripted: Any) -> None:
    scripted.status = 503
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await connect(scripted)
