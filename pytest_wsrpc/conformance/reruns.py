"""Examples of one test: those that failed fail again in the same way, and shrinking has an end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final

SHRINKING: Final = 5.0
"""Seconds of real time after the first failure for finding a shorter one."""


class Reruns:
    """Runs examples; on a broker that takes real time two runs of one may differ."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[AssertionError, TracebackType | None]] = {}
        self._until: float | None = None

    async def run(self, example: object, play: Callable[[], Awaitable[None]]) -> None:
        """Run an example; raise what it broke, or has broken before."""
        key = repr(example)
        if key not in self._failures:
            if self._until is not None and time.monotonic() > self._until:
                return
            try:
                await play()
            except AssertionError as error:
                self._failures[key] = error, error.__traceback__
                if self._until is None:
                    self._until = time.monotonic() + SHRINKING
            else:
                return
        failure, trace = self._failures[key]
        raise failure.with_traceback(trace)
