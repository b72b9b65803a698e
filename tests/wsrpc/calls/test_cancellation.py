"""Cancellation: by strangers, by the handler itself, by the end of the connection."""

from __future__ import annotations

import asyncio

import pytest

from wsrpc import ApiPath, Limits, WsPathMixin
from wsrpc.calls import Calls
from wsrpc.protocol import Request
from wsrpc.rpc import methods_of

INTERNAL = {"code": -32603, "message": "Internal error"}


class View(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


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


async def test_a_call_that_cancels_its_own_task_ends_no_other_call(serve, reported):
    class Cancelling(View):
        async def ws_rpc_itself(self, payload):
            asyncio.current_task().cancel()
            return "done"

        async def ws_rpc_wait(self, payload):
            await asyncio.sleep(0)
            return "done"

    client = await (await serve(Cancelling)).connect_raw()

    for method in ("itself", "wait", "itself", "itself", "wait"):  # one read finds them all
        client.call(method)
    assert [(await client.reply())["response"] for _ in range(5)] == ["done"] * 5
    assert not reported


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


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_calls_in_flight_are_cancelled_when_the_connection_goes(serve, gated, until, how):
    class Single(gated):
        limits = Limits(concurrent_calls=2)

    server = await serve(Single)
    client = await server.connect_raw()
    view = await server.view()
    for n in range(4):
        client.call("wait", {"n": n}, id=n)
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
    await client.fence()
    await client.ws.close()
    await until(lambda: not server.broker.sockets)
    gate.set()
    await until(lambda: len(ended) == 2)
    assert [type(failure.exception) for failure in reported] == [KeyError]


async def test_a_call_that_finds_its_own_connection_closed_is_no_failure(serve, until, reported):
    ended = []

    class Stubborn(View):
        async def ws_rpc_watch(self, payload):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(self)
                await self.send_event("watch", "ended", None)

    server = await serve(Stubborn)
    client = await server.connect()
    await client.send({"id": 1, "method": "watch", "payload": {}})
    await client.fence()
    await client.ws.close()
    await until(lambda: not server.broker.sockets)
    await until(lambda: len(ended) == 1)
    await asyncio.sleep(0)
    assert reported == []


async def test_a_call_that_was_left_behind_is_no_failure_when_it_is_closed(serve, until, reported):
    tasks = []

    class Stubborn(View):
        async def ws_rpc_stay(self, payload):
            tasks.append(asyncio.current_task())
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.Event().wait()

    server = await serve(Stubborn)
    client = await server.connect()
    await client.send({"id": 1, "method": "stay", "payload": {}})
    await client.fence()
    await client.ws.close()
    await until(lambda: not server.broker.sockets)
    await asyncio.sleep(0)
    (task,) = tasks
    task.get_coro().close()
    assert reported == []
    task.cancel()
    await asyncio.wait([task])
    assert isinstance(task.exception(), RuntimeError)  # there is nothing to go on with


def test_a_call_that_was_left_on_a_closed_loop_is_no_failure_when_it_is_collected(reported):
    class Waiting(View):
        async def ws_rpc_wait(self, payload):
            await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    begun = []

    async def begin():
        methods = methods_of(Waiting)
        calls = Calls(object.__new__(Waiting), methods, Limits(), begun.append, None, None)
        run = calls.run(calls.admit(Request(1, "wait", {}), b"{}"), {})
        run.send(None)  # up to where the handler waits
        return run

    run = loop.run_until_complete(begin())
    loop.close()
    run.close()
    assert (reported, begun) == ([], [])
