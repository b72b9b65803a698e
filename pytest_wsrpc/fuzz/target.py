"""The application under test: found by name, made when asked for."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

from .names import suggestion

OPTION = "--wsrpc-fuzz"
FORM = "expected module:attribute, such as myapp:create_app"


@dataclass(frozen=True)
class Target:
    """An application, or the callable that makes one."""

    spec: str
    module: ModuleType
    attribute: str
    value: web.Application | Callable[[], web.Application | Awaitable[web.Application]]
    path: Path
    """The file of the module."""

    @property
    def is_factory(self) -> bool:
        """Whether each case gets an application of its own."""
        return not isinstance(self.value, web.Application)

    @property
    def is_async(self) -> bool:
        """Whether the factory has to be awaited."""
        return self.is_factory and _is_coroutine_function(self.value)

    def written(self) -> tuple[list[str], list[str]]:
        """Return the lines of a test module that import it, and those of the fixture `ws_app`."""
        name = self.attribute.partition(".")[0]
        made = self.attribute + ("()" if self.is_factory else "")
        fixture = ["@pytest.fixture", "def ws_app():", f"    return {made}"]
        if self.is_async:
            fixture = ["@pytest_asyncio.fixture", "async def ws_app():", f"    return await {made}"]
        return [f"from {self.module.__name__} import {name}"], fixture

    async def create(self) -> web.Application:
        """Return the application; a new one each time, if there is a factory.

        Raises `TypeError` if the factory makes something else.
        """
        if isinstance(self.value, web.Application):
            return self.value
        made = self.value()
        app = await made if inspect.isawaitable(made) else made
        if not isinstance(app, web.Application):
            raise TypeError(
                f"{self.spec} is to return an aiohttp.web.Application, it returned {_shown(app)}"
            )
        return app


def find(spec: str, directory: Path, origin: str = OPTION) -> Target:
    """Return the target that ``module:attribute`` names; `directory` becomes importable.

    Raises `pytest.UsageError` in one line where there is none; only an exception of the module's
    own code is shown with its traceback.
    """
    name, _, attribute = spec.partition(":")
    if spec.startswith(("ws://", "wss://", "http://", "https://")):
        raise pytest.UsageError(f"{origin} {spec}: a URL is not accepted; {FORM}")
    if name.endswith(".py"):
        dotted = ".".join(Path(name).with_suffix("").parts)
        near = f"; did you mean '{dotted}:{attribute}'?" if _is_dotted(dotted) else ""
        raise pytest.UsageError(
            f"{origin} {spec}: {name} is a file, not the name of a module{near or '; ' + FORM}"
        )
    if not all(_is_dotted(part) for part in (name, attribute)):
        raise pytest.UsageError(f"{origin} {spec}: {FORM}")
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    module = _module(spec, name, origin)
    value = _attribute(spec, module, attribute, origin)
    _check_kind(spec, value, origin)
    if getattr(module, "__file__", None) is None:
        raise pytest.UsageError(f"{origin} {spec}: {name} is a module without a file")
    return Target(spec, module, attribute, value, Path(str(module.__file__)).resolve())


def of_value(value: Any, origin: str) -> Target:
    """Return the target that an application is, or what makes one; raises `pytest.UsageError`."""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    _check_kind(name, value, origin)
    module = sys.modules[getattr(value, "__module__", None) or type(value).__module__]
    path = Path(getattr(module, "__file__", None) or ".").resolve()
    return Target(f"{module.__name__}:{name}", module, name, value, path)


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _module(spec: str, name: str, origin: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise pytest.UsageError(
                f"{origin} {spec}: there is no module {error.name!r}{_near(error.name)}"
            ) from None
        raise _failed_import(spec, error, origin) from None
    except (Exception, SystemExit) as error:  # whatever the module's own code raises
        raise _failed_import(spec, error, origin) from None


def _failed_import(spec: str, error: BaseException, origin: str) -> pytest.UsageError:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    shown = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return pytest.UsageError(
        f"{origin} {spec}: importing the module failed\n{''.join(shown).rstrip()}"
    )


def _near(name: str) -> str:
    """Suggest modules beside the missing one."""
    parent, _, _ = name.rpartition(".")
    path = getattr(sys.modules.get(parent), "__path__", ()) if parent else None
    names = [module.name for module in pkgutil.iter_modules(path)]
    return suggestion(name, [f"{parent}.{found}" if parent else found for found in names])


def _attribute(spec: str, module: ModuleType, attribute: str, origin: str) -> Any:
    value: Any = module
    for part in attribute.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise pytest.UsageError(
                f"{origin} {spec}: {_shown(value)} has no attribute {part!r}"
                f"{suggestion(part, dir(value))}"
            ) from None
    return value


def _check_kind(spec: str, value: Any, origin: str) -> None:
    if isinstance(value, web.Application):
        return
    if not callable(value):
        raise pytest.UsageError(
            f"{origin} {spec}: expected an aiohttp.web.Application or a callable that returns "
            f"one, got {_shown(value)}"
        )
    try:
        inspect.signature(value).bind()
    except TypeError as error:
        raise pytest.UsageError(
            f"{origin} {spec}: it is called without arguments ({error})"
        ) from None
    except ValueError:
        return  # a callable written in C may have no signature to look at


def _is_coroutine_function(value: Any) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
        getattr(value, "__call__", None)  # noqa: B004 - its function is asked for, not whether
    )


def _shown(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}"
    return f"{type(value).__name__} {value!r:.60}"
