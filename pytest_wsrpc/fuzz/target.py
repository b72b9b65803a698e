"""The application under test: found by name, made when asked for."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from aiohttp import web

from wsrpc import application
from wsrpc.application import FORM, BadTarget

OPTION = "--wsrpc-fuzz"


@dataclass(frozen=True)
class Target:
    """An application, or the callable that makes one."""

    spec: str
    module: ModuleType
    attribute: str
    value: web.Application | Callable[[], web.Application | Awaitable[web.Application]]
    path: Path
    """The file of the module."""

    is_remote: ClassVar[bool] = False
    """Whether it is a server that is elsewhere."""

    @property
    def secrets(self) -> Sequence[str]:
        """What stands in the spec, and is not shown there."""
        return ()

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
        try:
            return await application.made(self.value)
        except BadTarget as error:
            raise TypeError(f"{self.spec}: {error}") from None


def find(spec: str, directory: Path, origin: str = OPTION) -> Target:
    """Return the target that ``module:attribute`` names; `directory` becomes importable.

    Raises `pytest.UsageError` in one line where there is none; only an exception of the module's
    own code is shown with its traceback.
    """
    if spec.startswith(("ws://", "wss://", "http://", "https://")):
        raise pytest.UsageError(f"{origin} {spec}: a URL is not accepted; {FORM}")
    try:
        module, attribute, value = application.find(spec, directory)
    except BadTarget as error:
        raise pytest.UsageError(f"{origin} {spec}: {error}") from None
    except (Exception, SystemExit) as error:  # whatever the module's own code raises
        raise _failed_import(spec, error, origin) from None
    if getattr(module, "__file__", None) is None:
        raise pytest.UsageError(f"{origin} {spec}: {module.__name__} is a module without a file")
    return Target(spec, module, attribute, value, Path(str(module.__file__)).resolve())


def of_value(value: Any, origin: str) -> Target:
    """Return the target that an application is, or what makes one; raises `pytest.UsageError`."""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    try:
        application.check(value)
    except BadTarget as error:
        raise pytest.UsageError(f"{origin} {name}: {error}") from None
    module = sys.modules[getattr(value, "__module__", None) or type(value).__module__]
    path = Path(getattr(module, "__file__", None) or ".").resolve()
    return Target(f"{module.__name__}:{name}", module, name, value, path)


def _failed_import(spec: str, error: BaseException, origin: str) -> pytest.UsageError:
    ours = (__file__, application.__file__)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename not in ours
    ]
    shown = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return pytest.UsageError(
        f"{origin} {spec}: importing the module failed\n{''.join(shown).rstrip()}"
    )


def _is_coroutine_function(value: Any) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
        getattr(value, "__call__", None)  # noqa: B004 - its function is asked for, not whether
    )
