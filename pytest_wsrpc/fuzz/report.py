"""What a person reads: a finding, and the summary of the run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import traces
from .failure import CheckFailure, Finding

_COLUMNS = ("cases", "accepted", "refused", "failures", "warnings")


def finding(found: Finding, *, title: str, repeat: str, test: str, root: Path) -> str:
    """Return a finding as text: what was said, what is wrong, and how to see it again."""
    failure, exchange = found.failure, found.exchange
    parts = [f"{title}\ncheck: {failure.check}"]
    if found.case.why:
        parts[0] += f"\nsent: {found.case.why}"
    parts.append(exchange.transcript.render())
    parts.append(f"expected: {failure.expected}\ngot: {failure.got}")
    if failure.exception is not None:
        parts.append("on the server:\n" + _indented(traces.render(failure.exception, root)))
    parts.append(f"again: {repeat}")
    parts.append("as a test:\n\n" + _indented(test))
    return "\n\n".join(parts)


def folded(failure: CheckFailure, *, title: str, first: str) -> str:
    """Return the line for a defect that is shown with another item."""
    return f"{title}\ncheck: {failure.check}\n\nthe same as {first}: {failure.place or failure.got}"


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def summary(
    tallies: Sequence[Mapping[str, Any]],
    not_applied: Iterable[tuple[str, str, str, str]],
    notes: Iterable[str],
) -> Iterator[str]:
    """Yield the lines of the summary: one for each method, then what there is to say."""
    several = len({tally["target"] for tally in tallies}) > 1
    rows: dict[str, list[Mapping[str, Any]]] = {}
    tallies = sorted(tallies, key=lambda tally: (tally["target"], tally["subject"]))
    for tally in tallies:
        rows.setdefault(_title(tally["target"], tally["subject"], several), []).append(tally)
    if rows:
        table = [("", *_COLUMNS), *(_row(title, group) for title, group in rows.items())]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        for row in table:
            cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            yield "  ".join([row[0].ljust(widths[0]), *cells])
    for tally in tallies:
        title = _title(tally["target"], tally["subject"], several)
        for warning in tally["warnings"]:
            yield f"warning: {title}, {tally['phase']}: {warning}"
    reasons: dict[tuple[str, str], list[str]] = {}
    for target, subject, phase, reason in not_applied:
        reasons.setdefault((phase, reason), []).append(_title(target, subject, several))
    for (phase, reason), subjects in reasons.items():
        yield f"not run: {phase} of {', '.join(subjects)}: {reason}"
    yield from notes


def _title(target: str, subject: str, with_target: bool) -> str:
    return f"{target} {subject}" if with_target else subject


def _row(title: str, tallies: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    total = {
        name: sum(tally[name] for tally in tallies)
        for name in ("cases", "valid", "accepted", "invalid", "refused", "failures")
    }
    return (
        title,
        str(total["cases"]),
        _share(total["accepted"], total["valid"]),
        _share(total["refused"], total["invalid"]),
        str(total["failures"]),
        str(sum(len(tally["warnings"]) for tally in tallies)),
    )


def _share(part: int, whole: int) -> str:
    """A share that is rounded neither up to all nor down to nothing."""
    if whole == 0:
        return "-"
    percent = round(100 * part / whole)
    if 0 < part < whole:
        percent = min(max(percent, 1), 99)
    return f"{percent} %"
