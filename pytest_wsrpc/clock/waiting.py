"""What the tasks of an event loop wait for, and where in the code."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

import _pytest
import pytest
import pytest_asyncio

from .. import internals
from ..traces import Place, is_application, is_serving
from .timers import setter_of, wakes_setter

_SHOWN: Final = 20
"""Tasks that are described one by one; of more there is a number."""

_LINES: Final = 4
"""Lines of the application that are shown of one task."""

_RUNNING: Final = tuple(
    str(Path(str(module.__file__)).parent) + os.sep for module in (pytest, _pytest, pytest_asyncio)
)
"""What runs tests and fixtures, between the event loop and their own code."""

Task = asyncio.Task[Any]


@dataclass(frozen=True)
class Wait:
    """One task that waits: for what, and at which lines of the application, the outer one first.

    A task that is in none of them has the place in a library where it is.
    """

    task: Task
    what: str
    lines: tuple[Place, ...]
    is_own: bool
    function: str

    @property
    def name(self) -> str:
        """Its name, and the function that it runs where the name says nothing."""
        name = self.task.get_name()
        function = self.function.replace("<locals>.", "")
        return f"{name!r} ({function})" if re.fullmatch(r"Task-\d+", name) else f"{name!r}"


def describe_tasks(tasks: Iterable[Task]) -> list[str]:
    """Give lines that say of each pending task where it waits, and for what.

    Tasks of the application come first. Those only of aiohttp, wsrpc and the plugin, which serve
    the connections, are one line together. Works on any event loop, running or not.
    """
    waits = [wait_of(task) for task in tasks if not task.done()]
    own = sorted((wait for wait in waits if wait.is_own), key=_order)
    lines: list[str] = []
    alike: dict[tuple[str, tuple[Place, ...]], list[Wait]] = {}
    for wait in own:
        alike.setdefault((wait.what, wait.lines), []).append(wait)
    for (what, places), group in list(alike.items())[:_SHOWN]:
        lines.append(f"{_names(group)} {'wait' if group[1:] else 'waits'} for {what}")
        lines += [f"    {place}" for place in places]
    if len(alike) > _SHOWN:
        lines.append(f"and {sum(map(len, list(alike.values())[_SHOWN:]))} more tasks")
    others = Counter(coroutine_name(wait.task) for wait in waits if not wait.is_own)
    if others:
        count = sum(others.values())
        names = ", ".join(f"{n} x {name}" if n > 1 else name for name, n in sorted(others.items()))
        who = "1 task that serves" if count == 1 else f"{count} tasks that serve"
        lines.append(f"{'also ' if own else ''}{who} the connections: {names}")
    return lines


def wait_of(task: Task) -> Wait:
    """Describe what one pending task waits for."""
    frames = [frame for frame, _ in _chain(task.get_coro())]
    own = [index for index, frame in enumerate(frames) if _is_own(frame)]
    shown = [frames[index] for index in own] or frames[-1:]
    return Wait(
        task,
        _what(task, frames[own[-1] + 1 :] if own else frames),
        tuple(map(_place, shown[-_LINES:])),
        bool(own) or not any(is_serving(frame.f_code.co_filename) for frame in frames[:1]),
        shown[0].f_code.co_qualname if own else coroutine_name(task),
    )


def trace_of(task: Task) -> TracebackType | None:
    """Give a traceback to where a pending task waits, with the lines of the application only."""
    trace = None
    for frame, _ in reversed(list(_chain(task.get_coro()))):
        if _is_own(frame):
            trace = TracebackType(trace, frame, frame.f_lasti, frame.f_lineno)
    return trace


def awaited(main: asyncio.Future[Any]) -> set[asyncio.Future[Any] | None]:
    """Give a task and the tasks that it waits for, directly or through others."""
    found: set[asyncio.Future[Any] | None] = set()
    queue = [main]
    while queue:
        future = queue.pop()
        if future in found or future.done():
            continue
        found.add(future)
        queue += internals.gathered(future)
        if isinstance(future, asyncio.Task):
            waiter = internals.waiter_of(future)
            queue += [] if waiter is None else [waiter]
            for frame, _ in _chain(future.get_coro()):
                queue += _futures_of(frame)
    return found


def position(main: Task) -> object:
    """Give what the innermost code of the application awaits: another object once it has run.

    None where no code of the application is under way.
    """
    found = None
    for frame, awaits in _chain(main.get_coro()):
        if _is_own(frame):
            found = awaits
    return found


# Where: from a coroutine to what it awaits, and so on to the future at the end.


def _chain(coroutine: Any) -> Iterator[tuple[FrameType, Any]]:
    """Give the suspended frames, the outer one first, each with what it awaits."""
    while coroutine is not None:
        frame, awaits = _suspended(coroutine)
        if frame is None:
            return  # somebody closed it
        yield frame, awaits
        coroutine = _inner(awaits)


def _suspended(coroutine: Any) -> tuple[FrameType | None, Any]:
    if isinstance(coroutine, types.CoroutineType):
        return coroutine.cr_frame, coroutine.cr_await
    if isinstance(coroutine, types.GeneratorType):
        return coroutine.gi_frame, coroutine.gi_yieldfrom or _run_by(coroutine)
    return coroutine.ag_frame, coroutine.ag_await


def _run_by(generator: types.GeneratorType[Any, Any, Any]) -> Any:
    handover = sys.modules.get("wsrpc.handover")  # not imported for those who have no wsrpc
    return None if handover is None else handover.run_by(generator)


_KNOWN: Final = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


_WRAPPERS: Final = frozenset(
    {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"}
)


def _inner(awaits: Any) -> Any:
    """Give the coroutine behind what is awaited, None at a future.

    What stands between, as for ``async for``, does not say what it wraps: the collector knows.
    """
    if isinstance(awaits, _KNOWN):
        return awaits
    if type(awaits).__name__ in _WRAPPERS:
        for referent in gc.get_referents(awaits):
            if (found := _inner(referent)) is not None:
                return found
    return None


def _is_own(frame: FrameType) -> bool:
    filename = frame.f_code.co_filename
    return is_application(filename) and not filename.startswith(_RUNNING)


def _place(frame: FrameType) -> Place:
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


# For what: told by the function of a library that the application awaits, else by the future.


def _what(task: Task, frames: list[FrameType]) -> str:
    for frame in frames:
        if (tell := _FUNCTIONS.get(frame.f_code.co_qualname)) is not None:
            return tell(frame.f_locals) + _until(task, frame.f_code.co_qualname)
        if futures := _futures_of(frame):
            return ends(futures) + _until(task)
    waiter = internals.waiter_of(task)
    if waiter is None:
        return "its turn: it is ready to run"
    if isinstance(waiter, asyncio.Task) or internals.gathered(waiter):
        return ends(internals.gathered(waiter) or [waiter]) + _until(task)
    return f"a {type(waiter).__name__} that nobody has resolved" + _until(task)


def _futures_of(frame: FrameType) -> list[asyncio.Future[Any]]:
    """Give what asyncio's own functions wait for by way of a future of theirs."""
    code, values = frame.f_code, frame.f_locals
    if code is asyncio.TaskGroup.__aexit__.__code__:
        return list(internals.tasks_of_group(values["self"]))
    if code is asyncio.wait.__code__:
        return [future for future in values["fs"] if not future.done()]
    if code is asyncio.wait_for.__code__ and asyncio.isfuture(values["fut"]):
        return [values["fut"]]
    return []


def ends(futures: Iterable[asyncio.Future[Any]]) -> str:
    """Name the tasks that somebody waits for: ``task 'a', task 'b' to end``."""
    names = sorted(
        f"task {future.get_name()!r}"
        for future in futures
        if isinstance(future, asyncio.Task) and not future.done()
    )
    if not names:
        return "futures that nobody has resolved"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} to end"


def _until(task: Task, function: str = "") -> str:
    """Say when the task will give up by itself, where it set a timer for that."""
    if function == "sleep":
        return ""
    due = [
        handle.when()
        for handle in internals.timers(task.get_loop())
        if setter_of(handle) is task and wakes_setter(handle)
    ]
    return f", at most until {min(due):g} s" if due else ""


def _sleep(values: Mapping[str, Any]) -> str:
    handle = values.get("h")
    ends = f" to end at {handle.when():g} s" if isinstance(handle, asyncio.TimerHandle) else ""
    return f"asyncio.sleep({values.get('delay')}){ends}"


def _event(values: Mapping[str, Any]) -> str:
    wanted = [
        f"{name}={values[name]!r}" for name in ("channel", "event") if values.get(name) is not None
    ]
    return f"an event ({', '.join(wanted)})" if wanted else "an event"


_FUNCTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "sleep": _sleep,
    "Queue.get": lambda values: f"an item in an empty asyncio.{type(values['self']).__name__}",
    "Queue.put": lambda values: f"room in a full asyncio.{type(values['self']).__name__}",
    "Queue.join": lambda values: "task_done() for every item of an asyncio.Queue",
    "Event.wait": lambda values: "an asyncio.Event to be set",
    "Lock.acquire": lambda values: "an asyncio.Lock that another holds",
    "Condition.wait": lambda values: "a notification of an asyncio.Condition",
    "Semaphore.acquire": lambda values: "an asyncio.Semaphore that others hold",
    "Barrier.wait": lambda values: "others to come to an asyncio.Barrier",
    "StreamReader._wait_for_data": lambda values: "data on a stream",
    "Process.wait": lambda values: "a subprocess to end",
    "ClientWebSocketResponse.receive": lambda values: "a message from the server",
    "WebSocketResponse.receive": lambda values: "a message from the client",
    "ClientSession._request": lambda values: "an HTTP response",
    "RpcClient._exchange": lambda values: (
        f"the reply to {values.get('method')!r} (id {values.get('id')})"
    ),
    "Subscription.get": lambda values: "an event of its subscription",
    "Subscription.__anext__": lambda values: "an event of its subscription",
    "WsTestClient.next_event": _event,
    "WsTestClient.no_event": lambda values: "no event to come",
    "WsTestClient.receive": lambda values: "a message from the server",
}
"""What the functions of libraries wait for, in the words of whoever calls them."""


def coroutine_name(task: Task) -> str:
    """Name the function that a task runs."""
    return str(getattr(task.get_coro(), "__qualname__", "?")).replace("<locals>.", "")


def _names(group: list[Wait]) -> str:
    if len(group) == 1:
        return f"task {group[0].name}"
    more = f", ... ({len(group)} in all)" if len(group) > 3 else ""
    return f"tasks {', '.join(wait.name for wait in group[:3])}{more}"


def _order(wait: Wait) -> tuple[Any, ...]:
    """Order by place, and tasks that asyncio numbered by number."""
    number = re.search(r"\d+$", wait.task.get_name())
    places = [(place.filename, place.lineno) for place in wait.lines]
    return places, int(number[0]) if number else -1, wait.task.get_name()
