"""What a LocalBroker keeps of its channels, and for how long."""

from __future__ import annotations

from typing import Any

from wsrpc import History, Position
from wsrpc.brokers.archive import Archive

EVERYTHING = 0


class Kept:
    """An archive, and a clock."""

    def __init__(self, held: set[str] | None = None, **limits: Any) -> None:
        self.held = held or set()
        self.archive = Archive(History(**limits), self.held.__contains__)
        self.now = 0.0

    def append(self, channel: str, *texts: str) -> Position:
        for text in texts:
            position = self.archive.append(channel, "n", text.encode(), self.now)
        return position

    def texts(self, channel: str, since: int = EVERYTHING) -> list[str]:
        """Return what is kept of a channel after an offset."""
        epoch = self.archive.read(channel, None, self.now).position.epoch
        past = self.archive.read(channel, Position(epoch, since), self.now)
        return [event.json.decode() for event in past.events]

    def position(self, channel: str) -> Position:
        return self.archive.read(channel, None, self.now).position


def test_events_are_numbered_from_one_in_each_channel() -> None:
    kept = Kept()
    first = kept.append("x", "1")
    assert kept.append("x", "2") == Position(first.epoch, 2)
    other = kept.append("y", "1")
    assert other.offset == 1
    assert other.epoch != first.epoch
    assert kept.texts("x") == ["1", "2"]
    assert kept.texts("x", 1) == ["2"]
    assert kept.texts("x", 7) == []


def test_a_channel_without_events_stands_at_zero_of_an_epoch_that_stays() -> None:
    kept = Kept()
    position = kept.position("x")
    assert position.offset == 0
    assert kept.position("x") == position
    assert kept.append("x", "1") == Position(position.epoch, 1)


def test_of_another_epoch_nothing_is_kept() -> None:
    kept = Kept()
    position = kept.append("x", "1")
    past = kept.archive.read("x", Position("another", 0), kept.now)
    assert past.position == position
    assert past.events == ()


def test_the_oldest_go_first_when_there_are_too_many() -> None:
    kept = Kept(size=3)
    kept.append("x", "1", "2", "3", "4", "5")
    assert kept.texts("x") == ["3", "4", "5"]


def test_names_and_data_count_against_the_bytes() -> None:
    kept = Kept(bytes=9)
    kept.append("x", "1", "22", "333")
    assert kept.texts("x") == ["1", "22", "333"]
    kept.append("x", "4")
    assert kept.texts("x") == ["22", "333", "4"]
    kept.append("x", "one that is longer than all that is kept")
    assert kept.texts("x") == []
    kept.append("x", "4")
    assert kept.texts("x") == ["4"]


def test_what_is_too_old_is_forgotten() -> None:
    kept = Kept(age=10)
    kept.append("x", "1")
    kept.now = 6
    kept.append("x", "2")
    kept.now = 10
    assert kept.texts("x") == ["1", "2"]
    kept.now = 11
    assert kept.texts("x") == ["2"]
    kept.append("x", "3")
    kept.now = 21
    assert kept.texts("x") == ["3"]


def test_an_event_that_cannot_be_kept_takes_the_earlier_ones_along() -> None:
    kept = Kept()
    position = kept.append("x", "1", "2")
    assert kept.archive.append("x", "n", None, 0) == Position(position.epoch, 3)
    kept.append("x", "4")
    assert kept.texts("x") == ["4"]


def test_the_channel_that_was_used_least_recently_is_forgotten_and_begins_anew() -> None:
    kept = Kept(channels=2)
    x = kept.append("x", "1")
    y = kept.append("y", "1")
    kept.texts("x")
    kept.append("z", "1")
    assert kept.position("x") == x
    assert len(kept.archive) == 2
    assert kept.append("y", "2").epoch != y.epoch
    assert kept.texts("y") == ["2"]


def test_a_channel_with_subscribers_loses_its_events_but_not_its_place() -> None:
    kept = Kept(held={"x"}, channels=1)
    x = kept.append("x", "1")
    kept.append("y", "1")
    assert kept.append("x", "2") == Position(x.epoch, 2)
    assert kept.texts("x") == ["2"]
    assert len(kept.archive) == 1


def test_the_place_of_a_channel_without_subscribers_is_forgotten_in_time() -> None:
    kept = Kept(held={"x", "y"}, channels=1, age=10)
    x, y = kept.append("x", "1"), kept.append("y", "1")
    kept.append("z", "1")
    kept.held.remove("x")
    kept.now = 11
    kept.append("z", "2")
    assert kept.append("x", "2").epoch != x.epoch
    assert kept.append("y", "2") == Position(y.epoch, 2)


def test_old_events_of_a_channel_that_nobody_uses_take_no_memory() -> None:
    kept = Kept(age=10)
    kept.append("x", "1")
    kept.now = 9
    kept.append("y", "1")
    kept.now = 12
    kept.append("y", "2")
    assert not kept.archive._logs["x"].events
    assert kept.texts("y") == ["1", "2"]
