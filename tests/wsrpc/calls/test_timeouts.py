"""The time that a call has: from its arrival to its answer."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from wsrpc import ApiPath, Limits, WsPathMixin

pytestmark = pytest.mark.wsrpc(clock="virtual")

TIMED_OUT = {"code": -32001, "message": "Timed out"}


class View(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


@pytest.fixture
def hasty(gated):
    class Hasty(gated):
        limits = Limits(call_timeout=10, concurrent_calls=2)

    return Hasty


async def answers(client, clock, count):
    """Return so many replies, each as the time when it comes, its id and its error."""
    replies = []
    for _ in range(count):
        reply = await client.recv()
        replies.append((clock.time, reply["id"], reply["error"]))
    return replies


async def test_a_call_without_an_answer_in_time_is_answered_and_cancelled(
    serve, hasty, reported, until, ws_clock
):
    server = await serve(hasty)
    client = await server.connect()
    view = await server.view()

    assert await client.call("wait", {"n": 1}, id="a") == {
        "id": "a",
        "method": "wait",
        "error": TIMED_OUT,
    }
    assert ws_clock.time == 10
    await until(lambda: view.cancelled == [1])
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}
    assert not reported


async def test_calls_time_out_one_by_one_in_order_of_arrival(serve, gated, ws_clock):
    class Many(gated):
        limits = Limits(call_timeout=10, concurrent_calls=3)

    client = await (await serve(Many)).connect()
    await client.send({"id": 0, "method": "wait"})
    await ws_clock.advance(4)
    for n in range(1, 10):
        await client.send({"id": n, "method": "wait"})

    assert await answers(client, ws_clock, 10) == [
        (10, 0, TIMED_OUT),
        *((14, n, TIMED_OUT) for n in range(1, 10)),
    ]


async def test_the_time_counts_from_arrival_also_in_the_queue(serve, hasty, ws_clock):
    server = await serve(hasty)
    client = await server.connect()
    view = await server.view()
    for n in range(6):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})

    assert await answers(client, ws_clock, 6) == [(10, n, TIMED_OUT) for n in range(6)]
    assert view.peak == 2


async def test_a_timed_out_call_keeps_its_place_until_it_ends_and_its_result_is_dropped(
    serve, ws_clock
):
    class Stubborn(View):
        limits = Limits(call_timeout=10, concurrent_calls=1)

        def __init__(self, *args):
            super().__init__(*args)
            self.gate = asyncio.Event()

        async def ws_rpc_stubborn(self, payload):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await self.gate.wait()
                if payload.get("fail"):
                    raise KeyError from None
            return "late"

    server = await serve(Stubborn)
    client = await server.connect()
    view = await server.view()

    for payload, started in (({}, 0), ({"fail": True}, 20)):
        view.gate.clear()
        assert (await client.call("stubborn", payload, id="a"))["error"] == TIMED_OUT
        assert ws_clock.time == started + 10
        # its place is taken: the next one waits, and times out
        assert (await client.call("echo", id="b"))["error"] == TIMED_OUT
        assert ws_clock.time == started + 20
        view.gate.set()
        assert (await client.call("echo", {"a": 1}, id="c"))["response"] == {"a": 1}
        assert not client.kept


async def test_a_queued_call_times_out_behind_one_that_will_not_end(serve, ws_clock):
    gate = asyncio.Event()

    class Stubborn(View):
        limits = Limits(call_timeout=10, concurrent_calls=1)

        async def ws_rpc_stubborn(self, payload):
            while not gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await gate.wait()

    client = await (await serve(Stubborn)).connect()
    await client.send({"id": 0, "method": "stubborn"})
    for n in (1, 2):
        await ws_clock.advance(4)
        await client.send({"id": n, "method": "echo"})

    assert await answers(client, ws_clock, 3) == [
        (10, 0, TIMED_OUT),
        (14, 1, TIMED_OUT),
        (18, 2, TIMED_OUT),
    ]
    gate.set()
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


async def test_queued_calls_wait_until_the_client_reads_and_time_out_meanwhile(
    serve, gated, until, ws_clock
):
    class Large(gated):
        limits = Limits(call_timeout=10, concurrent_calls=2, heartbeat=None)

        async def ws_rpc_large(self, payload):
            await self.ws_rpc_wait(payload)
            return "x" * 1_000_000  # more than the connection takes without being read

    server = await serve(Large)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    for n in range(50):
        client.call("large", id=n)
    client.call("nope", id="fence")
    assert (await client.reply())["id"] == "fence"
    view.gate.set()
    await until(lambda: view.request.protocol.writing_paused)
    assert len(view._wsrpc._calls._queue) == 48
    await ws_clock.advance(10)
    assert not view._wsrpc._calls._queue

    replies = [await client.reply() for _ in range(50)]
    assert {reply["id"] for reply in replies} == set(range(50))
    assert len(view.started) == 2
    assert [reply["error"] for reply in replies if "error" in reply] == [TIMED_OUT] * 48
    client.call("echo", id="a")
    assert await client.reply() == {"id": "a", "method": "echo", "response": {}}


async def test_the_time_of_a_call_ends_with_its_answer(serve, hasty, until, ws_clock):
    server = await serve(hasty)
    client = await server.connect()
    view = await server.view()
    view.gate.set()
    assert (await client.call("wait", {"n": 1}))["response"] == 1
    view.gate.clear()
    await ws_clock.advance(6)
    await client.send({"id": "b", "method": "wait", "payload": {"n": 2}})

    assert await answers(client, ws_clock, 1) == [(16, "b", TIMED_OUT)]
    await until(lambda: view.cancelled == [2])
    assert not client.kept
