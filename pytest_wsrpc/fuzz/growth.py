"""What an application holds: tasks, connections, callbacks, subscriptions; and what grows of it."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wsrpc import SocketsManager
from wsrpc.callbacks import Registration

from .. import internals
from ..clock.timers import name_of
from ..clock.waiting import coroutine_name, wait_of
from ..traces import is_application


@dataclass(frozen=True)
class Thing:
    """One kind of what an application may hold, told by what is the same in every round."""

    kind: str
    """``task``, ``timer``, ``connection``, ``subscription``, ``callback``, ``object``."""
    name: str
    """The function of a task, timer or callback; the view of a connection."""
    detail: str = ""
    """Where a task waits; channel and patterns of a subscription."""

    @property
    def key(self) -> str:
        """What tells the defect: a channel's name may come from the payload."""
        return f"{self.kind} {self.name}"

    def __str__(self) -> str:
        """Say it for a person."""
        return f"{self.kind} {self.name}{f': {self.detail}' if self.detail else ''}"


Holdings = Counter[Thing]


def holdings(
    managers: Iterable[SocketsManager], others: Iterable[asyncio.Task[object]] = ()
) -> Holdings:
    """Count what is held on the running loop and by the managers, but for the tasks of others."""
    found: Holdings = Counter()
    loop = asyncio.get_running_loop()
    left_out = {*others, asyncio.current_task()}
    for task in asyncio.all_tasks(loop):
        if task not in left_out and not task.done():
            found[_task(task)] += 1
    for timer in internals.timers(loop):
        callback, _ = internals.callback_of(timer)
        code = getattr(callback, "__code__", None)
        if callback is not None and code is not None and is_application(code.co_filename):
            found[Thing("timer", name_of(callback))] += 1
    for manager in managers:
        _add(found, manager)
    return found


@contextmanager
def small_heap() -> Iterator[None]:
    """Leave what was there before out of collections, so that they are fast.

    A block within another one changes nothing: it could only thaw all.
    """
    global _blocks
    _blocks += 1
    if _blocks == 1:
        gc.freeze()
    try:
        yield
    finally:
        _blocks -= 1
        if _blocks == 0:
            gc.unfreeze()


_blocks = 0
"""How many blocks with a small heap have begun, and not ended."""


def kept(view: type) -> Holdings:
    """Count the views of connections that something still refers to, whether they are open or not.

    What is only part of a cycle is let go first.
    """
    gc.collect()
    # without a line of Python for each object: a large process has millions
    count = [*map(type, gc.get_objects())].count(view)
    return Counter(
        {Thing("object", view.__qualname__, "kept after its connection has ended"): count}
    )


def growth(before: Holdings, after: Holdings) -> list[tuple[Thing, int]]:
    """Return what there is more of, with how many more, those that grew most first.

    The objects come last: what keeps them says more.
    """
    return sorted((after - before).most_common(), key=lambda one: one[0].kind == "object")


def _task(task: asyncio.Task[object]) -> Thing:
    wait = wait_of(task)
    where = f"waits at {wait.lines[-1]}" if wait.lines else ""
    return Thing("task", coroutine_name(task), where)


def _add(found: Holdings, manager: SocketsManager) -> None:
    for view in tuple(manager.sockets):
        found[Thing("connection", type(view).__qualname__)] += 1
    for channel in manager.channels:
        for member in channel.members():
            patterns = ", ".join(map(repr, sorted(getattr(member, "patterns", ()))))
            detail = f"channel {channel.name!r}" + (f", {patterns}" if patterns else "")
            if isinstance(member, Registration):
                found[Thing("callback", name_of(member.callback), detail)] += 1
            else:
                of: object = getattr(member, "_view", member)
                found[Thing("subscription", f"of {type(of).__qualname__}", detail)] += 1
