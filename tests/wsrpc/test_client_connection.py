"""The life of an `RpcClient`: connecting, every way to end, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMessage, WSMsgType

from pytest_wsrpc.clock import VirtualClock
from wsrpc import link
from wsrpc.client import RpcClient
from wsrpc.errors import ConnectionClosed

PATIENCE = 5.0


@pytest.fixture(autouse=True)
async def nothing_is_left(scripted: Any) -> AsyncIterator[None]:
    """Hold that no task of a client outlives the test."""
    yield
    gc.collect()
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[aiohttp.ClientSession]]:
    """The sessions that are made during the test."""
    made: list[aiohttp.ClientSession] = []
    make = aiohttp.ClientSession.__init__

    def record(self: aiohttp.ClientSession, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", record)
    return made


async def until_closed(client: RpcClient) -> ConnectionClosed:
    """Wait until the connection ends, and return what calls raise then."""
    with pytest.raises(ConnectionClosed) as raised:
        await client.call("wait", timeout=PATIENCE)
    return raised.value


async def test_connect_is_entered_or_awaited(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as entered:
        assert not entered.closed
    assert entered.closed

    awaited = await RpcClient.connect(scripted.url)
    assert not awaited.closed
    async with awaited as same:
        assert same is awaited
    assert awaited.closed


async def test_a_client_that_was_not_awaited_says_so(scripted: Any) -> None:
    connecting = RpcClient.connect(scripted.url)
    with pytest.raises(AttributeError, match=r"`async with RpcClient.connect\(url\) as client`"):
        connecting.call  # type: ignore[attr-defined]  # noqa: B018
    for name in ("no_such", "_send"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(connecting, name)


async def test_the_repr_tells_the_state(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        assert repr(client) == f"<RpcClient {scripted.url} connected>"
        assert client.close_code is None
        assert client.close_reason is None
    assert repr(client) == f"<RpcClient {scripted.url} closed 1000>"


async def test_the_address_of_a_connection_is_what_the_server_sees(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        peer = await scripted.peer()
        seen = peer.request.transport.get_extra_info("peername")
        assert client._link.get_extra_info("sockname") == seen


async def test_a_session_of_its_own_is_closed_with_the_client(
    scripted: Any, sessions: list[aiohttp.ClientSession]
) -> None:
    async with RpcClient.connect(scripted.url):
        assert not sessions[0].closed
    assert [session.closed for session in sessions] == [True]


async def test_a_session_of_the_caller_stays_open(scripted: Any) -> None:
    async with aiohttp.ClientSession(headers={"X-From": "session"}) as session:
        async with RpcClient.connect(scripted.url, session=session, headers={"X-Own": "1"}):
            peer = await scripted.peer()
        assert not session.closed
    assert peer.request.headers["X-From"] == "session"
    assert peer.request.headers["X-Own"] == "1"


async def test_a_refused_handshake_raises_with_its_status(
    scripted: Any, sessions: list[aiohttp.ClientSession]
) -> None:
    scripted.status = 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await RpcClient.connect(scripted.url)
    assert raised.value.status == 403
    assert [session.closed for session in sessions] == [True]

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await RpcClient.connect(scripted.url, session=session)
        assert not session.closed


async def test_a_server_that_does_not_answer_the_handshake_is_a_timeout(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    scripted.silent = True
    with pytest.raises(TimeoutError, match=f"the handshake with {scripted.url} timed out"):
        await RpcClient.connect(scripted.url, timeout=10)
    assert ws_clock.time == 10


@pytest.mark.wsrpc(transport="tcp")
async def test_no_server_is_a_connection_error(unused_tcp_port: int) -> None:
    with pytest.raises(aiohttp.ClientConnectionError):
        await RpcClient.connect(f"ws://127.0.0.1:{unused_tcp_port}/ws")


async def test_close_tells_the_server_code_and_reason(scripted: Any) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    await client.close(4000, "enough")
    assert await peer.closed == 4000
    assert (client.closed, client.close_code, client.close_reason) == (True, 4000, "enough")
    await client.close(4001)
    assert client.close_code == 4000


async def test_calls_in_flight_end_as_soon_as_close_is_called(scripted: Any) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    call = asyncio.create_task(client.call("slow"))
    await peer.take()
    await client.close(4000, "enough")
    with pytest.raises(ConnectionClosed, match="code 4000, enough"):
        await call


async def test_close_may_be_called_many_times_at_once(scripted: Any) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    await asyncio.gather(*(client.close(4000 + n) for n in range(5)))
    assert await peer.closed == client.close_code == 4000


async def test_the_close_code_is_the_own_one_though_frames_are_unread(scripted: Any) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    unread = client._link._websocket._reader
    for _ in range(3):
        unread.feed_data(WSMessage(WSMsgType.TEXT, b'{"id": 1}', ""), 9)
    await client.close(4000)
    assert await peer.closed == 4000


@pytest.mark.parametrize("code", [0, 999, 5000, 70_000])
async def test_close_refuses_a_code_that_cannot_be_sent(scripted: Any, code: int) -> None:
    async with RpcClient.connect(scripted.url) as client:
        with pytest.raises(ValueError, match="a close code is between 1000 and 4999"):
            await client.close(code)
        assert not client.closed


async def test_close_refuses_a_reason_that_cannot_be_sent(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        with pytest.raises(ValueError, match="longer than 123 bytes"):
            await client.close(1000, "é" * 62)
        assert not client.closed
        await client.close(1000, "é" * 61)
    assert client.close_reason == "é" * 61


@pytest.mark.parametrize("flood", [False, True])
async def test_close_does_not_wait_for_a_server_that_does_not_close(
    scripted: Any, caplog: pytest.LogCaptureFixture, flood: bool, ws_clock: VirtualClock
) -> None:
    scripted.reading = False
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    if flood:
        await peer.send(*range(1000))
    with caplog.at_level(logging.DEBUG, "wsrpc.client"):
        await client.close()
    assert client.close_code == 1000
    assert ws_clock.time == link.CLOSE_TIMEOUT
    assert f"{scripted.url} did not close within 2 s" in caplog.messages


@pytest.mark.wsrpc(clock="virtual")
async def test_a_cancelled_close_leaves_nothing_behind(
    scripted: Any, sessions: list[aiohttp.ClientSession]
) -> None:
    scripted.reading = False
    client = await RpcClient.connect(scripted.url)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(link.CLOSE_TIMEOUT / 2):
            await client.close()
    assert client.closed
    assert [session.closed for session in sessions] == [True]


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "shutting down"), (1013, "too slow"), (4321, "own")]
)
async def test_the_servers_close_code_is_told_and_echoed(
    scripted: Any, sessions: list[aiohttp.ClientSession], code: int, reason: str
) -> None:
    scripted.reading = False
    client = await RpcClient.connect(scripted.url, reconnect=False)
    peer = await scripted.peer()
    closing = asyncio.create_task(peer.ws.close(code=code, message=reason.encode()))
    error = await until_closed(client)
    assert (error.code, error.reason) == (code, reason)
    assert (client.close_code, client.close_reason) == (code, reason)
    await closing
    assert peer.ws.close_code == code
    await client.close(4000)
    assert client.close_code == code
    assert [session.closed for session in sessions] == [True]


async def test_a_client_that_the_server_closed_need_not_be_closed(
    scripted: Any, sessions: list[aiohttp.ClientSession]
) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    reading = client._link._reader
    await peer.ws.close()
    await reading
    assert [session.closed for session in sessions] == [True]


async def test_a_close_frame_without_a_code_is_1005(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        peer = await scripted.peer()
        await peer.write(b"\x88\x00")
        assert (await until_closed(client)).code == 1005


async def test_a_reset_connection_is_1006(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        peer = await scripted.peer()
        peer.abort()
        error = await until_closed(client)
        assert (error.code, error.reason) == (
            1006,
            "the connection was lost without a close frame",
        )


async def test_a_call_on_a_connection_just_lost_tells_how_it_ended(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        connection = client._link._websocket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()
        with pytest.raises(ConnectionClosed, match="code 1006"):
            await client.call("any")


async def test_a_frame_on_a_connection_that_has_ended_tells_how_it_ended(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        pass
    with pytest.raises(ConnectionClosed, match="code 1000"):
        await client._link.send(b"{}")


async def test_a_broken_frame_is_1002(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url) as client:
        peer = await scripted.peer()
        await peer.write(b"\x83\x00")
        assert (await until_closed(client)).code == 1002


async def test_a_message_over_the_limit_is_1009(scripted: Any) -> None:
    async with RpcClient.connect(scripted.url, max_message_size=1000) as client:
        peer = await scripted.peer()
        await peer.send("x" * 2000)
        error = await until_closed(client)
        assert error.code == 1009
        assert "2000" in error.reason


async def test_a_server_without_pongs_is_1006(scripted: Any, ws_clock: VirtualClock) -> None:
    scripted.reading = False
    async with RpcClient.connect(scripted.url, heartbeat=2) as client:
        error = await until_closed(client)
        assert ws_clock.time == 3
        assert error.code == 1006
        assert "No PONG received" in error.reason


async def test_a_ping_whose_pong_cannot_be_sent_ends_the_connection(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pong(self: object, message: bytes = b"") -> None:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(aiohttp.ClientWebSocketResponse, "pong", pong)
    async with RpcClient.connect(scripted.url) as client:
        peer = await scripted.peer()
        await peer.ws.ping()
        error = await until_closed(client)
        assert (error.code, error.reason) == (1006, "Cannot write to closing transport")


async def test_a_cancelled_reader_ends_the_calls(
    scripted: Any, sessions: list[aiohttp.ClientSession]
) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    call = asyncio.create_task(client.call("slow"))
    await peer.take()
    client._link._reader.cancel()
    with pytest.raises(ConnectionClosed, match="code 1006, the client stopped reading"):
        await call
    await client.close()
    assert [session.closed for session in sessions] == [True]


async def test_an_exception_of_a_subclass_ends_the_calls_and_is_raised_by_close(
    scripted: Any,
) -> None:
    class Broken(RpcClient):
        def frame_received(self, data: bytes, *, binary: bool) -> None:
            raise RuntimeError("broken subclass")

    client = await Broken.connect(scripted.url)
    peer = await scripted.peer()
    call = asyncio.create_task(client.call("any"))
    await peer.answer()
    with pytest.raises(ConnectionClosed, match="code 1006"):
        await call
    with pytest.raises(RuntimeError, match="broken subclass"):
        await client.close()


async def test_calls_that_time_out_while_the_socket_is_full_cancel_no_other(
    scripted: Any,
) -> None:
    scripted.reading = False
    async with RpcClient.connect(scripted.url) as client:
        peer = await scripted.peer()
        big = {"text": "x" * 1_000_000}
        calls = [asyncio.create_task(client.call("big", big, timeout=0.05)) for _ in range(20)]
        other = asyncio.create_task(client.call("other", big, timeout=None))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(result) for result in results} == {TimeoutError}
        assert not other.done()
        scripted.release.set()
        for _ in calls:
            assert (await peer.take())["method"] == "big"
        await peer.answer("done")
        assert await other == "done"


async def test_a_call_that_waits_for_the_socket_ends_with_the_connection(scripted: Any) -> None:
    scripted.reading = False
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    big = {"text": "x" * 1_000_000}
    calls = [asyncio.create_task(client.call("big", big)) for _ in range(20)]
    with pytest.raises(TimeoutError):
        await client.call("last", timeout=0.01)
    closing = asyncio.create_task(client.close(4000))
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(result, ConnectionClosed)
        assert result.code == 4000
    assert not closing.done()
    peer.abort()
    await closing
