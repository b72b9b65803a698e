"""Running a coroutine in the own task, and learning at once when it has to wait."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Final


@coroutine
def noticing_wait(
    running: Coroutine[Any, Any, None], waits: Callable[[], None]
) -> Generator[Any, Any, None]:
    """Await a coroutine as ``await`` does, and call `waits` when it first waits for something.

    It runs in the task that awaits it, up to its first wait within this turn of the event loop;
    `waits` is called in that same turn. A coroutine that never waits costs no task and no callback.
    """
    try:
        awaited = running.send(None)
    except StopIteration:
        return
    waits()
    while True:
        try:
            yield awaited
        except BaseException as error:
            # what is thrown in, a cancellation or the end, is for the coroutine
            try:
                awaited = running.throw(error)
            except StopIteration:
                return
        else:
            # a task resumes with None, as `yield from` begins
            yield from running.__await__()
            return


def run_by(generator: object) -> Coroutine[Any, Any, None] | None:
    """Return what a `noticing_wait` runs that is suspended, for those who look where tasks are.

    None for other generators.
    """
    frame = getattr(generator, "gi_frame", None)
    if frame is None or frame.f_code is not _CODE:
        return None
    running: Coroutine[Any, Any, None] = frame.f_locals["running"]
    return running


_CODE: Final = noticing_wait.__code__
