"""Options, marker and hooks of the pytest plugin.

pytest imports this module in every run, also in those that use none of it. So it imports neither
aiohttp nor hypothesis nor ``wsrpc``: a hook that needs them imports them when a test asks.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from . import settings
from .fixtures import (
    APPLICATION,
    broker,
    redis_server,
    ws_app,
    ws_client,
    ws_clock,
    ws_connect,
    ws_faults,
    ws_serve,
)
from .fuzz import hooks as fuzz_hooks
from .fuzz import options as fuzz_options
from .fuzz import profiles as fuzz_profiles
from .fuzz.binding import _wsrpc_fuzz_case
from .report import options as report_options

if TYPE_CHECKING:
    from .observer import Observer

__all__ = [
    "_wsrpc_fuzz_case",
    "broker",
    "redis_server",
    "ws_app",
    "ws_client",
    "ws_clock",
    "ws_connect",
    "ws_faults",
    "ws_serve",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    settings.add_options(parser)
    fuzz_options.add_options(parser)
    report_options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(fuzz_hooks)


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    fuzz_profiles.register(early_config)


def pytest_cmdline_main(config: pytest.Config) -> pytest.ExitCode | None:
    if not config.getoption("wsrpc_checks"):
        return None
    fuzz_options.list_checks(config)
    return pytest.ExitCode.OK


# last, as hypothesis loads the profile of the command line in its own
@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    settings.check_settings(config)
    config.addinivalue_line("markers", settings.MARKER)
    if settings.has_session_faults(config):
        from .injection import SessionFaults

        SessionFaults.register(config)
    if fuzz_options.requested(config):
        from .fuzz import session

        config.pluginmanager.register(session.FuzzPlugin(config), "wsrpc-fuzz")
    if report_options.requested(config) and not hasattr(config, "workerinput"):
        from .report import collector

        collector.Collector.register(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    settings.check_markers(metafunc.definition)
    if hasattr(metafunc.function, fuzz_options.PARAMETRIZED):
        from .fuzz import parametrized

        parametrized.generate(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Watch the server before the first fixture is made, and check that the last ones match."""
    settings.check_markers(item)
    if not isinstance(item, pytest.Function):
        return (yield)
    if settings.asks_for_virtual_time(item):
        from . import virtual

        virtual.prepare(item)
    if getattr(item.obj, "is_hypothesis_test", False):
        from . import examples

        examples.prepare(item)
    if APPLICATION.isdisjoint(item.fixturenames) or _is_fuzzed(item):
        return (yield)
    from . import mismatch, observer

    watch = observer.observe(item)
    with watch.own_outcome():
        result = yield
        mismatch.check_broker(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Close clients and application within the call, so that what they leave fails the test."""
    watch = _observer_of(pyfuncitem)
    if watch is None or _is_fuzzed(pyfuncitem):
        return (yield)
    watch.begin_call()
    try:
        with watch.own_outcome():
            result = yield
    finally:
        watch.close_fixtures()
    watch.judge()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    watch = _observer_of(item)
    if watch is None:
        return (yield)
    try:
        result = yield
    finally:
        watch.stop()
    # What failed in the tear-down of other fixtures comes too late for the call.
    if not _is_fuzzed(item):
        watch.judge()
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what was said and what failed on the server."""
    report = yield
    watch = _observer_of(item)
    if watch is not None and report.failed and not _is_fuzzed(item):
        report.sections.extend(watch.sections())
        report_options.attach(report, watch.story, item.config)
    elif report.failed and call.excinfo is not None:
        report_options.attach(report, report_options.told_by(call.excinfo.value), item.config)
    if watch is not None and report.when == "teardown":
        # The item stays until the end of the session, and tracebacks hold much.
        del item.stash[settings.OBSERVER]
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the seed of the whole run."""
    from . import seeds

    node.workerinput["wsrpc_seed"] = tuple(seeds.seed_of(node.config))


def _observer_of(item: pytest.Item) -> Observer | None:
    return item.stash.get(settings.OBSERVER, None)


def _is_fuzzed(item: pytest.Item) -> bool:
    """Tell whether it is an item of the fuzzer's, which judges by itself what a case leaves."""
    return item.get_closest_marker("wsrpc_fuzz") is not None
