"""What pytest shows of the fuzzer's items: each defect once, then the summary."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from ..report.options import FUZZED
from . import advice, again, summary
from .collection import FuzzItem
from .folding import SHOWN, Shown, Text, folded, text_of
from .settings import Settings
from .tally import Tally

NAME: Final = "wsrpc-fuzz-reports"
"""Of the plugin that shows the failures."""

TALLY = pytest.StashKey[dict[str, Any]]()
CASES = pytest.StashKey[list[dict[str, Any]]]()

OVER: Final = "--wsrpc-max-time"
"""With this begins the reason why an item is skipped for want of time."""


@dataclass(frozen=True)
class Outcome:
    """What came of all items together."""

    defects: list[tuple[Shown, list[Shown]]]
    """Each once, the worst first, with the other findings that show the same."""
    rows: summary.Rows
    failures: Counter[tuple[str, str, str]]
    """How many defects are shown of each row."""
    warnings: list[str]
    left_out: list[str]
    """What was not looked at or not run, and why."""


class Reporter:
    """Takes the items' findings and counts from their reports, and shows them at the end."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._settings = settings
        self._is_brief = config.getoption("tbstyle", None) == "line"
        self._found: dict[str, list[Shown]] = {}
        self._tallies: list[dict[str, Any]] = []
        self._told: set[tuple[str, ...]] = set()
        self._terminal: Any = None
        self._over = 0
        self._failed: list[Any] | None = None
        self.not_applied: dict[tuple[str, str, str, str], None] = {}
        """Target, subject, phase and reason of what gives no item."""
        self.warnings: list[str] = []
        """Of the run as a whole."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self._terminal = config.pluginmanager.get_plugin("terminalreporter")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        made = yield
        if isinstance(item, FuzzItem):
            setattr(made, FUZZED, self._carried(item, made))
        if isinstance(item, FuzzItem) and made.when == "call":
            # what hundreds of cases have logged is no help to anyone
            made.sections = [
                section for section in made.sections if not section[0].startswith("Captured")
            ]
        return made

    def _carried(self, item: FuzzItem, made: pytest.TestReport) -> dict[str, Any]:
        method, spec = item.subject.method, item.target.spec
        told: dict[str, Any] = {
            "target": spec,
            "endpoint": item.subject.endpoint.path,
            "method": method.name if method is not None else "",
            "phase": item.phase.name,
            "again": "",
            "tally": None,
            "found": [],
            "cases": [],
        }
        if made.failed:
            told["again"] = again.command(item.config, self._settings, item.target, item.nodeid)
        if made.when == "call":
            told["tally"] = item.stash.get(TALLY, None)
            told["found"] = [one.as_json() for one in item.stash.get(SHOWN, [])]
            told["cases"] = item.stash.get(CASES, [])
        return told

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> Generator[None, None, None]:
        self._take(report)
        yield
        self._tell(self._found.get(report.nodeid, []))

    def _take(self, report: Any) -> None:
        told = getattr(report, FUZZED, None)
        if told is None or report.when != "call":
            return
        if report.skipped and isinstance(report.longrepr, tuple):
            self._over += f": {OVER}" in report.longrepr[2]
        if told["tally"] is not None:
            self._tallies.append(told["tally"])
        found = [Shown.from_json(one) for one in told["found"]]
        if found:
            self._found[report.nodeid] = found
            report.longrepr = text_of(found, is_brief=self._is_brief)

    def _tell(self, found: list[Shown]) -> None:
        """Say at once what pytest shows only after the last item."""
        terminal = self._terminal
        if terminal is None or terminal.verbosity < 0:
            return
        for first, _ in folded(found):
            if first.defect not in self._told:
                self._told.add(first.defect)
                terminal.ensure_newline()
                terminal.write_line(f"found: {first.subject}, {first.phase}: {first.headline}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Have pytest show each defect once, in our order, behind what is not ours."""
        failed = terminalreporter.stats.get("failed", [])
        ours = {report.nodeid: report for report in failed if report.nodeid in self._found}
        if ours:
            self._failed = failed
            others = [report for report in failed if report.nodeid not in self._found]
            terminalreporter.stats["failed"] = [*others, *self._shown(ours)]
        return (yield)

    def _shown(self, reports: dict[str, Any]) -> Generator[Any, None, None]:
        groups = folded([one for nodeid in reports for one in self._found[nodeid]])
        first_of = {first.defect: first for first, _ in groups}
        for first, same in groups:
            shown = copy.copy(reports[first.nodeid])
            shown.longrepr = Text(first.text(same), first.headline, is_brief=self._is_brief)
            yield shown
        for nodeid, report in reports.items():
            firsts = {first_of[one.defect] for one in self._found[nodeid]}
            own = sorted(first.headline for first in firsts if first.nodeid == nodeid)
            others = sorted({first.nodeid for first in firsts if first.nodeid != nodeid})
            places = ", ".join(other.partition("::")[2] for other in others)
            report.longrepr.reprcrash.message = "; ".join(own) or f"the same as {places}"

    def summarize(self, terminalreporter: Any) -> None:
        """Write the summary; pytest has shown the failures by now."""
        if self._failed is not None:
            terminalreporter.stats["failed"] = self._failed
        terminalreporter.section("wsrpc fuzz")
        for line in self._summary():
            terminalreporter.write_line(line)

    def outcome(self) -> Outcome:
        """Return what is known of all items by now."""
        tallies = [Tally.from_json(one) for one in self._tallies]
        defects = folded([one for found in self._found.values() for one in found])
        failures = Counter((first.target, first.endpoint, first.method) for first, _ in defects)
        left_out = list(summary.left_out(tallies, self.not_applied))
        if self._over:
            items = "1 item was" if self._over == 1 else f"{self._over} items were"
            left_out.append(f"not run: {items} left when the time was over: {OVER}")
        warnings = [*advice.warnings(tallies, failures), *self.warnings]
        return Outcome(defects, summary.rows_of(tallies), failures, warnings, left_out)

    def _summary(self) -> Iterator[str]:
        outcome = self.outcome()
        yield from summary.table(outcome.rows, outcome.failures)
        for warning in outcome.warnings:
            yield f"warning: {warning}"
        yield from outcome.left_out
        yield str(self._settings.seed)
