"""The phase ``pubsub`` and its check: what is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc.fuzz import delivery
from pytest_wsrpc.fuzz.conversation import Advance, Connect
from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    LocalBroker,
    Subscribe,
    Websocket,
    WsPathMixin,
)
from wsrpc.pubsub import Subscribed, SubscribePayload, UnsubscribePayload

from .talking import TALK, Direct, Plain, failures_of, only, say


def test_an_event_that_is_lost_is_told_with_its_publish() -> None:
    class Truthy(Direct):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            if body:
                await super().publish(channel, event, body)

    failure = only(failures_of(Plain, Truthy, *TALK[:4]))
    assert (failure.check, failure.method, failure.key) == ("pubsub", "publish", "missing")
    assert "no such event" in str(failure)
    assert "    for one in client_1.unread" in failure.test
    assert failure.test[-1] == "assert events.count(('tick', None)) >= 1, events"


def test_of_equal_events_each_is_to_come() -> None:
    class Quiet(Direct):
        last: Any = ()

        async def publish(self, channel: str, event: str, body: Any) -> None:
            if (channel, event, body) != self.last:
                self.last = (channel, event, body)
                await super().publish(channel, event, body)

    failure = only(failures_of(Plain, Quiet, *TALK[:4]))
    assert failure.key == "missing"
    assert "it only 1 times" in str(failure)


def test_an_event_that_comes_twice_is_told() -> None:
    class Twice(Direct):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            await super().publish(channel, event, body)
            await super().publish(channel, event, body)

    failure = only(failures_of(Plain, Twice, *TALK[:2]))
    assert failure.key == "delivered again"
    assert failure.test[-1] == "assert events.count(('tick', 'token-1')) <= 1, events"


class Reversed(Direct):
    """Delivers the first two events the other way round."""

    waiting: Any = None

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if self.waiting is None:
            self.waiting = (channel, event, body)
        else:
            await super().publish(channel, event, body)
            await super().publish(*self.waiting)


def test_events_in_another_order_are_told() -> None:
    failure = only(
        failures_of(
            Plain,
            Reversed,
            say(1, "subscribe"),
            say(2, "publish", event="a", data="token-1"),
            say(2, "publish", event="b", data="token-2"),
        )
    )
    assert failure.key == "order"
    assert failure.test[-1] == "assert events != [('b', 'token-2'), ('a', 'token-1')]"


def test_an_event_on_another_channel_is_told() -> None:
    class Loose(Direct):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            for one in ("a", "ab"):
                if one.startswith(channel):
                    await super().publish(one, event, body)

    failure = only(
        failures_of(
            Plain,
            Loose,
            say(1, "subscribe", "ab"),
            say(2, "publish", "a", event="tick", data="token-1"),
        )
    )
    assert (failure.check, failure.key) == ("pubsub", "published")


def test_an_event_that_was_refused_must_not_come() -> None:
    class Hasty(Direct):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            await super().publish(channel, event, body)
            raise CannotPublish

    failure = only(failures_of(Plain, Hasty, *TALK[:2]))
    assert failure.key == "published"
    assert failure.test == ('assert "error" not in reply_1, "it was delivered"',)


def test_an_event_before_the_subscription_is_acknowledged_is_told() -> None:
    class Greeting(Plain):
        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
            await self.send_event(payload.channel, "hello", 1)
            return await super().ws_rpc_subscribe(payload)

    failure = only(failures_of(Greeting, Direct, say(1, "subscribe"), say(1, "subscribe", "b")))
    assert (failure.method, failure.call) == ("subscribe", 0)
    assert failure.key == "an event before the reply that acknowledges the subscription"


def test_an_event_after_the_end_of_the_subscription_is_told() -> None:
    class Ticking(Plain):
        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
            self.ticking = asyncio.create_task(self.tick(payload.channel))
            return await super().ws_rpc_subscribe(payload)

        async def tick(self, channel: str) -> None:
            await asyncio.sleep(1)
            await self.send_event(channel, "tick", 1)

    failure = only(failures_of(Ticking, Direct, say(1, "subscribe"), say(1, "unsubscribe")))
    assert failure.key == "an event after the reply that acknowledges the end of the subscription"


def test_a_pattern_that_stays_after_its_end_is_told() -> None:
    class Forgetful(Plain):
        async def ws_rpc_unsubscribe(self, payload: UnsubscribePayload) -> Subscribed:
            left = await self.unsubscribe(payload.channel, "*")
            return {"subscribed": {payload.channel: left} if left else {}}

    steps = (say(1, "subscribe", event=["a", "b"]), say(1, "unsubscribe", event="a"))
    failure = only(failures_of(Forgetful, Direct, *steps))
    assert (failure.method, failure.key) == ("unsubscribe", "acknowledged")
    failure = only(failures_of(Forgetful, Direct, steps[0], say(1, "unsubscribe")))
    assert failure.key == "acknowledged"
    assert failure.test == (
        "assert reply_1.get(\"response\") != {'subscribed': {'news': ['a', 'b']}}",
    )


def test_a_subscription_that_is_not_acknowledged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Plain):
        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Any:
            return {"subscribed": {}}

    failure = only(failures_of(Silent, Direct, say(1, "subscribe")))
    assert failure.key == "acknowledged"
    monkeypatch.setattr(delivery, "is_overridden", lambda view, name: False)
    failure = only(failures_of(Silent, Direct, say(1, "subscribe")))
    assert failure.key == "acknowledged"


class Lossy(Direct):
    """Loses every second event."""

    number = 0

    async def publish(self, channel: str, event: str, body: Any) -> None:
        self.number += 1
        if event == "fails":
            raise BrokerUnavailable
        if self.number % 2:
            await super().publish(channel, event, body)


class Counting(ApiPath, WsPathMixin, Subscribe):
    """Publishes only by a method of its own."""

    async def ws_rpc_count(self, payload: dict[str, Any]) -> None:
        await self.sockets.publish("news", "count", payload.get("number"))

    async def ws_rpc_fail(self, payload: dict[str, Any]) -> None:
        try:
            await self.sockets.publish("news", "fails", 1)
        except BrokerUnavailable:
            return

    async def ws_rpc_shout(self, payload: dict[str, Any]) -> None:
        await self.sockets.publish("none", "shout", object())


def test_what_the_application_publishes_itself_is_to_arrive_too() -> None:
    steps = (
        say(1, "subscribe"),
        say(2, "count", number=1),
        say(2, "fail"),
        say(2, "shout"),
        say(2, "count", number=5),
    )
    assert failures_of(Counting, Direct, *steps) == []
    failure = only(failures_of(Counting, Lossy, *steps[:2], *steps[4:]))
    assert (failure.method, failure.call, failure.key) == ("count", 2, "missing")


def test_what_the_application_publishes_itself_is_to_keep_its_order() -> None:
    steps = (say(1, "subscribe"), say(2, "count", number=1), say(2, "count", number=2))
    failure = only(failures_of(Counting, Reversed, *steps))
    assert (failure.method, failure.key) == ("count", "order")


def test_events_of_a_background_task_are_to_arrive_too() -> None:
    class Background(Lossy):
        async def start(self, app: web.Application | None = None) -> None:
            self.task = asyncio.create_task(self.work())

        async def work(self) -> None:
            await asyncio.sleep(1)
            for number in range(2):
                await self.publish("news", "count", number)

        async def close(self, app: web.Application | None = None) -> None:
            await super().close(app)
            self.task.cancel()

    failure = only(failures_of(Plain, Background, say(1, "subscribe")))
    assert failure.key == "missing"
    assert failures_of(Plain, Background, Connect(1), Advance(2)) == []


def test_connections_that_are_never_forgotten_are_told_without_any_call() -> None:
    class Clinging(Direct):
        def remove(self, websocket: Websocket) -> None:
            """Forget to forget."""

    failure = only(failures_of(Plain, Clinging, say(1, "subscribe")))
    assert (failure.check, failure.method) == ("nothing-left", None)


def test_what_comes_long_after_a_call_is_of_no_method() -> None:
    class Late(Plain):
        async def ws_rpc_remind(self, payload: Any) -> None:
            asyncio.get_running_loop().call_later(1, self.tell)

        def tell(self) -> None:
            self.task = asyncio.create_task(self.sockets.publish("news", "now", 1))

    class Losing(LocalBroker):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            """Tell nobody."""

    [failure] = failures_of(Late, Losing, say(2, "subscribe"), say(1, "remind"))
    assert (failure.check, failure.method, failure.call) == ("pubsub", None, None)
