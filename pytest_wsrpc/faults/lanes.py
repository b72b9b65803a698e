"""What waits at a rule: in lanes that keep order, or in windows that do not."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections import deque
from collections.abc import Callable


class _Waiting:
    """One that waits in a lane: a message to be passed on, or a coroutine with its future."""

    __slots__ = ("due", "future", "go")

    def __init__(
        self, due: float, go: Callable[[], None] | None, future: asyncio.Future[None] | None
    ) -> None:
        self.due = due
        self.go = go
        self.future = future


class Lane:
    """What waits at one rule on one channel or connection, in the order in which it came.

    Nobody leaves before the one in front. An endless delay is a stall, and sets no timer.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._reached = -math.inf  # a timer may fire within the clock's resolution before its time

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def wait(self, delay: float) -> None:
        """Wait until the delay is over and nobody is in front; who is cancelled leaves the lane."""
        entry = _Waiting(self._loop.time() + delay, None, self._loop.create_future())
        self._waiting.append(entry)
        self._advance()
        assert entry.future is not None
        try:
            await entry.future
        finally:
            # Only who runs again has left, so that nobody starts between its turn and its start.
            self._waiting.remove(entry)
            self._advance()

    def hold(self, delay: float, go: Callable[[], None]) -> None:
        """Call `go` once the delay is over and nobody is in front."""
        self._waiting.append(_Waiting(self._loop.time() + delay, go, None))
        self._advance()

    def release(self) -> None:
        """Let all of them go now, in order."""
        for entry in self._waiting:
            entry.due = -math.inf
        self._advance()

    def abandon(self) -> None:
        """Let the coroutines go, and drop the messages."""
        for entry in self._waiting:
            if entry.future is None:
                entry.go = None
        self.release()

    def _advance(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            head = self._waiting[0]
            if head.due > max(self._loop.time(), self._reached):
                if head.due < math.inf:
                    # An event has nothing to do with who published it, nor with this rule's maker.
                    self._timer = self._loop.call_at(
                        head.due, self._fire, head.due, context=contextvars.Context()
                    )
                return
            if head.future is not None:
                if not head.future.done():
                    head.future.set_result(None)
                return
            self._waiting.popleft()
            if head.go is not None:
                head.go()

    def _fire(self, due: float) -> None:
        self._timer = None
        self._reached = due
        self._advance()


class Window:
    """Messages of one channel or connection that leave together, in another order."""

    def __init__(self, size: int, within: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._size = size
        self._within = within
        self._held: list[tuple[float, Callable[[], None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, place: float, go: Callable[[], None]) -> None:
        """Keep a message until the window is full or its time is over; `place` sorts it."""
        self._held.append((place, go))
        if len(self._held) == self._size:
            self.release()
        elif self._timer is None:
            self._timer = self._loop.call_later(
                self._within, self.release, context=contextvars.Context()
            )

    def release(self) -> None:
        """Let all of them go now: two or more never in the order in which they came."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held, self._held = self._held, []
        order = sorted(range(len(held)), key=lambda index: held[index][0])
        if order == list(range(len(held))):
            order = order[1:] + order[:1]
        for index in order:
            held[index][1]()

    def abandon(self) -> None:
        """Drop them."""
        self._held.clear()
        self.release()
