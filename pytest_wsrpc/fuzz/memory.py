"""How much memory this process has, and how much more a case may ask for."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

ALLOWANCE = 2 << 30
"""Bytes that a case may ask for: a handler that asks for more fails, where the machine would stall
or end the process."""

_STATM = "/proc/{pid}/statm"
_RESIDENT, _DATA = 1, 5


def memory() -> int:
    """Return how many bytes this process has; where nobody tells, had at most."""
    now = _bytes(_RESIDENT)
    if now is not None:
        return now
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def bounded() -> Iterator[None]:
    """Let whoever asks for too much in the block have a `MemoryError` (Linux)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    now = _bytes(_DATA)
    most = None if now is None else now + ALLOWANCE
    limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    if most is None or min(limits, default=most + 1) <= most:
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _bytes(column: int) -> int | None:
    try:
        columns = os.pread(_open(_STATM.format(pid=os.getpid())), 200, 0).split()
        return int(columns[column]) * _PAGE
    except (OSError, IndexError, ValueError):
        _open.cache_clear()  # the application may have closed it, and opened another file
        return None


_PAGE = resource.getpagesize()


@lru_cache(maxsize=1)
def _open(path: str) -> int:
    """Open a file once, as each case asks; a copy of this process opens its own."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
