"""The tables that are printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.comparison.goals import GOALS
from benchmarks.comparison.results import METRICS, PARTS, RATIOS, Results, Spread

LEGEND = (
    "Figures: median of the rounds (largest less least, as a part of it).",
    "Ratios: median of the rounds' ratios [least..most].",
)


def number(value: float) -> str:
    """Return a number with three digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def figure(spread: Spread, key: str) -> str:
    """Return the median, and the spread as a part of it; of parts of the time the median alone."""
    if key in PARTS or not spread.median:
        return number(spread.median)
    part = (spread.most - spread.least) / spread.median
    return f"{number(spread.median)} ({part:.0%})"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table; the first row is its head."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        cells = [
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(cells)} |"
        if not index:
            rules = [
                "-" * width if not c else "-" * (width - 1) + ":" for c, width in enumerate(widths)
            ]
            yield f"| {' | '.join(rules)} |"


def workload_table(results: Results, workload: str, baseline: str) -> Iterator[str]:
    """Yield the table of one workload: medians, and ratios to the baseline, with their spread."""
    metrics = METRICS[workload]
    heads = {metric.key: metric.head for metric in metrics}
    compared = RATIOS[workload] if baseline in results.servers(workload) else ()
    rows = [
        [
            "server",
            *heads.values(),
            *(f"× {baseline}, {heads[key].split(' µs')[0]}" for key in compared),
        ]
    ]
    for server in results.servers(workload):
        row = [server]
        for key in heads:
            spread = results.spread(workload, server, key)
            row.append("" if spread is None else figure(spread, key))
        for key in compared:
            ratio = results.ratio(workload, server, baseline, key)
            row.append("" if ratio is None else str(ratio))
        rows.append(row)
    yield from table(rows)


def goals_table(results: Results) -> Iterator[str]:
    """Yield the table of what this project wants to reach, as far as it was measured."""
    rows = [["workload", "figure", "of", "wanted", "median [least..most]", "", "in CPU"]]
    for goal in GOALS:
        spread = goal.spread(results)
        if spread is not None:
            word = "ok" if goal.is_met(spread) else "MISSED"
            wanted = f"{'>=' if goal.at_least else '<='} {goal.value:.3g}"
            cpu = goal.in_cpu(results)
            shown = "" if cpu is None else str(cpu)
            rows.append([goal.workload, goal.key, goal.other, wanted, str(spread), word, shown])
    yield from table(rows)


def not_measured(what: str, failures: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of what failed, and why; nothing if nothing did."""
    if failures:
        yield "\n## Not measured\n"
        yield from table([[what, "why"], *map(list, failures.items())])


def report(results: Results, baseline: str, failures: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the whole report."""
    yield from LEGEND
    for workload in results.workloads():
        yield f"\n## {workload}\n"
        yield from workload_table(results, workload, baseline)
    if "wsrpc" in {server for name in results.workloads() for server in results.servers(name)}:
        yield "\n## wsrpc, and what it wants to reach\n"
        yield from goals_table(results)
        yield "\nIn CPU: server time per operation as a part of the other's; a busy machine"
        yield "changes it little, rates and latencies much."
    yield from not_measured("server", failures)
