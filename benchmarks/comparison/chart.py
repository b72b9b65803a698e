"""The chart for README: a panel for each workload, longer bars are better."""

from __future__ import annotations

from benchmarks.comparison.results import Results, Spread
from benchmarks.svg import Drawing

WIDTH, COLUMNS, MARGIN = 880, 2, 16
COLUMN_WIDTH = (WIDTH - MARGIN * (COLUMNS + 1)) / COLUMNS
NAMES, VALUES = 128, 52
"""Pixels left of the bars and right of them."""
BAR, STEP, HEAD = 12, 17, 42

PANELS = {
    "rpc-seq": ("one call after the other", "cpu"),
    "rpc-pipe": ("256 calls outstanding", "cpu"),
    "rpc-pipe-10k": ("the same, 10 kB each", "cpu"),
    "fanout": ("16 events on their way to 200 subscribers", "cpu"),
    "fanout-seq": ("one event at a time to 200 subscribers", "cpu"),
    "churn": ("connect, one call, close", "cpu"),
    "idle": ("connections in the same memory", "memory"),
}
"""What a panel shows of a workload, and the cost that it compares."""


def chart(results: Results, baseline: str) -> str:
    """Return an SVG: how often a server does the work in what the baseline needs for it once."""
    title = f"Work done with the same server processor time; {baseline} = 1"
    drawing = Drawing(WIDTH, title)
    drawing.text(MARGIN, 26, title, "title")
    drawing.text(MARGIN, 42, "longer is better; lines: least to most of the rounds", "small")
    panels = [name for name in PANELS if baseline in results.servers(name)]
    top, row_height = 62.0, 0.0
    for index, workload in enumerate(panels):
        column = index % COLUMNS
        if index and not column:
            top, row_height = top + row_height, 0.0
        x = MARGIN + column * (COLUMN_WIDTH + MARGIN)
        row_height = max(row_height, _panel(drawing, results, workload, baseline, x, top))
    return drawing.svg(top + row_height)


def _panel(
    drawing: Drawing, results: Results, workload: str, baseline: str, x: float, y: float
) -> float:
    """Draw one panel, and return its height."""
    words, key = PANELS[workload]
    drawing.text(x, y + 14, workload, "title")
    drawing.text(x, y + 29, words, "small")
    rows: list[tuple[str, Spread]] = []
    for server in results.servers(workload):
        # the baseline's cost as a part of the server's: what it does for the same
        ratio = results.ratio(workload, baseline, server, key)
        if ratio is not None:
            rows.append((server, ratio))
    rows.sort(key=lambda row: -row[1].median)
    scale = (COLUMN_WIDTH - NAMES - VALUES) / max(ratio.most for _, ratio in rows)
    for index, (server, ratio) in enumerate(rows):
        top, left = y + HEAD + index * STEP, x + NAMES
        middle = top + BAR / 2
        style = "ours" if server == "wsrpc" else "theirs"
        drawing.text(left - 6, top + 10, server, "" if server == "wsrpc" else "small", "end")
        drawing.bar(left, top, scale * ratio.median, BAR, style)
        drawing.line(
            left + scale * ratio.least, middle, left + scale * ratio.most, middle, "spread"
        )
        drawing.text(left + scale * ratio.most + 6, top + 10, f"{ratio.median:.2f}", "small")
    return HEAD + len(rows) * STEP + MARGIN
