"""What one connection in a channel with history loses, and when it is told."""

from __future__ import annotations

import asyncio

from wsrpc import Websocket
from wsrpc.channel import ChannelEvent
from wsrpc.recovery import TrackedMembership

from .tracked import LARGE, Subscriber, call, recovering


async def test_what_another_call_lost_by_that_is_told() -> None:
    first, second = call(1), call(2)
    subscriber = recovering(first, "a")
    subscriber.subscribe("b", call=second)
    subscriber.reply(second)
    for _ in range(3):
        subscriber.publish("b", LARGE)
    assert not subscriber.recover(9, 10)
    subscriber.reply(first)
    assert subscriber.sent == ["reply 2", "reply 1", "gap E:13"]


async def test_events_that_could_not_be_held_back_are_told_behind_the_reply() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("*", call=first)
    subscriber.publish("a", LARGE)
    subscriber.publish("a", LARGE)
    subscriber.publish("a")  # there is room for it, but not in front of what is lost
    subscriber.reply(first)
    subscriber.publish("a")
    assert subscriber.sent == ["reply 1", 11, "gap E:13", 14]


async def test_what_counts_goes_on_though_what_waits_in_front_is_lost() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=first)
    subscriber.publish("b", LARGE)
    subscriber.publish("a", LARGE)
    subscriber.publish("a")
    assert subscriber.sent == [12, 13]
    subscriber.publish("b")
    subscriber.publish("a")
    assert subscriber.sent == [15]
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", "gap E:15"]
    subscriber.publish("b")
    assert subscriber.sent == [16]


async def test_what_an_unsubscription_drops_is_told() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a", "c")
    subscriber.subscribe("b", call=first)
    subscriber.publish("b")
    subscriber.publish("a")
    subscriber.publish("b")
    subscriber.membership.remove(["a"])
    assert subscriber.sent == [12]
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 13, "gap E:13"]


async def test_a_consumer_that_lost_events_is_told_when_it_has_caught_up() -> None:
    subscriber = Subscriber(policy="drop")
    subscriber.subscribe("*")
    subscriber.transport.stalled = True
    subscriber.publish("a", LARGE)
    subscriber.publish("a", LARGE)
    for _ in range(4):
        await asyncio.sleep(0)
    subscriber.publish("a")
    subscriber.gap()
    subscriber.remind()
    subscriber.transport.stalled = False
    assert subscriber.sent == [11, 12]
    subscriber.publish("a")
    subscriber.publish("a")
    assert subscriber.sent == ["gap E:13", 14, 15]


async def test_a_consumer_that_lost_events_is_told_in_place_of_a_position() -> None:
    subscriber = Subscriber(policy="drop")
    subscriber.subscribe("*")
    subscriber.transport.stalled = True
    subscriber.publish("a", LARGE)
    subscriber.publish("a", LARGE)
    for _ in range(4):
        await asyncio.sleep(0)
    subscriber.publish("a")
    subscriber.transport.stalled = False
    assert subscriber.sent == [11, 12]
    subscriber.remind()
    subscriber.remind()
    assert subscriber.sent == ["gap E:13", "position E:13"]


async def test_a_consumer_that_lost_events_is_told_before_one_without_an_offset() -> None:
    subscriber = Subscriber(policy="drop")
    subscriber.subscribe("*")
    subscriber.transport.stalled = True
    subscriber.publish("a", LARGE)
    subscriber.publish("a", LARGE)
    for _ in range(4):
        await asyncio.sleep(0)
    subscriber.gap()
    subscriber.transport.stalled = False
    assert subscriber.sent == [11, 12]
    subscriber.membership.deliver(ChannelEvent("news", "own", {"epoch": "own", "offset": 0}))
    assert subscriber.sent == ["gap E:12", "own own:0"]


async def test_events_that_were_held_back_and_then_dropped_are_told() -> None:
    subscriber, first = Subscriber(policy="drop"), call()
    subscriber.subscribe("*")
    subscriber.transport.stalled = True
    subscriber.publish("a", LARGE)
    subscriber.publish("a", LARGE)
    for _ in range(4):
        await asyncio.sleep(0)
    subscriber.membership.remove(["*"])
    again = Subscriber.__new__(Subscriber)
    again.__dict__.update(subscriber.__dict__)
    again.membership = TrackedMembership(
        Websocket(), again.channel, again.outbox, again.on_left, again.on_count
    )
    again.subscribe("a", call=first)
    again.publish("a")
    again.reply(first)
    again.transport.stalled = False
    assert again.sent == [11, 12, "reply 1"]
    again.publish("a")
    assert again.sent == ["gap E:13", 14]


async def test_events_that_an_unsubscription_lets_go_and_are_dropped_are_told() -> None:
    subscriber, first = Subscriber(policy="drop"), call()
    subscriber.subscribe("a", "c")
    subscriber.subscribe("b", call=first)
    subscriber.transport.stalled = True
    subscriber.publish("c", LARGE)
    subscriber.publish("c", LARGE)
    for _ in range(4):
        await asyncio.sleep(0)
    subscriber.publish("b")
    subscriber.publish("a")
    subscriber.membership.remove(["a"])
    subscriber.transport.stalled = False
    assert subscriber.sent == [11, 12]
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", "gap E:14"]


async def test_an_event_that_goes_out_past_what_is_lost_may_be_dropped_too() -> None:
    subscriber, first = Subscriber(policy="drop"), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=first)
    subscriber.transport.stalled = True
    subscriber.publish("a", LARGE)
    subscriber.publish("a", LARGE)
    for _ in range(4):
        await asyncio.sleep(0)
    subscriber.publish("b", LARGE)
    subscriber.publish("a", LARGE)
    subscriber.transport.stalled = False
    assert subscriber.sent == [11, 12]
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", "gap E:14"]
