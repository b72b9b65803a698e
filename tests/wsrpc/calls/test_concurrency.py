"""How many calls run at a time, and which wait."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections import Counter

import aiohttp

import wsrpc
from wsrpc import ApiPath, Limits, WsPathMixin

TOO_MANY = {"code": -32002, "message": "Too many requests"}


class View(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


async def test_1000_calls_at_once_are_all_answered_and_16_run_at_a_time(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()

    for n in range(1000):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await client.fence()
    assert view.started == list(range(16))
    assert view.running == 16
    view.gate.set()
    replies = [await client.recv() for _ in range(1000)]

    assert view.peak == 16
    assert view.started == list(range(1000))
    assert sorted(reply["id"] for reply in replies) == list(range(1000))
    assert all(reply["response"] == reply["id"] for reply in replies)


async def test_as_many_calls_run_as_the_limits_say_and_each_end_starts_the_next(serve, gated):
    class Two(gated):
        limits = Limits(concurrent_calls=2)

        async def ws_rpc_open(self, payload):
            self.gate.set()

    server = await serve(Two)
    client = await server.connect()
    view = await server.view()
    for n in range(5):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await client.fence()
    assert view.started == [0, 1]

    view.gate.set()
    assert sorted([(await client.recv())["id"] for _ in range(5)]) == [0, 1, 2, 3, 4]
    assert view.started == [0, 1, 2, 3, 4]
    assert view.peak == 2


async def test_a_call_that_never_waits_costs_no_task(serve):
    class Counting(View):
        async def ws_rpc_task(self, payload):
            return id(asyncio.current_task())

        async def ws_rpc_fails(self, payload):
            raise wsrpc.RpcError(1, "no")

    client = await (await serve(Counting)).connect()
    first = (await client.call("task"))["response"]
    created = []

    def factory(loop, coroutine, **kwargs):
        created.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **kwargs)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    for _ in range(20):
        await client.call("fails")
        assert (await client.call("task"))["response"] == first
    loop.set_task_factory(None)
    assert not [name for name in created if name.startswith(("Connection", "Calls"))]


async def test_a_long_call_delays_neither_other_calls_nor_a_ping(serve, gated):
    server = await serve(gated)
    client = await server.connect(autoping=False)
    for n in range(15):
        await client.send({"id": n, "method": "wait"})

    for n in range(100):
        assert (await client.call("echo", {"n": n}, timeout=2))["response"] == {"n": n}
    await client.send({"id": 15, "method": "wait"})
    await client.fence()
    await client.ws.ping(b"still there?")
    message = await client.ws.receive(2)
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"still there?")


async def test_calls_of_one_connection_may_wait_for_each_other(serve):
    class Meeting(View):
        async def ws_rpc_wait(self, payload):
            self.future = asyncio.get_running_loop().create_future()
            return await self.future

        async def ws_rpc_resolve(self, payload):
            self.future.set_result(payload["value"])

    client = await (await serve(Meeting)).connect()
    await client.send({"id": "a", "method": "wait"})

    assert (await client.call("resolve", {"value": 7}))["response"] is None
    assert await client.recv() == {"id": "a", "method": "wait", "response": 7}


async def test_calls_with_the_same_id_are_each_answered(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()
    for n in range(3):
        await client.send({"id": "same", "method": "wait", "payload": {"n": n}})
    await client.fence()
    view.gate.set()

    replies = [await client.recv() for _ in range(3)]
    assert [reply["id"] for reply in replies] == ["same"] * 3
    assert sorted(reply["response"] for reply in replies) == [0, 1, 2]


async def test_more_calls_than_the_queue_holds_are_refused(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()
    for n in range(16 + 1024 + 3):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await client.fence()

    assert client.kept == [
        {"id": 16 + 1024 + n, "method": "wait", "error": TOO_MANY} for n in range(3)
    ]
    view.gate.set()
    replies = [await client.recv() for _ in range(16 + 1024 + 3)]
    assert sum("response" in reply for reply in replies) == 16 + 1024
    assert (await client.call("wait", {"n": 1}))["response"] == 1


async def test_without_a_queue_only_what_can_run_is_taken(serve, gated):
    class Unqueued(gated):
        limits = Limits(concurrent_calls=1, queued_calls=0)

    server = await serve(Unqueued)
    client = await server.connect()
    await client.send({"id": 1, "method": "wait"})
    assert (await client.call("echo", id=2))["error"] == TOO_MANY
    (await server.view()).gate.set()
    assert (await client.recv())["id"] == 1
    assert "response" in await client.call("echo", id=3)


async def test_2_mib_of_queued_calls_is_all_that_a_connection_makes_the_server_hold(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()
    for n in range(16):
        await client.send({"id": n, "method": "wait"})
    await client.fence()
    text = json.dumps({"id": "large", "method": "wait", "payload": {"x": "y" * 100_000}})
    fits = 2 * 1024 * 1024 // len(text)

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(100):
        await client.send(text)
    await client.fence()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(client.kept) == 100 - fits
    assert all(reply["error"] == TOO_MANY for reply in client.kept)
    assert after - before < 2.5 * 1024 * 1024
    # a smaller one still fits
    await client.send({"id": "small", "method": "wait"})
    await client.fence()
    assert len(client.kept) == 100 - fits
    view.gate.set()
    ids = Counter([(await client.recv())["id"] for _ in range(16 + 100 + 1)])
    assert ids["small"] == 1
    assert ids["large"] == 100
    assert "response" in await client.call("wait")


async def test_an_unknown_method_never_waits(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    for n in range(100):
        await client.send({"id": n, "method": "wait"})

    assert await client.call("wtf", id="x") == {
        "id": "x",
        "method": "wtf",
        "error": {
            "code": -32601,
            "message": "Invalid RPC parameters",
            "errors": {"method": "wtf method not available"},
        },
    }
