"""The event loop of a test: fixtures are set up where the test runs, whatever its loop scope."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import unittest
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import pytest_asyncio

from . import internals

_T = TypeVar("_T")

_SCOPES = ("function", "class", "module", "package", "session")

_ON_LOOP: Final = frozenset({"ws_connect", "ws_client"})
"""What only works on the loop of the test, with all that is made of it."""
_CHECKED: Final[pytest.StashKey[bool]] = pytest.StashKey()


class BoundElsewhere(Exception):
    """The application belongs to another event loop."""


@dataclass(frozen=True)
class TestLoop:
    """The loop on which a test runs, and the scope in which it is shared."""

    __test__ = False

    scope: str
    runner: asyncio.Runner

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on this loop, while the test itself does not."""
        return self.runner.run(coroutine, context=contextvars.copy_context())


def loop_of_test(request: pytest.FixtureRequest) -> TestLoop:
    """Give the loop of the test that asks; fail where it has none, or where it runs already."""
    item = request.node
    if not pytest_asyncio.is_async_test(item) and not _is_fuzzed(item):
        pytest.fail(_no_loop(item, _asked_for(request)), pytrace=False)
    if _is_running():
        pytest.fail(
            f"`{request.fixturename}` cannot be set up while the test runs: name it among the "
            f"arguments of {item.name}, in place of request.getfixturevalue.",
            pytrace=False,
        )
    scope = loop_scope_of_test(item)
    _check_users(request)
    return TestLoop(scope, internals.runner_of_scope(request, scope))


def _check_users(request: pytest.FixtureRequest) -> None:
    """Fail where a fixture of this test would use ours on another loop than the test does."""
    item = request.node
    if item.stash.get(_CHECKED, False):
        return
    item.stash[_CHECKED] = True
    definitions = internals.fixtures_of(item)
    bound = set(_ON_LOOP)
    broker = definitions.get("broker")
    if broker is not None and (is_default(broker) or "ws_app" in broker.argnames):
        bound.add("broker")
    more = bound
    while more:
        more = {
            name
            for name, definition in definitions.items()
            if name not in bound and not bound.isdisjoint(definition.argnames)
        }
        bound |= more
    wanted = loop_scope_of_test(item)
    for name in definitions:
        definition = definitions[name]
        used = [other for other in definition.argnames if other in bound]
        scope = _loop_scope_of_fixture(definition, request.config)
        if used and scope is not None and scope != wanted:
            pytest.fail(
                f"`{name}` ({where_defined(definition, request.config)}) uses `{used[0]}` on the "
                f"event loop of the {scope}, but {item.name} runs on the event loop of the "
                f"{wanted}, and what belongs to one loop fails on another.\n\n"
                f"{_advice(definition, scope, wanted)}",
                pytrace=False,
            )


def check_override(request: pytest.FixtureRequest, name: str, loop: TestLoop) -> None:
    """Fail where the fixture `name` of this test ran on another loop than the test does."""
    definition = internals.fixture_in_use(request, name)
    scope = _loop_scope_of_fixture(definition, request.config)
    if scope is None or scope == loop.scope:
        return
    test = request.node.name
    pytest.fail(
        f"`{name}` ({where_defined(definition, request.config)}) was set up on the event loop of "
        f"the {scope}, but {test} runs on the event loop of the {loop.scope}, and what belongs to "
        f"one loop fails on another.\n\n{_advice(definition, scope, loop.scope)}",
        pytrace=False,
    )


@contextmanager
def told_if_bound_elsewhere(request: pytest.FixtureRequest, loop: TestLoop) -> Iterator[None]:
    """Fail with what to do about an application that the loop of an earlier test has claimed."""
    try:
        yield
    except BoundElsewhere:
        definition = internals.fixture_in_use(request, "ws_app")
        advice = _another_application(definition)
        # from None: what aiohttp said about it tells less
        raise pytest.fail.Exception(
            f"`ws_app` ({where_defined(definition, request.config)}) was served on another event "
            "loop before, and an aiohttp application works on one loop only; "
            f"{request.node.name} runs on the event loop of the {loop.scope}.\n\n"
            f"{advice or _advice(definition, definition.scope, loop.scope)}",
            pytrace=False,
        ) from None


def _another_application(definition: pytest.FixtureDef[Any]) -> str | None:
    """Say what to do where a fixture gives each test the same application, None if it does not."""
    if definition.scope != "function":
        return None
    return "Make a new application for each test: `return create_app()`, in place of a global one."


def is_default(definition: pytest.FixtureDef[Any]) -> bool:
    """Tell whether a fixture is the plugin's own, not somebody's override."""
    function = inspect.unwrap(definition.func)
    return getattr(function, "__module__", None) == "pytest_wsrpc.fixtures"


def where_defined(definition: pytest.FixtureDef[Any], config: pytest.Config) -> str:
    """Give file and line of a fixture, as short as can be found from the root directory."""
    function = inspect.unwrap(definition.func)
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(function)
    if is_default(definition):
        return "the default of pytest-wsrpc"
    path = Path(code.co_filename)
    if path.is_relative_to(config.rootpath):
        path = path.relative_to(config.rootpath)
    return f"{path}:{code.co_firstlineno}"


def _advice(definition: pytest.FixtureDef[Any], scope: str, wanted: str) -> str:
    """Name the setting that brings both together: the fixture's loop can only grow wider."""
    name = definition.argname
    if _SCOPES.index(definition.scope) <= _SCOPES.index(wanted):
        return (
            f"Set up `{name}` on the loop of the test: "
            f'@pytest_asyncio.fixture(loop_scope="{wanted}"), or for all fixtures '
            f"asyncio_default_fixture_loop_scope = {wanted} in the ini file."
        )
    return (
        f'Run the test on the loop of `{name}`: @pytest.mark.asyncio(loop_scope="{scope}"), or for '
        f"all tests asyncio_default_test_loop_scope = {scope} in the ini file. Or make "
        f'`{name}` anew for each test: leave scope="{definition.scope}" out.'
    )


def loop_scope_of_test(item: pytest.Item) -> str:
    """Give the scope of the loop on which pytest-asyncio runs a test, or the fuzzer its item."""
    if _is_fuzzed(item):
        return "function"
    marker = item.get_closest_marker("asyncio")
    written = marker and (marker.kwargs.get("loop_scope") or marker.kwargs.get("scope"))
    return str(written or item.config.getini("asyncio_default_test_loop_scope"))


def _loop_scope_of_fixture(definition: pytest.FixtureDef[Any], config: pytest.Config) -> str | None:
    """Give the loop scope that pytest-asyncio chose, None where it has no part in the fixture."""
    function = definition.func
    asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if not asynchronous and not internals.is_asyncio_fixture(function):
        return None
    default = config.getini("asyncio_default_fixture_loop_scope")
    if default == "fixture-scope":
        default = None
    return internals.loop_scope_of_function(function) or default or definition.scope


def _asked_for(request: pytest.FixtureRequest) -> str | None:
    """Name the fixture that the test knows: a client needs the others without its knowledge."""
    known = ("ws_client", "ws_connect", request.fixturename)
    return next((name for name in request.fixturenames if name in known), request.fixturename)


def _no_loop(item: pytest.Item, name: str | None) -> str:
    needs = f"{item.name} uses `{name}`, which needs the event loop of an async test"
    if issubclass(getattr(item, "cls", None) or object, unittest.TestCase):
        return (
            f"{needs}, and pytest-asyncio runs no method of a unittest.TestCase: write an "
            "`async def` in a plain class, or a function."
        )
    function = getattr(item, "obj", None)
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    if not inspect.iscoroutinefunction(function):
        return f"{needs}: write `async def {getattr(item, 'originalname', item.name)}`."
    return (
        f"{needs}, but pytest-asyncio does not run this one: mark it with @pytest.mark.asyncio, or "
        "set asyncio_mode = auto in the ini file."
    )


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_fuzzed(item: pytest.Item) -> bool:
    """Tell whether it is an item of the fuzzer's, which runs a loop by itself."""
    return item.get_closest_marker("wsrpc_fuzz") is not None
