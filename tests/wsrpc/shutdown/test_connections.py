"""The end of the server: every connection is closed with 1001."""

from __future__ import annotations

import asyncio
import json
import struct

import aiohttp
import pytest

from wsrpc import LocalBroker
from wsrpc.connection import CLOSE_TIMEOUT, Connection

SHUTTING_DOWN = {"code": -32005, "message": "Shutting down"}
GOING_AWAY = struct.pack("!H", 1001) + b"shutting down"


async def goodbye(client):
    """Read the close frame, and answer it."""
    message = await client.ws.receive(5)
    return message.type, message.data, message.extra


async def test_idle_connections_are_closed_with_1001_at_once(serve, gated):
    server = await serve(gated)
    clients = [await server.connect() for _ in range(5)]
    views = list(server.broker.sockets)
    closing = [asyncio.ensure_future(goodbye(client)) for client in clients]

    async with asyncio.timeout(3):
        await server.stop()
        for end in closing:
            assert await end == (aiohttp.WSMsgType.CLOSE, 1001, "shutting down")
    assert all(view.log == ["on_disconnect"] for view in views)
    assert server.broker.server_info() == {"connections": 0, "channels": {}}


async def test_a_new_connection_is_answered_503_meanwhile(serve, gated, until):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()
    await client.send({"id": 1, "method": "wait"})
    await client.fence()

    closing = asyncio.ensure_future(server.broker.close_sockets())
    await until(lambda: server.broker._closing)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect()
    assert refused.value.status == 503
    view.gate.set()
    assert await client.closed() == 1001
    await closing
    # close_sockets is no end for good
    assert (await (await server.connect()).call("echo"))["response"] == {}


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_does_not_answer_the_close_does_not_hold_the_server_up(
    serve, gated, ws_clock
):
    server = await serve(gated)
    mute = await server.connect_raw()
    client = await server.connect()

    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    assert await mute.recv() == (8, GOING_AWAY)
    assert ws_clock.time == 0
    await stopping
    assert ws_clock.time == CLOSE_TIMEOUT
    assert await mute.ended() == b""


@pytest.mark.wsrpc(clock="virtual")
async def test_the_server_waits_for_what_connections_do_at_their_end(serve, gated, ws_clock):
    class Saving(gated):
        async def on_disconnect(self):
            await asyncio.sleep(20)
            await super().on_disconnect()

    server = await serve(Saving)
    client = await server.connect()
    view = await server.view()

    closing = asyncio.ensure_future(server.broker.close_sockets())
    assert await client.closed() == 1001
    await closing
    assert ws_clock.time == 20
    assert view.log == ["on_disconnect"]


async def test_one_connection_that_fails_does_not_keep_another_open(
    serve, gated, reported, monkeypatch
):
    class Failing(gated):
        async def on_disconnect(self):
            raise KeyError

    server = await serve(Failing)
    clients = [await server.connect() for _ in range(3)]
    broken = next(iter(server.broker.sockets))._wsrpc

    healthy = Connection.shut_down

    async def shut_down(connection):
        if connection is broken:
            raise OSError
        await healthy(connection)

    monkeypatch.setattr(Connection, "shut_down", shut_down)
    closing = asyncio.ensure_future(server.broker.close_sockets())
    ended = [asyncio.ensure_future(client.closed()) for client in clients]
    done, _ = await asyncio.wait(ended, timeout=2, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 2:
        more, _ = await asyncio.wait(set(ended) - done, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    await closing
    assert [end.result() for end in done] == [1001, 1001]
    await healthy(broken)
    assert [await end for end in ended] == [1001] * 3
    assert [type(failure.exception) for failure in reported] == [KeyError] * 3


async def test_closing_twice_at_once_closes_once(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()

    closing = asyncio.gather(server.broker.close_sockets(), server.broker.close_sockets())
    assert await client.closed() == 1001
    await closing
    assert view.log == ["on_disconnect"]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_handler_may_close_all_sockets(serve, gated, until, waits):
    class Stopping(gated):
        async def ws_rpc_stop(self, payload):
            if waits:
                await asyncio.sleep(0)
            return await super().ws_rpc_stop(payload)

    server = await serve(Stopping)
    first, second = await server.connect(), await server.connect()
    views = list(server.broker.sockets)

    await first.send({"id": 1, "method": "stop"})
    async with asyncio.timeout(5):
        assert await second.closed() == 1001
        assert await first.closed() == 1001
    await until(lambda: all(view.log[-1:] == ["on_disconnect"] for view in views))


async def test_a_connection_that_goes_during_the_shutdown_is_no_problem(serve, gated, until):
    server = await serve(gated)
    client = await server.connect_raw()
    view = await server.view()
    client.call("wait")
    await until(lambda: view.log)

    stopping = asyncio.ensure_future(server.stop())
    await until(lambda: server.broker._closing)
    client.abort()
    async with asyncio.timeout(5):
        await stopping
    assert view.log == [None, "cancelled", "on_disconnect"]


async def test_100_connections_and_calls_end_within_the_time(serve, hurried):
    server = await serve(hurried, LocalBroker())
    clients = [await server.connect() for _ in range(100)]
    for n, client in enumerate(clients):
        await client.call("subscribe", {"channel": "c", "event": f"e{n}"})
        if n % 3 == 0:
            await client.send({"id": "x", "method": "wait"})
    views = list(server.broker.sockets)
    loop = asyncio.get_running_loop()
    started = loop.time()
    stopping = asyncio.ensure_future(server.stop())
    ends = await asyncio.gather(*(client.closed() for client in clients))
    await stopping

    assert ends == [1001] * 100
    assert loop.time() - started < 10
    assert all(
        client.kept
        == ([{"id": "x", "method": "wait", "error": SHUTTING_DOWN}] if n % 3 == 0 else [])
        for n, client in enumerate(clients)
    )
    assert all(view.log[-1] == "on_disconnect" for view in views)
    assert server.broker.server_info() == {"connections": 0, "channels": {}}
    assert not [task for task in asyncio.all_tasks() if "wsrpc" in repr(task.get_coro())]
    assert json.loads(json.dumps(server.broker.server_info()))
