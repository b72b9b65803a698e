"""What a handler may raise, and what answers it."""

from __future__ import annotations

import asyncio
import threading

import aiohttp
import pytest
from aiohttp import web

import wsrpc
from wsrpc import ApiPath, LocalBroker, Subscribe, WsPathMixin

SECRET = "the database password is swordfish"


class View(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


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
    (wsrpc.ConnectionClosed(1006, SECRET), UNAVAILABLE),  # another one that the handler has
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


def test_an_interrupt_from_the_keyboard_is_nobodys_answer(reach):
    class Interrupted(View):
        async def ws_rpc_fail(self, payload):
            raise KeyboardInterrupt

    app = web.Application()
    LocalBroker.for_app(app)
    app.router.add_view("/", Interrupted)
    runner = web.AppRunner(app)

    async def start():
        await runner.setup()
        return await reach(runner)

    async def call(url, connector):
        async with (
            aiohttp.ClientSession(connector=connector()) as session,
            session.ws_connect(url) as ws,
        ):
            await ws.send_str('{"id": 1, "method": "fail"}')
            await ws.receive(5)

    def run():
        loop = asyncio.new_event_loop()
        calling = loop.create_task(call(*loop.run_until_complete(start())))
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
