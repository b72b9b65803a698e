"""The last resort against code in C that never returns: the process ends, and the next run knows.

Nothing in a process can stop such code while it keeps all threads of Python waiting. Methods that
do this on ordinary inputs are found out before, in a child (see `dangers`).
"""

from __future__ import annotations

import faulthandler
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

LAST = 20.0
"""Seconds without a sign of life, after which the process writes its stacks and ends."""


class LastResort:
    """Ends the process unless it is `put_off` again and again, from whatever thread."""

    def __init__(self) -> None:
        # pytest captures what goes to the standard error while a test runs
        self._file = os.dup(sys.__stderr__.fileno()) if sys.__stderr__ is not None else -1

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Be ready to end the process within the block."""
        self.put_off()
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def put_off(self) -> None:
        """Begin to count anew."""
        if self._file >= 0:
            faulthandler.dump_traceback_later(LAST, exit=True, file=self._file)

    def close(self) -> None:
        """Give the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Unfinished:
    """Knows which items have never ended: their process has. Kept in pytest's cache."""

    def __init__(self, config: pytest.Config) -> None:
        cache = getattr(config, "cache", None)
        self._directory = None if cache is None else Path(cache.mkdir("wsrpc-unfinished"))

    @contextmanager
    def noted(self, name: str, seed: int) -> Iterator[int | None]:
        """Note an item until the block ends; give the seed with which it did not end before."""
        if self._directory is None:
            yield None
            return
        file = self._directory / hashlib.sha256(name.encode()).hexdigest()[:32]
        before = None
        with suppress(OSError, ValueError):
            before = int(file.read_text())
        file.write_text(str(seed if before is None else before))
        try:
            yield before
        finally:
            file.unlink(missing_ok=True)
