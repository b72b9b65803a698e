"""Drawings without a library, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 13px; }
.small { font-size: 11px; fill: #59636e; }
.page { fill: #ffffff; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.ours { fill: #0969da; }
.theirs { fill: #afb8c1; }
.spread { stroke: #1f2328; stroke-width: 1; opacity: 0.6; }
.line { fill: none; stroke-width: 2; }
.line0, .dot0 { stroke: #0969da; }
.line1, .dot1 { stroke: #bc4c00; }
.line2, .dot2 { stroke: #1a7f37; }
.dot0 { fill: #0969da; } .dot1 { fill: #bc4c00; } .dot2 { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9198a1; }
.page { fill: #0d1117; }
.grid { stroke: #3d444d; }
.ours { fill: #4493f8; }
.theirs { fill: #656c76; }
.spread { stroke: #e6edf3; }
.line0, .dot0 { stroke: #4493f8; }
.line1, .dot1 { stroke: #f0883e; }
.line2, .dot2 { stroke: #3fb950; }
.dot0 { fill: #4493f8; } .dot1 { fill: #f0883e; } .dot2 { fill: #3fb950; }
}
"""


class Drawing:
    """Shapes, each of a class of `STYLE`; the page has a background of its own."""

    def __init__(self, width: int, title: str) -> None:
        self._width, self._title = width, title
        self._shapes: list[str] = []

    def text(self, x: float, y: float, words: str, style: str = "", anchor: str = "start") -> None:
        """Write words that start, or by the anchor end or have their middle, at a point."""
        self._shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )

    def bar(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """Draw a filled box."""
        self._shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
            f'rx="2" class="{style}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """Draw a line between two points."""
        self._shapes.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'
        )

    def curve(self, points: Sequence[tuple[float, float]], number: int) -> None:
        """Draw a line through points, and the points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(f'<polyline points="{path}" class="line line{number}"/>')
        for x, y in points:
            self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="dot{number}"/>')

    def svg(self, height: float) -> str:
        """Return the drawing."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width}" height="{height:.0f}" '
            f'viewBox="0 0 {self._width} {height:.0f}" role="img" '
            f'aria-label="{escape(self._title)}">\n<title>{escape(self._title)}</title>\n'
            f"<style>{STYLE}</style>\n"
            f'<rect class="page" width="{self._width}" height="{height:.0f}" rx="6"/>\n'
            + "\n".join(self._shapes)
            + "\n</svg>\n"
        )
