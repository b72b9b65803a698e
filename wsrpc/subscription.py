"""Subscriptions of a client: the events that came for each, and which patterns are still wanted."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, Self

from .patterns import Pattern

MAX_PENDING: Final = 10_000
"""Events that wait in one subscription: a consumer that far behind is not going to catch up."""

EVERY_PATTERN: Final = frozenset({"wsrpc.gap", "wsrpc.position"})
"""Events about the channel itself, for each of its subscriptions."""


class SubscriptionOverflow(RuntimeError):
    """More events wait in a subscription than its `max_pending`; those after them were not kept."""

    def __init__(self, channel: str, max_pending: int) -> None:
        super().__init__(channel, max_pending)
        self.channel = channel
        self.max_pending = max_pending

    def __str__(self) -> str:
        return (
            f"more than {self.max_pending} events of {self.channel!r} waited to be read; "
            "read faster, subscribe to fewer events, or give subscribe() a larger max_pending"
        )


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a channel."""

    channel: str
    event: str
    data: Any


def parse_event(message: object) -> Event | None:
    """Return the event that a decoded message is, None if it is none."""
    if type(message) is dict and "data" in message:
        channel, event = message.get("channel"), message.get("event")
        if type(channel) is str and type(event) is str:
            return Event(channel, event, message["data"])
    return None


class Subscriber(Protocol):
    """What a subscription needs of its client."""

    async def open_subscription(self, subscription: Subscription) -> None:
        """Subscribe on the server, and route events to the subscription."""

    async def leave_subscription(
        self, subscription: Subscription, error: type[BaseException] | None
    ) -> None:
        """Unsubscribe; `error` is what ended the body of the ``async with``."""


class Subscription:
    """Events of one channel, an async iterator; it is subscribed inside ``async with``.

    Iteration goes on until the connection ends. Then it gives the events that came before, and
    ends quietly where this side closed the connection, else raises `ConnectionClosed`. It raises
    `SubscriptionOverflow` where events came that it had no room for.
    """

    def __init__(
        self, subscriber: Subscriber, channel: str, patterns: tuple[str, ...], max_pending: int
    ) -> None:
        if not isinstance(channel, str):
            raise TypeError(f"channel must be a string, got {channel!r}")
        if max_pending < 1:
            raise ValueError(f"max_pending must be at least 1, got {max_pending!r}")
        self.channel = channel
        self.patterns = tuple(dict.fromkeys(patterns)) or ("*",)
        self._subscriber = subscriber
        self._matchers = tuple(Pattern(pattern).matches for pattern in self.patterns)
        self._max_pending = max_pending
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._taking = False
        self._entered = False
        self._error: Callable[[], Exception] = _not_entered
        self._ends_quietly = False

    @property
    def pending(self) -> int:
        """How many events came and were not read yet."""
        return len(self._events)

    async def get(self, timeout: float | None = None) -> Event:
        """Return the next event.

        Raises `TimeoutError` if none comes within `timeout` seconds, `ConnectionClosed` once all
        events of a connection that ended were read, also one that this side closed.
        """
        try:
            async with asyncio.timeout(timeout):
                event = await self._take()
        except TimeoutError:
            raise TimeoutError(
                f"no event {' or '.join(self.patterns)} of {self.channel!r} came "
                f"within {timeout:g} s"
            ) from None
        if event is None:
            raise self._error()
        return event

    def matches(self, event: Event) -> bool:
        """Tell whether an event is one that this subscription asked for."""
        return event.channel == self.channel and (
            event.event in EVERY_PATTERN or any(matches(event.event) for matches in self._matchers)
        )

    def begin(self) -> None:
        """Take events from now on."""
        self._taking = self._entered = True

    def put(self, event: Event) -> None:
        """Take an event; one more than there is room for ends the subscription."""
        if not self._taking:
            return
        if len(self._events) >= self._max_pending:
            self.end(partial(SubscriptionOverflow, self.channel, self._max_pending))
            return
        self._events.append(event)
        self._changed.set()

    def end(self, error: Callable[[], Exception], *, quietly: bool = False) -> None:
        """Take no more events; once those there are read, iteration raises `error`, or stops."""
        if self._taking:
            self._taking = False
            self._error = error
            self._ends_quietly = quietly
            self._changed.set()

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a subscription is entered once: call subscribe() again")
        await self._subscriber.open_subscription(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._subscriber.leave_subscription(self, exc_type)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._take()
        if event is not None:
            return event
        if self._ends_quietly:
            raise StopAsyncIteration
        raise self._error()

    def __repr__(self) -> str:
        patterns = ", ".join(map(repr, self.patterns))
        return f"<{type(self).__name__} {self.channel!r}: {patterns}, {self.pending} pending>"

    async def _take(self) -> Event | None:
        """Return the next event, None once there will be no more."""
        while not self._events:
            if not self._taking:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


class Subscriptions:
    """The subscriptions of one connection, and the patterns that the server holds for them.

    A pattern is *wanted* by each subscription from before its call to ``subscribe`` until it is
    left, and *held* from the server's answer until the call to ``unsubscribe``.
    """

    def __init__(self) -> None:
        self._open: dict[str, list[Subscription]] = {}
        self._wanted: Counter[tuple[str, str]] = Counter()
        self._held: dict[str, set[str]] = {}

    def want(self, subscription: Subscription) -> None:
        """Keep its patterns on the server, should another subscription leave meanwhile."""
        self._wanted.update(_keys(subscription))

    def hold(self, subscription: Subscription) -> None:
        """Note that the server has its patterns, or may have them."""
        self._held.setdefault(subscription.channel, set()).update(subscription.patterns)

    def add(self, subscription: Subscription) -> None:
        """Route events to it from now on."""
        self.hold(subscription)
        self._open.setdefault(subscription.channel, []).append(subscription)
        subscription.begin()

    def release(self, subscription: Subscription) -> None:
        """Want its patterns no longer."""
        for key in _keys(subscription):
            self._wanted[key] -= 1
            if not self._wanted[key]:
                del self._wanted[key]

    def remove(self, subscription: Subscription) -> None:
        """Route no more events to it."""
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
        """Give an event to each subscription that asked for it; tell whether one did."""
        taken = False
        for subscription in self._open.get(event.channel, ()):
            if subscription.matches(event):
                subscription.put(event)
                taken = True
        return taken

    def open(self) -> list[Subscription]:
        """Return the subscriptions that events are routed to."""
        return [subscription for there in self._open.values() for subscription in there]


def _keys(subscription: Subscription) -> list[tuple[str, str]]:
    return [(subscription.channel, pattern) for pattern in subscription.patterns]


def _not_entered() -> RuntimeError:
    return RuntimeError("not subscribed yet: `async with client.subscribe(...) as events`")
