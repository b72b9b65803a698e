"""A watchdog beside an event loop: who holds it, where, and for how long.

A thread looks every few milliseconds at what the loop's thread is doing. The loop tells it when a
turn begins; within a turn, one `asyncio.Handle` that runs all the time is the one that holds it.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from .containing import end_if_copy
from .held import Held, held_at, outward, stack_of
from .interrupt import Accused, Interrupted, Interrupter

LIMIT = 0.25
"""Seconds for which a handler may hold the loop."""

PATIENCE = 1.0
"""Seconds after which it is interrupted."""

PATIENCE_LATER = 0.5
"""Likewise, once one had to be: smaller cases of it are tried, many times."""

PATIENCE_WITH_LIBRARIES = 5.0
"""Likewise, where no code of the application is under way."""

PAUSE = 0.1
"""Seconds between two attempts to interrupt."""

ATTEMPTS = 20
"""Attempts after which nothing in this process will help."""

ALIVE = 0.5
"""Seconds between two words that the loop can be interrupted."""

TICK = 0.02
"""Seconds between two looks."""

_PUNCTUAL = 0.01
"""Seconds that a thread may wake late on a machine with nothing else to do."""

_STALLED = 0.05
"""Likewise where the system tells how long a thread has waited: more is a pause of all."""

_RUN = asyncio.Handle._run.__code__
_DEBUGGERS = frozenset({"bdb.py", "pdb.py", "pydevd.py"})


class Watch:
    """What the watchdog has seen while a loop ran."""

    def __init__(self) -> None:
        self.held: Held | None = None
        """The longest hold that was over the limit."""

    def note(self, held: Held) -> None:
        """Keep a hold if there was no longer one; one that had to be interrupted counts more."""
        known = self.held
        if known is None or (held.is_over, -held.seconds) < (known.is_over, -known.seconds):
            self.held = held


class Watchdog:
    """Watches one event loop of the thread on which it is made; `close` ends it.

    Real time that the machine took is not counted against a handler: how late the watchdog itself
    was at worst, or how long the thread has waited for a processor where the system tells (Linux).
    What a handler used of the processor counts in any case.

    A handler that holds the loop for `patience` seconds is interrupted, again and again; after the
    last attempt `given_up` is called with the hold, on the watchdog's thread. There `alive` is
    called, too, each `ALIVE` seconds until then; not while code in C lets no thread run.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        limit: float = LIMIT,
        patience: float = PATIENCE,
        given_up: Callable[[Held], None] | None = None,
        alive: Callable[[], None] | None = None,
    ) -> None:
        self._limit = limit
        self._patience = patience
        self._given_up = given_up
        self._alive = alive
        self._alive_at = 0.0
        self._thread = threading.get_ident()
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._watch: Watch | None = None
        self._turn = 0
        self._since = self._cpu = 0.0
        self._looked = False
        self._queued = self._queued_before = self._queued_for()
        self._late, self._late_turn = 0.0, 0
        self._punctual = _STALLED if self._schedule.exists() else _PUNCTUAL
        self._due = 0.0
        self._suspect: _Suspect | None = None
        self._is_closed = False
        self._ended = _thread.allocate_lock()
        self._selector: Any = vars(loop)["_selector"]
        self._select = self._selector.select
        self._selector.select = self._turned
        self._interrupter = Interrupter(self._alarmed)
        self._ended.acquire()
        # Not a threading.Thread: virtual time stands still while one is there that may speak.
        _thread.start_new_thread(self._run, ())

    def close(self) -> None:
        """End the watchdog; the loop is as it was."""
        if self._is_closed:
            return
        self._is_closed = True
        self._selector.select = self._select
        self._ended.acquire(timeout=1)
        self._interrupter.close()

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """Watch while the loop runs; what was seen is in the watch at the end of the block.

        Raises `LoopHeld` where what was interrupted ends the block.
        """
        watch = Watch()
        self._turn += 1
        self._cpu = time.thread_time()
        self._queued_before = self._queued
        self._since = time.monotonic()
        self._watch = watch
        try:
            yield watch
        except Interrupted:
            # It was no call, but what makes, starts or ends the application.
            self._judge()
            assert watch.held is not None
            raise watch.held.exception from None
        finally:
            if time.monotonic() - self._since >= self._limit:
                self._judge()
            self._watch = self._suspect = None

    # On the loop's thread.

    def _turned(self, timeout: float | None = None) -> Any:
        end_if_copy()
        if time.monotonic() - self._since >= self._limit:
            self._judge()
        events = self._select(timeout)
        self._turn += 1
        if self._looked:
            # A call of the system: not in every turn.
            self._looked = False
            self._cpu = time.thread_time()
            self._queued_before = self._queued
        self._since = time.monotonic()
        return events

    def _judge(self) -> None:
        now = time.monotonic()
        suspect, watch = self._suspect, self._watch
        self._interrupter.forget()
        if suspect is None or watch is None or suspect.turn != self._turn:
            return
        used = time.thread_time() - self._cpu
        excused = self._excused(suspect, max(self._late_in(self._turn), now - self._due))
        seconds = suspect.held_for(now, used, excused)
        if suspect.attempts:
            self._patience = min(self._patience, PATIENCE_LATER)
            watch.note(held_at(suspect.frames, seconds, is_over=False))
        elif seconds >= self._limit:
            held = held_at(suspect.frames, seconds, is_over=True)
            if held.is_own:
                watch.note(held)

    def _alarmed(self, frame: FrameType | None) -> Accused | None:
        """Accuse what lets no other thread run, the watchdog's included."""
        if self._watch is None or time.thread_time() - self._cpu < self._patience:
            return None
        suspect = self._suspect_in(list(outward(frame)))
        if suspect is None:
            return None
        suspect.attempts += 1
        return Accused(suspect.handle, suspect.attempts - 1)

    # On the watchdog's thread.

    def _run(self) -> None:  # pragma: no cover - it begins before any tracer is told
        if (trace := threading.gettrace()) is not None:
            sys.settrace(trace)  # which threading does for its own threads
        try:
            self._keep_looking()
        finally:
            self._ended.release()

    def _keep_looking(self) -> None:
        while not self._is_closed:
            self._due = time.monotonic() + TICK
            time.sleep(TICK)
            late = time.monotonic() - self._due
            self._late, self._late_turn = max(late, self._late_in(self._turn)), self._turn
            self._queued = self._queued_for()
            self._look()
            self._say_alive()

    def _say_alive(self) -> None:
        suspect, now = self._suspect, time.monotonic()
        is_hopeless = suspect is not None and suspect.attempts > ATTEMPTS
        if self._alive is not None and not is_hopeless and now >= self._alive_at:
            self._alive_at = now + ALIVE
            self._alive()

    def _late_in(self, turn: int) -> float:
        """Seconds by which the watchdog was late at worst within a turn."""
        return self._late if self._late_turn == turn else 0.0

    def _excused(self, suspect: _Suspect, late: float) -> float:
        """Seconds that others had the machine while a suspect ran."""
        return max(late if late > self._punctual else 0.0, self._queued_for() - suspect.queued)

    def _queued_for(self) -> float:
        """Seconds that the loop's thread has waited for a processor, 0 where nobody tells."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(self._schedule.read_bytes().split()[1]) / 1e9
        return 0.0

    def _look(self) -> None:
        now = time.monotonic()
        self._looked = True
        if self._watch is None or now - self._since < TICK:
            self._suspect = None
            return
        suspect = self._suspect_in(stack_of(self._thread))
        if suspect is not None:
            self._press(suspect, now)

    def _suspect_in(self, stack: list[FrameType]) -> _Suspect | None:
        """Note whose handle is running, as a stack shows it."""
        # Where a loop runs within another one, the inner one's handle is the one that goes on.
        index = next((index for index, one in enumerate(stack) if one.f_code is _RUN), None)
        if index is None or any(map(_is_debugger, stack[:index])):
            self._suspect = None
            return None
        suspect = self._suspect
        if suspect is None or suspect.handle is not stack[index]:
            is_first = suspect is None or suspect.turn != self._turn
            since, queued = self._since, self._queued_before
            if not is_first:
                since, queued = time.monotonic(), self._queued
            suspect = _Suspect(self._turn, stack[index], since, queued)
        suspect.frames = stack[:index][::-1]
        self._suspect = suspect
        return suspect

    def _press(self, suspect: _Suspect, now: float) -> None:
        """Interrupt whoever has held the loop for too long, as often as it takes."""
        used = time.process_time() - suspect.cpu
        excused = self._excused(suspect, self._late_in(self._turn))
        seconds = suspect.held_for(now, used, excused)
        if seconds < self._patience + PAUSE * suspect.attempts or suspect.attempts > ATTEMPTS:
            return
        held = held_at(suspect.frames, seconds, is_over=False)
        if not held.is_own and seconds < PATIENCE_WITH_LIBRARIES:
            return
        suspect.attempts += 1
        if suspect.attempts <= ATTEMPTS:
            self._interrupter.interrupt(Accused(suspect.handle, suspect.attempts - 1))
        elif self._given_up is not None:
            self._given_up(held)


class _Suspect:
    """One handle that runs within a turn."""

    def __init__(self, turn: int, handle: FrameType, since: float, queued: float) -> None:
        self.turn = turn
        self.handle = handle
        self.since = since
        self.queued = queued
        self.cpu = time.process_time()
        self.frames: list[FrameType] = []
        self.attempts = 0

    def held_for(self, now: float, used: float, excused: float) -> float:
        """Seconds that are its own doing, of which it `used` the processor for some."""
        elapsed = now - self.since
        return max(min(used, elapsed), elapsed - excused)


def _is_debugger(frame: FrameType) -> bool:
    return frame.f_code.co_filename.rpartition("/")[2] in _DEBUGGERS
