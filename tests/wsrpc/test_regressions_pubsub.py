"""What the library that this idea comes from did wrong about channels, done right (D29 to D48).

Each test is named for the right behaviour; the number is that of the defect in the study of it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import (
    ApiPath,
    CannotSubscribe,
    LocalBroker,
    Publish,
    Subscribe,
    Websocket,
    WsPathMixin,
    protocol,
)


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    """An endpoint with what is built in."""


class Broker(LocalBroker):
    """A broker whose hooks take their time, and are counted."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__()
        self.delay = delay
        self.calls: list[str] = []

    async def subscribe(self, channel: str) -> None:
        self.calls.append(f"subscribe {channel}")
        await asyncio.sleep(self.delay)

    async def unsubscribe(self, channel: str) -> None:
        self.calls.append(f"unsubscribe {channel}")
        await asyncio.sleep(self.delay)


SUBSCRIBED = {"subscribed": {"x": ["*"]}}


# D29
async def test_every_matching_subscriber_is_served_once(serve: Any) -> None:
    server = await serve(View)
    first, second, third = [await server.connect() for _ in range(3)]
    await first.call("subscribe", {"channel": "x", "event": "*"})
    await second.call("subscribe", {"channel": "x", "event": "foo"})
    await third.call("subscribe", {"channel": "x", "event": ["foo", "*", "f?o"]})
    for name in ("foo", "end"):
        await server.broker.publish("x", name, None)
    await server.broker.publish("x", "foo", "last")
    names = ["foo", "end", "foo"]
    assert [(await first.recv())["event"] for _ in names] == names
    assert [(await third.recv())["event"] for _ in names] == names
    assert [(await second.recv())["event"] for _ in "ab"] == ["foo", "foo"]


# D30
@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        *(("price.usd", "priceXusd"), ("a+b", "aab"), ("^x", "x"), ("$", ""), ("x$y", "xy")),
        *(("(a)", "a"), ("a{2}", "aa"), ("a|b", "azzz")),
    ],
)
async def test_what_is_no_wildcard_is_literal_and_the_name_is_the_one_published(
    serve: Any, pattern: str, other: str
) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": pattern})
    await server.broker.publish("x", other, None)
    await server.broker.publish("x", pattern, None)
    assert (await client.recv())["event"] == pattern


# D31
async def test_a_newline_is_a_character_like_any_other(serve: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": "*"})
    await client.call("subscribe", {"channel": "y", "event": ["foo", "h?llo"]})
    await server.broker.publish("x", "a\nb", None)
    await server.broker.publish("y", "foo\n", None)
    await server.broker.publish("y", "h\nllo", None)
    assert [(await client.recv())["event"] for _ in "ab"] == ["a\nb", "h\nllo"]


# D32
async def test_a_malformed_pattern_is_an_error_reply_before_any_side_effect(serve: Any) -> None:
    broker = Broker()
    client = await (await serve(View, broker)).connect()
    for pattern in ("[", "[z-a]", "a\\"):
        reply = await client.call("subscribe", {"channel": "c", "event": pattern})
        assert (reply["error"]["code"], list(reply["error"]["errors"])) == (-32602, ["event"])
    assert (broker.calls, broker.server_info()["channels"]) == ([], {})
    for pattern in ("a\\b", "("):
        assert "response" in await client.call("subscribe", {"channel": "c", "event": pattern})


# D33
async def test_a_connection_that_goes_takes_its_channels_and_its_view_along(
    serve: Any, until: Any
) -> None:
    views: weakref.WeakSet[Websocket] = weakref.WeakSet()

    class Counted(View):
        async def on_connect(self) -> None:
            views.add(self)

    broker = Broker()
    server = await serve(Counted, broker)
    for index in range(50):
        client = await server.connect()
        await client.call("subscribe", {"channel": str(index)})
        await client.ws.close()
    await until(lambda: not broker.sockets and len(broker.calls) == 100)
    await until(lambda: gc.collect() >= 0 and not views)
    assert (len(broker.channels), len(broker.channels._channels)) == (0, 0)


# D34
@pytest.mark.wsrpc(clock="virtual")
async def test_two_that_subscribe_to_a_new_channel_at_once_both_receive(serve: Any) -> None:
    server = await serve(View, Broker(delay=1))
    first, second = await server.connect(), await server.connect()
    replies = await asyncio.gather(
        first.call("subscribe", {"channel": "x"}), second.call("subscribe", {"channel": "x"})
    )
    assert [reply["response"] for reply in replies] == [SUBSCRIBED] * 2
    await server.broker.publish("x", "a", 1)
    assert [(await client.recv())["data"] for client in (first, second)] == [1, 1]
    assert server.broker.calls == ["subscribe x"]


# D35
@pytest.mark.wsrpc(clock="virtual")
async def test_one_that_subscribes_while_the_last_one_leaves_receives(
    serve: Any, until: Any
) -> None:
    broker = Broker(delay=1)
    server = await serve(View, broker)
    first, second = await server.connect(), await server.connect()
    await first.call("subscribe", {"channel": "x"})
    await first.send({"id": 1, "method": "unsubscribe", "payload": {"channel": "x"}})
    await until(lambda: "unsubscribe x" in broker.calls)
    assert (await second.call("subscribe", {"channel": "x"}))["response"] == SUBSCRIBED
    await broker.publish("x", "a", 1)
    assert (await second.recv())["data"] == 1
    assert broker.calls == ["subscribe x", "unsubscribe x", "subscribe x"]


# D36
@pytest.mark.wsrpc(clock="virtual")
async def test_unsubscribing_twice_at_once_is_no_error(serve: Any) -> None:
    client = await (await serve(View, Broker(delay=1))).connect()
    await client.call("subscribe", {"channel": "x"})
    for id in range(3):
        await client.send({"id": id, "method": "unsubscribe", "payload": {"channel": "x"}})
    assert [(await client.recv())["response"] for _ in range(3)] == [{"subscribed": {}}] * 3


# D37
@pytest.mark.parametrize(
    ("error", "code"), [(CannotSubscribe(), -32602), (ValueError("x"), -32603)]
)
async def test_a_pattern_that_the_backend_refuses_is_rolled_back(
    serve: Any, error: Exception, code: int
) -> None:
    class Refusing(Broker):
        async def subscribe_to_event(self, channel: str, event: str) -> None:
            raise error

    broker = Refusing()
    client = await (await serve(View, broker)).connect()
    assert (await client.call("subscribe", {"channel": "x"}))["error"]["code"] == code
    assert broker.server_info() == {"connections": 1, "channels": {}}
    await broker.publish("x", "a", 1)
    assert (await client.call("publish", {"channel": "y", "data": 1}))["response"]
    assert client.kept == []
    assert broker.calls == ["subscribe x", "unsubscribe x"]


# D38
async def test_an_event_comes_after_the_reply_and_none_behind_it_is_lost(
    serve: Any, until: Any
) -> None:
    pending, go = asyncio.Event(), asyncio.Event()

    class Slow(Broker):
        async def subscribe_to_event(self, channel: str, event: str) -> None:
            pending.set()
            await go.wait()

    broker = Slow()
    client = await (await serve(View, broker)).connect()
    await client.send({"id": 1, "method": "subscribe", "payload": {"channel": "x"}})
    await pending.wait()
    await broker.publish("x", "a", "too early")
    go.set()
    await until(lambda: "x" in broker.channels)
    await broker.publish("x", "a", "in time")
    assert (await client.recv())["response"] == SUBSCRIBED
    assert (await client.recv())["data"] == "in time"


# D39
async def test_an_unsubscription_does_not_tell_who_else_is_there(serve: Any) -> None:
    server = await serve(View)
    client, other = await server.connect(), await server.connect()
    await other.call("subscribe", {"channel": "used"})
    answers = [
        (await client.call("unsubscribe", {"channel": channel}))["response"]
        for channel in ("used", "unused", "Refused")
    ]
    assert answers == [{"subscribed": {}}] * 3


# D40
async def test_the_backends_worker_survives_what_is_no_event(serve: Any, reported: Any) -> None:
    broker = Broker()
    client = await (await serve(View, broker)).connect()
    await client.call("subscribe", {"channel": "x"})
    items: list[Any] = [{"event": 1, "data": 1}, ["x"], None, {"event": "a", "data": 2}]
    for item in items:
        await broker.channels("x", item)
    assert (await client.recv())["data"] == 2
    assert (broker.channels.ignored, len(reported)) == (3, 3)


# D41
async def test_a_cancelled_worker_hurts_no_subscriber(serve: Any) -> None:
    broker = Broker()
    client = await (await serve(View, broker)).connect()
    await client.call("subscribe", {"channel": "x"})
    large = "x" * 200_000

    async def worker() -> None:
        while True:
            await broker.channels("x", {"event": "a", "data": large})

    task = asyncio.create_task(worker())
    assert (await client.recv())["data"] == large
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await broker.channels("x", {"event": "end"})
    while (await client.recv())["event"] != "end":
        pass


# D42
async def test_a_subscriber_that_stops_reading_delays_nobody(serve: Any) -> None:
    broker = LocalBroker()
    server = await serve(View, broker)
    stalled, healthy, unrelated = [await server.connect() for _ in range(3)]
    await stalled.call("subscribe", {"channel": "x"})
    await healthy.call("subscribe", {"channel": "x"})
    await unrelated.call("subscribe", {"channel": "y"})
    for index in range(40):
        await broker.publish("x", "a", [index, "x" * 1_000_000])
        await broker.publish("y", "a", index)
        assert (await healthy.recv())["data"][0] == index
        assert (await unrelated.recv())["data"] == index
    assert broker.server_info() == {"connections": 2, "channels": {"x": {"*": 1}, "y": {"*": 1}}}
    assert await stalled.closed() == 1013


# D43
async def test_an_event_is_encoded_once_whatever_the_number_of_subscribers(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(View)
    clients = [await server.connect() for _ in range(50)]
    for client in clients:
        await client.call("subscribe", {"channel": "x"})
    encoded = []
    encode = protocol.event

    def counting(*args: Any) -> bytes:
        encoded.append(args)
        return encode(*args)

    monkeypatch.setattr(protocol, "event", counting)
    await server.broker.publish("x", "a", 1)
    for client in clients:
        assert (await client.recv())["data"] == 1
    assert len(encoded) == 1


# D44
@pytest.mark.wsrpc(clock="virtual")
async def test_all_are_closed_with_1001_although_one_fails(
    serve: Any, ws_clock: VirtualClock
) -> None:
    class Failing(View):
        async def close(self, code: int = 1000, reason: str = "") -> None:
            raise OSError

        async def on_disconnect(self) -> None:
            raise OSError

    server = await serve(Failing)
    clients = [await server.connect() for _ in range(2)]
    for client in clients:
        await client.call("subscribe", {"channel": "x"})
    codes, _ = await asyncio.gather(
        asyncio.gather(*(client.closed() for client in clients)), server.broker.close_sockets()
    )
    assert codes == [1001, 1001]
    assert ws_clock.time == 0
    assert server.broker.server_info() == {"connections": 0, "channels": {}}


# D45
@pytest.mark.wsrpc(clock="virtual")
async def test_closing_unsubscribes_each_channel_once_at_the_backend(serve: Any) -> None:
    broker = Broker(delay=1)
    server = await serve(View, broker)
    clients = [await server.connect() for _ in range(2)]
    for client in clients:
        for channel in ("x", "y"):
            await client.call("subscribe", {"channel": channel})
    await asyncio.gather(server.stop(), *(client.closed() for client in clients))
    assert sorted(broker.calls[2:]) == ["unsubscribe x", "unsubscribe y"]


# D46
async def test_callable_data_is_called_once_for_all_subscribers(serve: Any) -> None:
    server = await serve(View)
    clients = [await server.connect() for _ in range(3)]
    for client in clients:
        await client.call("subscribe", {"channel": "x"})
    calls: list[int] = []

    def data() -> int:
        calls.append(1)
        return len(calls)

    await server.broker.channels.register("x", "*", lambda *event: calls.append(event[2] * 100))
    await server.broker.publish("x", "a", data)
    assert [(await client.recv())["data"] for client in clients] == [1, 1, 1]
    assert calls == [1, 100]


# D47
async def test_a_connection_leaves_without_a_look_at_the_channels_of_others(serve: Any) -> None:
    broker = LocalBroker()
    server = await serve(View, broker)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})

    def callback(*event: Any) -> None:
        raise NotImplementedError

    for index in range(20_000):
        await broker.channels.register(str(index), "*", callback)
    (view,) = broker.sockets
    looked: list[str] = []

    class Channels(dict[str, Any]):
        def look(self) -> Any:
            looked.append("at all")

        __iter__ = keys = values = items = look

    broker.channels._channels = Channels(broker.channels._channels)
    await view.close()
    assert "x" not in broker.channels
    assert looked == []


# D48
async def test_a_failure_is_one_short_line_of_a_logger_of_the_library(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def data() -> None:
        raise ValueError

    caplog.set_level(logging.DEBUG, "wsrpc")
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})
    await server.broker.publish("x", "a", data)
    assert await client.closed() == 1011
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("wsrpc.channels", "data of an event on channel x failed")
    ]
