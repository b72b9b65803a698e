"""What hypothesis' health check of a test's fixtures gets to see."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def unseen(item: pytest.Function, names: Collection[str]) -> Iterator[Callable[[], None]]:
    """Hide these arguments of a test until the end, or until what is given is called.

    The check takes every fixture of function scope among the arguments for one that the examples
    share, and tells of the first that it finds.
    """
    function, markers = item.function, item.own_markers
    signature = inspect.signature(function)
    hidden = [name for name in signature.parameters if name in names]
    shown = [value for name, value in signature.parameters.items() if name not in names]
    written = vars(function).get("__signature__")
    # Asked for by a marker they still count where hypothesis looks for parametrized fixtures.
    marker = pytest.mark.usefixtures(*hidden).mark

    def show() -> None:
        if marker not in markers:
            return
        markers.remove(marker)
        if written is None:
            del function.__signature__
        else:
            function.__signature__ = written

    if hidden:
        function.__signature__ = signature.replace(parameters=shown)
        markers.append(marker)
    try:
        yield show
    finally:
        show()
