"""The exceptions that an error rule raises: found by name, made anew each time, named again."""

from __future__ import annotations

import asyncio
import builtins
import copy
import importlib
from typing import Final

import wsrpc
from wsrpc.names import suggestion

FORM: Final = (
    "an exception is a builtin such as ConnectionError, a name of wsrpc such as CannotPublish, "
    "or 'module:Class'"
)

_BUILTINS: Final = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception)
}
_LIBRARY: Final = {
    name: value
    for name in wsrpc.__all__
    if isinstance(value := getattr(wsrpc, name), type) and issubclass(value, Exception)
}


def find(name: str) -> type[BaseException]:
    """Return the exception class that a text names; raise `ValueError` if there is none."""
    module, colon, attribute = name.partition(":")
    if colon:
        value = _import(module, attribute)
    else:
        value = _LIBRARY.get(name) or _BUILTINS.get(name)
        if value is None:
            near = suggestion(name, [*_LIBRARY, *_BUILTINS])
            raise ValueError(f"there is no exception {name!r}{near}\n{FORM}")
    check(value)
    assert isinstance(value, type)
    return value


def check(error: object) -> None:
    """Raise `TypeError` or `ValueError` unless this is an exception that can be raised."""
    cls = error if isinstance(error, type) else type(error)
    if not issubclass(cls, (Exception, asyncio.CancelledError)):
        reason = "would end the test run" if issubclass(cls, BaseException) else "is no exception"
        raise TypeError(f"{error!r:.80} {reason}\n{FORM.replace('an exception is', 'expected')}")
    if isinstance(error, type):
        try:
            error()
        except Exception as problem:  # an __init__ may raise anything
            raise ValueError(
                f"{error.__qualname__} cannot be raised without arguments\n{problem}\n"
                f"give an instance in Python: ws_faults.error(..., {error.__qualname__}(...))"
            ) from None


def make(error: type[BaseException] | BaseException) -> BaseException:
    """Return an exception to raise, with nothing left on it from the last time."""
    if isinstance(error, type):
        made = error()
    else:
        try:
            made = copy.copy(error)
        except Exception:  # a class whose __init__ takes other arguments than `args`
            made = error
        made.__traceback__ = None
        made.__cause__ = error.__cause__
        made.__dict__.pop("__notes__", None)
    # What else was being handled at that moment has nothing to do with it.
    made.__suppress_context__ = True
    return made


def name_of(error: type[BaseException] | BaseException) -> str:
    """Return what `find` would find the class by; for an instance, its repr."""
    if not isinstance(error, type):
        return repr(error)
    name = error.__qualname__
    if _LIBRARY.get(name) is error or _BUILTINS.get(name) is error:
        return name
    return f"{error.__module__}:{name}"


def _import(module: str, attribute: str) -> object:
    if not module or not attribute:
        raise ValueError(f"{module}:{attribute} is no name of a class\n{FORM}")
    try:
        value: object = importlib.import_module(module)
    except Exception as error:  # whatever the module's own code raises
        raise ValueError(
            f"the module {module!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    for part in attribute.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            known = [name for name in vars(value) if not name.startswith("_")]
            raise ValueError(f"{module} has no {part!r}{suggestion(part, known)}") from None
    return value
