"""What the library touches of aiohttp beyond its public interface."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from wsrpc import ApiPath, WsPathMixin, internals
from wsrpc.internals import keep_reading


async def test_aiohttp_still_has_what_makes_a_connection_deaf():
    handler = RequestHandler(web.Server(None), loop=asyncio.get_running_loop())
    handler.close()

    assert handler._close is True
    keep_reading(handler)
    assert handler._close is False


def test_an_aiohttp_without_it_is_left_alone():
    class Other:
        __slots__ = ()

    keep_reading(Other())


class Echo(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        if payload["waits"]:
            await asyncio.sleep(0)
        return payload["n"]


async def test_aiohttp_still_has_what_was_received_and_not_given_out(serve):
    server = await serve(Echo)
    await server.connect()
    assert len(internals.buffered((await server.view())._wsrpc._socket)) == 0
    assert internals.buffered(object()) is None
    assert not internals.is_text_next(None)


@pytest.mark.parametrize("is_known", [True, False])
async def test_calls_of_one_read_are_all_answered_whatever_aiohttp_shows(
    serve, is_known, monkeypatch
):
    if not is_known:
        monkeypatch.setattr(internals, "buffered", lambda socket: None)
    client = await (await serve(Echo)).connect_raw()
    for n in range(200):
        client.call("echo", {"n": n, "waits": n % 7 == 0}, id=n)
    answers = [await client.reply() for _ in range(200)]
    assert sorted(answer["id"] for answer in answers) == list(range(200))
    assert all(answer["response"] == answer["id"] for answer in answers)
    at_once = [answer["id"] for answer in answers if answer["id"] % 7]
    assert at_once == sorted(at_once)


async def test_the_socket_of_a_transport_of_asyncio_is_used_past_it():
    left, right = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=left)
    assert internals.socket_of(transport).send(b"straight") == 8
    right.settimeout(10)
    assert right.recv(100) == b"straight"
    assert internals.socket_of(object()) is None
    transport.abort()
    right.close()


@pytest.mark.wsrpc(transport="tcp")
async def test_a_read_of_a_connection_allocates_little(serve):
    server = await serve(Echo)
    await server.connect()
    transport = (await server.view()).request.transport
    assert type(transport).max_size > transport.max_size == 65536


def test_other_transports_read_as_they_do():
    class Other:
        max_size = 1

    other = Other()
    internals.read_less(other)
    assert other.max_size == 1


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_aiohttp_with_other_timers_puts_its_pings_off_itself(is_known, monkeypatch):
    asked = []
    monkeypatch.setattr(web.WebSocketResponse, "_on_data_received", lambda self: asked.append(self))
    socket = internals.Socket(heartbeat=10.0)
    socket._loop = asyncio.get_running_loop()
    socket._heartbeat_cb = socket._loop.call_later(10, print)
    socket._heartbeat_cb.cancel()
    if not is_known:
        del socket._heartbeat_cb
    socket._on_data_received()
    assert asked == ([] if is_known else [socket])
