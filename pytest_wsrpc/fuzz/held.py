"""A handler that held the event loop: for how long, and where it was at that time."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice, repeat
from operator import itemgetter
from types import FrameType, TracebackType
from typing import Any

from ..traces import Place, is_application

_SHOWN = 12
"""Frames that are kept of a stack without any of the application: the innermost."""


class LoopHeld(Exception):
    """Stands for a held loop in a report; its traceback is the stack at that time."""


@dataclass(frozen=True)
class Held:
    """The event loop was held by one callback or one step of a task."""

    seconds: float
    """For so long at least, without the time that is to be laid at the machine's door."""
    stack: tuple[Place, ...]
    """Where it was, the outer line first: the application's lines, all where it has none."""
    is_own: bool
    """Whether code of the application was running."""
    is_over: bool = True
    """Whether it gave the loop back by itself."""
    exception: LoopHeld = field(default_factory=LoopHeld, compare=False, repr=False)

    @property
    def key(self) -> str:
        """What tells it from others: the function that the loop called, whatever the line."""
        if not self.stack:
            return "an unknown place"
        place = self.stack[0]
        return f"{place.short().rpartition(':')[0]} in {place.function}"

    def __str__(self) -> str:
        """Say for how long, and where."""
        where = str(self.stack[-1]) if self.stack else "an unknown place"
        if self.is_over:
            return f"held for {self.seconds:.2f} s at {where}"
        return f"held until it was interrupted after {self.seconds:.1f} s at {where}"


def held_at(frames: list[FrameType], seconds: float, *, is_over: bool) -> Held:
    """Describe a held loop by the frames below the loop's, the outer one first."""
    own = [frame for frame in frames if is_application(frame.f_code.co_filename)]
    shown = own or frames[-_SHOWN:]
    stack = tuple(map(_place, shown))
    held = Held(seconds, stack, bool(own), is_over)
    trace = None
    for frame in reversed(shown):
        trace = TracebackType(trace, frame, frame.f_lasti, frame.f_lineno or 1)
    error = LoopHeld(f"the event loop was {held}")
    return Held(seconds, stack, bool(own), is_over, error.with_traceback(trace))


def stack_of(thread: int) -> list[FrameType]:
    """Return what another thread has on its stack, the innermost frame first.

    Read by C code alone: between two steps of Python the other thread would go on, and following
    a frame that ends meanwhile has been seen to read freed memory (CPython 3.11).
    """
    innermost = islice(map(itemgetter(thread), iter(sys._current_frames, None)), 1)
    found: deque[Any] = deque()
    with contextlib.suppress(AttributeError, KeyError):  # behind the outermost one is None
        found.extend(accumulate(chain(innermost, repeat("f_back")), getattr))
    return [frame for frame in found if frame is not None]


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """Give a frame and its callers."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _place(frame: FrameType) -> Place:
    return Place(frame.f_code.co_filename, frame.f_lineno or 1, frame.f_code.co_name)
