"""The calls of one connection: errors, concurrency, queue, timeouts, cancellation, context."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import random
import threading
import tracemalloc
from collections import Counter
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

import wsrpc
from wsrpc import ApiPath, Limits, LocalBroker, Publish, Subscribe, WsPathMixin

SECRET = "the database password is swordfish"


class View(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


async def fence(client):
    """Wait until the server has read all that was sent: an unknown method is answered at once."""
    await client.call("no such method", id="fence")


# what a handler raises


class Own(Exception):
    pass


class OwnBase(BaseException):
    pass


class Broken(Exception):
    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


INTERNAL = {"code": -32603, "message": "Internal error"}
FORBIDDEN = {"code": -32003, "message": "Forbidden"}
UNAVAILABLE = {"code": -32004, "message": "Service unavailable"}

EXCEPTIONS = [
    *((error(SECRET), INTERNAL) for error in (KeyError, ValueError, TypeError, RuntimeError)),
    *((error(SECRET), INTERNAL) for error in (OSError, EOFError, LookupError, AssertionError)),
    *((error(SECRET), INTERNAL) for error in (NotImplementedError, StopAsyncIteration)),
    *((error(SECRET), INTERNAL) for error in (ArithmeticError, BufferError, MemoryError)),
    *((error(SECRET), INTERNAL) for error in (RecursionError, TimeoutError, GeneratorExit)),
    *((error(SECRET), INTERNAL) for error in (SystemExit, Own, OwnBase, StopIteration)),
    (asyncio.CancelledError(SECRET), INTERNAL),
    (asyncio.InvalidStateError(SECRET), INTERNAL),
    (asyncio.QueueFull(SECRET), INTERNAL),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET), INTERNAL),
    (ExceptionGroup(SECRET, [ConnectionError(SECRET)]), INTERNAL),
    (BaseExceptionGroup(SECRET, [OwnBase(SECRET)]), INTERNAL),
    (Broken(SECRET), INTERNAL),
    (aiohttp.ClientPayloadError(SECRET), INTERNAL),
    (wsrpc.ChannelCallbackError(SECRET), INTERNAL),
    (web.HTTPInternalServerError(text=SECRET), INTERNAL),
    (web.HTTPNotFound(text=SECRET), INTERNAL),
    (web.HTTPFound("/" + SECRET), INTERNAL),
    (web.HTTPUnauthorized(text=SECRET), FORBIDDEN),
    (web.HTTPForbidden(text=SECRET), FORBIDDEN),
    (ConnectionError(SECRET), UNAVAILABLE),
    (ConnectionResetError(SECRET), UNAVAILABLE),
    (BrokenPipeError(SECRET), UNAVAILABLE),
    (ConnectionRefusedError(SECRET), UNAVAILABLE),
    (wsrpc.BrokerUnavailable(SECRET, {"why": SECRET}), UNAVAILABLE),
]


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after waiting"])
async def test_whatever_a_handler_raises_is_answered_and_the_connection_lives(
    serve, reported, caplog, waits
):
    class Raising(View):
        async def ws_rpc_fail(self, payload):
            if waits:
                await asyncio.sleep(0)
            raise EXCEPTIONS[payload["n"]][0]

    client = await (await serve(Raising)).connect()

    for n, (error, expected) in enumerate(EXCEPTIONS):
        reported.clear()
        caplog.clear()
        reply = await client.call("fail", {"n": n}, id=f"call {n}")

        assert reply == {"id": f"call {n}", "method": "fail", "error": expected}, repr(type(error))
        if expected is FORBIDDEN:
            assert not reported
        else:
            (failure,) = reported
            raised = failure.exception
            if isinstance(error, (StopIteration, StopAsyncIteration)):
                raised = raised.__cause__ or raised
            assert raised is error
            (record,) = caplog.records
            assert f"'call {n}'" in record.getMessage()
            assert record.exc_info[1] is failure.exception
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (wsrpc.RpcError(402, "pay first"), {"code": 402, "message": "pay first"}),
        (
            wsrpc.RpcError(0, "", {"a": {"0": ["x"]}}),
            {"code": 0, "message": "", "errors": {"a": {"0": ["x"]}}},
        ),
        (
            wsrpc.InvalidParams({"a": "too small"}),
            {"code": -32602, "message": "Invalid RPC parameters", "errors": {"a": "too small"}},
        ),
        (
            wsrpc.CannotPublish(SECRET),
            {
                "code": -32602,
                "message": "Invalid RPC parameters",
                "errors": {"channel": "Cannot publish to channel"},
            },
        ),
        (
            wsrpc.CannotSubscribe(SECRET),
            {
                "code": -32602,
                "message": "Invalid RPC parameters",
                "errors": {"channel": "Invalid channel"},
            },
        ),
        (wsrpc.Forbidden(), FORBIDDEN),
        (wsrpc.Forbidden("ask again"), {"code": -32003, "message": "ask again"}),
        (wsrpc.MethodNotFound(), {"code": -32601, "message": "Invalid RPC parameters"}),
        (wsrpc.InternalError("out of order"), {"code": -32603, "message": "out of order"}),
    ],
)
async def test_a_handler_refuses_with_an_error_of_the_protocol(serve, reported, error, expected):
    class Refusing(View):
        async def ws_rpc_refuse(self, payload):
            raise error

    client = await (await serve(Refusing)).connect()

    assert (await client.call("refuse"))["error"] == expected
    assert not reported


async def test_the_cause_of_an_internal_error_is_reported(serve, reported):
    cause = KeyError(SECRET)

    class Refusing(View):
        async def ws_rpc_refuse(self, payload):
            raise wsrpc.InternalError from cause

    client = await (await serve(Refusing)).connect()

    assert (await client.call("refuse"))["error"] == INTERNAL
    assert [failure.exception for failure in reported] == [cause]


async def test_an_error_that_has_no_json_form_is_an_internal_error(serve, reported):
    class Refusing(View):
        async def ws_rpc_fields(self, payload):
            raise wsrpc.InvalidParams({"a": object()})

        async def ws_rpc_message(self, payload):
            raise wsrpc.RpcError(1, "\ud800")

    client = await (await serve(Refusing)).connect()

    assert (await client.call("fields"))["error"] == INTERNAL
    assert (await client.call("message"))["error"] == INTERNAL
    assert [type(failure.exception) for failure in reported] == [TypeError, UnicodeEncodeError]


async def test_a_response_that_has_no_json_form_is_an_internal_error(serve, reported):
    looped: list[Any] = []
    looped.append(looped)
    responses = [object(), b"x", {"a": b"\xff"}, looped, "\ud800", 10**4300, {(1, 2): 3}, print]

    class Answering(View):
        async def ws_rpc_answer(self, payload):
            return responses[payload["n"]]

    client = await (await serve(Answering)).connect()

    for n in range(len(responses)):
        reply = await client.call("answer", {"n": n}, id=n)
        assert reply == {
            "id": n,
            "method": "answer",
            "error": {"code": -32603, "message": "JSON object expected"},
        }
    assert len(reported) == len(responses)
    assert all(isinstance(failure.exception, (TypeError, ValueError)) for failure in reported)


async def test_a_number_that_json_does_not_have_goes_out_as_null(serve):
    class Answering(View):
        async def ws_rpc_answer(self, payload):
            return {"a": [float("nan"), float("inf"), -float("inf"), 1.5]}

    client = await (await serve(Answering)).connect()

    assert (await client.call("answer"))["response"] == {"a": [None, None, None, 1.5]}


def test_an_interrupt_from_the_keyboard_is_nobodys_answer():
    class Interrupted(View):
        async def ws_rpc_fail(self, payload):
            raise KeyboardInterrupt

    app = web.Application()
    LocalBroker.for_app(app)
    app.router.add_view("/", Interrupted)
    runner = web.AppRunner(app)

    async def start():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    async def call():
        url = "http://{}:{}".format(*runner.addresses[0][:2])
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            await ws.send_str('{"id": 1, "method": "fail"}')
            await ws.receive(5)

    def run():
        loop = asyncio.new_event_loop()
        loop.run_until_complete(start())
        calling = loop.create_task(call())
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(calling)
        calling.cancel()
        loop.run_until_complete(asyncio.wait([calling]))
        loop.run_until_complete(runner.cleanup())
        loop.close()
        ended.append(True)

    ended = []
    thread = threading.Thread(target=run)  # a loop of its own, which the interrupt ends
    thread.start()
    thread.join()
    assert ended


# cancellation that neither wsrpc nor aiohttp asked for


async def test_a_handler_that_awaits_what_someone_else_cancelled_is_an_internal_error(
    serve, reported
):
    class Waiting(View):
        async def ws_rpc_wait(self, payload):
            task = asyncio.ensure_future(asyncio.Event().wait())
            asyncio.get_running_loop().call_soon(task.cancel)
            await task

        async def ws_rpc_future(self, payload):
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

    client = await (await serve(Waiting)).connect()

    for method in ("wait", "future"):
        assert (await client.call(method))["error"] == INTERNAL
        assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}
    assert [type(failure.exception) for failure in reported] == [asyncio.CancelledError] * 2


async def test_a_handler_whose_task_someone_else_cancels_is_an_internal_error(serve, reported):
    class Waiting(View):
        async def ws_rpc_wait(self, payload):
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
            await asyncio.Event().wait()

        async def ws_rpc_itself(self, payload):
            asyncio.current_task().cancel()
            if payload:
                await asyncio.sleep(0)
            return "done"

    client = await (await serve(Waiting)).connect()

    assert (await client.call("wait"))["error"] == INTERNAL
    assert (await client.call("itself", {"wait": True}))["error"] == INTERNAL
    assert (await client.call("itself"))["response"] == "done"
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}
    assert len(reported) == 2


async def test_a_task_that_is_cancelled_after_its_call_ended_does_not_end_the_connection(serve):
    class Late(View):
        async def ws_rpc_late(self, payload):
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
            return "done"

    client = await (await serve(Late)).connect()

    for _ in range(3):
        assert (await client.call("late"))["response"] == "done"
        assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


async def test_a_timeout_inside_of_a_handler_is_the_handlers_own(serve):
    class Timing(View):
        async def ws_rpc_timed(self, payload):
            try:
                async with asyncio.timeout(0):
                    await asyncio.Event().wait()
            except TimeoutError:
                return "caught"

        async def ws_rpc_uncaught(self, payload):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)

    client = await (await serve(Timing)).connect()

    assert (await client.call("timed"))["response"] == "caught"
    assert (await client.call("uncaught"))["error"] == INTERNAL


# how many run, which wait


class Gated(View):
    """Calls that wait for a gate, counted."""

    def __init__(self, *args):
        super().__init__(*args)
        self.gate = asyncio.Event()
        self.running = self.peak = 0
        self.started: list[Any] = []
        self.cancelled: list[Any] = []

    async def ws_rpc_wait(self, payload):
        self.started.append(payload.get("n"))
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(payload.get("n"))
            raise
        finally:
            self.running -= 1
        return payload.get("n")


async def only_view(server):
    (view,) = server.broker.sockets
    return view


async def test_1000_calls_at_once_are_all_answered_and_16_run_at_a_time(serve):
    server = await serve(Gated)
    client = await server.connect()
    view = await only_view(server)

    for n in range(1000):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await fence(client)
    assert view.started == list(range(16))
    assert view.running == 16
    view.gate.set()
    replies = [await client.recv() for _ in range(1000)]

    assert view.peak == 16
    assert view.started == list(range(1000))
    assert sorted(reply["id"] for reply in replies) == list(range(1000))
    assert all(reply["response"] == reply["id"] for reply in replies)


async def test_as_many_calls_run_as_the_limits_say_and_each_end_starts_the_next(serve):
    class Two(Gated):
        limits = Limits(concurrent_calls=2)

        async def ws_rpc_open(self, payload):
            self.gate.set()

    server = await serve(Two)
    client = await server.connect()
    view = await only_view(server)
    for n in range(5):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await fence(client)
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


async def test_a_long_call_delays_neither_other_calls_nor_a_ping(serve):
    server = await serve(Gated)
    client = await server.connect(autoping=False)
    for n in range(15):
        await client.send({"id": n, "method": "wait"})

    for n in range(100):
        assert (await client.call("echo", {"n": n}, timeout=2))["response"] == {"n": n}
    await client.send({"id": 15, "method": "wait"})
    await fence(client)
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


async def test_calls_with_the_same_id_are_each_answered(serve):
    server = await serve(Gated)
    client = await server.connect()
    view = await only_view(server)
    for n in range(3):
        await client.send({"id": "same", "method": "wait", "payload": {"n": n}})
    await fence(client)
    view.gate.set()

    replies = [await client.recv() for _ in range(3)]
    assert [reply["id"] for reply in replies] == ["same"] * 3
    assert sorted(reply["response"] for reply in replies) == [0, 1, 2]


# the queue

TOO_MANY = {"code": -32002, "message": "Too many requests"}


async def test_more_calls_than_the_queue_holds_are_refused(serve):
    server = await serve(Gated)
    client = await server.connect()
    view = await only_view(server)
    for n in range(16 + 1024 + 3):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await fence(client)

    assert client.kept == [
        {"id": 16 + 1024 + n, "method": "wait", "error": TOO_MANY} for n in range(3)
    ]
    view.gate.set()
    replies = [await client.recv() for _ in range(16 + 1024 + 3)]
    assert sum("response" in reply for reply in replies) == 16 + 1024
    assert (await client.call("wait", {"n": 1}))["response"] == 1


async def test_without_a_queue_only_what_can_run_is_taken(serve):
    class Unqueued(Gated):
        limits = Limits(concurrent_calls=1, queued_calls=0)

    server = await serve(Unqueued)
    client = await server.connect()
    await client.send({"id": 1, "method": "wait"})
    assert (await client.call("echo", id=2))["error"] == TOO_MANY
    (await only_view(server)).gate.set()
    assert (await client.recv())["id"] == 1
    assert "response" in await client.call("echo", id=3)


async def test_2_mib_of_queued_calls_is_all_that_a_connection_makes_the_server_hold(serve):
    server = await serve(Gated)
    client = await server.connect()
    view = await only_view(server)
    for n in range(16):
        await client.send({"id": n, "method": "wait"})
    await fence(client)
    text = json.dumps({"id": "large", "method": "wait", "payload": {"x": "y" * 100_000}})
    fits = 2 * 1024 * 1024 // len(text)

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(100):
        await client.send(text)
    await fence(client)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(client.kept) == 100 - fits
    assert all(reply["error"] == TOO_MANY for reply in client.kept)
    assert after - before < 2.5 * 1024 * 1024
    # a smaller one still fits
    await client.send({"id": "small", "method": "wait"})
    await fence(client)
    assert len(client.kept) == 100 - fits
    view.gate.set()
    ids = Counter([(await client.recv())["id"] for _ in range(16 + 100 + 1)])
    assert ids["small"] == 1
    assert ids["large"] == 100
    assert "response" in await client.call("wait")


async def test_an_unknown_method_never_waits(serve):
    server = await serve(Gated)
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


# timeouts

TIMED_OUT = {"code": -32001, "message": "Timed out"}


class Hasty(Gated):
    limits = Limits(call_timeout=0.05, concurrent_calls=2)


async def test_a_call_without_an_answer_in_time_is_answered_and_cancelled(serve, reported, until):
    server = await serve(Hasty)
    client = await server.connect()
    view = await only_view(server)

    assert await client.call("wait", {"n": 1}, id="a") == {
        "id": "a",
        "method": "wait",
        "error": TIMED_OUT,
    }
    await until(lambda: view.cancelled == [1])
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}
    assert not reported


async def test_calls_time_out_one_by_one_in_order_of_arrival(serve):
    class Many(Gated):
        limits = Limits(call_timeout=0.1, concurrent_calls=3)

    server = await serve(Many)
    client = await server.connect()
    await client.send({"id": 0, "method": "wait"})
    await asyncio.sleep(0.05)  # the second call's time begins later
    for n in range(1, 10):
        await client.send({"id": n, "method": "wait"})

    replies = [await client.recv() for _ in range(10)]
    assert [reply["id"] for reply in replies] == list(range(10))
    assert all(reply["error"] == TIMED_OUT for reply in replies)


async def test_the_time_counts_from_arrival_also_in_the_queue(serve):
    server = await serve(Hasty)
    client = await server.connect()
    view = await only_view(server)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for n in range(6):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})

    replies = [await client.recv() for _ in range(6)]
    assert [reply["error"] for reply in replies] == [TIMED_OUT] * 6
    assert 0.04 < loop.time() - started < 2
    assert view.peak == 2


async def test_a_timed_out_call_keeps_its_place_until_it_ends_and_its_result_is_dropped(serve):
    class Stubborn(View):
        limits = Limits(call_timeout=0.05, concurrent_calls=1)

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
    view = await only_view(server)

    for payload in ({}, {"fail": True}):
        view.gate.clear()
        assert (await client.call("stubborn", payload, id="a"))["error"] == TIMED_OUT
        # its place is taken: the next one waits, and times out
        assert (await client.call("echo", id="b"))["error"] == TIMED_OUT
        view.gate.set()
        assert (await client.call("echo", {"a": 1}, id="c"))["response"] == {"a": 1}
        assert not client.kept


async def test_a_queued_call_times_out_behind_one_that_will_not_end(serve):
    gate = asyncio.Event()

    class Stubborn(View):
        limits = Limits(call_timeout=0.1, concurrent_calls=1)

        async def ws_rpc_stubborn(self, payload):
            while not gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await gate.wait()

    client = await (await serve(Stubborn)).connect()
    await client.send({"id": 0, "method": "stubborn"})
    for n in (1, 2):
        await asyncio.sleep(0.04)  # each call's time begins later
        await client.send({"id": n, "method": "echo"})

    replies = [await client.recv() for _ in range(3)]
    assert [(reply["id"], reply["error"]) for reply in replies] == [
        (n, TIMED_OUT) for n in range(3)
    ]
    gate.set()
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


async def test_queued_calls_wait_until_the_client_reads_and_time_out_meanwhile(serve, until):
    class Large(Gated):
        limits = Limits(call_timeout=0.3, concurrent_calls=2, heartbeat=None)

        async def ws_rpc_large(self, payload):
            await self.ws_rpc_wait(payload)
            return "x" * 8_000_000  # more than the kernel's buffers take

    server = await serve(Large)
    client = await server.connect_raw(limit=1000)
    await until(lambda: server.broker.sockets)
    view = await only_view(server)
    for n in range(50):
        client.send(json.dumps({"id": n, "method": "large"}).encode())
    client.send(b'{"id": "fence", "method": "nope"}')
    assert json.loads((await client.recv())[1])["id"] == "fence"
    view.gate.set()
    link = view.request.protocol
    await until(lambda: link.writing_paused)
    await until(lambda: not view._wsrpc._calls._queue)

    replies = [json.loads((await client.recv())[1]) for _ in range(50)]
    assert {reply["id"] for reply in replies} == set(range(50))
    assert len(view.started) == 2
    assert [reply["error"] for reply in replies if "error" in reply] == [TIMED_OUT] * 48
    client.send(b'{"id": "a", "method": "echo"}')
    assert json.loads((await client.recv())[1]) == {"id": "a", "method": "echo", "response": {}}


async def test_the_time_of_a_call_ends_with_its_answer(serve, until):
    server = await serve(Hasty)
    client = await server.connect()
    view = await only_view(server)
    view.gate.set()
    assert (await client.call("wait", {"n": 1}))["response"] == 1
    view.gate.clear()
    await client.send({"id": "b", "method": "wait", "payload": {"n": 2}})

    assert (await client.recv())["error"] == TIMED_OUT
    await until(lambda: view.cancelled == [2])
    assert not client.kept


# order


class Ordered(ApiPath, WsPathMixin, Subscribe, Publish):
    """Every hook waits for a time of its own."""

    rng = random.Random(1)

    async def wait(self):
        for _ in range(self.rng.randrange(4)):
            await asyncio.sleep(self.rng.choice((0, 0.001)))

    async def authorize(self, action, channel, event):
        self.sockets.log.append((self.socket_id, action, channel, event))
        await self.wait()
        return True


class SlowBroker(LocalBroker):
    def __init__(self):
        super().__init__()
        self.log: list[Any] = []

    async def subscribe(self, channel):
        await asyncio.sleep(0.002)

    async def subscribe_to_event(self, channel, event):
        await asyncio.sleep(Ordered.rng.choice((0, 0.001)))

    async def publish(self, channel, event, body):
        await asyncio.sleep(Ordered.rng.choice((0, 0.001, 0.003)))
        await super().publish(channel, event, body)

    async def unsubscribe(self, channel):
        await asyncio.sleep(0.001)


async def test_pipelined_calls_on_one_channel_keep_their_order_whatever_the_hooks_wait_for(serve):
    rng = random.Random(3)
    client = await (await serve(Ordered, SlowBroker())).connect()

    for round in range(15):
        sent, expected, patterns = [], [], set()
        for n in range(16):
            method = rng.choice(("subscribe", "unsubscribe", "publish"))
            payload: dict[str, Any] = {"channel": "c"}
            if method == "publish":
                payload |= {"event": rng.choice("ab"), "data": [round, n]}
                if patterns & {payload["event"], "*"}:
                    expected.append(payload)
            elif method == "subscribe":
                payload["event"] = rng.choice("ab*")
                patterns.add(payload["event"])
            else:
                payload["event"] = rng.choice("ab*")
                patterns.discard(payload["event"])
            sent.append({"id": n, "method": method, "payload": payload})
        for message in [*sent, {"id": 16, "method": "unsubscribe", "payload": {"channel": "c"}}]:
            await client.send(message)

        replies, events = [], []
        while len(replies) < 17:
            message = await client.recv()
            (events if "data" in message else replies).append(message)
        assert [reply["id"] for reply in replies] == list(range(17))
        assert all("response" in reply for reply in replies)
        assert events == expected


async def test_calls_on_different_channels_do_not_wait_for_each_other(serve):
    class OneStuck(ApiPath, WsPathMixin, Subscribe, Publish):
        async def authorize(self, action, channel, event):
            if channel == "stuck":
                await asyncio.Event().wait()
            return True

    client = await (await serve(OneStuck)).connect()
    await client.send({"id": "a", "method": "subscribe", "payload": {"channel": "stuck"}})
    await client.send({"id": "b", "method": "publish", "payload": {"channel": "stuck", "data": 1}})

    assert "response" in await client.call("subscribe", {"channel": "free"})
    assert "response" in await client.call("publish", {"channel": "free", "data": 1})


# context variables

number: contextvars.ContextVar[Any] = contextvars.ContextVar("number", default=0)


class Unequal:
    """A value that cannot be compared, such as an array."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


class Context(View):
    async def on_connect(self):
        number.set(self.request.query.get("number", 0))

    async def ws_rpc_get(self, payload):
        return number.get()

    async def ws_rpc_set(self, payload):
        number.set(payload["value"])

    async def ws_rpc_set_and_wait(self, payload):
        number.set(payload["value"])
        await asyncio.sleep(0)
        return number.get()

    async def ws_rpc_set_and_fail(self, payload):
        number.set(payload["value"])
        raise wsrpc.RpcError(1, "no")

    async def ws_rpc_set_unequal(self, payload):
        number.set(Unequal())


async def test_no_call_sees_anothers_context_variables(serve):
    client = await (await serve(Context)).connect()

    for method in ("set", "set_and_wait", "set_and_fail"):
        await client.call(method, {"value": 7})
        assert (await client.call("get"))["response"] == 0
    await client.call("set", {"value": 0.0})
    assert repr((await client.call("get"))["response"]) == "0"
    for _ in range(2):
        assert "response" in await client.call("set_unequal")
        assert (await client.call("get"))["response"] == 0


async def test_a_queued_call_has_a_context_of_its_own_too(serve):
    class Single(Context):
        limits = Limits(concurrent_calls=1)

    client = await (await serve(Single)).connect()
    for n in range(4):
        await client.send({"id": n, "method": "set_and_wait", "payload": {"value": n}})
        await client.send({"id": f"get {n}", "method": "get"})

    for n in range(4):
        assert (await client.recv())["response"] == n
        assert (await client.recv())["response"] == 0


async def test_every_call_sees_what_on_connect_set(serve):
    server = await serve(Context)
    first = await server.connect(url=server.url + "?number=one")
    second = await server.connect(url=server.url + "?number=two")

    await first.call("set", {"value": 7})
    await first.call("set_and_wait", {"value": 8})
    assert (await first.call("get"))["response"] == "one"
    assert (await second.call("get"))["response"] == "two"


# the end of the connection


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_calls_in_flight_are_cancelled_when_the_connection_goes(serve, until, how):
    class Single(Gated):
        limits = Limits(concurrent_calls=2)

    server = await serve(Single)
    client = await server.connect_raw()
    await until(lambda: server.broker.sockets)
    view = await only_view(server)
    for n in range(4):
        client.send(json.dumps({"id": n, "method": "wait", "payload": {"n": n}}).encode())
    await until(lambda: view.started == [0, 1])

    if how == "close":
        client.send(b"\x03\xe8", opcode=8)
    else:
        client.abort()
    await until(lambda: view.cancelled == [0, 1])
    assert not server.broker.sockets
    assert view.started == [0, 1]


async def test_a_handler_that_will_not_be_cancelled_answers_nobody(serve, until, reported):
    gate = asyncio.Event()
    ended = []

    class Stubborn(View):
        async def ws_rpc_stubborn(self, payload):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await gate.wait()
            ended.append(payload)
            if payload["fail"]:
                raise KeyError
            return "nobody listens"

    server = await serve(Stubborn)
    client = await server.connect()
    for fail in (True, False):
        await client.send({"id": 1, "method": "stubborn", "payload": {"fail": fail}})
    await fence(client)
    await client.ws.close()
    await until(lambda: not server.broker.sockets)
    gate.set()
    await until(lambda: len(ended) == 2)
    assert [type(failure.exception) for failure in reported] == [KeyError]


# messages of all kinds


def random_frames(rng, count):
    """Yield pairs of a text message and the id to expect back, None where it cannot be read."""
    methods = ["echo", "later", "fail", "nope", "", 3]
    for n in range(count):
        kind = rng.randrange(8)
        if kind == 0:
            yield rng.choice(["{bad", "NaN", "[" * 70, '"\\ud800"', "", '{"id": 1e999}']), None
        elif kind == 1:
            yield json.dumps(rng.choice([[], 1, "x", None, True, [{"id": n}]])), None
        else:
            id = rng.choice([n, f"id {n}", None, 1.5, True])
            message = {"id": id, "method": rng.choice(methods), "payload": {"n": n}}
            if kind == 2:
                message["payload"] = rng.choice([[], "x", 3, None])
            elif kind == 3:
                del message["method"]
            yield json.dumps(message), id if type(id) in (int, str) else None


@pytest.mark.parametrize("count", [10_000 // 20, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_every_message_is_answered_exactly_once(serve, count):
    class Mixed(View):
        limits = Limits(queued_calls=100_000, queued_bytes=10**9)

        async def ws_rpc_later(self, payload):
            await asyncio.sleep(0)

        async def ws_rpc_fail(self, payload):
            raise wsrpc.RpcError(payload.get("n", 0), "no")

    client = await (await serve(Mixed)).connect()
    frames = list(random_frames(random.Random(5), count))

    async def send():
        for text, _ in frames:
            await client.send(text)

    sending = asyncio.ensure_future(send())
    replies = [await client.recv() for _ in frames]
    await sending
    assert (await client.call("echo", id="last"))["response"] == {}
    assert not client.kept
    assert Counter(repr(reply.get("id")) for reply in replies) == Counter(
        repr(id) for _, id in frames
    )
    assert all(("error" in reply) != ("response" in reply) for reply in replies)


def random_json(rng, depth=4):
    kind = rng.randrange(8 if depth else 6)
    if kind == 6:
        return [random_json(rng, depth - 1) for _ in range(rng.randrange(5))]
    if kind == 7:
        return {random_text(rng): random_json(rng, depth - 1) for _ in range(rng.randrange(5))}
    return (
        rng.choice((None, True, False, "", "NULL", 0, -0.0, 1.0, 5e-324, 1.7976931348623157e308)),
        rng.randrange(-(2**70), 2**70),
        rng.getrandbits(rng.randrange(1, 14_000)) if rng.random() < 0.02 else rng.randrange(99),
        rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300),
        random_text(rng),
        rng.random(),
    )[kind]


def random_text(rng):
    return "".join(
        chr(
            rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x110000), rng.randrange(128)))
        )
        for _ in range(rng.randrange(8))
    )


@pytest.mark.parametrize("count", [10_000 // 20, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_echo_is_the_identity_on_json(serve, count):
    rng = random.Random(7)
    client = await (await serve(View)).connect()

    for n in range(count):
        value = random_json(rng)
        id = random_text(rng) if n % 2 else rng.randrange(-(2**70), 2**70)
        reply = await client.call("echo", {"value": value}, id=id)
        assert repr(reply) == repr({"id": id, "method": "echo", "response": {"value": value}})


async def test_a_call_that_ends_in_an_error_undoes_its_subscriptions(serve):
    class Joining(ApiPath, WsPathMixin, Subscribe):
        async def ws_rpc_join(self, payload):
            await self.subscribe("a", "x", "y")
            await self.subscribe("b")
            if payload:
                raise wsrpc.RpcError(1, "no")

    server = await serve(Joining)
    client = await server.connect()
    assert (await client.call("subscribe", {"channel": "a", "event": "x"})).keys() >= {"response"}

    assert (await client.call("join", {"fail": True}))["error"]["code"] == 1
    assert server.broker.server_info()["channels"] == {"a": {"x": 1}}
    assert "response" in await client.call("join")
    assert server.broker.server_info()["channels"] == {"a": {"x": 1, "y": 1}, "b": {"*": 1}}


async def test_a_response_whose_own_code_fails_is_an_internal_error(serve, reported):
    class Unset(msgspec.Struct):
        a: int

    class Answering(View):
        async def ws_rpc_typed(self, payload) -> Unset:
            value = Unset(1)
            del value.a
            return value

    reply = await (await (await serve(Answering)).connect()).call("typed")

    assert reply["error"] == {"code": -32603, "message": "JSON object expected"}
    assert isinstance(reported[0].exception, AttributeError)
