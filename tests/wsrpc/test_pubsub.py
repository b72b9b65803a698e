"""The built-in methods on the wire: what they take, what they answer, what they refuse."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    CannotSubscribe,
    Limits,
    LocalBroker,
    Publish,
    Subscribe,
    WsPathMixin,
)
from wsrpc.pubsub import PublishPayload, SubscribePayload


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    """An endpoint with all that is built in."""


INVALID = {"code": -32602, "message": "Invalid RPC parameters"}


def subscribed(reply: Any) -> Any:
    return reply["response"]["subscribed"]


async def errors(client: Any, method: str, payload: Any) -> Any:
    error = (await client.call(method, payload))["error"]
    assert {**error, "errors": None} == {**INVALID, "errors": None}
    return error["errors"]


@pytest.mark.parametrize(
    ("event", "patterns"),
    [
        ({}, ["*"]),
        ({"event": None}, ["*"]),
        ({"event": "*"}, ["*"]),
        ({"event": "a"}, ["a"]),
        ({"event": ""}, [""]),
        ({"event": ["b", "a", "b"]}, ["a", "b"]),
        ({"event": ["*"]}, ["*"]),
        ({"event": "a", "since": None}, ["a"]),
    ],
)
async def test_subscribe_answers_with_the_patterns_of_the_connection(
    serve: Any, event: Any, patterns: list[str]
) -> None:
    server = await serve(View)
    client = await server.connect()
    reply = await client.call("subscribe", {"channel": "x", **event})
    assert reply["response"] == {"subscribed": {"x": patterns}}


async def test_patterns_add_up_and_are_sorted_and_those_of_other_connections_do_not_show(
    serve: Any,
) -> None:
    server = await serve(View)
    client, other = await server.connect(), await server.connect()
    await other.call("subscribe", {"channel": "x", "event": "mine"})
    for event in ("c", "a", "c", ["b", "a"]):
        reply = await client.call("subscribe", {"channel": "x", "event": event})
    assert subscribed(reply) == {"x": ["a", "b", "c"]}
    reply = await client.call("subscribe", {"channel": "y"})
    assert subscribed(reply) == {"y": ["*"]}


async def test_unsubscribe_takes_some_patterns_or_all(serve: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": ["a", "b", "c", "d"]})
    for event, left in (
        ({"event": "a"}, {"x": ["b", "c", "d"]}),
        ({"event": ["b", "never", "["]}, {"x": ["c", "d"]}),
        ({"event": "*"}, {"x": ["c", "d"]}),
        ({"event": None}, {}),
        ({}, {}),
        ({"event": "c"}, {}),
    ):
        reply = await client.call("unsubscribe", {"channel": "x", **event})
        assert reply["response"] == {"subscribed": left}
    assert server.broker.server_info()["channels"] == {}
    await client.call("subscribe", {"channel": "x", "event": "a"})
    reply = await client.call("unsubscribe", {"channel": "x", "event": "a"})
    assert reply["response"] == {"subscribed": {}}


async def test_since_is_accepted_and_never_recovered(serve: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    since = {"epoch": "e", "offset": 7}
    reply = await client.call("subscribe", {"channel": "x", "event": "a", "since": since})
    assert reply["response"] == {"subscribed": {"x": ["a"]}, "recovered": False}
    assert await errors(client, "subscribe", {"channel": "x", "event": "b", "since": since}) == {
        "since": "the channel is subscribed already"
    }
    reply = await client.call("subscribe", {"channel": "x", "event": "c"})
    assert reply["response"] == {"subscribed": {"x": ["a", "c"]}}
    await client.call("unsubscribe", {"channel": "x"})
    reply = await client.call("subscribe", {"channel": "x", "since": since})
    assert reply["response"]["recovered"] is False


@pytest.mark.parametrize("event", [{}, {"event": None}, {"event": ""}, {"event": "a\nb"}])
@pytest.mark.parametrize("data", [None, 42, 1.5, True, "NULL", [], {"a": [None]}])
async def test_publish_answers_with_the_event_as_it_was_given(
    serve: Any, event: Any, data: Any
) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})
    reply = await client.call("publish", {"channel": "x", "data": data, **event})
    assert reply["response"] == {"channel": "x", "event": event.get("event"), "data": data}
    name = event.get("event") or ""
    assert await client.recv() == {"channel": "x", "event": name, "data": data}


async def test_the_broker_is_given_the_empty_name_for_none(serve: Any) -> None:
    published = []

    class Broker(LocalBroker):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            published.append((channel, event, body))

    client = await (await serve(View, Broker())).connect()
    await client.call("publish", {"channel": "x", "data": 1})
    await client.call("publish", {"channel": "x", "event": "a", "data": 1})
    assert published == [("x", "", 1), ("x", "a", 1)]


@pytest.mark.parametrize("name", ["wsrpc.", "wsrpc.gap", "wsrpc.position", "wsrpc.mine"])
async def test_reserved_names_are_refused(serve: Any, name: str) -> None:
    client = await (await serve(View)).connect()
    await client.call("subscribe", {"channel": "x"})
    assert list(await errors(client, "publish", {"channel": "x", "event": name, "data": 1})) == [
        "event"
    ]
    for near in ("wsrpc", "Wsrpc.gap", "xwsrpc.gap"):
        assert "response" in await client.call(
            "publish", {"channel": "x", "event": near, "data": 1}
        )


@pytest.mark.parametrize(
    ("method", "payload", "fields"),
    [
        ("subscribe", None, ["channel"]),
        ("subscribe", {"channel": 1, "event": 2}, ["channel", "event"]),
        ("subscribe", {"channel": "x", "evnet": "oops"}, ["evnet"]),
        ("subscribe", {"channel": "x", "event": []}, ["event"]),
        ("subscribe", {"channel": "x", "event": ["a", 1, None]}, ["event"]),
        ("subscribe", {"channel": "x", "since": {}}, ["since"]),
        ("subscribe", {"channel": "x", "since": {"epoch": "e", "offset": 1.5}}, ["since"]),
        ("subscribe", {"channel": "x", "since": 5}, ["since"]),
        ("unsubscribe", {"chanel": "x"}, ["chanel", "channel"]),
        ("unsubscribe", {"channel": "x", "since": None}, ["since"]),
        ("unsubscribe", {"channel": None, "event": {}}, ["channel", "event"]),
        ("publish", {}, ["channel", "data"]),
        ("publish", {"channel": "x"}, ["data"]),
        ("publish", {"channel": "x", "event": 1, "data": 1}, ["event"]),
        ("publish", {"channel": "x", "event": ["a"], "data": 1}, ["event"]),
        ("publish", {"channel": "x", "data": 1, "Event": "a"}, ["Event"]),
    ],
)
async def test_every_wrong_field_of_a_payload_is_told_and_nothing_happens(
    serve: Any, method: str, payload: Any, fields: list[str]
) -> None:
    server = await serve(View)
    client = await server.connect()
    assert sorted(await errors(client, method, payload)) == fields
    assert server.broker.server_info()["channels"] == {}


async def test_a_malformed_pattern_is_refused_before_any_side_effect(serve: Any) -> None:
    asked = []

    class Broker(LocalBroker):
        async def subscribe(self, channel: str) -> None:
            asked.append(channel)

    server = await serve(View, Broker())
    client = await server.connect()
    assert await errors(client, "subscribe", {"channel": "x", "event": "[z-a]"}) == {
        "event": "the range z-a in '[z-a]' ends before it starts"
    }
    assert await errors(client, "subscribe", {"channel": "x", "event": ["a", "[", "b", "\\"]}) == {
        "event": {
            "1": "the [ at position 0 of '[' is not closed",
            "3": "nothing follows the backslash at the end of '\\\\'",
        }
    }
    assert asked == []
    assert server.broker.server_info() == {"connections": 1, "channels": {}}


class Limited(View):
    """A view with small limits."""

    limits = Limits(subscriptions=3, channel_length=4, event_length=4, pattern_length=4)


async def test_what_is_too_long_is_refused_with_the_field_the_limit_and_its_value(
    serve: Any,
) -> None:
    client = await (await serve(Limited)).connect()
    for method in ("subscribe", "publish"):
        payload = {"channel": "abcde"} | ({"data": 1} if method == "publish" else {})
        assert await errors(client, method, payload) == {
            "channel": "longer than channel_length (4)"
        }
    too_long = "longer than pattern_length (4)"
    assert await errors(client, "subscribe", {"channel": "x", "event": "abcde"}) == {
        "event": too_long
    }
    assert await errors(client, "subscribe", {"channel": "x", "event": ["a", "abcde"]}) == {
        "event": {"1": too_long}
    }
    payload = {"channel": "x", "event": "abcde", "data": 1}
    assert await errors(client, "publish", payload) == {"event": "longer than event_length (4)"}
    assert "response" in await client.call("subscribe", {"channel": "abcd", "event": "abcd"})
    payload = {"channel": "abcd", "event": "abcd", "data": 1}
    assert "response" in await client.call("publish", payload)


async def test_subscriptions_count_pairs_of_channel_and_pattern(serve: Any) -> None:
    server = await serve(Limited)
    client = await server.connect()
    full = {"channel": "more than subscriptions (3)"}
    assert await errors(client, "subscribe", {"channel": "x", "event": list("abcd")}) == full
    assert server.broker.server_info()["channels"] == {}
    await client.call("subscribe", {"channel": "x", "event": ["a", "b"]})
    assert await errors(client, "subscribe", {"channel": "y", "event": ["a", "b"]}) == full
    await client.call("subscribe", {"channel": "y"})
    assert await errors(client, "subscribe", {"channel": "x", "event": ["a", "c"]}) == full
    reply = await client.call("subscribe", {"channel": "x", "event": ["a", "b"]})
    assert subscribed(reply) == {"x": ["a", "b"]}
    await client.call("unsubscribe", {"channel": "x", "event": "a"})
    assert "response" in await client.call("subscribe", {"channel": "z"})


async def test_subscriptions_made_at_once_do_not_pass_the_limit_together(serve: Any) -> None:
    asked: list[str] = []
    all_asked = asyncio.Event()

    class Broker(LocalBroker):
        async def subscribe(self, channel: str) -> None:
            asked.append(channel)
            if len(asked) == 6:
                all_asked.set()
            await all_asked.wait()

    server = await serve(Limited, Broker())
    client = await server.connect()
    for index in range(6):
        await client.send({"id": index, "method": "subscribe", "payload": {"channel": f"c{index}"}})
    replies = [await client.recv() for _ in range(6)]
    assert sum("response" in reply for reply in replies) == 3
    assert len(server.broker.server_info()["channels"]) == 3


@pytest.mark.parametrize(
    ("error", "code", "fields"),
    [
        (CannotSubscribe("why"), -32602, {"channel": "Invalid channel"}),
        (CannotPublish("why"), -32602, {"channel": "Cannot publish to channel"}),
        (ConnectionError("inside"), -32004, None),
        (BrokerUnavailable(), -32004, None),
        (ValueError("inside"), -32603, None),
    ],
)
@pytest.mark.parametrize("hook", ["subscribe", "subscribe_to_event", "publish"])
async def test_what_a_hook_raises_is_the_answer_and_nothing_stays(
    serve: Any, hook: str, error: Exception, code: int, fields: Any, reported: Any
) -> None:
    class Broker(LocalBroker):
        async def fail(self, *args: Any) -> None:
            raise error

    setattr(Broker, hook, Broker.fail)
    server = await serve(View, Broker())
    client = await server.connect()
    payload: dict[str, Any] = {"channel": "x", "event": "a"}
    if hook == "publish":
        payload["data"] = 1
    reply = await client.call("publish" if hook == "publish" else "subscribe", payload)
    assert reply["error"]["code"] == code
    assert reply["error"].get("errors") == fields
    assert "inside" not in str(reply)
    assert server.broker.server_info() == {"connections": 1, "channels": {}}
    assert [failure.exception for failure in reported] == [error] * (code != -32602)


async def test_unsubscribing_succeeds_when_the_backend_fails(serve: Any, reported: Any) -> None:
    class Broker(LocalBroker):
        async def unsubscribe(self, channel: str) -> None:
            raise ConnectionError

    server = await serve(View, Broker())
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})
    reply = await client.call("unsubscribe", {"channel": "x"})
    assert reply["response"] == {"subscribed": {}}
    await server.broker.publish("x", "a", 1)
    reply = await client.call("subscribe", {"channel": "x"})
    assert subscribed(reply) == {"x": ["*"]}
    await server.broker.publish("x", "a", 2)
    assert (await client.recv())["data"] == 2
    assert len(reported) == 1


async def test_a_gap_is_an_event_with_null_whatever_the_pattern(serve: Any) -> None:
    server = await serve(View)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x", "event": "a"})
    await server.broker.channels.gap("x")
    assert await client.recv() == {"channel": "x", "event": "wsrpc.gap", "data": None}


class Overriding(View):
    """A view that changes what is built in."""

    async def ws_rpc_subscribe(self, payload) -> Any:  # type: ignore[no-untyped-def]
        """Subscribe, and say so: what is not annotated has the type of the mixin."""
        assert isinstance(payload, SubscribePayload)
        return {**await super().ws_rpc_subscribe(payload), "hello": True}

    async def ws_rpc_unsubscribe(self, payload: dict[str, Any]) -> Any:
        """Unsubscribe with a payload of one's own."""
        return await super().ws_rpc_unsubscribe({"channel": payload["room"]})  # type: ignore[arg-type]

    async def ws_rpc_publish(self, payload: PublishPayload) -> Any:
        """Publish somewhere else."""
        payload.channel = "there"
        return await super().ws_rpc_publish(payload)

    def get_publish_message(self, data: Any) -> Any:
        return {"from": "me", "text": data}


async def test_a_view_may_override_the_methods_and_call_super(serve: Any) -> None:
    server = await serve(Overriding)
    client = await server.connect()
    reply = await client.call("subscribe", {"channel": "there"})
    assert reply["response"] == {"subscribed": {"there": ["*"]}, "hello": True}
    reply = await client.call("publish", {"channel": "x", "event": "a", "data": "hi"})
    assert reply["response"] == {"channel": "there", "event": "a", "data": "hi"}
    assert (await client.recv())["data"] == {"from": "me", "text": "hi"}
    assert list(await errors(client, "subscribe", {"channel": "x", "evnet": 1})) == ["evnet"]
    reply = await client.call("unsubscribe", {"room": "there"})
    assert reply["response"] == {"subscribed": {}}


async def test_the_mixins_are_independent(serve: Any) -> None:
    class OnlyPublish(Publish, WsPathMixin, ApiPath):
        pass

    client = await (await serve(OnlyPublish)).connect()
    assert "response" in await client.call("publish", {"channel": "x", "data": 1})
    for method in ("subscribe", "unsubscribe", "server_info", "info"):
        assert (await client.call(method, {"channel": "x"}))["error"]["code"] == -32601


@pytest.mark.parametrize("method", ["subscribe", "unsubscribe"])
async def test_more_patterns_than_a_connection_may_have_cost_nothing(
    serve: Any, method: str
) -> None:
    client = await (await serve(View)).connect()
    patterns = [f"{number:x}*[ab" for number in range(60_000)]

    reply = await client.call(method, {"channel": "x", "event": patterns})

    if method == "subscribe":
        assert reply["error"]["errors"] == {"channel": "more than subscriptions (128)"}
    else:
        assert reply["response"] == {"subscribed": {}}
    many = await client.call("subscribe", {"channel": "x", "event": ["a", "b"] * 100})
    assert many["response"] == {"subscribed": {"x": ["a", "b"]}}
