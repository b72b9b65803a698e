"""Whether a method reads a payload of which nothing tells what it has to be."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from typing import Any

from .phases import Subject

_TAKES = 2
"""Parameters of a method: the view, and the payload."""


def is_untyped(subject: Subject) -> bool:
    """Tell whether a type, or a strategy of the user's, would give better cases of a method."""
    endpoint, method = subject.endpoint, subject.method
    if method is None or method.builtin or method.payload is not None:
        return False
    rules = endpoint.rules
    if rules is not None and rules.strategy(endpoint.path, method.name, None) is not None:
        return False
    return reads_payload(method.function)


def reads_payload(function: Callable[..., Any]) -> bool:
    """Tell whether a method's code does anything with what it is given."""
    code = inspect.unwrap(function).__code__
    names = code.co_varnames[: code.co_argcount]
    if len(names) < _TAKES:
        return True  # it takes *args, for some other function
    payload = names[_TAKES - 1]
    return payload in code.co_cellvars or any(
        one.opname.startswith("LOAD_FAST")
        and (one.argval == payload or (isinstance(one.argval, tuple) and payload in one.argval))
        for one in dis.get_instructions(code)
    )
