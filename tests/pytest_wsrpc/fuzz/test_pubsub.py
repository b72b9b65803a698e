"""The phase ``pubsub`` and its check: what is told, and what is left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc.fuzz import delivery, target
from pytest_wsrpc.fuzz.case import parse
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Call,
    Connect,
    Conversation,
    Disconnect,
    Settle,
    Step,
)
from pytest_wsrpc.fuzz.delivery import FROM, pubsub
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.growth import small_heap
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.phases.pubsub import PHASE
from pytest_wsrpc.fuzz.publishing import SEEN, Seen
from pytest_wsrpc.fuzz.record import Happening, Record
from pytest_wsrpc.fuzz.serving import Host
from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    LocalBroker,
    Publish,
    RpcError,
    SocketsManager,
    Subscribe,
    Websocket,
    WsPathMixin,
)
from wsrpc.pubsub import PublishPayload, Subscribed, SubscribePayload, UnsubscribePayload
from wsrpc.rpc import methods_of


class Plain(ApiPath, WsPathMixin, Subscribe, Publish):
    """Nothing but the built-in methods."""


def say(client: int, method: str, channel: Any = "news", *, wait: bool = True, **rest: Any) -> Any:
    return SimpleNamespace(
        client=client, method=method, payload={"channel": channel, **rest}, wait=wait
    )


def failures_of(
    view: type[Any], broker: type[SocketsManager], *steps: Any, latency: float | None = None
) -> list[CheckFailure]:
    """Play steps on an application of this view and broker, and judge."""

    def create_app() -> web.Application:
        app = web.Application()
        app.router.add_view("/stream", view)
        broker.for_app(app, *([] if latency is None else [latency]))
        return app

    methods = methods_of(view)
    endpoint = Endpoint("/stream", view, methods)
    made: list[Step] = []
    for number, step in enumerate(steps):
        if isinstance(step, SimpleNamespace):
            step = Call(step.client, number, methods[step.method], step.payload, step.wait)
        made.append(step)
    host = Host(target.of_value(create_app, "the test"))
    try:
        conversation = Conversation(endpoint, tuple(made))
        with small_heap():
            record = host.run(PHASE.play(host, conversation, "/stream", (), 5.0))
    finally:
        host.close()
    return judge(record, frozenset(), Path.cwd())


def only(failures: list[CheckFailure]) -> CheckFailure:
    (failure,) = failures
    return failure


class Direct(SocketsManager):
    """A backend that delivers at once."""

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        await self.channels(channel, {"event": event, "data": body})


TALK = (
    say(1, "subscribe"),
    say(2, "publish", event="tick", data="token-1"),
    say(2, "publish", event="tick", data=None),
    say(2, "publish", event="tick", data=None),
    say(1, "unsubscribe"),
    say(2, "publish", event="tick", data="token-2"),
    Disconnect(1),
    say(1, "subscribe", event=["t*", "x"]),
    say(2, "publish", event="tick", data={"id": "token-3"}),
    say(1, "unsubscribe", event="t*"),
)


@pytest.mark.parametrize("latency", [0.0, 0.5])
def test_a_broker_that_keeps_the_contract_is_left_alone(latency: float) -> None:
    assert failures_of(Plain, LocalBroker, *TALK, latency=latency) == []
    assert failures_of(Plain, Direct, *TALK) == []


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


def test_events_in_another_order_are_told() -> None:
    class Reversed(Direct):
        waiting: Any = None

        async def publish(self, channel: str, event: str, body: Any) -> None:
            if self.waiting is None:
                self.waiting = (channel, event, body)
            else:
                await super().publish(channel, event, body)
                await super().publish(*self.waiting)

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


def test_what_a_connection_gets_without_asking_is_left_alone() -> None:
    class Chatty(Plain):
        async def on_connect(self) -> None:
            await super().on_connect()
            self.telling = asyncio.create_task(self.tell())

        async def tell(self) -> None:
            for number in range(3):
                await asyncio.sleep(0.5)
                await self.send_event("news", "tick", number)

        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
            if payload.channel == "closed":
                await self.send_event("closed", "sorry", 1)
            raise RpcError(7, "closed")

    steps = (Connect(1), Advance(0.6), say(1, "subscribe"), say(1, "subscribe", "closed"))
    assert failures_of(Chatty, Direct, *steps) == []


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


@pytest.mark.parametrize(
    "answer", [{"subscribed": 1}, {"subscribed": {"news": 1}}, {"subscribed": {"news": ["*", "x"]}}]
)
def test_a_method_of_the_applications_own_may_answer_in_its_own_way(answer: Any) -> None:
    class Own(Plain):
        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Any:
            await super().ws_rpc_subscribe(payload)
            return answer

    steps = (say(1, "subscribe"), say(2, "publish", event="tick", data="token-1"))
    assert failures_of(Own, Direct, *steps) == []


def test_a_subscription_that_is_not_acknowledged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Plain):
        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Any:
            return {"subscribed": {}}

    failure = only(failures_of(Silent, Direct, say(1, "subscribe")))
    assert failure.key == "acknowledged"
    monkeypatch.setattr(delivery, "is_overridden", lambda view, name: False)
    failure = only(failures_of(Silent, Direct, say(1, "subscribe")))
    assert failure.key == "acknowledged"


def test_what_only_the_application_knows_is_not_judged() -> None:
    class Own(Plain):
        """Its methods subscribe, send and publish; some events are hidden and all rewritten."""

        def can_receive(self, channel: str, event: str) -> bool:
            return event != "draft"

        def get_publish_message(self, data: Any) -> Any:
            return {"by": "guest", "data": data}

        async def ws_rpc_follow(self, payload: dict[str, Any]) -> list[str]:
            await self.send_event("news", "tick", {"by": "guest", "data": "token-1"})
            return await self.subscribe("news")

        async def ws_rpc_revoke(self, payload: dict[str, Any]) -> None:
            for socket in list(self.sockets.sockets):
                await self.sockets.revoke(socket.socket_id, "news")

    steps: tuple[Any, ...] = (
        say(1, "subscribe"),
        say(3, "follow"),
        say(2, "publish", event="tick", data="token-1", wait=False),
        say(2, "publish", event="tick", data="token-1", wait=False),
        say(2, "publish", event="tick", data=0, wait=False),
        say(2, "publish", event="tick", data=[], wait=False),
        say(3, "subscribe", event="x"),
        say(2, "publish", event="draft", data="token-2"),
    )
    assert failures_of(Own, LocalBroker, *steps, latency=0.01) == []
    steps += (say(3, "revoke"), say(2, "publish", event="tick", data="token-3"))
    assert failures_of(Own, LocalBroker, *steps) == []


def test_data_that_a_backend_rewrites_is_known_by_its_token() -> None:
    class Stamping(Direct):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            for _ in range(1 + (body == "token-2")):
                await super().publish(channel, event, {"stamp": len(str(body)), "body": body})

    steps = (*TALK[:4], say(2, "publish", event="tick", data="token-1"))
    assert failures_of(Plain, Stamping, *steps) == []
    twice = only(
        failures_of(
            Plain, Stamping, say(1, "subscribe"), say(2, "publish", event="x", data="token-2")
        )
    )
    assert twice.key == "delivered again"


def test_a_publish_method_of_its_own_may_rename_and_answer_as_it_likes() -> None:
    class Renaming(Plain):
        async def ws_rpc_publish(self, payload: PublishPayload) -> Any:
            await self.sockets.publish("b", "renamed", payload.data)
            await self.channels("c", {"event": "mirrored", "data": payload.data})
            raise RpcError(7, "later")

    steps = (
        say(1, "subscribe", "b"),
        say(1, "subscribe", "c"),
        say(1, "subscribe", "a"),
        say(2, "publish", "a", event="tick", data="token-1"),
    )
    assert failures_of(Renaming, Direct, *steps) == []


def test_a_subscribe_method_of_its_own_may_show_the_past() -> None:
    class Replaying(Plain):
        async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
            answer = await super().ws_rpc_subscribe(payload)
            asyncio.get_running_loop().call_later(0.1, self.show, payload.channel)
            return answer

        def show(self, channel: str) -> None:
            self.showing = asyncio.ensure_future(self.send_event(channel, "tick", "token-1"))

    steps = (*TALK[:2], say(1, "subscribe", event="x"))
    assert failures_of(Replaying, Direct, *steps) == []


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


def test_what_is_left_once_is_left_alone() -> None:
    class First(Direct):
        kept: Any = None

        def remove(self, websocket: Websocket) -> None:
            self.kept = self.kept or websocket
            if self.kept is not websocket:
                super().remove(websocket)

    assert failures_of(Plain, First, say(1, "subscribe")) == []


def test_the_check_is_quiet_about_other_conversations() -> None:
    record: Any = SimpleNamespace(extra={})
    pubsub(record)
    assert FROM not in record.extra


def test_what_has_no_form_or_no_end_is_for_other_checks() -> None:
    class Slow(Direct):
        async def publish(self, channel: str, event: str, body: Any) -> None:
            await super().publish(channel, event, body)
            await asyncio.sleep(1e6)

    class Leaving(Plain):
        async def on_disconnect(self) -> None:
            await self.sockets.publish("news", "gone", 1)

    steps = (say(1, "subscribe", 5), say(1, "subscribe"), say(2, "publish", data=1))
    checks = [failure.check for failure in failures_of(Leaving, Slow, *steps)]
    assert checks == ["valid-accepted", "one-reply-in-time"]


def test_a_record_may_have_strays_and_events_without_form() -> None:
    endpoint = Endpoint("/stream", Plain, methods_of(Plain))
    record = Record(Conversation(endpoint, ()), 5.0)
    event = parse('{"channel": 1, "event": "a"}')
    record.trace = [
        Happening("event", 0.0, 1, message=event),
        Happening("connected", 0.0, 1),
        Happening("stray", 0.0, 1),
        Happening("event", 0.0, 1, message=event),
    ]
    record.extra = {FROM: 0, SEEN: Seen()}
    pubsub(record)


def test_what_is_published_as_the_connections_close_is_for_nobody() -> None:
    class Leaving(Plain):
        async def on_disconnect(self) -> None:
            await self.sockets.publish("news", "left", 1)

    assert failures_of(Leaving, LocalBroker, say(1, "subscribe"), say(2, "subscribe")) == []


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


class Signed(Plain):
    """What is published is not what the call says, and the first client is held up."""

    async def on_connect(self) -> None:
        self.is_first = not self.sockets.sockets

    async def authorize(self, action: str, channel: str, event: str) -> bool:
        if action == "publish" and self.is_first:
            await asyncio.sleep(0.01)
        return True

    def get_publish_message(self, data: Any) -> Any:
        return {"by": "somebody", "data": data}


def test_events_that_only_their_data_tell_apart_are_those_of_their_calls() -> None:
    overtaken = (
        say(1, "subscribe"),
        say(2, "subscribe"),
        say(1, "publish", event="tick", data={}, wait=False),
        say(2, "publish", event="tick", data=0, wait=False),
        say(2, "publish", event="tick.fast", data="token-1", wait=False),
        Settle(),
    )
    assert failures_of(Signed, Direct, *overtaken) == []
