"""Failures of the application: each is logged once, and told to whoever listens.

An exception of a handler never reaches the client, so that nothing internal leaks. It stands in
the log, and a test harness or an error tracker gets the exception itself through `listen`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .manager import Websocket


@dataclass(frozen=True, eq=False)
class Failure:
    """One exception that the application raised and the library dealt with."""

    exception: BaseException
    where: str
    """What failed: ``call add``, ``on_disconnect``, ``hook unsubscribe``, ``event data``, ..."""
    websocket: Websocket | None = None
    """The connection concerned, if it is one."""
    request_id: str | int | None = None
    method: str | None = None


Listener = Callable[[Failure], None]

_listeners: list[Listener] = []


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Tell `listener` of every failure in this process, in the order in which they happen.

    It is called at once, on the thread of the failure, and must not raise.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def is_being_cancelled() -> bool:
    """Tell whether the task that runs was cancelled, rather than one that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def report(logger: logging.Logger, failure: Failure) -> None:
    """Log a failure in one line with its traceback, and tell the listeners."""
    words = [failure.where]
    if failure.request_id is not None:
        words.append(f"id {failure.request_id!r:.80}")
    if failure.websocket is not None:
        words.append(f"websocket {failure.websocket.socket_id}")
    logger.error("%s failed", ", ".join(words), exc_info=failure.exception)
    for listener in tuple(_listeners):
        listener(failure)
