"""The table at the end of a run: what was tried of each method, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .phases import PHASES
from .tally import Counts, Tally

_COLUMNS = ("cases", "success", "refused", "error", "failures")
_FEW = 2
"""Phases that are named one by one."""


@dataclass
class Row:
    """What there is to say of an endpoint, or of a method of one."""

    counts: Counts = field(default_factory=Counts)
    phases: set[str] = field(default_factory=set)
    """Those in which it was tried."""


Rows = dict[tuple[str, str, str], Row]
"""By target, endpoint and method; the endpoint itself has an empty one."""


def rows_of(tallies: Iterable[Tally]) -> Rows:
    """Add up the counts of all items, by method."""
    rows: Rows = {}
    for tally in tallies:
        own = rows.setdefault((tally.target, tally.endpoint, tally.method or ""), Row())
        own.phases.add(tally.phase)
        if tally.method is None:
            own.counts.cases += tally.cases
        for method, counts in tally.methods.items():
            row = rows.setdefault((tally.target, tally.endpoint, method), Row())
            row.counts.add(counts)
            row.phases.add(tally.phase)
    return dict(sorted(rows.items()))


def table(rows: Rows, failures: Mapping[tuple[str, str, str], int]) -> Iterator[str]:
    """Yield the lines of the table; `failures` says how many defects are shown of each row."""
    if not rows:
        return
    several = len({target for target, _, _ in rows}) > 1
    played = {phase for row in rows.values() for phase in row.phases}
    cells: list[tuple[str, ...]] = [("", *_COLUMNS)]
    cells += [_cells(title(key, several), row, failures.get(key, 0)) for key, row in rows.items()]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    phases = ["phases", *(_phases(row.phases, key[2], played) for key, row in rows.items())]
    for line, last in zip(cells, phases, strict=True):
        numbers = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        yield "  ".join([line[0].ljust(widths[0]), *numbers, last])


def title(key: tuple[str, str, str], with_target: bool) -> str:
    """Return what a row is called."""
    target, endpoint, method = key
    return " ".join(part for part in (target if with_target else "", endpoint, method) if part)


def left_out(
    tallies: Sequence[Tally], not_applied: Iterable[tuple[str, str, str, str]]
) -> Iterator[str]:
    """Yield a line for what was not looked at, and for each phase that gave no item."""
    several = len({tally.target for tally in tallies}) > 1
    for tally in tallies:
        name = f"{tally.target} {tally.subject}" if several else tally.subject
        for note in tally.notes:
            yield f"left out: {name}, {tally.phase}: {note}"
    reasons: dict[tuple[str, str], list[str]] = {}
    for target, subject, phase, reason in not_applied:
        name = f"{target} {subject}" if several else subject
        reasons.setdefault((phase, reason), []).append(name)
    for (phase, reason), subjects in reasons.items():
        yield f"not run: {phase} of {', '.join(subjects)}: {reason}"


def _cells(name: str, row: Row, failures: int) -> tuple[str, ...]:
    counts = row.counts
    shares = (share(part, counts.valid) for part in (counts.success, counts.refused, counts.errors))
    return (name, str(counts.cases), *shares, str(failures))


def _phases(phases: set[str], method: str, played: set[str]) -> str:
    """Name the phases, or those that are missing where these are fewer."""
    other = "protocol" if method else "method"
    possible = [
        phase.name
        for phase in PHASES
        if phase.name in played and other not in (phase.name, phase.scope)
    ]
    named = [name for name in possible if name in phases]
    missing = [name for name in possible if name not in phases]
    if len(named) <= _FEW or len(missing) > len(named):
        return ", ".join(named)
    return f"all but {', '.join(missing)}" if missing else "all"


def share(part: int, whole: int) -> str:
    """Return a share that is rounded neither up to all nor down to nothing."""
    if whole == 0:
        return "-"
    percent = round(100 * part / whole)
    if 0 < part < whole:
        percent = min(max(percent, 1), 99)
    return f"{percent} %"
