"""What the server still has of calls and connections that have ended: nothing."""

from __future__ import annotations

import asyncio
import gc
import struct
import tracemalloc
import weakref
from types import CoroutineType
from typing import ClassVar

import pytest
from aiohttp import web

from wsrpc import ApiPath, WsPathMixin, connection
from wsrpc.calls import Call

CLOSE = 8


class View(ApiPath, WsPathMixin):
    log: ClassVar[list[str]]

    async def ws_rpc_size(self, payload):
        return len(payload["text"])

    async def ws_rpc_moment(self, payload):
        await asyncio.sleep(0)

    async def ws_rpc_stay(self, payload):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.log.append("call ended")


@pytest.fixture(autouse=True)
def young():
    """Let the collector look at nothing but what is made from now on, which takes it no time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def count_runs():
    """Count the coroutines of calls, also of those that have ended."""
    gc.collect()
    found = (one for one in gc.get_objects() if isinstance(one, CoroutineType))
    return sum(one.__qualname__ == "Calls.run" for one in found)


async def test_what_a_call_brought_is_not_kept_until_the_next_one_comes(serve):
    before = count_runs()
    client = await (await serve(View)).connect_raw()
    client.call("size", {"text": ""})
    await client.reply()

    tracemalloc.start()
    try:
        client.call("size", {"text": "x" * 1_000_000})
        assert (await client.reply())["response"] == 1_000_000
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100_000
    assert count_runs() == before


async def test_calls_that_have_waited_are_not_kept(serve):
    client = await (await serve(View)).connect_raw()
    for n in range(20):
        client.call("moment", id=n)
    for _ in range(20):
        await client.reply()

    # the first has set the timer for all, the last one began to read; no collector has to run
    assert sum(type(one) is Call and one.method == "moment" for one in gc.get_objects()) <= 2


@pytest.mark.parametrize("how", ["close", "abort", "server"])
async def test_a_connection_that_has_ended_is_forgotten_at_once(serve, until, monkeypatch, how):
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 60)
    server = await serve(View)
    client = await server.connect_raw()
    client.call("size", {"text": ""})
    await client.reply()
    socket = weakref.ref((await server.view())._wsrpc._socket)

    if how == "close":
        client.send(struct.pack("!H", 1000), CLOSE)
        await client.ended()
    elif how == "abort":
        client.abort()
    else:
        await (await server.view()).close()
        client.send(struct.pack("!H", 1000), CLOSE)
        await client.ended()
    # long before its next ping would have been due
    await until(lambda: gc.collect() >= 0 and socket() is None, timeout=3)


# with its handler_cancellation, aiohttp itself ends the request as soon as the client is gone
@pytest.mark.parametrize("serve", [False], indirect=True)
async def test_a_request_ends_after_the_calls_of_its_connection(serve, until):
    class Logged(View):
        log = []

    @web.middleware
    async def logging(request, handler):
        try:
            return await handler(request)
        finally:
            Logged.log.append("request ended")

    server = await serve(Logged, middlewares=[logging])
    client = await server.connect_raw()
    client.call("stay")
    client.call("size", {"text": ""})
    await client.reply()

    client.send(struct.pack("!H", 1000), CLOSE)
    await until(lambda: "request ended" in Logged.log)
    assert Logged.log == ["call ended", "request ended"]


@pytest.fixture
async def made():
    """Give the coroutines of the tasks that are made from now on."""
    made = []

    def note(loop, coroutine, **options):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(note)
    yield made
    loop.set_task_factory(None)


async def test_the_end_of_an_idle_connection_costs_no_task(serve, made):
    client = await (await serve(View)).connect_raw()
    client.call("size", {"text": ""})
    await client.reply()
    made.clear()

    client.send(struct.pack("!H", 1000), CLOSE)
    assert await client.recv() == (CLOSE, struct.pack("!H", 1000))
    assert await client.ended() == b""
    assert made == []


@pytest.mark.wsrpc(clock="virtual")
async def test_the_end_of_a_connection_that_does_not_answer_costs_one_task(serve, until, made):
    server = await serve(View)
    client = await server.connect_raw()
    client.call("size", {"text": ""})
    await client.reply()
    view = await server.view()
    made.clear()

    await view.close()
    assert await client.recv() == (CLOSE, struct.pack("!H", 1000))
    assert await client.ended() == b""
    await until(lambda: view.closed)
    assert len(made) == 1
