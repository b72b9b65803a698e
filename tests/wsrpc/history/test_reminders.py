"""Who is told where a channel stands, and when."""

from __future__ import annotations

import random

import pytest

from wsrpc import History, Position
from wsrpc.channel import ChannelEvent
from wsrpc.reminders import Reminders


class Subscriber:
    """Notes at which offsets it was told."""

    seen = 0.0

    def __init__(self, reminders: Reminders) -> None:
        self.reminders = reminders
        self.told: list[int] = []
        self.seen = reminders.add(self)

    def tell_position(self, event: ChannelEvent) -> None:
        assert event.name == "wsrpc.position"
        self.told.append(event.data["offset"])

    def get(self) -> None:
        self.seen = self.reminders.passed


class Channel:
    """Events that pass."""

    def __init__(self, history: History) -> None:
        self.reminders = Reminders(history)
        self.offset = 0
        self.now = 0.0

    def join(self) -> Subscriber:
        return Subscriber(self.reminders)

    def publish(self, *targets: Subscriber, size: int = 1) -> None:
        self.offset += 1
        self.reminders.passes(size, self.now)
        for target in targets:
            target.get()
        self.reminders.remind("x", Position("E", self.offset))


def test_who_has_seen_none_of_the_last_quarter_is_told() -> None:
    channel = Channel(History(size=8))
    one, other = channel.join(), channel.join()
    for _ in range(3):
        channel.publish(other)
    assert (one.told, other.told) == ([2], [])
    channel.publish(one)
    channel.publish()
    assert (one.told, other.told) == ([2], [5])
    channel.publish()
    assert one.told == [2, 6]


def test_whoever_comes_knows_the_position() -> None:
    channel = Channel(History(size=8))
    channel.join()
    for _ in range(3):
        channel.publish()
    late = channel.join()
    channel.publish()
    assert late.told == []
    channel.publish()
    assert late.told == [5]


def test_of_a_short_history_every_event_counts() -> None:
    channel = Channel(History(size=1))
    one = channel.join()
    channel.publish()
    channel.publish(one)
    channel.publish()
    assert one.told == [1, 3]


def test_large_events_count_for_what_they_take_of_the_history() -> None:
    channel = Channel(History(size=1000, bytes=1000))
    one = channel.join()
    channel.publish(size=249)
    assert one.told == []
    channel.publish(size=1)
    assert one.told == [2]


def test_time_counts_for_what_it_takes_of_the_history() -> None:
    channel = Channel(History(size=1000, age=100))
    one = channel.join()
    channel.publish()
    channel.now = 24
    channel.publish()
    assert one.told == []
    channel.now = 25
    channel.publish()
    assert one.told == [3]


def test_who_has_left_is_told_nothing() -> None:
    channel = Channel(History(size=4))
    one = channel.join()
    channel.reminders.remove(one)
    channel.publish()
    assert one.told == []
    assert not channel.reminders.are_due


def test_who_came_and_went_takes_no_memory() -> None:
    channel = Channel(History())
    one = channel.join()
    for _ in range(1000):
        channel.reminders.remove(channel.join())
    assert len(channel.reminders) < 100
    for _ in range(250):
        channel.publish()
    assert one.told == [250]


@pytest.mark.parametrize("seed", range(30))
def test_reminders_are_exact(seed: int) -> None:
    draw = random.Random(seed)
    size = draw.choice([4, 8, 20])
    channel = Channel(History(size=size))
    subscribers: list[tuple[Subscriber, list[int]]] = []
    last: dict[Subscriber, int] = {}
    for _ in range(300):
        kind = draw.random()
        if kind < 0.1:
            subscriber = channel.join()
            subscribers.append((subscriber, []))
            last[subscriber] = channel.offset
        elif kind < 0.15 and last:
            gone = draw.choice(list(last))
            channel.reminders.remove(gone)
            del last[gone]
        else:
            targets = [subscriber for subscriber in last if draw.random() < 0.1]
            channel.publish(*targets)
            for subscriber, expected in subscribers:
                if subscriber in targets:
                    last[subscriber] = channel.offset
                elif subscriber in last and channel.offset - last[subscriber] >= size / 4:
                    last[subscriber] = channel.offset
                    expected.append(channel.offset)
    assert any(expected for _, expected in subscribers)
    for subscriber, expected in subscribers:
        assert subscriber.told == expected
