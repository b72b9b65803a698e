"""Run something in a child process, which can be killed whatever it does.

The child is a copy of this process as it is now, so that nothing has to be handed over, and what
it changes is gone with it. Linux and macOS.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import re
import resource
import select
import signal
import struct
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, NoReturn, TypeVar

from ..traces import Place, is_application
from .interrupt import forget_inherited

T = TypeVar("T")

Note = Callable[[str], None]
"""Called in the child: says that it goes on, and with what."""

QUIET = 3.0
"""Seconds without a word from the child after which it is taken to hang."""

_DUMP = signal.SIGUSR2
"""In the child, where nobody else uses it: writes the stack, whatever holds the interpreter."""

_DUMPING = 1.0
_SLICE = 0.05
_HEAD = struct.Struct("!cI")
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How a child has ended."""

    how: Literal["returned", "raised", "hung", "died", "over"]
    """``over``: its time was."""
    value: T | None = None
    """What the function returned."""
    doing: str = ""
    """What the child has said last."""
    detail: str = ""
    """The traceback of what was raised; what a dead child died of."""
    seconds: float = 0.0
    """For which the child has used the processor since it said something last."""
    stack: tuple[Place, ...] = ()
    """Where a child hung or crashed, the outer line first: the application's lines, if any."""


def run_in_child(
    function: Callable[[Note], T], *, quiet: float = QUIET, limit: float | None = None
) -> Ended[T]:
    """Call a function in a child process, and return what came of it.

    The function is called with `Note`. A child that says nothing for `quiet` seconds, or is not
    done after `limit` seconds, is killed with all the processes that it has started. What the
    function returns must be fit for pickle.
    """
    reading, writing = os.pipe()
    dump_reading, dump_writing = os.pipe()
    pid = fork()
    if pid == 0:  # pragma: no cover - in the child, which is not measured
        os.close(reading)
        os.close(dump_reading)
        _be_child(function, writing, dump_writing)
    os.close(writing)
    os.close(dump_writing)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)  # the child does it too: who comes first is left open
    try:
        return _Parent(pid, reading, dump_reading).follow(quiet, limit)
    finally:
        os.close(reading)
        os.close(dump_reading)


_os_fork = os.fork


def fork() -> int:
    """Fork, without the warning of Python 3.12 that there are threads."""
    with warnings.catch_warnings():
        # the child uses none of theirs
        warnings.simplefilter("ignore", DeprecationWarning)
        return _os_fork()


def _be_child(
    function: Callable[[Note], Any], writing: int, dump_writing: int
) -> NoReturn:  # pragma: no cover - not measured
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        forget_inherited()
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.register(_DUMP, file=dump_writing, all_threads=True, chain=False)
        faulthandler.enable(file=dump_writing)  # what a crash writes is not for the terminal
        try:
            value = function(lambda text: _send(writing, b"n", _noted(text)))
            kind, data = b"v", pickle.dumps(value)
        except BaseException:  # whatever it is: it must not go on as if it were the parent
            kind, data = b"e", traceback.format_exc().encode(errors="replace")
        _send(writing, kind, data)
    finally:
        os._exit(0)


def _noted(text: str) -> bytes:
    return f"{time.process_time()} {text}".encode(errors="replace")


def _send(descriptor: int, kind: bytes, data: bytes) -> None:
    message = _HEAD.pack(kind, len(data)) + data
    while message:
        message = message[os.write(descriptor, message) :]


class _Parent:
    """Follows a child until its end."""

    def __init__(self, pid: int, reading: int, dump_reading: int) -> None:
        self._pid = pid
        self._reading = reading
        self._dump_reading = dump_reading
        self._buffer = b""
        self._doing = ""
        self._is_closed = False
        self._status: int | None = None
        self._used = self._used_before = 0.0

    def follow(self, quiet: float, limit: float | None) -> Ended[Any]:
        """Return how the child ends, or is ended."""
        try:
            ended = self._follow(quiet, limit)
        finally:
            self._kill()
        return replace(ended, seconds=self._used - self._used_before)

    def _follow(self, quiet: float, limit: float | None) -> Ended[Any]:
        begin = heard = time.monotonic()
        while True:
            asked = time.monotonic()
            if self._read(_SLICE):
                heard = time.monotonic()
            else:
                # where this process was late, so was the child
                heard += max(time.monotonic() - asked - _SLICE, 0.0)
            for kind, data in self._messages():
                if kind == b"n":
                    used, _, self._doing = data.decode().partition(" ")
                    self._used_before = float(used)
                elif kind == b"v":
                    return Ended("returned", pickle.loads(data), self._doing)
                else:
                    return Ended("raised", doing=self._doing, detail=data.decode())
            if self._has_ended():
                cause, stack = _cause(self._status or 0), self._dumped(0.0)
                return Ended("died", doing=self._doing, detail=cause, stack=stack)
            now = time.monotonic()
            if now - heard > quiet:
                return Ended("hung", doing=self._doing, stack=self._stack())
            if limit is not None and now - begin > limit:
                return Ended("over", doing=self._doing, stack=self._stack())

    def _read(self, timeout: float) -> bool:
        if self._is_closed:
            time.sleep(timeout)
            return False
        ready, _, _ = select.select([self._reading], [], [], timeout)
        if not ready:
            return False
        data = os.read(self._reading, 65536)
        self._is_closed = not data
        self._buffer += data
        return bool(data)

    def _messages(self) -> list[tuple[bytes, bytes]]:
        found = []
        while len(self._buffer) >= (end := self._end_of_first()):
            kind, _ = _HEAD.unpack_from(self._buffer)
            found.append((kind, self._buffer[_HEAD.size : end]))
            self._buffer = self._buffer[end:]
        return found

    def _end_of_first(self) -> int:
        if len(self._buffer) < _HEAD.size:
            return _HEAD.size
        return _HEAD.size + int(_HEAD.unpack_from(self._buffer)[1])

    def _has_ended(self) -> bool:
        """Tell whether the child has ended and nothing that it said is still to be read."""
        self._status = self._reaped() if self._status is None else self._status
        return self._status is not None and not self._read(0)

    def _reaped(self) -> int | None:
        pid, status, usage = os.wait4(self._pid, os.WNOHANG)
        self._used = usage.ru_utime + usage.ru_stime
        return status if pid else None

    def _stack(self) -> tuple[Place, ...]:
        """Ask the child where it is."""
        os.kill(self._pid, _DUMP)
        return self._dumped(_DUMPING)

    def _dumped(self, timeout: float) -> tuple[Place, ...]:
        """Return the stack that the child has written, or does so within some seconds."""
        dump = b""
        end = time.monotonic() + timeout
        while True:
            left = max(end - time.monotonic(), 0.0)
            ready, _, _ = select.select([self._dump_reading], [], [], left)
            data = os.read(self._dump_reading, 65536) if ready else b""
            if not data:
                return stack_of(dump.decode(errors="replace"))
            dump += data
            end = min(end, time.monotonic() + _SLICE)  # it is written at once

    def _kill(self) -> None:
        """End the child and what it has started, and leave no zombie."""
        with contextlib.suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._status is None:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)
            _, self._status, usage = os.wait4(self._pid, 0)
            self._used = usage.ru_utime + usage.ru_stime


def stack_of(dump: str) -> tuple[Place, ...]:
    """Return the stack of the thread that was running, as faulthandler has written it."""
    _, _, current = dump.rpartition("Current thread")
    frames: list[Place] = []
    for line in current.splitlines():
        match = _FRAME.match(line)
        if match:
            frames.insert(0, Place(match[1], int(match[2]), match[3]))
    loops = [index for index, frame in enumerate(frames) if _runs_handle(frame)]
    called = frames[loops[-1] + 1 :] if loops else frames
    own = [frame for frame in called if is_application(frame.filename)]
    return tuple(own or called)


def _runs_handle(place: Place) -> bool:
    return place.function == "_run" and place.filename.endswith("asyncio/events.py")


def _cause(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it has ended the process with exit code {code}"
    return f"the process was killed by {signal.Signals(-code).name}"
