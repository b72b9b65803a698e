"""The whole run in a sentence or two."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

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
    is_incomplete = bool(results.ended or results.unreached) or results.exit_status not in (0, 1)
    if parts:
        mark, title = "Failed", " and ".join(", ".join(parts).rsplit(", ", 1))
    elif results.elsewhere:
        mark, title = "Failed", f"{_count(results.elsewhere, 'test')} without the fixtures"
    elif is_incomplete:
        mark, title = "Incomplete", "No failure, but the run did not end by itself"
    else:
        mark, title = "Passed", "No failure"
    return Verdict(mark, title, [*_fuzzed(results), *_tested(results), *_ended(results)])


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
        sentences.append(f"{_count(len(results.unreached), 'test')} did not run.")
    return sentences


def _listed(counts: Counter[str]) -> str:
    order = ("failed", "error", "passed", "skipped", "xfailed")
    words = {"error": "in error"}
    return ", ".join(
        f"{counts[outcome]:,} {words.get(outcome, outcome)}" for outcome in order if counts[outcome]
    )


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}" + ("" if number == 1 else "s")
