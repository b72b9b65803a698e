"""Takes the results of a run from the reports of its tests, and has them written.

It runs where pytest's terminal does: with pytest-xdist, in the process that started the others.
"""

from __future__ import annotations

import platform
import shlex
import time
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import pytest

from .. import seeds
from . import options
from .ndjson import Lines
from .results import FailedTest, Header, Results, fuzz_item
from .story import Story

NAME: Final = "wsrpc-report"

KEPT_TEXT: Final = 20_000
"""Characters of what pytest shows of a failure, from its end."""

_VERSIONS: Final = (
    "pytest-wsrpc",
    "pytest",
    "pytest-asyncio",
    "aiohttp",
    "hypothesis",
    "msgspec",
)
_KEPT: Final = ("wsrpc_transport", "wsrpc_faults")
"""Options with which a failed test is run again."""


class Collector:
    """pytest's hooks that tell of results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._page: Path | None = None
        self._lines: Lines | None = None
        self._began = time.monotonic()
        self._problem = ""
        self.results = Results(_header(config))

    @classmethod
    def register(cls, config: pytest.Config) -> None:
        """Take part in a run; raises `pytest.UsageError` if a library is missing."""
        options.check_extra(config)
        config.pluginmanager.register(cls(config), NAME)

    # -- what there is to run

    def pytest_sessionstart(self) -> None:
        """Begin the files, or raise `pytest.UsageError`; not earlier, as pytest may only help."""
        self._page = options.path_of(self._config, options.PAGE)
        path = options.path_of(self._config, options.LINES)
        if path is not None:
            self._lines = Lines.open(path)
            self._config.add_cleanup(self._lines.close)
            self._lines.run(self.results.header)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.results.collected.update((item.nodeid, None) for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.results.collected.update(dict.fromkeys(ids))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.results.deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.results.problems.append((report.nodeid or "collection", _kept(report)))

    # -- what came of it

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        results = self.results
        if report.when not in ("setup", "call"):
            results.reported.add(report.nodeid)
        told = getattr(report, options.FUZZED, None)
        if told is not None:
            self._take_item(report, told)
        elif report.when not in ("setup", "call", "teardown"):
            results.problems.append((report.nodeid, _kept(report)))
        else:
            self._take_test(report)

    def _take_item(self, report: pytest.TestReport, told: dict[str, Any]) -> None:
        item = self.results.items.get(report.nodeid)
        if item is None:
            item = self.results.items[report.nodeid] = fuzz_item(report.nodeid, told)
        item.seconds += report.duration
        item.again = told["again"] or item.again
        tally = told["tally"]
        if tally is not None:
            item.cases, item.warnings = tally["cases"], tally["warnings"]
            item.left_out = tally["notes"]
        if told["found"]:
            from ..fuzz.folding import Shown

            item.found = [Shown.from_json(one) for one in told["found"]]
        if report.failed and item.found:
            item.outcome = "failed"
        elif report.failed:
            item.outcome, item.reason = "error", _kept(report)
        elif report.skipped:
            kind = "xfailed" if hasattr(report, "wasxfail") else "skipped"
            item.outcome, item.reason = kind, _reason(report)
        if self._lines is not None:
            self._lines.cases(item, told["cases"])
            if report.when == "teardown":
                self._lines.item(item)

    def _take_test(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.results.counts["failed" if report.when == "call" else "error"] += 1
            self.results.failed.add(report.nodeid)
            self._take_failure(report)
        elif report.skipped:
            self.results.counts["xfailed" if hasattr(report, "wasxfail") else "skipped"] += 1
        elif report.when == "call":
            self.results.counts["passed"] += 1
        test = self.results.tests.get(report.nodeid)
        if self._lines is not None and test is not None and report.when == "teardown":
            self._lines.test(test)

    def _take_failure(self, report: pytest.TestReport) -> None:
        told = getattr(report, options.STORY, None)
        if told is None:
            return
        test = self.results.tests.get(report.nodeid)
        if test is None:
            test = FailedTest(report.nodeid, self._again(report.nodeid), _headline(report))
            self.results.tests[report.nodeid] = test
        test.errors.append((report.when or "", _kept(report)))
        test.sections.update(report.sections)
        test.seconds += report.duration
        test.story = Story.from_json(told)

    def _again(self, nodeid: str) -> str:
        words = ["pytest"]
        for name in _KEPT:
            given = self._config.getoption(name)
            if given is not None:
                words += ["--" + name.replace("_", "-"), str(given)]
        return shlex.join([*words, "--wsrpc-seed", str(self.results.header.seed), nodeid])

    # -- the end

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest and pytest-xdist end a run early by exceptions of a class below it
        if type(excinfo.value) is KeyboardInterrupt:
            self.results.ended = "It was interrupted from the keyboard."
        else:
            self.results.ended = f"It was ended early: {excinfo.value}."

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        results = self.results
        results.seconds = time.monotonic() - self._began
        results.exit_status = int(exitstatus)
        stopped = session.shouldfail or session.shouldstop
        if not results.ended and isinstance(stopped, str):
            results.ended = f"It was ended early: {stopped}."
        if not results.ended and results.exit_status == pytest.ExitCode.INTERNAL_ERROR:
            results.ended = "It was ended by an internal error of pytest, or of a plugin."
        reporter = self._config.pluginmanager.get_plugin("wsrpc-fuzz-reports")
        if reporter is not None:
            results.outcome = reporter.outcome()
        if self._lines is not None:
            self._lines.summary(results)
        if self._page is not None:
            self._write_page(self._page)

    def _write_page(self, path: Path) -> None:
        from .page import to_html
        from .writing import write_atomically

        try:
            write_atomically(path, to_html(self.results))
        except OSError as error:
            self._problem = f"the report could not be written to {path}: {error}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)
        elif self._page is not None:
            terminalreporter.write_line(f"wsrpc report: {self._page}")
        if self._lines is not None:
            terminalreporter.write_line(f"wsrpc results: {self._lines.path}")


def _header(config: pytest.Config) -> Header:
    plugin = config.pluginmanager.get_plugin("wsrpc-fuzz")
    seed = seeds.seed_of(config) if plugin is None else plugin.settings.seed
    versions = {"Python": platform.python_version()}
    for name in _VERSIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # pytest-wsrpc itself, run from its source
            continue
    return Header(
        datetime.now().astimezone().isoformat(timespec="seconds"),
        seed.value,
        seed.origin,
        () if plugin is None else plugin.specs,
        versions,
    )


def _headline(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr) if crash is None else str(crash.message)
    return next((line for line in text.splitlines() if line.strip()), "")


def _kept(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longreprtext
    if len(text) <= KEPT_TEXT:
        return text
    return f"... {len(text) - KEPT_TEXT:,} characters left out ...\n{text[-KEPT_TEXT:]}"


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped, or was expected to fail."""
    expected: str | None = getattr(report, "wasxfail", None)
    if expected is None and isinstance(report.longrepr, tuple):
        expected = str(report.longrepr[2]).removeprefix("Skipped: ")
    return expected or ""
