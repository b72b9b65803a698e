"""What one item may use: seconds, and memory."""

from __future__ import annotations

import time

from .memory import memory

MOST_MEMORY = 1 << 30
"""Bytes by which the process may grow over all items: a leak in a module stays until its end."""

EVERY = 8
"""Cases between two looks at the memory."""

CONFIRMING_TIME = 20.0
"""Seconds beyond its time in which an item makes sure of what it has found."""


class Budget:
    """The time and the memory of one item; without a deadline it has all the time in the world."""

    def __init__(self, deadline: float | None = None, memory_before: int | None = None) -> None:
        self._deadline = deadline
        self._before = memory() if memory_before is None else memory_before
        self._asked = 0

    def spent(self) -> str | None:
        """Say what is used up, None as long as nothing is. Asked before each case."""
        if not self.is_left:
            return "its time was over"
        self._asked += 1
        if self._asked % EVERY == 0 and (grown := memory() - self._before) > MOST_MEMORY:
            return f"it was stopped, as the process had grown by {grown / (1 << 30):.1f} GiB,"
        return None

    @property
    def is_left(self) -> bool:
        """Whether there is time left."""
        return self._deadline is None or time.monotonic() <= self._deadline

    @property
    def may_confirm(self) -> bool:
        """Whether there is time to make sure of another failure."""
        return self._deadline is None or time.monotonic() <= self._deadline + CONFIRMING_TIME
