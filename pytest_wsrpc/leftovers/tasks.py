"""Tasks that a test started and that run on when all that it was about is over.

Each task is seen when it starts: so those of other fixtures are told from the test's own, also
where both share a loop, and a report says which line started a task.
"""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any, ClassVar, Final

from aiohttp import web

from wsrpc.errors import ConnectionClosed
from wsrpc.failures import Failure

from .. import internals
from ..clock.waiting import coroutine_name, wait_of
from ..traces import Place, calling_place, is_application, is_serving
from . import titled

TURNS: Final = 100
"""Turns of the loop that tasks get to end by themselves when all is closed."""

PATIENCE: Final = 0.05
"""Seconds that tasks get after that."""

ENDING: Final = 1.0
"""Seconds that tasks get which somebody has cancelled."""

Task = asyncio.Task[Any]


@dataclass(frozen=True)
class LeftTask:
    """A task as it was found, before it was cancelled."""

    name: str
    coroutine: str
    started: Place | None
    what: str
    """What it waits for."""
    lines: Sequence[Place]
    """Where it waits: lines of the application, the outer one first."""
    was_cancelled: bool
    """Somebody wanted it to end."""

    def title(self) -> str:
        """Name the task and its coroutine."""
        return f"task {self.name!r} ({self.coroutine})"

    def details(self) -> str:
        """Give where it was started, what it waits for, and where."""
        lines = [f"started at {self.started}"] if self.started else []
        lines.append(f"waits for {self.what}{':' if self.lines else ''}")
        lines += [f"    {place}" for place in self.lines]
        if self.was_cancelled:
            lines.append("was cancelled, and goes on all the same")
        return "\n".join(lines)


@dataclass(frozen=True)
class LeftTasks:
    """The tasks that were left running."""

    kind: ClassVar[str] = "tasks"
    tasks: Sequence[LeftTask]

    def head(self) -> str:
        """Name the first."""
        first = self.tasks[0].title()
        if len(self.tasks) == 1:
            return f"The test is over, but {first} runs on."
        return f"The test is over, but {len(self.tasks)} tasks run on, the first is {first}."

    def details(self) -> str:
        """Give for each task where it was started and where it waits."""
        return titled((task.title(), task.details()) for task in self.tasks)

    def advice(self) -> str:
        """Say who has to end a task."""
        it = "it" if len(self.tasks) == 1 else "them"
        return (
            f"Cancel {it} and await {it} where what started {it} ends: in on_disconnect for a "
            "connection,\nin on_cleanup for the application, in the test for the test. So that the "
            f"next test\nstarts clean, pytest-wsrpc has cancelled {it} now"
        )

    def exception(self) -> BaseException | None:
        """Give the first exception of the application among them."""
        return None


class TaskWatch:
    """The tasks of one loop that are the test's, and what becomes of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, failed: Callable[[Failure], None]) -> None:
        self._loop = loop
        self._failed = failed
        self._tasks: weakref.WeakKeyDictionary[Task, Place | None] = weakref.WeakKeyDictionary()
        self._patience = PATIENCE
        self._counts_all = False
        self._starting = 0
        self._others = weakref.WeakSet(asyncio.all_tasks(loop))
        # A task factory would change more: eager tasks, and in Python 3.13 the names.
        self._create_before: Callable[..., Task] = loop.create_task
        self._wrapped = vars(loop).get("create_task")
        self._handler_before = loop.get_exception_handler()
        # bound once: what is set has to be recognised again
        self._create, self._handler = self._create_task, self._handle
        vars(loop)["create_task"] = self._create
        loop.set_exception_handler(self._handler)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Count the tasks that are started within as the test's."""
        self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1

    def begin_call(self) -> None:
        """Count from now on all tasks but those that tasks of other fixtures start."""
        self._counts_all = True

    def begin_example(self) -> None:
        """Forget what was started before."""
        self._tasks.clear()
        self._others.update(asyncio.all_tasks(self._loop))
        self._patience = PATIENCE
        self._counts_all = False

    async def settle(self, *, judged: bool = True) -> list[LeftTask]:
        """Let the tasks end; give those that do not, and cancel them, unless nobody judges them.

        Exceptions of tasks that nobody has asked for are told as failures.
        """
        left = await self._given_time() if judged else []
        if left:
            # hypothesis will want to see it a hundred times
            self._patience = PATIENCE / 10
        described = [_describe(task, self._tasks.get(task)) for task in left]
        if left:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=ENDING)
        for task in list(self._tasks):
            if task.done() and not task.cancelled() and internals.is_unretrieved(task):
                self._tell(task, task.exception())
        return described

    async def _given_time(self) -> list[Task]:
        """Give what is left when the tasks had the time that they need to end by themselves."""
        for _ in range(TURNS):
            if not self._left():
                return []
            await asyncio.sleep(0)
        if left := self._left():
            await asyncio.wait(left, timeout=self._patience)
        if ending := [task for task in self._left() if task.cancelling()]:
            await asyncio.wait(ending, timeout=ENDING)
        return self._left()

    def stop(self) -> None:
        """Give the loop back as it was, but for what somebody has set meanwhile."""
        if vars(self._loop).get("create_task") is self._create:
            if self._wrapped is None:
                del vars(self._loop)["create_task"]
            else:
                vars(self._loop)["create_task"] = self._wrapped
        if self._loop.get_exception_handler() is self._handler:
            self._loop.set_exception_handler(self._handler_before)

    def _left(self) -> list[Task]:
        current = asyncio.current_task()
        # From Python 3.12 on, aiohttp starts the tasks of requests past the loop.
        requests = [
            task
            for task in asyncio.all_tasks(self._loop)
            if task not in self._others and _has_lost_its_client(task.get_coro())
        ]
        return [
            task
            for task in dict.fromkeys([*self._tasks, *requests])
            if not task.done() and task is not current and _is_left(task)
        ]

    def _create_task(self, coroutine: Any, **options: Any) -> Task:
        task = self._create_before(coroutine, **options)
        if self._starting or self._is_of_test():
            # The tasks of libraries are many, and hardly ever of interest.
            self._tasks[task] = None if _serves(coroutine) else calling_place()
        return task

    def _is_of_test(self) -> bool:
        parent = asyncio.current_task(self._loop)
        if parent is None:
            return self._counts_all
        if parent in self._tasks:
            return True
        return self._counts_all and parent not in self._others and _serves(parent.get_coro())

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        source = context.get("task") or context.get("future")
        if isinstance(source, asyncio.Task):
            self._tell(source, exception)
        elif exception is not None and ("handle" in context or source is not None):
            self._failed(Failure(exception, str(context.get("message", "callback"))))
        if self._handler_before is None:
            loop.default_exception_handler(context)
        else:
            self._handler_before(loop, context)

    def _tell(self, task: Task, exception: BaseException | None) -> None:
        # That a connection is over is how a task learns that it is to end.
        if exception is not None and not isinstance(exception, ConnectionClosed):
            where = f"task {task.get_name()!r} ({coroutine_name(task)})"
            self._failed(Failure(exception, where))


def _is_left(task: Task) -> bool:
    """Tell whether its end is the application's business.

    aiohttp and wsrpc end their own tasks with the connections and servers that they belong to.
    Where they have tried to, and the application's code goes on, the task is left all the same.
    """
    coroutine = task.get_coro()
    if not _serves(coroutine):
        return True
    return (task.cancelling() > 0 or _has_lost_its_client(coroutine)) and wait_of(task).is_own


def _has_lost_its_client(coroutine: Any) -> bool:
    """Tell whether it serves a request on a connection that is closed."""
    frame = getattr(coroutine, "cr_frame", None)
    handler = None if frame is None else frame.f_locals.get("self")
    return isinstance(handler, web.RequestHandler) and not handler.connected


def _describe(task: Task, started: Place | None) -> LeftTask:
    wait = wait_of(task)
    lines = [place for place in wait.lines if not started or is_application(place.filename)]
    what = _WHEN.sub("", wait.what)
    name = wait.function.replace("<locals>.", "")
    return LeftTask(task.get_name(), name, started, what, lines, task.cancelling() > 0)


_WHEN: Final = re.compile(r" to end at \S+ s|, at most until \S+ s")
"""Times of the loop, which are of no use when the test is over."""


def _serves(coroutine: Any) -> bool:
    """Tell whether it is a coroutine of aiohttp, wsrpc or the plugin."""
    code = getattr(coroutine, "cr_code", None) or getattr(coroutine, "gi_code", None)
    return isinstance(code, CodeType) and is_serving(code.co_filename)
