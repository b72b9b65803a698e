"""What a timer of an event loop is about: when it is due, who set it, and whom it wakes."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import os
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final

from .. import internals
from ..traces import Place

_ASYNCIO: Final = str(Path(asyncio.__file__).parent) + os.sep


class Moment(float):
    """The time of a timer, which also knows when it was set, and by which task.

    Timers due at the same instant are ordered by when they were set; asyncio's own heap would
    shuffle them.
    """

    __slots__ = ("number", "since", "task")

    number: int
    """The how many of its loop's it is."""
    since: float
    """The time at which it was set."""
    task: asyncio.Task[Any] | None
    """The task that was running then."""

    def __lt__(self, other: float) -> bool:
        if isinstance(other, Moment) and float.__eq__(self, other):
            return self.number < other.number
        return float.__lt__(self, other)


def setter_of(handle: asyncio.TimerHandle) -> asyncio.Task[Any] | None:
    """Give the task that was running when a timer of a `VirtualLoop` was set, if one was."""
    moment = handle.when()
    return moment.task if isinstance(moment, Moment) else None


def set_at(handle: asyncio.TimerHandle) -> float | None:
    """Give the time at which a timer of a `VirtualLoop` was set."""
    moment = handle.when()
    return moment.since if isinstance(moment, Moment) else None


def woken_by(handle: asyncio.TimerHandle) -> asyncio.Task[Any] | Callable[..., Any] | None:
    """Give the task that sleeps, or waits with a timeout, until then; else what is called."""
    if wakes_setter(handle):
        return setter_of(handle)
    return internals.callback_of(handle)[0]


def key_of(woken: asyncio.Task[Any] | Callable[..., Any] | None) -> Hashable:
    """Give what all timers for the same purpose have in common, such as those of one heartbeat."""
    if isinstance(woken, asyncio.Task):
        return getattr(woken.get_coro(), "__qualname__", None)
    return getattr(woken, "__func__", woken)


def wakes_setter(handle: asyncio.TimerHandle) -> bool:
    """Tell whether the task that set a timer only sleeps or waits with a timeout until then."""
    callback, _ = internals.callback_of(handle)
    code = _code_of(callback)
    if code is None:
        return asyncio.isfuture(getattr(callback, "__self__", None))
    return bool(
        code.co_filename.startswith(_ASYNCIO) or code.co_qualname.startswith("WsTestClient.")
    )


def name_of(function: Callable[..., Any] | None) -> str:
    """Name a function as a person would look for it, with its file and line."""
    while isinstance(function, functools.partial):
        in_context = isinstance(getattr(function.func, "__self__", None), contextvars.Context)
        # asyncio.to_thread runs what it is given in a context.
        function = function.args[0] if in_context else function.func
    function = inspect.unwrap(function) if callable(function) else function
    name = getattr(function, "__qualname__", None)
    if name is None:
        return repr(function)
    name = str(name).replace("<locals>.", "")
    code = _code_of(function)
    if code is None:
        return name
    return f"{name} ({Place(code.co_filename, code.co_firstlineno, name).short()})"


def _code_of(function: Any) -> Any:
    return getattr(getattr(function, "__func__", function), "__code__", None)
