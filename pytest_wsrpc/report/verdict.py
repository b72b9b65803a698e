"""The whole run in a sentence or two."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from .results import Results


@dataclass(frozen=True)
class Verdict:
    """What stands at the top of the page."""

    mark: str
    """``Failed``, ``Passed``, or ``Incomplete`` where nothing failed but not all was run."""
    title: str
    sentences: list[str]


def verdict(results: Results, defects: int, tests: int) -> Verdict:
    """Return what to say of a run with so many defects and failed tests with conversations."""
    parts = [
        *([_count(defects, "defect")] if defects else []),
        *([_count(tests, "failed test")] if tests else []),
        *([_count(len(results.problems), "collection error")] if results.problems else []),
    ]
    if parts:
        mark, title = "Failed", " and ".join(parts)
    elif results.elsewhere:
        mark, title = "Failed", f"{_count(results.elsewhere, 'test')} without the fixtures"
    elif results.exit_status == pytest.ExitCode.NO_TESTS_COLLECTED:
        mark, title = "Incomplete", "No test was run"
    elif results.exit_status or results.ended or results.unreached:
        mark, title = "Incomplete", "No failure, but not all went well"
    else:
        mark, title = "Passed", "No failure"
    sentences = [*_fuzzed(results), *_tested(results), *_ended(results)]
    if mark == "Incomplete" and results.exit_status and not results.ended:
        sentences.append(f"pytest ended with the exit status {results.exit_status}.")
    return Verdict(mark, title, sentences)


def _fuzzed(results: Results) -> list[str]:
    if not results.items:
        return []
    outcomes = Counter(item.outcome for item in results.items.values())
    cases = sum(item.cases for item in results.items.values())
    return [
        f"The fuzzer ran {_count(len(results.items), 'item')} with {_count(cases, 'case')}: "
        f"{_listed(outcomes)}."
    ]


def _tested(results: Results) -> list[str]:
    if not results.counts:
        return []
    others = "Of the other tests" if results.items else "Tests"
    sentences = [f"{others}: {_listed(results.counts)}."]
    if results.elsewhere:
        failures = _count(results.elsewhere, "failed test")
        sentences.append(f"This page is not about {failures} that used none of the fixtures.")
    return sentences


def _ended(results: Results) -> list[str]:
    sentences = [results.ended] if results.ended else []
    if results.unreached:
        sentences.append(f"{results.not_reached}.")
    return sentences


def _listed(counts: Counter[str]) -> str:
    order = ("failed", "error", "passed", "skipped", "xfailed")
    words = {"error": "in error"}
    return ", ".join(
        f"{counts[outcome]:,} {words.get(outcome, outcome)}" for outcome in order if counts[outcome]
    )


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}" + ("" if number == 1 else "s")
