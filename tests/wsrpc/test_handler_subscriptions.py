"""Subscriptions that handlers make: as the built-in ones, and undone with their call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import ApiPath, ConnectionClosed, Publish, RpcError, Subscribe, WsPathMixin


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    """An endpoint whose handlers subscribe too."""

    async def ws_rpc_join(self, payload: dict[str, Any]) -> list[str]:
        """Subscribe from a handler, then wait, fail or answer."""
        patterns = await self.subscribe(payload["channel"], *payload.get("patterns", ()))
        if payload.get("publish"):
            await self.sockets.publish(payload["channel"], "early", 1)
        if payload.get("fail"):
            raise RpcError(7, "no")
        return patterns

    async def ws_rpc_leave(self, payload: dict[str, Any]) -> list[str]:
        """Unsubscribe from a handler."""
        return await self.unsubscribe(payload["channel"], *payload.get("patterns", ()))


async def test_what_a_handler_publishes_after_subscribing_comes_behind_its_reply(
    serve: Any,
) -> None:
    client = await (await serve(View)).connect()
    await client.send({"id": 1, "method": "join", "payload": {"channel": "x", "publish": True}})
    assert (await client.recv())["response"] == ["*"]
    assert (await client.recv())["event"] == "early"


async def test_a_call_that_ends_in_an_error_undoes_only_its_own_subscriptions(
    serve: Any,
) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": "mine"})
    join = {"channel": "x", "patterns": ["mine", "other"], "publish": True}
    assert (await client.call("join", {**join, "fail": True}))["error"]["code"] == 7
    failing = {"channel": "y", "publish": True, "fail": True}
    assert (await client.call("join", failing))["error"]["code"] == 7
    assert server.broker.server_info()["channels"] == {"x": {"mine": 1}}
    for name in ("other", "early", "mine"):
        await server.broker.publish("x", name, None)
        await server.broker.publish("y", name, None)
    assert (await client.recv())["event"] == "mine"
    assert (await client.call("join", join))["response"] == ["mine", "other"]


@pytest.mark.wsrpc(clock="virtual")
async def test_a_call_that_times_out_undoes_its_subscriptions(serve: Any, until: Any) -> None:
    class Slow(View):
        release: asyncio.Event

        async def ws_rpc_stuck(self, payload: Any) -> None:
            """Subscribe, and wait for too long; subscribe again although it was cancelled."""
            await self.subscribe("x")
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await self.subscribe("y")

    server = await serve(Slow)
    client = await server.connect()
    assert (await client.call("stuck"))["error"]["code"] == -32001
    await until(lambda: not server.broker.server_info()["channels"])


@pytest.mark.wsrpc(clock="virtual")
async def test_a_task_that_outlives_its_call_subscribes_at_once(serve: Any) -> None:
    class Background(View):
        task: asyncio.Task[None]
        go: asyncio.Event

        async def ws_rpc_start(self, payload: dict[str, Any]) -> None:
            """Start a task that subscribes later; answer, fail or hang."""
            self.go = asyncio.Event()
            self.task = asyncio.create_task(self.later())
            if payload["how"] == "fail":
                raise RpcError(7, "no")
            if payload["how"] == "hang":
                await asyncio.get_running_loop().create_future()

        async def later(self) -> None:
            await self.go.wait()
            await self.subscribe("x")
            await self.send_event("done", "", None)

        async def ws_rpc_go(self, payload: Any) -> None:
            """Let the task go on."""
            self.go.set()
            await self.task

    server = await serve(Background)
    for how in ("answer", "fail", "hang"):
        client = await server.connect()
        await client.call("start", {"how": how})
        await client.call("go")
        assert (await client.recv())["channel"] == "done"
        await server.broker.publish("x", "a", how)
        assert (await client.recv()) == {"channel": "x", "event": "a", "data": how}
        await client.ws.close()


async def test_handlers_unsubscribe_as_the_built_in_method_does(serve: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": ["a", "b", "c"]})
    leave = {"channel": "x", "patterns": ["a", "nope"]}
    assert (await client.call("leave", leave))["response"] == ["b", "c"]
    assert (await client.call("leave", {"channel": "x"}))["response"] == []
    assert (await client.call("leave", {"channel": "x"}))["response"] == []
    assert server.broker.server_info()["channels"] == {}


async def test_a_handlers_mistakes_are_its_own(serve: Any, reported: Any) -> None:
    client = await (await serve(View)).connect()
    assert (await client.call("join", {"channel": 5}))["error"]["code"] == -32603
    reply = await client.call("join", {"channel": "x", "patterns": [5]})
    assert reply["error"]["code"] == -32603
    assert [type(failure.exception) for failure in reported] == [TypeError] * 2
    reply = await client.call("join", {"channel": "x", "patterns": ["["]})
    assert list(reply["error"]["errors"]) == ["event"]


async def test_what_is_subscribed_on_connect_counts_at_once_and_goes_with_a_refusal(
    serve: Any,
) -> None:
    class Early(View):
        async def on_connect(self) -> None:
            assert await self.subscribe("x", "a") == ["a"]
            await self.sockets.publish("x", "a", 1)
            await self.send_event("hello", "you", 2)
            if self.request.query:
                raise OSError

    server = await serve(Early)
    client = await server.connect()
    assert [await client.recv(), await client.recv()] == [
        {"channel": "x", "event": "a", "data": 1},
        {"channel": "hello", "event": "you", "data": 2},
    ]
    with pytest.raises(Exception, match="500"):
        await server.connect(url=server.url + "?refuse=1")
    assert server.broker.server_info()["channels"] == {"x": {"a": 1}}


async def test_who_is_gone_and_never_subscribed_cannot_begin_to(serve: Any, until: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    view = await server.view()
    await client.ws.close()
    await until(lambda: view.closed)
    with pytest.raises(ConnectionClosed):
        await view.subscribe("x")
    assert server.broker.server_info() == {"connections": 0, "channels": {}}
