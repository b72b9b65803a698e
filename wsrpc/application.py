"""An application: found by ``module:attribute``, made, and the views that it serves."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from aiohttp import web

from .names import suggestion
from .path import WsPathMixin

FORM: Final = "expected module:attribute, such as myapp:create_app"


class BadTarget(Exception):
    """There is no such application; the text says what was expected, what came, what to do."""


def find(spec: str, directory: Path) -> tuple[ModuleType, str, Any]:
    """Return the module, the attribute's name and its value: an application, or what makes one.

    `directory` becomes importable. Raises `BadTarget`, and what the module's own code raises.
    """
    name, _, attribute = spec.partition(":")
    if name.endswith(".py"):
        dotted = ".".join(Path(name).with_suffix("").parts)
        meant = f"{dotted}:{attribute or 'create_app'}"
        near = f"; did you mean {meant!r}?" if _is_dotted(dotted) else f"; {FORM}"
        raise BadTarget(f"{name} is a file, not the name of a module{near}")
    if not (_is_dotted(name) and _is_dotted(attribute)):
        raise BadTarget(FORM)
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    module = _module(name)
    value: Any = module
    for part in attribute.split("."):
        value = _attribute(value, part)
    check(value)
    return module, attribute, value


def load(spec: str, directory: Path) -> web.Application:
    """Return the application that ``module:attribute`` names, made on a loop of its own.

    Raises as `find` and `made` do, and what the application's own code raises.
    """
    _, _, value = find(spec, directory)
    return asyncio.run(made(value))


def check(value: Any) -> None:
    """Raise `BadTarget` for what is no application, and cannot be called for one."""
    if isinstance(value, web.Application):
        return
    if not callable(value):
        raise BadTarget(
            "expected an aiohttp.web.Application or a callable that returns one, "
            f"got {_shown(value)}"
        )
    try:
        inspect.signature(value).bind()
    except TypeError as error:
        raise BadTarget(
            f"it is called without arguments ({error}): "
            "write a function that calls it with some, and name that"
        ) from None
    except ValueError:
        return  # a callable written in C may have no signature to look at


async def made(value: Any) -> web.Application:
    """Return the application that a value is or makes; raises `BadTarget` where it is another."""
    if isinstance(value, web.Application):
        return value
    app = value()
    if inspect.isawaitable(app):
        app = await app
    if not isinstance(app, web.Application):
        raise BadTarget(f"it is to return an aiohttp.web.Application, it returned {_shown(app)}")
    return app


def views(app: web.Application) -> Iterator[tuple[web.AbstractResource, type[WsPathMixin]]]:
    """Yield the views of an application and its sub-applications, in the router's order.

    Of two at the same path it is the first, which is the one that answers.
    """
    paths: set[str] = set()
    for route in app.router.routes():
        view, resource = route.handler, route.resource
        if resource is None or route.method not in ("*", "GET") or resource.canonical in paths:
            continue
        if isinstance(view, type) and issubclass(view, WsPathMixin):
            paths.add(resource.canonical)
            yield resource, view


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not f"{name}.".startswith(f"{missing}."):
            raise  # an import of the module's own that fails
    parent, _, _ = missing.rpartition(".")
    path = getattr(sys.modules.get(parent), "__path__", ()) if parent else None
    beside = [f"{parent}.{found.name}".lstrip(".") for found in pkgutil.iter_modules(path)]
    raise BadTarget(
        f"there is no module {missing!r} in the current directory or among what is installed"
        f"{suggestion(missing, beside)}"
    )


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except AttributeError:
        raise BadTarget(
            f"{_shown(value)} has no attribute {name!r}{suggestion(name, dir(value))}"
        ) from None


def _shown(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}"
    return f"{type(value).__name__} {value!r:.60}"
