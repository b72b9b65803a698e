"""The context variables that a call sees."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import wsrpc
from wsrpc import ApiPath, Limits, WsPathMixin

number: contextvars.ContextVar[Any] = contextvars.ContextVar("number", default=0)
fresh = [contextvars.ContextVar(str(n), default=None) for n in range(100)]


class Unequal:
    """A value that cannot be compared, such as an array."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


class Context(ApiPath, WsPathMixin):
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

    async def ws_rpc_set_fresh(self, payload):
        fresh[payload["n"]].set(True)

    async def ws_rpc_get_fresh(self, payload):
        return fresh[payload["n"]].get()

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


async def test_no_call_sees_a_variable_that_another_was_the_first_to_set(serve):
    client = await (await serve(Context)).connect()

    for n in range(len(fresh)):  # in whatever order a context has them
        await client.call("set_fresh", {"n": n})
        assert (await client.call("get_fresh", {"n": n}))["response"] is None


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
