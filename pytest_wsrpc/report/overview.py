"""What was tried of each method and what came of it; what was not tried, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .results import Results

if TYPE_CHECKING:
    from ..fuzz.reporting import Outcome
    from ..fuzz.summary import Row

NAMED: Final = 200
"""Tests that were not reached and are named; of more, the number."""

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Line:
    """An endpoint, or a method of one."""

    name: str
    cases: str
    success: str
    refused: str
    error: str
    defects: int
    outcomes: list[tuple[str, str]]
    """Phases that had an item, each with ``passed``, ``failed``, ``skipped`` or ``error``."""


@dataclass(frozen=True)
class Overview:
    """All that is told of methods, and of what did not run."""

    lines: list[Line]
    warnings: list[str]
    not_run: list[str]


def overview(results: Results) -> Overview:
    """Return what there is to tell."""
    outcome, not_run = results.outcome, list(_not_run(results))
    if outcome is None:
        return Overview([], [], not_run)
    return Overview(list(_lines(results, outcome)), outcome.warnings, not_run)


def _lines(results: Results, outcome: Outcome) -> Iterator[Line]:
    from ..fuzz.phases import PHASES
    from ..fuzz.summary import Row, title

    rows: dict[Key, Row] = dict(outcome.rows)
    outcomes: dict[Key, dict[str, str]] = {}
    for item in results.items.values():
        key = (item.target, item.endpoint, item.method)
        rows.setdefault(key, Row())
        outcomes.setdefault(key, {})[item.phase] = item.outcome
    several = len({target for target, _, _ in rows}) > 1
    for key, row in sorted(rows.items()):
        own = outcomes.get(key, {})
        yield Line(
            title(key, several),
            f"{row.counts.cases:,}",
            *_shares(row),
            outcome.failures.get(key, 0),
            [(phase.name, own[phase.name]) for phase in PHASES if phase.name in own],
        )


def _shares(row: Row) -> tuple[str, str, str]:
    from ..fuzz.summary import share

    counts = row.counts
    success, refused, error = (
        share(part, counts.valid) for part in (counts.success, counts.refused, counts.errors)
    )
    return success, refused, error


def _not_run(results: Results) -> Iterator[str]:
    if results.outcome is not None:
        for line in results.outcome.left_out:
            yield line.removeprefix("not run: ")
    skipped: dict[str, list[str]] = {}
    for item in results.items.values():
        if item.outcome == "skipped":
            skipped.setdefault(item.reason, []).append(f"{item.subject} {item.phase}")
    for reason, names in skipped.items():
        yield f"skipped: {', '.join(names)}: {reason}"
    unreached = results.unreached
    if unreached:
        named = ", ".join(unreached[:NAMED]) + (", ..." if len(unreached) > NAMED else "")
        yield f"{results.not_reached}, as the run ended before: {named}"
    if results.deselected:
        yield f"deselected: {results.deselected:,}"
