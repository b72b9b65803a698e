"""Closing a connection, from either side."""

from __future__ import annotations

import asyncio
import struct

import pytest
from aiohttp import WSMsgType

from wsrpc import ConnectionClosed
from wsrpc.connection import CLOSE_TIMEOUT

CLOSE = 8


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (struct.pack("!H", 1000) + b"bye", 1000),
        (struct.pack("!H", 1001), 1001),
        (struct.pack("!H", 4999), 4999),
        (b"", 1000),
    ],
)
async def test_a_clients_close_is_answered_with_its_code(serve, logged, until, sent, answered):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    client.call("echo", id="first")
    client.send(sent, CLOSE)

    assert (await client.reply())["id"] == "first"
    assert await client.recv() == (CLOSE, struct.pack("!H", answered))
    assert await client.ended() == b""
    await until(lambda: view.log == ["on_disconnect"])


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ({}, 1000, ""),
        ({"code": 1001}, 1001, ""),
        ({"code": 4000, "reason": "é" * 61}, 4000, "é" * 61),
    ],
)
async def test_a_view_closes_with_code_and_reason(serve, logged, until, arguments, code, reason):
    server = await serve(logged)
    client = await server.connect()
    view = await server.view()
    await client.send({"id": "first", "method": "echo"})
    await client.send({"id": 1, "method": "wait"})
    await client.send({"id": 1, "method": "close", "payload": arguments})
    await client.send({"id": "last", "method": "echo"})

    assert (await client.recv())["id"] == "first"
    message = await client.ws.receive(5)
    assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, reason)
    await until(lambda: view.log == ["call ended", "on_disconnect"])


async def test_nothing_is_sent_behind_the_close_frame(serve, logged, until):
    gate = asyncio.Event()

    class Gated(logged):
        async def ws_rpc_gate(self, payload):
            await gate.wait()
            self.log.append("answered")

    server = await serve(Gated)
    client = await server.connect_raw()
    view = await server.view()
    client.call("gate")
    client.call("echo")
    await client.reply()

    await view.close(4000)
    gate.set()
    await until(lambda: view.log == ["answered"])
    client.send(struct.pack("!H", 4000), CLOSE)
    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""


async def test_closing_again_does_nothing(serve, logged, until):
    server = await serve(logged)
    client = await server.connect()
    view = await server.view()

    await view.close(4001)
    await view.close(4002)
    assert await client.closed() == 4001
    await until(lambda: view.closed)
    await view.close(4003)


@pytest.mark.parametrize("arguments", [(1005,), (1006,), (999,), (5000,), (1000, "é" * 62)])
async def test_a_close_that_cannot_be_sent_is_a_value_error_and_nothing_happens(
    serve, logged, arguments
):
    server = await serve(logged)
    client = await server.connect()
    view = await server.view()

    with pytest.raises(ValueError):
        await view.close(*arguments)
    assert (await client.call("echo"))["response"] == {}


async def test_a_closing_connection_is_gone_from_its_manager_at_once(serve, logged):
    server = await serve(logged)
    await server.connect()
    view = await server.view()

    await view.close()
    assert not server.broker.sockets


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_does_not_answer_a_close_is_dropped(serve, logged, until, ws_clock):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()

    await view.close(4000)
    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""
    assert ws_clock.time == CLOSE_TIMEOUT
    await until(lambda: view.log == ["on_disconnect"])


async def test_calls_are_no_longer_read_after_a_close(serve, logged, until):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    await view.close(4000)
    client.call("wait")
    client.send(b"", 2)
    client.send(struct.pack("!H", 4000), CLOSE)

    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""
    await until(lambda: view.log == ["on_disconnect"])


async def test_what_was_sent_before_a_close_arrives_and_nothing_after_it(serve, logged):
    server = await serve(logged)
    client = await server.connect()
    view = await server.view()
    for n in range(100):
        await view.send_event("c", "e", [n, "x" * 1000])
    await view.close(4000)
    with pytest.raises(ConnectionClosed):
        await view.send_event("c", "e", "late")

    assert await client.closed() == 4000
    assert [event["data"][0] for event in client.kept] == list(range(100))


async def test_a_close_on_a_connection_that_is_lost_is_no_error(serve, logged, until, reported):
    class Lost(logged):
        async def ws_rpc_lose(self, payload):
            self.request.transport.abort()
            await self.close(4000)

    server = await serve(Lost)
    client = await server.connect()
    view = await server.view()
    await client.send({"id": 1, "method": "lose"})

    assert await client.closed() == 1006
    await until(lambda: view.log == ["on_disconnect"])
    assert not reported


async def test_a_call_that_begins_as_its_connection_ends_is_cancelled(serve, logged, until):
    class Ending(logged):
        async def ws_rpc_end(self, payload):
            self.request.task.cancel()  # as aiohttp does

    server = await serve(Ending)
    client = await server.connect_raw()
    view = await server.view()
    client.call("end")
    client.call("wait")

    await client.ended()
    await until(lambda: view.log == ["call ended", "on_disconnect"])


async def test_calls_that_come_with_the_clients_close_are_answered_before_it(serve, logged, until):
    server = await serve(logged)
    client = await server.connect()
    view = await server.view()
    for n in range(5):
        await client.send({"id": n, "method": "echo", "payload": {"x": "y" * 100}})
    await client.ws._writer.close(4001)  # without waiting for the answer, as close() does

    assert await client.closed() == 4001
    assert [reply["id"] for reply in client.kept] == list(range(5))
    await until(lambda: view.log == ["on_disconnect"])


async def test_a_connection_that_closes_says_so_at_once(serve, logged):
    class Closing(logged):
        async def ws_rpc_end(self, payload):
            before = self.closed
            await self.close(4000)
            with pytest.raises(ConnectionClosed) as raised:
                await self.send_event("a", "b", None)
            seen.append((before, self.closed, raised.value.code))

    seen = []
    client = await (await serve(Closing)).connect()
    await client.send({"id": 1, "method": "end"})
    assert await client.closed() == 4000
    assert seen == [(False, True, 4000)]
