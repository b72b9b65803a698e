"""The private names that the plugin needs, of pytest, its plugins, asyncio and aiohttp: all here.

Each has a public face in this module and a contract test. Where one is gone, the error says
which version was installed and what to do.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client_proto import ResponseHandler


def request_of(item: pytest.Function) -> pytest.FixtureRequest:
    """Give the request with which a test asks for its fixtures."""
    try:
        request = item._request
    except AttributeError:
        raise _gone("pytest", "Function._request") from None
    assert isinstance(request, pytest.FixtureRequest)
    return request


def fixture_in_use(request: pytest.FixtureRequest, name: str) -> pytest.FixtureDef[Any]:
    """Give the definition of the fixture `name` that this test uses, overrides considered."""
    try:
        definition = request._get_active_fixturedef(name)
    except AttributeError:
        raise _gone("pytest", "FixtureRequest._get_active_fixturedef") from None
    assert isinstance(definition, pytest.FixtureDef)
    return definition


def finish_fixture(request: pytest.FixtureRequest) -> None:
    """Tear the fixture down whose request this is, after all fixtures that ask for it.

    Its own tear-down finds it done already.
    """
    try:
        finish = request._fixturedef.finish  # type: ignore[attr-defined]
    except AttributeError:
        raise _gone("pytest", "SubRequest._fixturedef.finish") from None
    finish(request)


def runner_of_scope(request: pytest.FixtureRequest, scope: str) -> asyncio.Runner:
    """Give the runner of the event loop that pytest-asyncio keeps for this scope."""
    name = f"_{scope}_scoped_runner"
    try:
        runner = request.getfixturevalue(name)
    except pytest.FixtureLookupError:
        raise _gone("pytest-asyncio", f"the fixture {name}") from None
    assert isinstance(runner, asyncio.Runner)
    return runner


def loop_scope_of_function(function: Any) -> str | None:
    """Give the loop_scope that was written at ``@pytest_asyncio.fixture``, if one was."""
    scope = getattr(function, "_loop_scope", None)
    assert scope is None or isinstance(scope, str)
    return scope


def is_asyncio_fixture(function: Any) -> bool:
    """Tell whether ``@pytest_asyncio.fixture`` made this fixture."""
    return getattr(function, "_force_asyncio_fixture", False) is True


def is_unretrieved(future: asyncio.Future[Any]) -> bool:
    """Tell whether a future that is done has an exception that nobody has asked it for."""
    try:
        unretrieved = future._log_traceback
    except AttributeError:
        raise _gone("pytest-wsrpc", "asyncio.Future._log_traceback") from None
    return bool(unretrieved)


def fixtures_of(item: pytest.Function) -> dict[str, pytest.FixtureDef[Any]]:
    """Give the fixtures that a test asks for, and those that they ask for, but none asked for late.

    Where one overrides another, it is the one that counts.
    """
    try:
        definitions = item._fixtureinfo.name2fixturedefs
    except AttributeError:
        raise _gone("pytest", "Function._fixtureinfo.name2fixturedefs") from None
    return {name: overriding[-1] for name, overriding in definitions.items()}


@cache
def finish_tells_plugins() -> bool:
    """Tell whether a fixture's tear-down calls ``pytest_fixture_post_finalizer`` by itself.

    Else its set-up has to see to that; pytest has done it the one way and the other.
    """
    try:
        code = pytest.FixtureDef.finish.__code__
    except AttributeError:
        raise _gone("pytest", "FixtureDef.finish") from None
    return "pytest_fixture_post_finalizer" in code.co_names


def forget_fixtures(request: pytest.FixtureRequest, names: Iterable[str]) -> None:
    """Let a test look up the fixtures of these names as if it had not asked for them before."""
    active = _active_fixtures(request)
    for name in names:
        active.pop(name, None)


def use_fixture(request: pytest.FixtureRequest, definition: pytest.FixtureDef[Any]) -> None:
    """Let a test find this definition under its name from now on."""
    _active_fixtures(request)[definition.argname] = definition


def _active_fixtures(request: pytest.FixtureRequest) -> dict[str, pytest.FixtureDef[Any]]:
    try:
        return request._fixture_defs
    except AttributeError:
        raise _gone("pytest", "FixtureRequest._fixture_defs") from None


@contextmanager
def outside_deadline() -> Iterator[None]:
    """Keep the time spent within out of what hypothesis' deadline allows for an example."""
    try:
        from hypothesis.control import current_build_context

        times = current_build_context().data._stateful_run_times
    except (ImportError, AttributeError):
        raise _gone("hypothesis", "current_build_context().data._stateful_run_times") from None
    start = time.perf_counter()
    try:
        yield
    finally:
        times["pytest-wsrpc: fixtures"] += time.perf_counter() - start


def protocol_factory(connector: aiohttp.BaseConnector) -> Callable[[], ResponseHandler]:
    """Give what makes the protocol of a new connection of an aiohttp client.

    The connector overrides ``_create_connection``, with which aiohttp asks for a connection.
    """
    import aiohttp

    if not hasattr(aiohttp.BaseConnector, "_create_connection"):
        raise _gone("aiohttp", "BaseConnector._create_connection")
    try:
        factory: Callable[[], ResponseHandler] = connector._factory
    except AttributeError:
        raise _gone("aiohttp", "BaseConnector._factory") from None
    return factory


class NoSendfile:
    """A transport to which aiohttp sends files as it does where ``os.sendfile`` is missing.

    Without the name asyncio would refuse to, and aiohttp answer 500.
    """

    __slots__ = ()

    @property
    def _sendfile_compatible(self) -> NoReturn:
        raise NotImplementedError


def forget_log(config: pytest.Config) -> None:
    """Leave what was logged until now out of the report of the test that runs."""
    plugin = config.pluginmanager.get_plugin("logging-plugin")
    if plugin is None:
        return  # pytest -p no:logging
    try:
        plugin.report_handler.reset()
    except AttributeError:
        raise _gone("pytest", "LoggingPlugin.report_handler.reset") from None


def _gone(distribution: str, name: str) -> pytest.UsageError:
    return pytest.UsageError(
        f"{distribution} {version(distribution)} does not have {name}, on which the fixtures of "
        f"pytest-wsrpc {version('pytest-wsrpc')} rest. Install an earlier {distribution}, or a "
        "later pytest-wsrpc."
    )


def fixture_of(item: pytest.Function, name: str) -> pytest.FixtureDef[Any] | None:
    """Give the definition of the fixture `name` that this test will use, before any is set up."""
    try:
        definitions = item._fixtureinfo.name2fixturedefs
    except AttributeError:
        raise _gone("pytest", "Function._fixtureinfo.name2fixturedefs") from None
    definition = definitions.get(name, (None,))[-1]
    assert definition is None or isinstance(definition, pytest.FixtureDef)
    return definition


RUNNER = "_function_scoped_runner"
"""The fixture in which pytest-asyncio makes the loop of a test of its own."""


@contextmanager
def loop_factory(
    runner: pytest.FixtureDef[Any], factory: Callable[[], asyncio.AbstractEventLoop]
) -> Iterator[None]:
    """Have the fixture `RUNNER` make its loop by this factory, as long as the context lasts.

    All else remains as pytest-asyncio does it: its debug option, and which loop is current.
    """
    argument = "_asyncio_loop_factory"
    if argument not in runner.argnames:
        raise _gone("pytest-asyncio", f"the argument {argument} of the fixture {RUNNER}")
    make = runner.func

    def make_with_factory(**arguments: Any) -> Any:
        yield from make(**{**arguments, argument: factory})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "func", make_with_factory)
        yield


def check_event_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Raise UsageError if this Python's event loop lacks what virtual time rests on."""
    for name in ("_scheduled", "_clock_resolution"):
        if not hasattr(loop, name):
            raise _gone_from_python(f"{type(loop).__name__}.{name}")


def next_timer(loop: asyncio.AbstractEventLoop) -> asyncio.TimerHandle | None:
    """Give the timer that fires next; while the loop polls, it is not a cancelled one."""
    scheduled: list[asyncio.TimerHandle] = loop._scheduled  # type: ignore[attr-defined]
    return scheduled[0] if scheduled else None


def timers(loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
    """Give the timers that will fire, in no order; none of a loop that keeps them elsewhere."""
    scheduled = getattr(loop, "_scheduled", ())
    return [handle for handle in scheduled if not handle.cancelled()]


def callback_of(handle: asyncio.Handle) -> tuple[Callable[..., Any] | None, tuple[Any, ...]]:
    """Give what a handle calls, and with which arguments; None if it was cancelled."""
    callback: Callable[..., Any] | None = getattr(handle, "_callback", None)
    return callback, getattr(handle, "_args", None) or ()


def forget_frame(handle: asyncio.Handle) -> None:
    """Leave the frame of an overriding method out of where asyncio says a handle was made."""
    trace = getattr(handle, "_source_traceback", None)
    if trace:
        del trace[-1]


def waiter_of(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """Give the future that a suspended task waits for; None if it is about to run."""
    try:
        waiter: asyncio.Future[Any] | None = task._fut_waiter  # type: ignore[attr-defined]
    except AttributeError:
        raise _gone_from_python("Task._fut_waiter") from None
    return waiter


def gathered(future: asyncio.Future[Any]) -> list[asyncio.Future[Any]]:
    """Give the futures that a future of ``asyncio.gather`` waits for, none of any other."""
    return list(getattr(future, "_children", ()))


def tasks_of_group(group: asyncio.TaskGroup) -> set[asyncio.Task[Any]]:
    """Give the tasks of a group that are not done."""
    return set(getattr(group, "_tasks", ()))


def pool_threads(executor: concurrent.futures.Executor) -> set[threading.Thread] | None:
    """Give the worker threads of a pool, None where they cannot be known."""
    threads: set[threading.Thread] | None = getattr(executor, "_threads", None)
    return None if threads is None else set(threads)


def is_idle_worker(thread: threading.Thread) -> bool:
    """Tell whether a worker of a pool of threads is between two jobs.

    It executes nothing but the loop that takes jobs from the queue, or is about to take one.
    """
    work = getattr(concurrent.futures.thread, "_worker", None)
    frame = sys._current_frames().get(thread.ident or 0)
    return work is not None and frame is not None and frame.f_code is work.__code__


def do_not_join(thread: threading.Thread) -> None:
    """Keep the interpreter's end from waiting for a worker of a pool of threads."""
    queues: Any = getattr(concurrent.futures.thread, "_threads_queues", {})
    queues.pop(thread, None)


def abandon_executor(loop: asyncio.AbstractEventLoop) -> None:
    """Shut a loop's own executor down without waiting for its jobs."""
    executor = getattr(loop, "_default_executor", None)
    if executor is not None:
        executor.shutdown(wait=False, cancel_futures=True)
        vars(loop)["_default_executor"] = None


def _gone_from_python(name: str) -> pytest.UsageError:
    return pytest.UsageError(
        f"Python {platform.python_version()} does not have asyncio's {name}, on which the virtual "
        f"time of pytest-wsrpc {version('pytest-wsrpc')} rests. Run on real time, "
        'wsrpc_clock = real or @pytest.mark.wsrpc(clock="real"), or install a later pytest-wsrpc.'
    )


def fixtures_in(module: ModuleType) -> dict[str, str]:
    """Give the names of the fixtures that a module defines, with their scopes."""
    found = {}
    for attribute, value in list(vars(module).items()):
        marker = getattr(value, "_fixture_function_marker", None)
        if type(value).__name__ == "FixtureFunctionDefinition" and marker is not None:
            scope = marker.scope if isinstance(marker.scope, str) else "session"
            found[marker.name or attribute] = scope
    return found
