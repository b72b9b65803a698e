"""``--wsrpc-fuzz fixture:ws_app``: the application fixture of a suite as what is fuzzed.

pytest sets the fixture up for each item. Where it is of function scope it is torn down and set up
again for each case, as for the examples of a ``@given`` test, with all that depends on it; one of a
wider scope is one application for all cases. It lives on the loop that pytest-asyncio gives the
item, which is a virtual one.
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest
from aiohttp import web

from wsrpc.names import suggestion

from .. import internals
from ..examples import FRESH
from ..examples.setups import Setup, Setups
from .endpoints import Endpoint, endpoints_of
from .serving import Host
from .target import Target

T = TypeVar("T")

PREFIX = "fixture:"


@dataclass(frozen=True)
class FixtureTarget(Target):
    """The application that a fixture gives; its `value` is what runs, one application at a time."""

    scope: str = "function"

    @property
    def is_factory(self) -> bool:
        """Whether each case gets an application of its own."""
        return self.scope == "function"

    def written(self) -> tuple[list[str], list[str]]:
        """Return nothing to import, and the fixture `ws_app` if this one has another name."""
        name = self.attribute
        if name == "ws_app":
            return [], []
        return [], ["@pytest.fixture", f"def ws_app({name}):", f"    return {name}"]


def find(spec: str, config: pytest.Config) -> FixtureTarget:
    """Return the target that a fixture is, of the innermost conftest.py that pytest has loaded.

    Raises `pytest.UsageError` where there is none, or where several are at the same depth.
    """
    name = spec.removeprefix(PREFIX)
    if not name.isidentifier():
        raise pytest.UsageError(
            f"--wsrpc-fuzz {spec}: expected fixture:NAME, such as fixture:ws_app"
        )
    known: set[str] = set()
    found: dict[Path, tuple[ModuleType, str]] = {}
    for module in config.pluginmanager.get_plugins():
        file = getattr(module, "__file__", None)
        if not isinstance(module, ModuleType) or file is None or _is_ours(module):
            continue
        scopes = internals.fixtures_in(module)
        known |= scopes.keys()
        if name in scopes:
            found[Path(file).resolve()] = (module, scopes[name])
    if not found:
        raise pytest.UsageError(
            f"--wsrpc-fuzz {spec}: no conftest.py that pytest has loaded has a fixture {name!r}"
            f"{suggestion(name, known)}; it loads those of the root directory, of its test* "
            "directories, and of the paths given"
        )
    depth = max(len(path.parts) for path in found)
    innermost = [path for path in found if len(path.parts) == depth]
    if len(innermost) > 1:
        places = " and ".join(str(_shown(path, config)) for path in sorted(innermost))
        raise pytest.UsageError(
            f"--wsrpc-fuzz {spec}: {places} have a fixture {name!r}: give the path of one, too"
        )
    path = innermost[0]
    module, scope = found[path]
    return FixtureTarget(spec, module, name, web.Application, path, scope)


def _is_ours(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] == "pytest_wsrpc"


def _shown(path: Path, config: pytest.Config) -> Path:
    return path.relative_to(config.rootpath) if path.is_relative_to(config.rootpath) else path


def asks_for(function: Any, name: str) -> Any:
    """Let a function without arguments ask for a fixture as a test does."""

    def asking(**fixtures: Any) -> Any:
        return function()

    parameter = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
    asking.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
    return asking


class Applications:
    """The applications that the fixture gives while one item runs."""

    def __init__(self, item: pytest.Function, target: FixtureTarget) -> None:
        self.target = target
        self._item = item
        self._setups = Setups(item, self._is_root)
        self._is_used = False

    def record(
        self, definition: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> AbstractContextManager[None]:
        """Note what is asked for, around each set-up of a fixture of function scope."""
        return self._setups.record(definition, request)

    def _is_root(self, setup: Setup) -> bool:
        return setup.name == self.target.attribute or setup.name in FRESH

    def renew(self) -> None:
        """Set the fixture up again, unless nothing has used what pytest has set up."""
        if self._is_used and self.target.is_factory:
            errors = self._setups.tear_down()
            if errors:
                raise errors[0]
            self._setups.set_up()
        self._setups.begin()
        self._is_used = True

    def current(self) -> web.Application:
        """Return the application; raise `TypeError` if the fixture gives something else."""
        name = self.target.attribute
        fresh = self._setups.values()
        app = fresh[name] if name in fresh else self._item.funcargs[name]
        if not isinstance(app, web.Application):
            raise TypeError(
                f"the fixture {name} is to give an aiohttp.web.Application, it gave {app!r:.60}"
            )
        return app


class _ItemHost(Host):
    """Serves on the loop of an item, with a fresh application each time that it is run."""

    def __init__(self, target: Target, item: pytest.Function, applications: Applications) -> None:
        super().__init__(target)
        # the loop on which async fixtures of the item have run
        self._runner = internals.runner_of_scope(internals.request_of(item), "function")
        self._applications = applications

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, with a fresh application."""
        try:
            self._applications.renew()
        except BaseException:
            coroutine.close()
            raise
        return super().run(coroutine)

    def close(self) -> None:
        """Leave application and loop to the fixtures whose they are, which wait for no thread."""
        self._leave()


@dataclass(frozen=True)
class _Current(FixtureTarget):
    """The target as a host knows it: what it makes is what the fixture has given."""

    applications: Applications | None = None

    async def create(self) -> web.Application:
        """Return the application that the fixture has given for this case."""
        assert self.applications is not None
        return self.applications.current()


def host_of(item: pytest.Function, applications: Applications) -> Host:
    """Return what serves the application of an item; where it is not made anew, any item's."""
    target = applications.target
    current = _Current(**vars(target), applications=applications)
    return _ItemHost(current, item, applications) if target.is_factory else Host(current)


def endpoints_of_fixture(target: FixtureTarget, node: pytest.Collector) -> list[Endpoint]:
    """Set the fixture up and tear it down, to read the endpoints of its application.

    Raises what the fixture raises.
    """
    found: list[Endpoint] = []

    def read() -> None:
        app = item.funcargs[target.attribute]
        if not isinstance(app, web.Application):
            raise TypeError(
                f"{target.spec} is to give an aiohttp.web.Application, it gave {app!r:.60}"
            )
        found.extend(endpoints_of(app))

    item: pytest.Function = pytest.Function.from_parent(
        node, name="application", callobj=asks_for(read, target.attribute)
    )
    with _set_up(item):
        item.runtest()
    return found


@contextmanager
def _set_up(item: pytest.Item) -> Iterator[None]:
    hook = item.ihook
    try:
        hook.pytest_runtest_setup(item=item)
        yield
    finally:
        hook.pytest_runtest_teardown(item=item, nextitem=None)
