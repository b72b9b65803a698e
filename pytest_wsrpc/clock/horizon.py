"""How far virtual time may go while the task for which the loop runs stays where it is.

Periodic timers would keep a clock going for ever: a heartbeat never ends by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from .. import internals
from . import waiting
from .timers import key_of, set_at, setter_of, woken_by

JUMPS: Final = 100_000
"""Jumps of the clock without the main task having run, after which it is given up."""

IDLE_JUMPS: Final = 5_000
"""The same where no timer of the main task, or of one that it awaits, is due before all jumps."""

_LOOK: Final = 1_000
"""Jumps between two looks at who has set the timers."""


_NOTED: Final = 5_000
"""Jumps of which it is noted whose timer they went to."""


@dataclass
class Ticker:
    """A timer that was set again whenever it had fired, and how often that was."""

    woken: asyncio.Task[Any] | Callable[..., Any] | None
    last: float
    count: int = 1
    shortest: float = float("inf")
    longest: float = 0.0
    total: float = 0.0

    @property
    def mean(self) -> float:
        """Seconds between two, on the average."""
        return self.total / (self.count - 1)

    def again(self, woken: asyncio.Task[Any] | Callable[..., Any] | None, when: float) -> None:
        """Count one more."""
        gap = when - self.last
        self.woken, self.last = woken, when
        self.count += 1
        self.total += gap
        self.shortest, self.longest = min(self.shortest, gap), max(self.longest, gap)


@dataclass
class Stretch:
    """What the clock has gone since something last happened."""

    since: float = 0.0
    jumps: int = 0


class Horizon:
    """Count the jumps of a clock since the main task last ran, and since its own code did.

    A task that only runs through a loop inside a library, as when messages come that it does not
    look for, has not come any further.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float) -> None:
        self.limit = limit
        self.tickers: dict[Hashable, Ticker] = {}
        self.still = Stretch()
        """Since the code of the test last ran."""
        self._idle = Stretch()
        self._loop = loop
        self._main: asyncio.Future[Any] | None = None
        self._waiter: object = None
        self._position: object = None

    def follow(self, main: asyncio.Future[Any] | None, now: float) -> None:
        """Count for this task, or for whatever else the loop runs until it is done."""
        self._main, self._waiter, self._position = main, None, None
        self.restart(now)

    def restart(self, now: float) -> None:
        """Count from here on, as if the main task had just run."""
        self.still, self._idle = Stretch(now), Stretch(now)
        self.tickers.clear()

    def look(self, now: float) -> None:
        """Note whether the main task has run; to be called whenever nothing is ready."""
        if not isinstance(self._main, asyncio.Task):
            return
        # Whoever awaits makes a new future or coroutine: the same one means that nothing happened.
        waiter = internals.waiter_of(self._main)
        if waiter is self._waiter:
            return
        self._waiter, self._idle = waiter, Stretch(now)
        position = waiting.position(self._main)
        if position is None or position is not self._position:
            self._position = position
            self.restart(now)

    @property
    def end(self) -> float:
        """The time until which the main task may wait."""
        return self._idle.since + self.limit

    def passes(self, handle: asyncio.TimerHandle) -> bool:
        """Count a jump to this timer, and tell whether the clock may still go there."""
        when, idle, still = handle.when(), self._idle, self.still
        if when - idle.since > self.limit and not self._ends_the_wait(handle):
            return False
        idle.jumps += 1
        still.jumps += 1
        if still.jumps <= _NOTED:
            self._note(handle, when)
        if idle.jumps >= JUMPS:
            return False
        if still.jumps % _LOOK:
            return True
        too_long = still.jumps >= JUMPS or when - still.since > self.limit
        return self._may_come(when) if too_long or idle.jumps >= IDLE_JUMPS else True

    def _may_come(self, now: float) -> bool:
        """Tell whether a timer of the main task's own will end its wait before all jumps are gone.

        After so many it can be foreseen from their pace.
        """
        own, idle = self._own(), self._idle
        due = [timer.when() for timer in internals.timers(self._loop) if setter_of(timer) in own]
        if not due or idle.jumps < IDLE_JUMPS:
            return bool(due)
        return min(due) - idle.since <= (now - idle.since) / idle.jumps * JUMPS

    def _note(self, handle: asyncio.TimerHandle, when: float) -> None:
        woken = woken_by(handle)
        key = key_of(woken)
        if (ticker := self.tickers.get(key)) is None:
            self.tickers[key] = Ticker(woken, when)
        else:
            ticker.again(woken, when)

    def is_over(self, now: float) -> bool:
        """Tell whether the main task has waited for too long where the clock cannot jump."""
        return now - self._idle.since > self.limit and not any(
            map(self._ends_the_wait, internals.timers(self._loop))
        )

    def _ends_the_wait(self, handle: asyncio.TimerHandle) -> bool:
        """Tell whether the test sleeps until then: however long, it knows what it waits for."""
        since = set_at(handle)
        return since is not None and since <= self._idle.since and setter_of(handle) in self._own()

    def _own(self) -> set[asyncio.Future[Any] | None]:
        """Give the main task and those that it waits for, directly or not.

        What is no task is asyncio's own wait for all tasks that it cancelled: none of them is to
        set timers again.
        """
        return waiting.awaited(self._main) if isinstance(self._main, asyncio.Task) else set()
