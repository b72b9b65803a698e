"""Virtual time in pytest: which tests run on it, how they come by their loop, and what they report.

pytest-asyncio makes the loop of each test in a fixture, which takes the class of the loop from
another fixture. For a test on virtual time, and only for it, `_Loops` hands that fixture ours. The
hook that pytest-asyncio has for the purpose decides for all tests of a suite at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any, Final, NoReturn

import pytest
import pytest_asyncio

from . import internals, loops, settings
from .clock import VirtualClock, VirtualLoop
from .fixtures import APPLICATION
from .warning import PytestWsrpcWarning

_PLUGIN: Final = "wsrpc-virtual-time"

_LOOP: Final = pytest.StashKey[VirtualLoop]()


def is_virtual(item: pytest.Item) -> bool:
    """Tell whether a test runs on virtual time.

    The closest marker decides, else whether the test asks for ``ws_clock``, else the ini file,
    which is about tests with an application and a loop of their own.
    """
    marked = settings.marked(item, "clock")
    if marked is not None:
        return bool(marked == "virtual")
    names = getattr(item, "fixturenames", ())
    if "ws_clock" in names:
        return True
    return (
        item.config.getini("wsrpc_clock") == "virtual"
        and not APPLICATION.isdisjoint(names)
        and pytest_asyncio.is_async_test(item)
        and loops.loop_scope_of_test(item) == "function"
        and settings.marked(item, "transport") != "tcp"
        and not item.ihook.pytest_asyncio_loop_factories.get_hookimpls()
    )


def prepare(item: pytest.Function) -> None:
    """Have the test run on virtual time if it is to; fail it where that is not possible."""
    if not is_virtual(item):
        if "ws_clock" in item.fixturenames:
            _refuse(item, "its marker says clock='real', and `ws_clock` is the virtual clock")
        return
    _check(item)
    manager = item.config.pluginmanager
    if not manager.has_plugin(_PLUGIN):
        manager.register(_Loops(), _PLUGIN)


def transport(item: pytest.Item) -> str:
    """How the clients of this test are connected: in memory if on virtual time, else as is set."""
    return "memory" if is_virtual(item) else settings.transport(item)


def clock_of(request: pytest.FixtureRequest) -> VirtualClock:
    """Give the clock of the test that asks for it."""
    if "ws_clock" not in request.node.fixturenames:
        _refuse(
            request.node,
            "`ws_clock` decides the time of a test before its fixtures are made: name it among "
            "the arguments, in place of request.getfixturevalue",
        )
    loop = loops.loop_of_test(request).runner.get_loop()
    assert isinstance(loop, VirtualLoop)
    return VirtualClock(loop)


def held(item: pytest.Item) -> str | None:
    """Say why a test on virtual time took real time, if it did for more than a second."""
    loop = item.stash.get(_LOOP, None)
    return None if loop is None else loop.held


class _Loops:
    """Gives tests on virtual time their loop, and reports those that were held."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        item = request.node
        if fixturedef.argname != internals.RUNNER or not is_virtual(item):
            return (yield)
        with internals.loop_factory(fixturedef, lambda: _make_loop(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        text = held(item)
        if text is not None and report.failed:
            report.sections.append(("Virtual time was held", text))
        if report.when == "teardown" and _LOOP in item.stash:
            del item.stash[_LOOP]  # the item stays until the end of the session
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        if (text := held(item)) is not None:
            item.warn(PytestWsrpcWarning(text))
        return result


def _make_loop(item: pytest.Item) -> VirtualLoop:
    loop = VirtualLoop(limit=settings.clock_limit(item.config))
    item.stash[_LOOP] = loop
    return loop


def _check(item: pytest.Function) -> None:
    """Fail a test that cannot run on virtual time, and say why."""
    if not pytest_asyncio.is_async_test(item):
        # A marker of a whole module may cover tests without a loop; fixtures speak for themselves.
        if any(marker.name == "wsrpc" for marker in item.own_markers):
            _refuse(item, _no_loop(item))
        return
    scope = loops.loop_scope_of_test(item)
    if scope != "function":
        _refuse(
            item,
            f"its event loop is that of the {scope}, and virtual time would be that of every test "
            'on it. Give the test a loop of its own, @pytest.mark.asyncio(loop_scope="function")',
        )
    hook = item.ihook.pytest_asyncio_loop_factories.get_hookimpls()
    if hook:
        _refuse(
            item,
            f"the hook pytest_asyncio_loop_factories of {hook[-1].plugin_name} decides which loop "
            "each test has",
        )
    policy = internals.fixture_of(item, "event_loop_policy")
    if policy is not None and policy.func.__module__ != pytest_asyncio.plugin.__name__:
        _refuse(
            item,
            f"the fixture `event_loop_policy` ({loops.where_defined(policy, item.config)}) decides "
            "which loop it has",
        )
    if settings.marked(item, "transport") == "tcp":
        _refuse(
            item,
            "its marker says transport='tcp', and virtual time never passes while a real socket "
            "may speak. Leave the transport out: connections are in memory on virtual time",
        )


def _no_loop(item: pytest.Function) -> str:
    if inspect.iscoroutinefunction(item.obj):
        return (
            "pytest-asyncio does not run it. Mark it with @pytest.mark.asyncio, or set "
            "asyncio_mode = auto in the ini file"
        )
    return f"it is not async, and has no event loop. Write `async def {item.originalname}`"


def _refuse(item: pytest.Item, why: str) -> NoReturn:
    pytest.fail(f"{item.name} cannot run on virtual time: {why}.", pytrace=False)
