"""The end of the server: calls get their time, no new ones begin."""

from __future__ import annotations

import asyncio

import pytest

from wsrpc import Limits
from wsrpc.connection import CLOSE_TIMEOUT

SHUTTING_DOWN = {"code": -32005, "message": "Shutting down"}


async def test_calls_in_flight_are_answered_before_the_close(serve, gated, until):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()
    for n in range(3):
        await client.send({"id": n, "method": "wait"})
    await client.fence()

    stopping = asyncio.ensure_future(server.stop())
    await until(lambda: server.broker._closing)
    view.gate.set()
    assert await client.closed() == 1001
    await stopping
    assert [(reply["id"], reply["response"]) for reply in client.kept] == [
        (n, "done") for n in range(3)
    ]
    assert view.log[-1] == "on_disconnect"
    assert "cancelled" not in view.log


@pytest.mark.wsrpc(clock="virtual")
async def test_a_call_that_takes_too_long_is_refused_and_cancelled(
    serve, gated, reported, ws_clock
):
    class Patient(gated):
        limits = Limits(shutdown_timeout=10)

    server = await serve(Patient)
    client = await server.connect()
    view = await server.view()
    await client.send({"id": "a", "method": "wait"})
    await client.fence()

    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    await stopping
    assert ws_clock.time == 10
    assert client.kept == [{"id": "a", "method": "wait", "error": SHUTTING_DOWN}]
    assert view.log == [None, "cancelled", "on_disconnect"]
    assert not reported


async def test_queued_and_new_calls_are_refused(serve, gated):
    server = await serve(gated)
    client = await server.connect()
    view = await server.view()
    for n in range(5):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await client.fence()

    stopping = asyncio.ensure_future(server.stop())
    for n in (3, 4):
        assert await client.recv() == {"id": n, "method": "wait", "error": SHUTTING_DOWN}
    assert (await client.call("echo"))["error"] == SHUTTING_DOWN
    assert (await client.call("publish", {"channel": "c", "data": 1}))["error"] == SHUTTING_DOWN
    assert (await client.call("nope"))["error"]["code"] == -32601
    await client.send("nonsense")
    assert (await client.recv())["error"]["code"] == -32700
    view.gate.set()
    assert await client.closed() == 1001
    await stopping
    assert sorted(reply["id"] for reply in client.kept) == [0, 1, 2]
    assert view.log == [0, 1, 2, "on_disconnect"]


async def test_a_call_whose_turn_had_just_come_is_refused_too(serve, hurried):
    server = await serve(hurried)
    client = await server.connect()
    view = await server.view()
    for n in range(6):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await client.fence()

    view.gate.set()
    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    await stopping
    assert sorted(reply["id"] for reply in client.kept) == list(range(6))
    assert all(
        reply.get("error") == SHUTTING_DOWN or reply["response"] == "done" for reply in client.kept
    )
    assert len([n for n in view.log if isinstance(n, int)]) == sum(
        "response" in reply for reply in client.kept
    )


@pytest.mark.wsrpc(clock="virtual")
async def test_without_time_for_the_shutdown_calls_are_refused_at_once(serve, gated, ws_clock):
    class Immediate(gated):
        limits = Limits(shutdown_timeout=0)

    server = await serve(Immediate)
    client = await server.connect()
    await client.send({"id": 1, "method": "wait"})
    await client.fence()

    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    await stopping
    assert ws_clock.time == 0
    assert client.kept == [{"id": 1, "method": "wait", "error": SHUTTING_DOWN}]


@pytest.mark.wsrpc(clock="virtual")
async def test_a_handler_that_will_not_be_cancelled_does_not_hold_the_server_up(
    serve, gated, ws_clock
):
    gate = asyncio.Event()

    class Stubborn(gated):
        limits = Limits(shutdown_timeout=10)

        async def ws_rpc_stubborn(self, payload):
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    self.log.append("not yet")

    server = await serve(Stubborn)
    client = await server.connect()
    view = await server.view()
    await client.send({"id": 1, "method": "stubborn"})
    await client.fence()

    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    await stopping
    assert ws_clock.time == 10 + CLOSE_TIMEOUT
    assert client.kept == [{"id": 1, "method": "stubborn", "error": SHUTTING_DOWN}]
    assert view.log[-1] == "on_disconnect"
    gate.set()


@pytest.mark.wsrpc(clock="virtual")
async def test_pings_go_on_while_calls_end(serve, gated, ws_clock):
    class Beating(gated):
        limits = Limits(heartbeat=10, call_timeout=60, shutdown_timeout=60)

    server = await serve(Beating)
    client = await server.connect()
    view = await server.view()
    await client.send({"id": 1, "method": "wait"})
    await client.fence()

    stopping = asyncio.ensure_future(server.stop())
    ending = asyncio.ensure_future(client.closed())
    await ws_clock.advance(59)  # some heartbeats
    view.gate.set()
    assert await ending == 1001
    await stopping
    assert client.kept == [{"id": 1, "method": "wait", "response": "done"}]
