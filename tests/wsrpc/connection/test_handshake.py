"""The handshake: what on_connect may do, and how it may fail."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from wsrpc import LocalBroker


async def test_on_connect_may_refuse_before_the_upgrade(serve, logged):
    views = []

    class Guarded(logged):
        async def on_connect(self):
            views.append(self)
            if "token" not in self.request.query:
                raise web.HTTPUnauthorized(text="who are you?")

    server = await serve(Guarded)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect()
    assert refused.value.status == 401
    assert not server.broker.sockets
    await server.connect(url=server.url + "?token=1")
    assert len(server.broker.sockets) == 1
    assert [view.log for view in views] == [[], []]


async def test_an_on_connect_that_fails_is_a_server_error(serve, logged):
    class Failing(logged):
        async def on_connect(self):
            raise KeyError

    server = await serve(Failing)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect()
    assert refused.value.status == 500
    assert not server.broker.sockets


async def test_what_on_connect_sends_is_the_first_that_the_client_gets(serve, logged):
    class Greeting(logged):
        async def on_connect(self):
            await self.send_event("c", "hello", [1])
            await self.send_event("c", "hello", lambda: [2])

    client = await (await serve(Greeting)).connect()

    assert await client.recv() == {"channel": "c", "event": "hello", "data": [1]}
    assert await client.recv() == {"channel": "c", "event": "hello", "data": [2]}


async def test_on_connect_may_close(serve, logged, until):
    views = []

    class Closing(logged):
        async def on_connect(self):
            views.append(self)
            await self.send_event("c", "bye", None)
            await self.close(4001, "not today")
            await self.close(4002, "the first counts")
            await self.send_event("c", "nobody hears this", None)

    client = await (await serve(Closing)).connect()

    assert await client.closed() == 4001
    assert client.kept == [{"channel": "c", "event": "bye", "data": None}]
    await until(lambda: views[0].log == ["on_disconnect"])


async def test_a_handshake_that_fails_after_on_connect_ends_with_on_disconnect(
    serve, logged, until
):
    views = []

    class Connecting(logged):
        async def on_connect(self):
            views.append(self)

    async def fail(request, response):
        if response.status == 101:
            raise KeyError

    server = await serve(Connecting, setup=lambda app: app.on_response_prepare.append(fail))
    with pytest.raises((aiohttp.WSServerHandshakeError, aiohttp.ServerDisconnectedError)):
        await server.connect()
    await until(lambda: views[0].log == ["on_disconnect"])
    assert not server.broker.sockets


async def test_a_client_that_is_gone_before_the_handshake_is_no_connection(serve, logged, until):
    views, entered, gone = [], asyncio.Event(), asyncio.Event()

    class Connecting(logged):
        async def on_connect(self):
            views.append(self)

    @web.middleware
    async def wait(request, handler):
        entered.set()
        try:
            await until(lambda: request.transport is None)
            return await handler(request)
        finally:
            gone.set()

    server = await serve(Connecting, middlewares=[wait])
    connecting = asyncio.ensure_future(server.connect())
    await until(entered.is_set)
    connecting.cancel()
    await asyncio.wait([connecting])
    await until(gone.is_set)
    await until(lambda: all(view.log == ["on_disconnect"] for view in views))
    assert not server.broker.sockets


async def test_compression_is_not_agreed_to(serve, logged):
    client = await (await serve(logged)).connect(compress=15)

    assert not client.ws.compress
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


async def test_nothing_piles_up_for_a_connection_that_closed_before_its_upgrade(
    serve, logged, until
):
    class Waiting(logged):
        async def on_connect(self):
            await self.subscribe("c")
            await self.close(4000)
            views.append(self)
            await go.wait()

    views, go = [], asyncio.Event()
    server = await serve(Waiting, LocalBroker())
    connecting = asyncio.ensure_future(server.connect())
    await until(lambda: views)
    for _ in range(20):
        await server.broker.publish("c", "e", "x" * 100_000)
    assert views[0]._wsrpc._outbox.size == 0
    assert server.broker.server_info()["channels"] == {}
    go.set()
    assert await (await connecting).closed() == 4000
