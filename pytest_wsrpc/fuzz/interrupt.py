"""Interrupt what runs on the main thread and does not give the event loop back.

An exception out of a signal handler ends ``while True``, ``time.sleep``, locks, queues and regular
expressions. Code in C that never looks for signals, as ``sum(range(10**10))``, it does not.
"""

from __future__ import annotations

import atexit
import ctypes
import signal
import sys
import threading
from collections.abc import Callable
from itertools import takewhile
from types import FrameType
from typing import Any, NamedTuple

from ..traces import is_application
from .held import outward

SIGNALS = (signal.SIGURG, signal.SIGUSR1)
"""The first that nobody handles is taken. One of SIGURG that comes too late is ignored by default,
where others would end the process; pytest-timeout uses SIGALRM, and `child` SIGUSR2."""

ALARM = signal.SIGVTALRM
"""Sent by a timer of the processor's time. No other thread of Python runs while a regular
expression does, so that none could send a signal."""

ALARM_PERIOD = 0.5
"""Seconds of the processor's time between two alarms."""

TRACED = 2
"""Attempts after which code that catches every exception is stopped where it handles it."""


class Interrupted(BaseException):
    """Raised in a handler that does not give the event loop back."""


class Accused(NamedTuple):
    """What is to be interrupted: all that a frame has called."""

    frame: FrameType
    attempts: int
    """How often that was tried before."""


class Interrupter:
    """Raises `Interrupted` in the thread on which it is made, while an accused is on its stack.

    `alarmed` is asked on that thread, from time to time while it uses the processor, whom to
    accuse. Where it is not the main thread, only Python code can be interrupted.
    """

    def __init__(self, alarmed: Callable[[FrameType | None], Accused | None]) -> None:
        self._thread = threading.get_ident()
        self._alarmed = alarmed
        self._accused: Accused | None = None
        self._tracing = False
        self._trace_before = sys.gettrace()
        self._signal: signal.Signals | None = None
        self._has_alarm = False
        if threading.current_thread() is threading.main_thread():
            self._signal = next(filter(_is_free, SIGNALS), None)
            self._has_alarm = _is_free(ALARM) and not any(signal.getitimer(signal.ITIMER_VIRTUAL))
        if self._signal is not None:
            signal.signal(self._signal, self._handle)
        if self._has_alarm:
            signal.signal(ALARM, self._handle_alarm)
            signal.setitimer(signal.ITIMER_VIRTUAL, ALARM_PERIOD, ALARM_PERIOD)

    def close(self) -> None:
        """Leave the signals to others again."""
        if self._has_alarm:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(ALARM, ignore_late)
        if self._signal is not None:
            signal.signal(self._signal, ignore_late)

    def interrupt(self, accused: Accused) -> None:
        """Have `Interrupted` raised below a frame; called on another thread."""
        self._accused = accused
        if self._signal is not None:
            signal.pthread_kill(self._thread, self._signal)
        else:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread), ctypes.py_object(Interrupted)
            )

    def forget(self) -> None:
        """Interrupt nothing any more: the accused has ended. Called on the thread itself."""
        self._accused = None
        if self._tracing:  # pragma: no cover - as long as it traces, nobody else does
            self._tracing = False
            sys.settrace(self._trace_before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        accused = self._accused
        if accused is None or _holds_a_lock(frame):
            return
        # By now the accused may have ended, and another be running.
        if any(one is accused.frame for one in outward(frame)):
            self._raise(frame, accused)

    def _handle_alarm(self, number: int, frame: FrameType | None) -> None:
        accused = None if _holds_a_lock(frame) else self._alarmed(frame)
        if accused is not None:
            self._raise(frame, accused)

    def _raise(self, frame: FrameType | None, accused: Accused) -> None:
        if accused.attempts >= TRACED:
            self._raise_again(frame, accused.frame)
        raise Interrupted

    def _raise_again(self, frame: FrameType | None, accused: FrameType) -> None:
        """Raise once more at the application's next line: it catches what is raised in this one.

        In ``except BaseException:`` itself an exception is not caught again.
        """

        def trace(
            frame: FrameType, event: str, argument: object
        ) -> Any:  # pragma: no cover - a tracer is not traced
            if event == "line" and is_application(frame.f_code.co_filename):
                raise Interrupted
            return trace

        for one in takewhile(lambda one: one is not accused, outward(frame)):
            one.f_trace = trace
        self._tracing = True
        sys.settrace(trace)


def forget_inherited() -> None:
    """In a copy of a process: leave the signals that an interrupter of the original has taken."""
    for number in (*SIGNALS, ALARM):  # pragma: no cover - in a process that is not measured
        if isinstance(getattr(signal.getsignal(number), "__self__", None), Interrupter):
            signal.signal(number, signal.SIG_DFL)


def _holds_a_lock(frame: FrameType | None) -> bool:
    """Tell whether a frame is of coverage, called from C to guard its data: none would free it.

    There is another attempt soon.
    """
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("coverage.")


def _is_free(number: signal.Signals) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, ignore_late)


def ignore_late(number: int, frame: FrameType | None) -> None:
    """Do nothing: a signal may be on its way to another thread, and would end the process."""


def _disarm() -> None:
    """Stop the alarms of who was not closed, before Python gives up its handlers."""
    if getattr(signal.getsignal(ALARM), "__module__", None) == __name__:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


atexit.register(_disarm)
