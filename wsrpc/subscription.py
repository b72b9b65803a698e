"""A subscription of a client: the events that came for it, and how far they have come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Final, Protocol, Self

from .events import Event, Gap
from .history import Position
from .patterns import Pattern

MAX_PENDING: Final = 10_000
"""Events that wait in one subscription: a consumer that far behind is not going to catch up."""


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

    Iteration goes on until the client ends, over any number of its connections: what was published
    while it was away comes next, or a `Gap` does. After the last event it ends quietly where the
    client was closed, and else raises: `ConnectionClosed`, `SubscriptionOverflow` where events came
    that it had no room for, or the `RpcError` with which the server refused to renew it.
    """

    def __init__(
        self, subscriber: Subscriber, channel: str, patterns: tuple[str, ...], max_pending: int
    ) -> None:
        if not isinstance(channel, str):
            raise TypeError(f"channel must be a string, got {channel!r}")
        if max_pending < 1:
            raise ValueError(f"max_pending must be at least 1, got {max_pending!r}")
        self.channel: str = channel
        self.patterns: tuple[str, ...] = tuple(dict.fromkeys(patterns)) or ("*",)
        self._subscriber = subscriber
        self._matchers = tuple(Pattern(pattern).matches for pattern in self.patterns)
        self._max_pending = max_pending
        self._events: deque[Event] = deque()
        self._position: Position | None = None
        self._changed = asyncio.Event()
        self._taking = False
        self._entered = False
        self._error: Callable[[], Exception] = _not_entered
        self._ends_quietly = False

    @property
    def pending(self) -> int:
        """How many events came and were not read yet."""
        return len(self._events)

    @property
    def position(self) -> Position | None:
        """How far the events of the channel have come; None without a history."""
        return self._position

    @property
    def is_open(self) -> bool:
        """Whether it takes events."""
        return self._taking

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
        return event.channel == self.channel and any(
            matches(event.event) for matches in self._matchers
        )

    def begin(self, position: Position | None) -> None:
        """Take events from now on: those after the position, where there is a history."""
        self._taking = self._entered = True
        self._position = position

    def advance(self, offset: int) -> bool:
        """Note that an event of the channel came; tell whether it is one that had not come yet."""
        position = self._position
        if position is None:
            return True
        if offset <= position.offset:
            return False
        self._position = Position(position.epoch, offset)
        return True

    def advance_to(self, position: Position) -> None:
        """Note that no event up to the position is still to come."""
        if self._position is None or self._position.offset < position.offset:
            self._position = position

    def forget_position(self) -> None:
        """Go on without one: what was missed cannot be asked for."""
        self._position = None

    def gap(self, gap: Gap, position: Position | None) -> None:
        """Put a gap behind the events that came, and go on from the position.

        Of gaps with no event between them the last one is enough.
        """
        if not self._taking:
            return
        self._position = position
        if self._events and isinstance(self._events[-1], Gap):
            self._events.pop()
        self.put(gap)

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


def _not_entered() -> RuntimeError:
    return RuntimeError("not subscribed yet: `async with client.subscribe(...) as events`")
