"""The subscriptions of a client: who gets an event, and which patterns are still wanted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from .channel import POSITION
from .events import Event, Gap, parse_position
from .history import Position
from .subscription import Subscription

_log = logging.getLogger("wsrpc.client")


class Subscriptions:
    """The subscriptions of one client, and the patterns that the server holds for them.

    A pattern is *wanted* by each subscription from before its call to ``subscribe`` until it is
    left, and *held* from the server's answer until the call to ``unsubscribe``, or the end of the
    connection.
    """

    def __init__(self) -> None:
        self._open: dict[str, list[Subscription]] = {}
        self._wanted: Counter[tuple[str, str]] = Counter()
        self._held: dict[str, set[str]] = {}
        self._interrupted: set[Subscription] = set()

    def want(self, subscription: Subscription) -> None:
        """Keep its patterns on the server, should another subscription leave meanwhile."""
        self._wanted.update(_keys(subscription))

    def hold(self, channel: str, patterns: Iterable[str]) -> None:
        """Note that the server has these patterns, or may have them."""
        self._held.setdefault(channel, set()).update(patterns)

    def holds(self, channel: str) -> bool:
        """Tell whether the server has patterns of the channel, or may have them."""
        return channel in self._held

    def forget(self, channel: str) -> None:
        """Note that the server has no pattern of the channel."""
        self._held.pop(channel, None)

    def lost(self) -> None:
        """Note that the connection is gone, so that the server has nothing."""
        self._held.clear()
        self._interrupted.update(self.open())

    def interrupted(self, channel: str) -> list[Subscription]:
        """Return the open subscriptions of a channel that the server has lost."""
        return [
            one for one in self._open.get(channel, ()) if one.is_open and one in self._interrupted
        ]

    def interrupted_channels(self) -> list[str]:
        """Return the channels that have such subscriptions."""
        return [channel for channel in self._open if self.interrupted(channel)]

    def renewed(self, subscriptions: Iterable[Subscription]) -> None:
        """Note that the server has them again."""
        self._interrupted.difference_update(subscriptions)

    def add(self, subscription: Subscription, position: Position | None) -> None:
        """Route events to it from now on."""
        self.hold(subscription.channel, subscription.patterns)
        self._open.setdefault(subscription.channel, []).append(subscription)
        subscription.begin(position)

    def release(self, subscription: Subscription) -> None:
        """Want its patterns no longer."""
        for key in _keys(subscription):
            self._wanted[key] -= 1
            if not self._wanted[key]:
                del self._wanted[key]

    def remove(self, subscription: Subscription) -> None:
        """Route no more events to it."""
        self._interrupted.discard(subscription)
        there = self._open.get(subscription.channel, [])
        if subscription in there:
            there.remove(subscription)
            if not there:
                del self._open[subscription.channel]

    def take_stale(self, channel: str) -> list[str]:
        """Return the patterns that the server holds and nobody wants, and forget them."""
        held = self._held.get(channel, set())
        stale = {pattern for pattern in held if (channel, pattern) not in self._wanted}
        held -= stale
        if not held:
            self._held.pop(channel, None)
        return sorted(stale)

    def route(self, event: Event) -> bool:
        """Give an event to each subscription that asked for it; tell whether one did.

        What the server says about the channel itself is for all of its subscriptions.
        """
        there = self._open.get(event.channel)
        if there is None:
            return False
        if isinstance(event, Gap):
            self.gap(there, event, parse_position(event.data))
            return True
        if event.event == POSITION:
            return self._place(there, event)
        offset = event.offset
        taken = False
        for subscription in there:
            # Whatever a pattern left out counts too: on coming back it need not be told again.
            is_fresh = offset is None or subscription.advance(offset)
            if subscription.matches(event):
                taken = True
                if is_fresh:
                    subscription.put(event)
        return taken

    def gap(
        self, subscriptions: Iterable[Subscription], gap: Gap, position: Position | None
    ) -> None:
        """Tell of a gap, where it makes itself heard: among the events, and in the log."""
        _log.warning("events of %r may be missing", gap.channel)
        for subscription in subscriptions:
            subscription.gap(gap, position)

    def open(self) -> list[Subscription]:
        """Return the subscriptions that events are routed to."""
        return [subscription for there in self._open.values() for subscription in there]

    def _place(self, there: list[Subscription], event: Event) -> bool:
        position = parse_position(event.data)
        if position is None:
            return False
        for subscription in there:
            known = subscription.position
            if known is None or known.epoch == position.epoch:
                subscription.advance_to(position)
            else:
                self.gap([subscription], Gap(event.channel, data=event.data), position)
        return True


def since(subscriptions: Iterable[Subscription]) -> Position | None:
    """Return the position after which one of them may miss an event, None if it is not known."""
    positions = [subscription.position for subscription in subscriptions]
    known = [position for position in positions if position is not None]
    if len(known) < len(positions) or len({position.epoch for position in known}) != 1:
        return None
    return min(known, key=lambda position: position.offset)


def _keys(subscription: Subscription) -> list[tuple[str, str]]:
    return [(subscription.channel, pattern) for pattern in subscription.patterns]
