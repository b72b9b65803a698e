"""Who has seen none of a channel's events for a while, and so is told where it stands.

Who comes back with an old position finds that history has forgotten what came after it, even
where nothing of that was for them. So whoever has seen none of the last quarter of the history
gets the position as an event.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Protocol

from .channel import POSITION, ChannelEvent
from .history import History, Position

_FEW: Final = 64


class Reminded(Protocol):
    """A subscriber that is told where the channel stands."""

    seen: float
    """What `Reminders.passed` was at the last event that it got."""

    def tell_position(self, event: ChannelEvent) -> None:
        """Take the event with the position."""


class Reminders:
    """The subscribers of one channel, by when each is to be told at the latest.

    Time is counted in events; one that takes more of the history's bytes or age than of its
    number counts for more. An event that somebody gets costs no more than to note that time: when
    a subscriber is due, it is looked whether it still is.
    """

    def __init__(self, history: History) -> None:
        self.passed = 0.0
        self._history = history
        self._quarter = max(1.0, history.size / 4)
        self._due: list[tuple[float, int, Reminded]] = []
        self._number = count()  # as subscribers have no order
        self._subscribers: set[Reminded] = set()
        self._last: float | None = None

    def __len__(self) -> int:
        return len(self._due)

    def add(self, subscriber: Reminded) -> float:
        """Take in a subscriber, who knows the current position; return its first `seen`."""
        self._subscribers.add(subscriber)
        self._expect(subscriber, self.passed)
        return self.passed

    def _expect(self, subscriber: Reminded, seen: float) -> None:
        heappush(self._due, (seen + self._quarter, next(self._number), subscriber))

    def remove(self, subscriber: Reminded) -> None:
        """Forget a subscriber."""
        self._subscribers.remove(subscriber)
        if len(self._due) > 2 * len(self._subscribers) + _FEW:
            self._due = [entry for entry in self._due if entry[2] in self._subscribers]
            heapify(self._due)

    def passes(self, size: int, now: float) -> None:
        """Note that an event passes, before anyone gets it."""
        limits = self._history
        age = 0.0 if self._last is None else (now - self._last) / limits.age
        self._last = now
        self.passed += max(1.0, limits.size * max(size / limits.bytes, age))

    @property
    def are_due(self) -> bool:
        """Whether somebody might have to be told."""
        return bool(self._due) and self._due[0][0] <= self.passed

    def remind(self, channel: str, position: Position) -> None:
        """Tell those who have seen none of the last quarter where the channel stands."""
        event: ChannelEvent | None = None
        while self.are_due:
            subscriber = heappop(self._due)[2]
            if subscriber not in self._subscribers:
                continue
            if subscriber.seen + self._quarter <= self.passed:
                if event is None:
                    event = ChannelEvent(channel, POSITION, position.plain())
                subscriber.seen = self.passed
                subscriber.tell_position(event)
            self._expect(subscriber, subscriber.seen)
