"""What a call, a publish and a subscribe cost this project, the more there is of everything.

Processor time of the server against the number of connections, subscribers, patterns, channels
and own subscriptions; says which curves are not flat.

    python -m benchmarks.growth [--curve NAME ...] [--json FILE] [--plot FILE.svg]

Linux only. Takes about two minutes.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.comparison.command import parser_of, sizes_in
from benchmarks.comparison.processes import allow_files, pinned
from benchmarks.comparison.report import number, table
from benchmarks.curves import CURVES, Curve, Growth, Sizes
from benchmarks.svg import Drawing

SPARE = 200
"""Files that are open beside the connections."""
WIDTH, PANEL, MARGIN = 880, 250, 48


def report(curves: Sequence[Curve]) -> Iterator[str]:
    """Yield the lines of the table: microseconds at each number, and whether that is flat."""
    counts = sorted({count for curve in curves for count, _ in curve.points})
    rows = [["µs of processor time", "against", *(f"{count:,}" for count in counts), "times", ""]]
    for curve in curves:
        costs = dict(curve.points)
        cells = [number(costs[count]) if count in costs else "" for count in counts]
        rows.append([curve.name, curve.against, *cells, f"{curve.times:.2f}", curve.verdict])
    yield from table(rows)


def plot(curves: Sequence[Curve]) -> str:
    """Return an SVG of all curves, a panel for each operation, both axes logarithmic."""
    title = "Processor time of one operation, the more there is of everything"
    drawing = Drawing(WIDTH, title)
    drawing.text(16, 26, title, "title")
    panels: dict[str, list[Curve]] = {}
    for curve in curves:
        panels.setdefault(f"{curve.panel}: µs, by {curve.against}", []).append(curve)
    for index, (name, some) in enumerate(panels.items()):
        x, y = (index % 2) * WIDTH / 2, 44 + index // 2 * PANEL
        _panel(drawing, name, some, x, y)
    return drawing.svg(44 + math.ceil(len(panels) / 2) * PANEL)


def _panel(drawing: Drawing, name: str, curves: Sequence[Curve], x: float, y: float) -> None:
    drawing.text(x + 16, y + 14, name, "title")
    left, right, top, bottom = x + MARGIN, x + WIDTH / 2 - 20, y + 66, y + PANEL - 30
    points = [point for curve in curves for point in curve.points]
    most = math.log10(max(count for count, _ in points)) or 1
    low = math.floor(math.log10(max(min(cost for _, cost in points), 0.01)))
    high = max(math.ceil(math.log10(max(cost for _, cost in points))), low + 2)

    def place(count: float, cost: float) -> tuple[float, float]:
        part = (math.log10(max(cost, 0.01)) - low) / (high - low)
        return left + math.log10(count) / most * (right - left), bottom - part * (bottom - top)

    for power in range(low, high + 1):
        _, level = place(1, 10.0**power)
        drawing.line(left, level, right, level, "grid")
        drawing.text(left - 6, level + 4, short(10.0**power), "small", "end")
    for count in sorted({count for count, _ in points}):
        drawing.text(place(count, 1)[0], bottom + 16, short(count), "small", "middle")
    for index, curve in enumerate(curves):
        drawing.curve([place(*point) for point in curve.points], index)
        label = x + 24, y + 30 + 13 * index
        drawing.curve([(label[0], label[1] - 4)], index)
        drawing.text(label[0] + 10, label[1], f"{curve.name} (× {curve.times:.2f})", "small")


def short(value: float) -> str:
    """Return a number for an axis."""
    return f"{value:g}" if value < 1000 else f"{value / 1000:g}k"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = parser_of(__doc__, Sizes())
    parser.add_argument("--curve", action="append", choices=CURVES, help="repeatable")
    parser.add_argument("--json", type=Path, help="write every point to this file")
    parser.add_argument("--plot", type=Path, help="draw the curves to this file, as SVG")
    options = parser.parse_args(arguments)
    sizes = sizes_in(options, Sizes)
    files = allow_files() - SPARE
    for name in ("connections", "subscribers"):
        if getattr(sizes, name) > files:
            print(f"only {files:,} {name}: no more files may be open", file=sys.stderr)
            setattr(sizes, name, files)
    curves, begin = [], time.monotonic()
    with pinned(not options.no_pin) as core:
        growth = Growth(sizes, core)
        for name in options.curve or CURVES:
            for curve in CURVES[name](growth):
                curves.append(curve)
                print(f"{curve.name}: {curve.verdict}", file=sys.stderr, flush=True)
    print("\n".join(report(curves)))
    for what, size in growth.memory.items():
        print(f"memory of a {what}: {size:,.0f} bytes")
    load = os.getloadavg()[0]
    print(f"took {time.monotonic() - begin:.0f} s; load average {load:.1f}")
    if options.json:
        data = {
            "curves": [asdict(curve) | {"verdict": curve.verdict} for curve in curves],
            "memory": growth.memory,
            "sizes": asdict(sizes),
            "load": load,
        }
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    if options.plot:
        options.plot.write_text(plot(curves))


if __name__ == "__main__":
    main()
