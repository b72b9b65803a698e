"""A conversation as a sequence diagram: lanes for who takes part, a row for each step.

The rows are items of a list, and each says in words who speaks to whom: what is drawn is only where
on the page it stands, so that a screen reader, and paper without colour, lose nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..transcript import shorten
from .frames import SHOWN_TEXT, read
from .story import Step, Story, without_middle

SHOWN_STEPS: Final = 120
"""Of more, the middle is left out."""

SHOWN_CLIENTS: Final = 5
"""That have a lane of their own; more share one."""

GAP: Final = 0.5
"""Seconds from which on it is marked that time has passed between two steps."""

_BROKER: Final = re.compile(r"(?:from now on: )?(publish|subscribe|unsubscribe|deliver):")
_POINT: Final = re.compile(r"(?:from now on: )?(call|reply):")
_SERVER: Final = "server"
_OTHERS: Final = "other clients"
_WORDS: Final = {
    "connected": "connects",
    "refused": "handshake refused",
    "missing": "no reply",
    "failed": "exception",
    "fault": "fault",
    "passed": "time",
    "closed": "closed",
    "disconnected": "disconnects",
    "left_out": "left out",
}
_FROM_SERVER: Final = ("received", "refused")
_BY_SERVER: Final = "by the server"


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it is drawn."""

    kind: str
    """``call``, ``reply``, ``error``, ``event``, ``message``, or a word of `Step.what`."""
    who: str
    """``client to server``, or who it happened to; empty: everybody."""
    word: str
    """What it is, in a word or two."""
    title: str
    id: str
    text: str
    first: int
    """The lane on the left, from 1 on."""
    span: int
    """How many lanes it goes across."""
    arrow: str
    """``right``, ``left``, or nothing for what happens in one place."""
    time: str
    """Empty where none has passed since the row above."""
    is_shared: bool = False
    """Whether the lane alone does not say who it is."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """What there is to draw."""

    lanes: list[str]
    rows: list[Row]


def diagram(story: Story) -> Diagram:
    """Return a story as lanes and rows."""
    has_broker = any(step.what == "fault" and _BROKER.match(step.text) for step in story.steps)
    lanes = [shorten(name, 40) for name in story.clients]
    if len(lanes) > SHOWN_CLIENTS:
        lanes[SHOWN_CLIENTS - 1 :] = [_OTHERS]
    lanes += [_SERVER, *(["broker"] if has_broker else [])]
    steps = without_middle(story.steps, SHOWN_STEPS)
    return Diagram(lanes, list(_Drawing(story, lanes).rows(steps)))


class _Drawing:
    def __init__(self, story: Story, lanes: list[str]) -> None:
        self._clients = story.clients
        self._lanes = lanes
        self._server = min(len(story.clients), SHOWN_CLIENTS) + 1
        self._before: float | None = None
        self._is_timed = any(step.time >= 0.0005 for step in story.steps)

    def rows(self, steps: list[Step]) -> Iterator[Row]:
        marked = False
        for step in steps:
            passed = step.time - (self._before or 0.0)
            if passed >= GAP and step.what not in ("passed", "missing") and not marked:
                text = f"{_number(passed)} s pass"
                yield Row("passed", "", "time", "", "", text, 1, len(self._lanes), "", "")
            marked = step.what == "passed"
            yield self._row(step)
            self._before = step.time

    def _row(self, step: Step) -> Row:
        is_later = self._is_timed and step.time != self._before
        time = f"{step.time:.3f} s" if is_later else ""
        if step.client is None:
            return self._mark(step, time)
        lane = min(step.client + 1, self._server - 1)
        is_shared = lane == SHOWN_CLIENTS < len(self._clients)
        name = shorten(self._clients[step.client], 40)
        if step.what in ("failed", "left_out", "fault", "missing"):
            return self._mark(step, time, lane, name)
        is_back = step.what in _FROM_SERVER or (step.what == "closed" and _BY_SERVER in step.text)
        who = f"server to {name}" if is_back else f"{name} to server"
        arrow = "left" if is_back else "right"
        span = self._server - lane + 1
        if step.what in ("sent", "received"):
            frame = read(step)
            return Row(
                frame.kind,
                who,
                frame.kind,
                frame.title,
                frame.id,
                frame.text,
                lane,
                span,
                arrow,
                time,
                is_shared,
            )
        word, text = _WORDS[step.what], shorten(step.text, SHOWN_TEXT, step.cut)
        return Row(step.what, who, word, "", "", text, lane, span, arrow, time, is_shared)

    def _mark(self, step: Step, time: str, lane: int | None = None, name: str = "") -> Row:
        """Return a row for what happens in one place."""
        lanes = len(self._lanes)
        first, span, who = 1, lanes, ""
        if step.what == "failed":
            first, span, who = self._around(self._server), self._width, _SERVER
        elif step.what == "fault" and _BROKER.match(step.text):
            first, span, who = self._around(lanes), self._width, "broker"
        elif step.what == "fault" and _POINT.match(step.text):
            first, span, who = self._around(self._server), self._width, _SERVER
        elif lane is not None:
            first, span, who = self._around(lane), self._width, name
        text = "\n".join(shorten(line, SHOWN_TEXT, step.cut) for line in step.text.split("\n"))
        return Row(step.what, who, _WORDS[step.what], "", "", text, first, span, "", time)

    @property
    def _width(self) -> int:
        return 1 if len(self._lanes) < 3 else 2

    def _around(self, lane: int) -> int:
        return min(lane, len(self._lanes) - self._width + 1)


def _number(seconds: float) -> str:
    return f"{seconds:,.3f}".rstrip("0").rstrip(".")
