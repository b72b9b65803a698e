"""One connection in a channel with history: what it missed, what it is told, in which order."""

from __future__ import annotations

import asyncio
import json

from wsrpc import PastEvent, Position
from wsrpc.channel import ChannelEvent

from .tracked import LARGE, Hiding, Subscriber, call, recovering


async def test_missed_events_come_behind_the_reply_and_before_the_live_ones() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.publish("a")
    assert subscriber.recover(9, 10)
    subscriber.publish("a")
    assert subscriber.sent == []
    subscriber.reply(first)
    subscriber.publish("a")
    assert subscriber.sent == ["reply 1", 9, 10, 11, 12, 13]
    assert subscriber.outbox.held == 0
    assert subscriber.membership.since == Position("E", 10)


async def test_without_all_of_them_the_live_ones_come_alone() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.publish("a")
    assert not subscriber.membership.recover(None)
    assert subscriber.sent == []
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 11]


async def test_missed_events_that_match_no_pattern_or_are_hidden_do_not_come() -> None:
    first = call()
    subscriber = recovering(first, "a", "secret", view=Hiding())
    events = [PastEvent(8, "b", b"1"), PastEvent(9, "secret", b"1"), PastEvent(10, "a", b"1")]
    assert subscriber.membership.recover(events)
    subscriber.publish("secret")
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 10]


async def test_more_missed_events_than_an_outbox_holds_do_not_make_a_client_slow() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.transport.stalled = True
    events = [
        PastEvent(9, "a", json.dumps(LARGE).encode()),
        PastEvent(10, "a", b'"%b"' % (b"y" * 600)),
    ]
    assert subscriber.membership.recover(events)
    subscriber.reply(first)
    for _ in range(4):
        await asyncio.sleep(0)
    assert subscriber.slow == 0
    assert subscriber.sent == ["reply 1", 9, 10]


async def test_a_call_that_fails_takes_what_was_missed_along() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.recover(9, 10)
    first.undo()
    assert subscriber.left == 1
    assert subscriber.sent == []
    assert not subscriber.membership.recover(())


async def test_what_another_call_made_outlives_a_recovery_that_fails() -> None:
    first, second = call(1), call(2)
    subscriber = recovering(first, "a")
    subscriber.subscribe("b", call=second)
    subscriber.publish("b")
    subscriber.publish("a")
    subscriber.reply(second)
    assert subscriber.sent == ["reply 2"]
    first.undo()
    assert subscriber.sent == [11]
    assert subscriber.left == 0


async def test_what_counts_at_once_goes_on_when_the_recovery_fails() -> None:
    first = call()
    subscriber = recovering(first, "a")
    subscriber.subscribe("a")
    subscriber.publish("a")
    assert subscriber.sent == []
    first.undo()
    subscriber.publish("a")
    assert subscriber.sent == [11, 12]


async def test_events_of_another_call_wait_for_what_was_missed() -> None:
    first, second = call(1), call(2)
    subscriber = recovering(first, "a")
    subscriber.subscribe("b", call=second)
    subscriber.reply(second)
    subscriber.publish("b")
    assert subscriber.sent == ["reply 2"]
    assert subscriber.recover(9, 10)
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 9, 10, 11]


async def test_an_unsubscription_during_the_recovery_ends_it() -> None:
    """The events that count already go out first, so that nothing may come before them."""
    first, second = call(1), call(2)
    subscriber = recovering(first, "a")
    subscriber.subscribe("b", call=second)
    subscriber.reply(second)
    subscriber.publish("b")
    subscriber.membership.remove(["b"])
    assert subscriber.sent == ["reply 2", 11]
    assert not subscriber.recover(9, 10)
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", "gap E:11"]


async def test_leaving_ends_the_recovery() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.publish("a")
    subscriber.membership.remove(None)
    assert not subscriber.membership.is_recovering(first)
    assert not subscriber.recover(9, 10)
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1"]
    assert subscriber.outbox.held == 0


async def test_more_live_events_than_can_be_held_back_end_the_recovery() -> None:
    first = call()
    subscriber = recovering(first)
    for _ in range(3):
        subscriber.publish("a", LARGE)
    assert not subscriber.recover(9, 10)
    assert subscriber.membership.since == Position("E", 13)
    subscriber.publish("a")
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 14]


async def test_a_gap_waits_for_the_reply_that_tells_a_position_before_it() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=first)
    subscriber.gap(20, "F")
    subscriber.remind()
    assert subscriber.sent == []
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", "gap F:20"]
    assert subscriber.outbox.held == 0


async def test_a_gap_or_a_position_is_told_at_once() -> None:
    subscriber = Subscriber()
    subscriber.subscribe("a")
    subscriber.gap(12)
    subscriber.remind()
    assert subscriber.sent == ["gap E:12", "position E:10"]


async def test_a_gap_in_front_of_the_end_is_no_longer_told() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("b", call=first)
    subscriber.gap()
    first.undo()
    assert subscriber.sent == []
    assert subscriber.outbox.held == 0


async def test_what_the_client_had_elsewhere_does_not_come_again() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.publish("a")
    subscriber.gap()
    subscriber.publish("a")
    subscriber.publish("a")
    assert subscriber.membership.skip(Position("E", 12))
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 13]
    assert subscriber.membership.since == Position("E", 12)
    assert subscriber.outbox.held == 0


async def test_an_event_without_an_offset_and_a_later_gap_are_not_skipped() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.membership.deliver(ChannelEvent("news", "own", 1))
    subscriber.publish("a")
    subscriber.publish("a")
    subscriber.gap()
    assert subscriber.membership.skip(Position("E", 11))
    subscriber.reply(first)
    subscriber.outbox.flush()
    assert b'"own"' in subscriber.transport.written
    subscriber.transport.written = subscriber.transport.written.partition(b'"data":1}')[2]
    assert subscriber.sent == [12, "gap E:12"]


async def test_a_position_that_the_channel_never_reached_is_not_recovered() -> None:
    first = call()
    subscriber = recovering(first)
    subscriber.publish("a")
    assert not subscriber.membership.skip(Position("E", 12))
    assert subscriber.membership.since == Position("E", 10)
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", 11]


async def test_patterns_of_no_call_count_at_once() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a", call=first)
    subscriber.publish("a")
    subscriber.subscribe("a")
    assert subscriber.sent == [11]
    assert subscriber.membership.position == Position("E", 11)


async def test_leaving_takes_the_reminder_along() -> None:
    subscriber = Subscriber()
    subscriber.subscribe("a", "b")
    subscriber.membership.remove(["a"])
    assert subscriber.membership in subscriber.channel.reminders._subscribers  # type: ignore[union-attr]
    subscriber.membership.remove(None)
    assert subscriber.channel.reminders is not None
    assert not subscriber.channel.reminders._subscribers
