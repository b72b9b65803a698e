"""Who gets which event, when, and in which order: the contract on the wire."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from wsrpc import (
    ApiPath,
    CloseCode,
    ConnectionClosed,
    Limits,
    LocalBroker,
    Publish,
    Subscribe,
    Websocket,
    WsPathMixin,
)


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    """An endpoint with what is built in."""


class Hooked(LocalBroker):
    """A broker whose hooks wait where a test asks them to."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = {}

    def hold(self, hook: str) -> asyncio.Event:
        self.reached[hook] = asyncio.Event()
        self.gates[hook] = asyncio.Event()
        return self.reached[hook]

    def go(self, hook: str) -> None:
        self.gates.pop(hook).set()

    async def _hook(self, name: str) -> None:
        if name in self.gates:
            self.reached[name].set()
            await self.gates[name].wait()

    async def subscribe(self, channel: str) -> None:
        await self._hook("subscribe")

    async def subscribe_to_event(self, channel: str, event: str) -> None:
        await self._hook("subscribe_to_event")

    async def unsubscribe(self, channel: str) -> None:
        await self._hook("unsubscribe")


async def test_every_connection_gets_each_event_once_in_the_order_of_publishing(
    serve: Any,
) -> None:
    server = await serve(View)
    clients = [await server.connect() for _ in range(5)]
    for client in clients:
        await client.call("subscribe", {"channel": "x", "event": ["*", "e*", "e1", "[e]?"]})
    outsider = await server.connect()
    await outsider.call("subscribe", {"channel": "x", "event": "other"})
    await outsider.call("subscribe", {"channel": "y"})
    for index in range(200):
        await server.broker.publish("x", f"e{index % 3}", index)
    for client in clients:
        got = [await client.recv() for _ in range(200)]
        assert got == [
            {"channel": "x", "event": f"e{index % 3}", "data": index} for index in range(200)
        ]
    assert (await outsider.call("unsubscribe", {"channel": "x"}))["response"]
    assert outsider.kept == []


async def test_numbers_without_a_json_form_are_null(serve: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})
    await server.broker.publish("x", "a", [float("nan"), float("inf"), -float("inf"), 1.5])
    assert (await client.recv())["data"] == [None, None, None, 1.5]


@pytest.mark.parametrize("hook", ["subscribe", "subscribe_to_event"])
async def test_no_event_precedes_the_reply_and_none_after_it_is_missing(
    serve: Any, hook: str
) -> None:
    broker = Hooked()
    server = await serve(View, broker)
    client = await server.connect()
    reached = broker.hold(hook)
    await client.send({"id": 1, "method": "subscribe", "payload": {"channel": "x"}})
    await reached.wait()
    await broker.publish("x", "a", "before")
    broker.go(hook)
    reply = await client.recv()
    assert reply["response"] == {"subscribed": {"x": ["*"]}}
    await broker.publish("x", "a", "after")
    messages = [await client.recv()]
    if messages[-1]["data"] == "before":
        messages.append(await client.recv())
    assert messages[-1]["data"] == "after"


async def test_no_event_follows_the_reply_to_an_unsubscription(serve: Any) -> None:
    broker = Hooked()
    server = await serve(View, broker)
    client = await server.connect()
    for index in range(20):
        await client.call("subscribe", {"channel": "x"})
        reached = broker.hold("unsubscribe")
        await broker.publish("x", "before", index)
        await client.send({"id": 1, "method": "unsubscribe", "payload": {"channel": "x"}})
        await reached.wait()
        await broker.publish("x", "meanwhile", index)
        broker.go("unsubscribe")
        assert (await client.recv())["event"] == "before"
        assert (await client.recv())["response"] == {"subscribed": {}}
        await broker.publish("x", "after", index)
        await client.call("unsubscribe", {"channel": "x"})
        assert client.kept == []


async def test_pipelined_calls_on_one_channel_keep_their_order_whatever_waits(
    serve: Any,
) -> None:
    draw = random.Random(5)

    async def wait() -> None:
        for _ in range(draw.randint(0, 6)):
            await asyncio.sleep(0)

    class Waiting(View):
        limits = Limits(concurrent_calls=4)

        async def authorize(self, action: Any, channel: str, event: str) -> bool:
            await wait()
            return True

    class Broker(LocalBroker):
        async def subscribe(self, channel: str) -> None:
            await wait()

        async def subscribe_to_event(self, channel: str, event: str) -> None:
            await wait()

        async def unsubscribe(self, channel: str) -> None:
            await wait()

        async def publish(self, channel: str, event: str, body: Any) -> None:
            await wait()
            await super().publish(channel, event, body)

    client = await (await serve(Waiting, Broker())).connect()
    for _ in range(20):
        expected = []
        is_subscribed = False
        for id in range(16):
            method = draw.choice(["subscribe", "unsubscribe", "publish"])
            payload = {"channel": "x"} | ({"data": id} if method == "publish" else {})
            await client.send({"id": id, "method": method, "payload": payload})
            if method == "publish" and is_subscribed:
                expected.append(("event", id))
            expected.append(("reply", id))
            is_subscribed = {"subscribe": True, "unsubscribe": False}.get(method, is_subscribed)
        got = [await client.recv() for _ in expected]
        assert [
            ("event", message["data"]) if "channel" in message else ("reply", message["id"])
            for message in got
        ] == expected
        await client.call("unsubscribe", {"channel": "x"})


async def test_calls_on_different_channels_do_not_wait_for_each_other(serve: Any) -> None:
    broker = Hooked()
    client = await (await serve(View, broker)).connect()
    reached = broker.hold("subscribe")
    await client.send({"id": 1, "method": "subscribe", "payload": {"channel": "x"}})
    await reached.wait()
    assert "response" in await client.call("publish", {"channel": "y", "data": 1})
    assert client.kept == []
    broker.go("subscribe")
    assert (await client.recv())["id"] == 1


async def test_a_closed_connection_is_gone_from_the_channels_at_once(serve: Any) -> None:
    views: list[Websocket] = []

    class Kept(View):
        async def on_connect(self) -> None:
            views.append(self)

    server = await serve(Kept)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})
    await server.broker.publish("x", "a", "sent before")
    await views[0].close(4001, "enough")
    assert server.broker.server_info() == {"connections": 0, "channels": {}}
    await server.broker.publish("x", "a", "after")
    with pytest.raises(ConnectionClosed):
        await views[0].send_event("x", "a", None)
    with pytest.raises(ConnectionClosed):
        await views[0].subscribe("x")
    assert await client.closed() == 4001
    assert [message["data"] for message in client.kept] == ["sent before"]


async def test_a_connection_that_closes_while_it_subscribes_leaves_nothing(
    serve: Any, until: Any
) -> None:
    broker = Hooked()
    server = await serve(View, broker)
    for hook in ("subscribe", "subscribe_to_event"):
        client = await server.connect()
        reached = broker.hold(hook)
        await client.send({"id": 1, "method": "subscribe", "payload": {"channel": "x"}})
        await reached.wait()
        await client.ws.close()
        await until(lambda: not broker.sockets)
        await until(lambda: not broker.channels._channels)
        broker.go(hook)


class Hiding(View):
    """A view that hides secrets."""

    def can_receive(self, channel: str, event: str) -> bool:
        return event != "secret"


async def test_an_event_may_be_hidden_from_a_connection_whose_pattern_matches(
    serve: Any,
) -> None:
    server = await serve(Hiding)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": "s*"})
    for name in ("secret", "shown"):
        await server.broker.publish("x", name, None)
    assert (await client.recv())["event"] == "shown"


async def test_data_that_fails_closes_the_connections_that_it_would_have_reached(
    serve: Any, reported: Any
) -> None:
    def data() -> None:
        raise ValueError("inside")

    broker = LocalBroker()
    server = await serve(Hiding, broker)
    reached, other = await server.connect(), await server.connect()
    await reached.call("subscribe", {"channel": "x", "event": "a"})
    await other.call("subscribe", {"channel": "x", "event": ["b", "secret"]})
    await broker.publish("x", "secret", data)
    await broker.publish("x", "a", data)
    await broker.publish("x", "b", 1)
    assert await reached.closed() == CloseCode.INTERNAL_ERROR
    assert "inside" not in str(reached.kept)
    assert (await other.recv())["data"] == 1
    assert [str(failure.exception) for failure in reported] == ["inside"] * 2
    assert broker.server_info() == {"connections": 1, "channels": {"x": {"b": 1, "secret": 1}}}


async def test_data_is_called_once_for_all_connections(serve: Any) -> None:
    calls = []
    server = await serve(View)
    clients = [await server.connect() for _ in range(3)]
    for client in clients:
        await client.call("subscribe", {"channel": "x", "event": ["*", "a"]})

    def data() -> int:
        calls.append(None)
        return len(calls)

    await server.broker.publish("x", "a", data)
    assert [(await client.recv())["data"] for client in clients] == [1, 1, 1]
