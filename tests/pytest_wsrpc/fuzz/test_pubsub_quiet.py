"""The phase ``pubsub`` and its check: what is left alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_wsrpc.fuzz.case import parse
from pytest_wsrpc.fuzz.conversation import Advance, Connect, Conversation, Settle
from pytest_wsrpc.fuzz.delivery import FROM, pubsub
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.publishing import SEEN, Seen
from pytest_wsrpc.fuzz.record import Happening, Record
from wsrpc import LocalBroker, RpcError, Websocket
from wsrpc.pubsub import PublishPayload, Subscribed, SubscribePayload
from wsrpc.rpc import methods_of

from .talking import TALK, Direct, Plain, failures_of, only, say


@pytest.mark.parametrize("latency", [0.0, 0.5])
def test_a_broker_that_keeps_the_contract_is_left_alone(latency: float) -> None:
    assert failures_of(Plain, LocalBroker, *TALK, latency=latency) == []
    assert failures_of(Plain, Direct, *TALK) == []


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
