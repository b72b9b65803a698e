"""The application that ``module:attribute`` names."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from aiohttp import web

FORM: Final = "expected module:attribute, such as myapp:create_app"


class BadTarget(Exception):
    """There is no such application; the text says what was expected, what came, what to do."""


def load(spec: str, directory: Path) -> web.Application:
    """Return the application, or what its factory, plain or async, makes.

    `directory` becomes importable. Raises `BadTarget`, and what the application's own code raises.
    """
    name, _, attribute = spec.partition(":")
    if name.endswith(".py"):
        dotted = ".".join(Path(name).with_suffix("").parts)
        raise BadTarget(
            f"{FORM}; {name} is a file: did you mean {dotted}:{attribute or 'create_app'}?"
        )
    if not all(part.isidentifier() for text in (name, attribute) for part in text.split(".")):
        raise BadTarget(f"{FORM}, got {spec!r}")
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    value: Any = _module(name)
    for part in attribute.split("."):
        value = _attribute(value, part)
    return _application(spec, value)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not f"{name}.".startswith(f"{missing}."):
            raise  # an import of the application's own that fails
    parent, _, _ = missing.rpartition(".")
    path = getattr(sys.modules.get(parent), "__path__", ()) if parent else None
    beside = [f"{parent}.{m.name}".lstrip(".") for m in pkgutil.iter_modules(path)]
    raise BadTarget(
        f"there is no module {missing!r} in the current directory or among what is installed"
        f"{_suggestion(missing, beside)}"
    )


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except AttributeError:
        where = f"module {value.__name__}" if isinstance(value, ModuleType) else repr(value)
        raise BadTarget(
            f"{where} has no attribute {name!r}{_suggestion(name, dir(value))}"
        ) from None


def _application(spec: str, value: Any) -> web.Application:
    if isinstance(value, web.Application):
        return value
    wanted = "expected an aiohttp.web.Application or a function that returns one"
    if not callable(value):
        raise BadTarget(f"{spec}: {wanted}, got {value!r:.60}")
    try:
        with contextlib.suppress(ValueError):  # a callable written in C may have no signature
            inspect.signature(value).bind()
    except TypeError as error:
        raise BadTarget(
            f"{spec}: it is called without arguments, but {error}: "
            "write a function that calls it with some, and name that"
        ) from None
    made = asyncio.run(_made(value))
    if not isinstance(made, web.Application):
        raise BadTarget(f"{spec}: {wanted}; it returned {made!r:.60}")
    return made


async def _made(factory: Any) -> Any:
    made = factory()
    return await made if inspect.isawaitable(made) else made


def _suggestion(name: str, others: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, others, n=1, cutoff=0.75)
    return f"; did you mean {near[0]!r}?" if near else ""
