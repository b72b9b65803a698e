"""Virtual time: an event loop whose clock jumps to the next timer whenever nothing is ready.

It never jumps while something outside the loop is under way (see `outside`), and where nothing can
ever happen again it does not hang but raises `Stuck`, which says who waits for what.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import itertools
import math
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

from .. import internals
from . import diagnosis, waiting
from .horizon import Horizon
from .outside import Outside
from .timers import Moment

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_Events = list[tuple[selectors.SelectorKey, int]]

DAY: Final = 86_400.0

TURNS: Final = 1_000_000
"""Turns of the loop at one instant, after which whoever keeps it busy will not stop."""

LOOK: Final = 1_000
"""Turns of a busy loop between two looks at what is outside."""

_HELD: Final = 1.0
"""Seconds of real time for which virtual time may be held without a word."""

_SLICE: Final = 0.02
"""Seconds of real time after which a held loop looks again: a thread ends without a sound."""

_FIRST_SLICE: Final = 0.0005
"""The first such look, each next one after twice the time: much ends soon."""

_POLL: Final = 16
"""Turns of a busy loop between two polls where nothing but the loop's own pipe can speak."""

_ATTEMPTS: Final = 3
"""Cancellations that a main task may swallow before it is left where it is."""


class Stuck(AssertionError):
    """What the main task of a loop waits for cannot come; the message says why."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, which begins at 0.

    Whenever nothing is ready, the clock jumps to the next timer, exactly; timers due at the same
    instant fire in the order in which they were set. While a foreign descriptor, a job of an
    executor or a thread started since is under way, time passes as it really does, and no timer
    fires early. If that takes more than a second, `held` says what did it.

    Where nothing can happen any more, or where only periodic timers did for `limit` seconds or for
    100,000 jumps, the main task is cancelled and `run_until_complete` raises `Stuck`.
    """

    def __init__(self, *, limit: float = DAY) -> None:
        self._now = 0.0
        self._numbers = itertools.count()
        selector = selectors.DefaultSelector()
        self._poll = selector.select
        # The loop waits by this method alone, so that here is where time passes.
        selector.select = self._select  # type: ignore[method-assign]
        super().__init__(selector)
        internals.check_event_loop(self)
        self._clock_resolution = math.ulp(0.0)
        self._outside = Outside(selector.get_map())
        self._horizon = Horizon(self, limit)
        self._pool: concurrent.futures.Executor | None = None
        self._main: asyncio.Future[Any] | None = None
        self._settling: list[asyncio.Future[None]] = []
        self._turns = 0
        self._hold: tuple[float, float] | None = None
        self._held_before = 0.0
        self._slice = _FIRST_SLICE
        self._stuck: Stuck | None = None
        self._stuck_at: TracebackType | None = None
        self._attempts = 0
        self.advancing = 0
        self.jumps: int = 0
        self.held: str | None = None

    def time(self) -> float:
        return self._now

    # What asyncio would do otherwise on real time.

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        if when is not None:
            moment = Moment(when)
            moment.number = next(self._numbers)
            moment.since = self._now
            moment.task = asyncio.current_task(self)
            when = moment
        handle = super().call_at(when, callback, *args, context=context)
        if self.get_debug():
            internals.forget_frame(handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        self._outside.heard(threading.get_ident())
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        internals.forget_frame(handle)
        return handle

    def set_default_executor(self, executor: Any) -> None:
        super().set_default_executor(executor)
        self._pool = executor

    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[Unpack[_Ts]], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        if executor is None and self._pool is None and not self.is_closed():
            self.set_default_executor(
                concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
            )
        watched = executor or self._pool
        if watched is not None:
            self._outside.watch(watched)
        return super().run_in_executor(executor, func, *args)

    async def settled(self) -> None:
        """Wait until nothing is ready at this instant, before the clock moves."""
        waiter = self.create_future()
        self._settling.append(waiter)
        await waiter

    def close(self) -> None:
        if not self.is_running():
            self._outside.close()
        super().close()

    def run_until_complete(self, future: Generator[Any, None, _T] | Awaitable[_T]) -> _T:
        __tracebackhide__ = True
        if self.is_running() or self.is_closed():
            return super().run_until_complete(future)  # which says that it cannot
        main: asyncio.Future[_T] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]
        before = self._main
        self._begin(main)
        try:
            result = super().run_until_complete(main)
        except BaseException as error:  # whatever the main task made of its cancellation
            stuck = self._stuck
            if stuck is None or isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            own = not isinstance(error, asyncio.CancelledError) and error is not stuck
            raise stuck.with_traceback(self._stuck_at) from (error if own else None)
        finally:
            stuck, self._stuck = self._stuck, None
            trace, self._stuck_at = self._stuck_at, None
            self._begin(before)
        if stuck is not None:
            stuck.add_note("There it was cancelled, but caught the CancelledError and went on.")
            raise stuck.with_traceback(trace)
        return result

    def _begin(self, main: asyncio.Future[Any] | None) -> None:
        self._main = main
        self._attempts = self._turns = 0
        self._end_hold()
        self._horizon.follow(main, self._now)

    # The clock. The loop polls once in each turn, and asks for no time while anything is ready.

    def _select(self, timeout: float | None = None) -> _Events:
        if timeout is not None and timeout <= 0:
            return self._turn()
        self._horizon.look(self._now)
        self._turns = 0
        # In this order: whoever has ended by now has woken the loop before.
        outside = self._outside.any()
        events = self._poll(0)
        if events:
            self._follow_real_time()
            return events
        if self._settling:
            for waiter in self._settling:
                if not waiter.done():
                    waiter.set_result(None)
            self._settling.clear()
        elif outside:
            return self._wait()
        else:
            self._end_hold()
            self._jump()
        return events

    def _jump(self) -> None:
        handle = internals.next_timer(self)
        if handle is None or handle.when() == math.inf:
            self._give_up(diagnosis.NOTHING)
        elif not self._horizon.passes(handle) and not self.advancing:
            # Until then nothing happens.
            self._move(min(handle.when(), self._horizon.end))
            self._give_up(diagnosis.HORIZON)
        else:
            self.jumps += 1
            self._move(handle.when())

    def _move(self, now: float) -> None:
        if now > self._now:
            self._now = now
            # asyncio fires what is due within its clock's resolution: nothing before its time.
            self._clock_resolution = math.ulp(now)

    def _turn(self) -> _Events:
        self._turns += 1
        if self._turns % LOOK == 0:
            self._look()
        if self._hold is not None:
            self._follow_real_time()
        elif self._turns % _POLL and not self._outside.has_descriptors():
            return []
        return self._poll(0)

    def _look(self) -> None:
        """See to a loop that is busy at one instant, from time to time."""
        if self._hold is not None:
            return
        if self._outside.any():
            self._begin_hold()
        elif self._turns >= TURNS:
            self._turns = 0
            self._give_up(diagnosis.BUSY)

    # Held: time passes as it really does.

    def _wait(self) -> _Events:
        self._begin_hold()
        handle = internals.next_timer(self)
        left = math.inf if handle is None else handle.when() - self._now
        events = self._poll(min(self._slice, left))
        self._slice = min(_SLICE, 2 * self._slice)
        self._follow_real_time()
        if not events and self._horizon.is_over(self._now):
            self._give_up(diagnosis.HORIZON)
        return events

    def _begin_hold(self) -> None:
        if self._hold is None:
            self._hold = (self._now, time.monotonic())
            self._slice = _FIRST_SLICE

    def _end_hold(self) -> None:
        if self._hold is not None:
            self._held_before += time.monotonic() - self._hold[1]
            self._hold = None

    def _follow_real_time(self) -> None:
        """Move the clock by the real time that has passed, but past no timer."""
        if self._hold is None:
            return
        virtual, real = self._hold
        elapsed = time.monotonic() - real
        handle = internals.next_timer(self)
        now = virtual + elapsed
        self._move(now if handle is None else min(now, handle.when()))
        if self.held is None and elapsed + self._held_before > _HELD:
            causes = self._outside.describe()
            self.held = diagnosis.held(causes) if causes else None

    # Stuck.

    def _give_up(self, why: str) -> None:
        main = self._main
        if self._stuck is None:
            outside = self._outside.describe()
            self._stuck = Stuck(diagnosis.explain(why, self, main, self._horizon, outside))
            if isinstance(main, asyncio.Task):
                self._stuck_at = waiting.trace_of(main)
        self._attempts += 1
        if main is None or self._attempts > _ATTEMPTS:
            raise self._stuck
        main.cancel()
        self._horizon.restart(self._now)


class VirtualClock:
    """The clock of a test on virtual time, which the fixture ``ws_clock`` gives."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def __repr__(self) -> str:
        return f"<VirtualClock at {self.time:g} s>"

    @property
    def time(self) -> float:
        """Seconds of virtual time since the event loop of the test began."""
        return self._loop.time()

    @property
    def jumps(self) -> int:
        """How often the clock has jumped to a timer."""
        return self._loop.jumps

    async def advance(self, seconds: float) -> None:
        """Let exactly so much time pass: all that is due by then has run, also what that started.

        How far is not limited by ``wsrpc_clock_limit``. Raises `ValueError` for a negative or
        infinite number, TypeError for what is none.
        """
        loop = self._running()
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise TypeError(f"advance() takes a number of seconds, got {seconds!r:.80}")
        if not 0 <= seconds < math.inf:
            raise ValueError(f"advance() takes seconds from 0 on, got {seconds!r}")
        there = loop.create_future()
        timer = loop.call_at(loop.time() + seconds, there.set_result, None)
        loop.advancing += 1
        try:
            await there
        finally:
            loop.advancing -= 1
            timer.cancel()
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that can at this instant, without any time passing."""
        await self._running().settled()

    def _running(self) -> VirtualLoop:
        running = asyncio.get_running_loop()
        if running is not self._loop:
            raise RuntimeError(
                "ws_clock belongs to the event loop of the test, and this code runs on another"
            )
        return self._loop
