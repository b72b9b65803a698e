"""One connection in one channel: what it is sent before, at and after the replies to its calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from wsrpc import Websocket
from wsrpc.calls import Call
from wsrpc.channel import GAP, Channel, ChannelEvent
from wsrpc.errors import CloseCode
from wsrpc.failures import Failure
from wsrpc.membership import Membership
from wsrpc.outbox import Outbox
from wsrpc.patterns import Pattern

LIMIT = 1000


class Transport(asyncio.Transport):
    """Takes everything, and keeps it where asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.stalled = False

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written) if self.stalled else 0

    def is_closing(self) -> bool:
        return False


class View(Websocket):
    """A view whose connection only notes that it was closed."""

    def __init__(self) -> None:
        self.closed_with: list[int] = []

    def _close(self, code: int, reason: str = "") -> None:
        self.closed_with.append(code)


class Hiding(View):
    """A view that hides secrets, and fails to decide about ``odd``."""

    def can_receive(self, channel: str, event: str) -> bool:
        if event == "odd":
            raise LookupError(event)
        return event != "secret"


class Subscriber:
    """A membership with all that it needs."""

    def __init__(self, view: View | None = None, policy: Any = "close") -> None:
        self.view = view or View()
        self.slow = 0
        self.transport = Transport()
        self.outbox = Outbox(asyncio.get_running_loop(), LIMIT, policy, self.on_slow)
        self.outbox.open(self.transport)
        self.channel = Channel("news")
        self.left = self.patterns = 0
        self.membership = Membership(
            self.view, self.channel, self.outbox, self.on_left, self.on_count
        )

    def on_slow(self) -> None:
        self.slow += 1

    def on_left(self, membership: Membership) -> None:
        assert membership is self.membership
        self.left += 1

    def on_count(self, change: int) -> None:
        self.patterns += change
        assert self.patterns == len(self.membership)

    def subscribe(self, *patterns: str, call: Call | None = None) -> None:
        self.membership.add([Pattern(text) for text in patterns], call)

    def publish(self, name: str, data: Any = None) -> None:
        event = ChannelEvent("news", name, data)
        for member in self.channel.targets(name):
            member.deliver(event)

    def gap(self) -> None:
        self.membership.tell_gap(ChannelEvent("news", GAP, None))

    def reply(self, call: Call) -> None:
        call.answered = True
        self.outbox.put(b'{"event":"reply %d"}' % call.id)  # type: ignore[str-bytes-safe]
        for made in call.made:
            made.acknowledge(call)

    @property
    def sent(self) -> list[str]:
        """The names of the events that went out, replies among them."""
        self.outbox.flush()
        rest, names = self.transport.written, []
        while rest:
            size, start = rest[1], 2
            if size == 126:
                size, start = int.from_bytes(rest[2:4], "big"), 4
            names.append(json.loads(rest[start : start + size])["event"])
            rest = rest[start + size :]
        return names


def call(id: int = 1) -> Call:
    return Call(id, "subscribe", 0.0)


async def turns() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def test_events_go_out_after_the_reply_to_their_subscription_in_order() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("*", call=first)
    subscriber.publish("a")
    subscriber.publish("b")
    assert subscriber.sent == []
    assert subscriber.outbox.held > 0
    subscriber.reply(first)
    subscriber.publish("c")
    assert subscriber.sent == ["reply 1", "a", "b", "c"]
    assert subscriber.outbox.held == 0


async def test_a_subscription_outside_of_a_call_counts_at_once() -> None:
    subscriber = Subscriber()
    subscriber.subscribe("a", "b")
    subscriber.publish("a")
    subscriber.publish("b")
    subscriber.publish("c")
    assert subscriber.sent == ["a", "b"]
    assert subscriber.membership.patterns == ["a", "b"]
    assert subscriber.membership.missing([Pattern("b"), Pattern("c")]) == 1


async def test_a_connection_gets_an_event_once_however_many_of_its_patterns_match() -> None:
    subscriber = Subscriber()
    subscriber.subscribe("*", "a", "a*", "[a]", "?")
    subscriber.subscribe("a")
    subscriber.publish("a")
    assert subscriber.sent == ["a"]


async def test_a_pattern_that_waits_does_not_hold_up_what_an_acknowledged_one_matches() -> None:
    subscriber, second = Subscriber(), call()
    subscriber.subscribe("a*")
    subscriber.subscribe("*b", call=second)
    subscriber.publish("a")
    subscriber.publish("ab")
    assert subscriber.sent == ["a", "ab"]


async def test_the_order_of_the_channel_is_kept_behind_an_event_that_waits() -> None:
    subscriber, second = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=second)
    for name in "bab":
        subscriber.publish(name)
    assert subscriber.sent == []
    subscriber.reply(second)
    assert subscriber.sent == ["reply 1", "b", "a", "b"]


async def test_a_call_that_fails_takes_its_patterns_and_their_events_along() -> None:
    subscriber, second = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=second)
    for name in "bab":
        subscriber.publish(name)
    subscriber.membership.withdraw(second)
    assert subscriber.sent == ["a"]
    assert subscriber.membership.patterns == ["a"]
    assert subscriber.outbox.held == 0
    subscriber.publish("b")
    assert subscriber.sent == ["a"]


async def test_the_membership_ends_with_its_last_pattern() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a", "b", call=first)
    subscriber.publish("a")
    subscriber.membership.withdraw(first)
    assert subscriber.left == 1
    assert subscriber.sent == []
    assert subscriber.outbox.held == 0
    assert not subscriber.channel
    subscriber.membership.acknowledge(first)
    subscriber.membership.withdraw(first)
    assert (subscriber.left, subscriber.sent) == (1, [])


async def test_a_failed_call_leaves_what_another_subscribed() -> None:
    subscriber, first, second = Subscriber(), call(1), call(2)
    subscriber.subscribe("mine")
    subscriber.subscribe("both", "mine", call=first)
    subscriber.subscribe("both", call=second)
    subscriber.publish("both")
    subscriber.membership.withdraw(first)
    assert subscriber.membership.patterns == ["both", "mine"]
    assert subscriber.sent == []
    subscriber.reply(second)
    assert subscriber.sent == ["reply 2", "both"]
    subscriber.membership.withdraw(second)
    assert subscriber.membership.patterns == ["both", "mine"]


async def test_the_first_reply_of_two_calls_for_a_pattern_counts() -> None:
    subscriber, first, second = Subscriber(), call(1), call(2)
    subscriber.subscribe("a", call=first)
    subscriber.subscribe("a", call=second)
    subscriber.publish("a")
    subscriber.reply(second)
    assert subscriber.sent == ["reply 2", "a"]
    subscriber.membership.withdraw(first)
    assert subscriber.membership.patterns == ["a"]


async def test_subscribing_outside_of_a_call_sends_what_waited_for_one() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a", call=first)
    subscriber.publish("a")
    subscriber.subscribe("a")
    subscriber.publish("a")
    assert subscriber.sent == ["a", "a"]


async def test_nothing_held_back_goes_out_once_its_pattern_is_gone() -> None:
    subscriber, second, third = Subscriber(), call(2), call(3)
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=second)
    subscriber.subscribe("c", call=third)
    for name in "bacab":
        subscriber.publish(name)
    subscriber.membership.remove(["b", "never there"])
    assert subscriber.sent == ["a"]
    subscriber.reply(third)
    assert subscriber.sent == ["a", "reply 3", "c", "a"]


async def test_what_counted_goes_out_although_its_pattern_is_taken_away_while_it_waits() -> None:
    subscriber, second = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=second)
    for name in "baab":
        subscriber.publish(name)
    assert subscriber.sent == []
    subscriber.membership.remove(["a"])
    assert subscriber.sent == ["a", "a"]
    subscriber.reply(second)
    assert subscriber.sent == ["a", "a", "reply 1", "b"]


async def test_removing_all_patterns_drops_what_was_held_back() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a", "b", call=first)
    subscriber.publish("a")
    subscriber.membership.remove(None)
    assert (subscriber.left, subscriber.sent, subscriber.outbox.held) == (1, [], 0)
    assert len(subscriber.membership) == 0


async def test_a_gap_is_told_whatever_the_patterns() -> None:
    subscriber = Subscriber(Hiding())
    subscriber.subscribe("a")
    subscriber.gap()
    assert subscriber.sent == [GAP]


async def test_no_gap_is_told_before_anything_was_promised() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("a", call=first)
    subscriber.gap()
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1"]


async def test_a_gap_keeps_its_place_among_events_held_back() -> None:
    subscriber, second, third = Subscriber(), call(2), call(3)
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=second)
    subscriber.subscribe("c", call=third)
    subscriber.publish("b")
    subscriber.gap()
    subscriber.publish("a")
    assert subscriber.sent == []
    subscriber.reply(second)
    assert subscriber.sent == ["reply 2", "b", GAP, "a"]


async def test_a_gap_survives_the_failure_of_the_call_that_held_it_back() -> None:
    subscriber, second = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("b", call=second)
    subscriber.publish("b")
    subscriber.gap()
    subscriber.membership.withdraw(second)
    assert subscriber.sent == [GAP]
    assert subscriber.outbox.held == 0


async def test_what_finds_no_room_before_its_reply_is_missed_by_nobody_who_reads() -> None:
    subscriber, first = Subscriber(), call()
    subscriber.subscribe("*", call=first)
    for name in "abc":
        subscriber.publish(name, "x" * (LIMIT // 3))
        await turns()
    subscriber.gap()
    assert subscriber.slow == 0
    subscriber.reply(first)
    assert subscriber.sent == ["reply 1", "a", "b", GAP]
    assert subscriber.outbox.held == 0


async def test_an_event_that_counts_does_not_wait_for_room() -> None:
    subscriber, second = Subscriber(), call()
    subscriber.subscribe("a")
    subscriber.subscribe("*", call=second)
    for name in ("b", "a", "b"):
        subscriber.publish(name, "x" * (LIMIT // 4))
    assert subscriber.sent == []
    subscriber.publish("a", "x" * (LIMIT // 2))
    assert subscriber.sent == ["a", "a"]
    assert subscriber.outbox.held == 0
    subscriber.publish("b")
    subscriber.reply(second)
    assert subscriber.sent == ["a", "a", "reply 1", "b"]


async def test_an_event_that_the_view_hides_is_not_sent_and_costs_nothing() -> None:
    subscriber = Subscriber(Hiding())
    subscriber.subscribe("*")
    event = ChannelEvent("news", "secret", object())
    assert subscriber.membership.deliver(event) == 0
    subscriber.publish("a")
    assert subscriber.sent == ["a"]


async def test_a_view_that_fails_to_decide_hides_the_event(reported: list[Failure]) -> None:
    subscriber = Subscriber(Hiding())
    subscriber.subscribe("*")
    subscriber.publish("odd")
    subscriber.publish("a")
    assert subscriber.sent == ["a"]
    (failure,) = reported
    assert isinstance(failure.exception, LookupError)
    assert (failure.where, failure.websocket) == ("can_receive", subscriber.view)


@pytest.mark.parametrize(
    ("view", "name", "closed"),
    [(View, "secret", True), (Hiding, "secret", False), (Hiding, "a", True)],
)
async def test_an_event_without_data_closes_the_connections_that_it_would_have_reached(
    view: Callable[[], View], name: str, closed: bool
) -> None:
    subscriber = Subscriber(view())
    subscriber.subscribe("*")
    subscriber.membership.fail(ChannelEvent("news", name, None), "no data")
    assert subscriber.view.closed_with == [CloseCode.INTERNAL_ERROR] * closed


async def test_deliver_tells_the_bytes_that_it_put_out_or_holds() -> None:
    subscriber, first = Subscriber(), call()
    event = ChannelEvent("news", "a", 1)
    subscriber.subscribe("*", call=first)
    assert subscriber.membership.deliver(event) == len(event.message.text)
    subscriber.reply(first)
    assert subscriber.membership.deliver(event) == len(event.message.text)
