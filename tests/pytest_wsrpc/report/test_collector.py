"""What is taken from the reports of tests, one by one."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_wsrpc.report import collector
from pytest_wsrpc.report.collector import KEPT_TEXT, Collector
from pytest_wsrpc.report.ndjson import Lines
from pytest_wsrpc.report.options import STORY
from pytest_wsrpc.report.story import Story

Outcome = Literal["passed", "failed", "skipped"]
TOLD = {"target": "app:make", "endpoint": "/s", "method": "add", "phase": "accepts"}


def report(
    outcome: Outcome, longrepr: Any = None, nodeid: str = "x::y", **extra: Any
) -> pytest.TestReport:
    return pytest.TestReport(nodeid, ("x", 0, "y"), {}, outcome, longrepr, "call", **extra)


def fuzzed(outcome: Outcome, longrepr: Any = None, **extra: Any) -> pytest.TestReport:
    told = {**TOLD, "again": "", "tally": None, "found": [], "cases": []}
    return report(outcome, longrepr, wsrpc_fuzz=told, **extra)


@pytest.fixture
def taking(pytestconfig: pytest.Config) -> Collector:
    return Collector(pytestconfig)


def test_of_what_pytest_shows_the_end_is_kept(taking: Collector) -> None:
    story = Story().as_json()
    taking.pytest_runtest_logreport(report("failed", "x" * KEPT_TEXT + "end", **{STORY: story}))
    [(when, text)] = taking.results.tests["x::y"].errors
    assert when == "call"
    assert text.startswith("... 3 characters left out ...\nxxx")
    assert text.endswith("xend")


@pytest.mark.parametrize(
    ("made", "outcome", "reason"),
    [
        (fuzzed("passed"), "passed", ""),
        (fuzzed("failed", "it broke"), "error", "it broke"),
        (fuzzed("skipped", ("x", 1, "Skipped: not today")), "skipped", "not today"),
        (fuzzed("skipped", "text", wasxfail="known"), "xfailed", "known"),
    ],
)
def test_items_without_a_finding_have_their_outcome_and_reason(
    taking: Collector, made: pytest.TestReport, outcome: str, reason: str
) -> None:
    taking.pytest_runtest_logreport(made)
    item = taking.results.items["x::y"]
    assert (item.subject, item.outcome, item.reason) == ("/s add", outcome, reason)


def test_a_package_that_is_not_installed_has_no_version(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "pytest-wsrpc":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(collector, "version", version)
    versions = Collector(pytestconfig).results.header.versions
    assert "pytest-wsrpc" not in versions
    assert versions["aiohttp"] == "1.0"


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (KeyboardInterrupt("x"), "It was interrupted from the keyboard."),
        (pytest.Session.Interrupted("enough"), "It was ended early: enough."),
    ],
)
def test_who_ended_the_run_is_told(taking: Collector, error: BaseException, ended: str) -> None:
    with pytest.raises(type(error)) as caught:
        raise error
    taking.pytest_keyboard_interrupt(caught)
    assert taking.results.ended == ended


def test_what_a_process_left_unfinished_has_its_line_at_the_end(
    taking: Collector, tmp_path: Path
) -> None:
    lines = Lines.open(tmp_path / "a.ndjson")
    taking.pytest_runtest_logreport(fuzzed("passed"))
    story = Story().as_json()
    taking.pytest_runtest_logreport(report("failed", "x", "x::z", **{STORY: story}))
    lines.summary(taking.results)
    lines.close()
    written = map(json.loads, (tmp_path / "a.ndjson").read_text().splitlines())
    assert [line["type"] for line in written] == ["item", "test", "summary"]
