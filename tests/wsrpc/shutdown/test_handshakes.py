"""Handshakes that are under way while the server ends."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from wsrpc import WsPathMixin
from wsrpc.connection import CLOSE_TIMEOUT


async def test_a_connection_that_is_just_coming_up_is_closed_too(serve, gated, until):
    gate = asyncio.Event()
    views = []

    class Slow(gated):
        async def on_connect(self):
            views.append(self)
            if len(views) > 1:
                await gate.wait()

    server = await serve(Slow)
    first = await server.connect()
    await first.send({"id": 1, "method": "wait"})
    await first.fence()
    connecting = asyncio.ensure_future(server.connect())
    await until(lambda: len(views) == 2)

    closing = asyncio.ensure_future(server.broker.close_sockets())
    await until(lambda: server.broker._closing)
    gate.set()
    second = await connecting
    assert await second.closed() == 1001
    views[0].gate.set()
    assert await first.closed() == 1001
    await closing
    await until(lambda: views[1].log == ["on_disconnect"])


@pytest.mark.parametrize("ends", ["upgraded", "refused"])
async def test_a_handshake_that_outlasts_the_start_of_the_shutdown_is_part_of_it(
    serve, until, ends
):
    class Slow(WsPathMixin, web.View):
        async def on_connect(self):
            entered.set()
            await go.wait()
            if ends == "refused":
                raise web.HTTPForbidden

    entered, go = asyncio.Event(), asyncio.Event()
    server = await serve(Slow)
    connecting = asyncio.ensure_future(server.connect())
    await entered.wait()
    closing = asyncio.ensure_future(server.broker.close())
    await until(lambda: server.broker._closing)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not closing.done()
    go.set()

    if ends == "upgraded":
        assert await (await connecting).closed() == 1001
    else:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await connecting
    await asyncio.wait_for(closing, 5)
    assert not server.broker._connecting


@pytest.mark.wsrpc(clock="virtual")
async def test_a_handshake_that_hangs_does_not_hold_the_shutdown_up(serve, ws_clock):
    class Hanging(WsPathMixin, web.View):
        async def on_connect(self):
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    server = await serve(Hanging)
    connecting = asyncio.ensure_future(server.connect())
    await entered.wait()

    await server.broker.close()
    assert ws_clock.time == CLOSE_TIMEOUT
    connecting.cancel()
    await asyncio.wait([connecting])
