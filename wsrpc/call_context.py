"""The context in which calls run that do not wait, one after the other in one task."""

from __future__ import annotations

import contextvars
from operator import is_
from typing import Any

from .calls import CURRENT, Call


class CallContext:
    """The context of one task, and whether one of its calls has changed it.

    A task reads on after a call only if the next one finds what the connection began with: what a
    handler leaves in context variables is its own.
    """

    __slots__ = ("_place", "_values")

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._place = 0

    def enter(self, call: Call) -> None:
        """Make a call the current one."""
        CURRENT.set(call)
        if self._values:
            self._values[self._place] = call
        else:
            self._values = list(contextvars.copy_context().values())
            self._place = next(i for i, value in enumerate(self._values) if value is call)

    def is_changed(self) -> bool:
        """Tell whether a variable was set since; by identity, as values may be equal."""
        values = list(contextvars.copy_context().values())
        return len(values) != len(self._values) or not all(map(is_, values, self._values))
