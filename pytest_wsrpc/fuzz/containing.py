"""What an application may do to the process that it runs in: end it, copy it, leave threads in it.

Around each run of the fuzzer's loop these go through here, so that pytest goes on and ends. What
ends a process in C code cannot be held (see `dangers`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from .. import internals
from .child import fork as fork_quietly

_exit = os._exit
_abort = os.abort
_start = threading.Thread.start


class ProcessEnded(BaseException):
    """The application has ended the process, or would have; nobody is to catch it by chance."""


class _State:
    """Who is contained, and what they have left."""

    def __init__(self) -> None:
        self.runs = 0
        self.pid = 0
        self.is_copy = False
        """Whether this process is one that the application has forked."""
        self.fork = os.fork
        self.children: set[int] = set()
        self.threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


_state = _State()
_lock = threading.Lock()


@contextmanager
def contained() -> Iterator[None]:
    """Contain what runs in the block, also where several blocks overlap."""
    with _lock:
        _state.runs += 1
        if _state.runs == 1:
            _begin()
    try:
        yield
    finally:
        with _lock:
            _state.runs -= 1
            if _state.runs == 0:
                _end()


def _begin() -> None:
    _state.pid, _state.fork = os.getpid(), os.fork
    os._exit = _exit_instead
    os.abort = _abort_instead
    os.fork = _fork_instead
    threading.Thread.start = _start_as_daemon  # type: ignore[method-assign, assignment]


def _end() -> None:
    os._exit, os.abort, os.fork = _exit, _abort, _state.fork
    threading.Thread.start = _start  # type: ignore[method-assign]


def end_if_copy() -> None:
    """End this process if the application has forked it: there is one pytest only."""
    if _state.is_copy:  # pragma: no cover - in a process that is not measured
        _exit(0)


def let_go() -> None:
    """End the processes that were left behind; let nobody wait for the threads that were."""
    while _state.children:
        _kill(_state.children.pop())
    for thread in tuple(_state.threads):
        if thread.is_alive():
            internals.do_not_join(thread)
    _state.threads.clear()


def _exit_instead(status: int) -> NoReturn:
    if os.getpid() != _state.pid:  # pragma: no cover - in a process that is not measured
        _exit(status)
    raise ProcessEnded(f"os._exit({status}) ends the process")


def _abort_instead() -> NoReturn:
    if os.getpid() != _state.pid:  # pragma: no cover - in a process that is not measured
        _abort()
    raise ProcessEnded("os.abort() ends the process")


def _fork_instead() -> int:
    pid = fork_quietly()
    if pid == 0:  # pragma: no cover - in a process that is not measured
        _state.is_copy = True
    else:
        _state.children.add(pid)
    return pid


def _start_as_daemon(thread: threading.Thread) -> None:
    """Start a thread for which the interpreter does not wait at its end."""
    if thread.ident is None:
        thread.daemon = True
        _state.threads.add(thread)
    _start(thread)


def _kill(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # the application has waited for it
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
