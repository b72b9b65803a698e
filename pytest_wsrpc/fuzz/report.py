"""What a person reads of a finding."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import traces
from .case import Case
from .conversation import Conversation
from .evident import last_call
from .failure import Finding
from .held import LoopHeld
from .record import Record
from .story import story_of


def head(found: Finding, title: str) -> str:
    """Return the first lines of a report: of what it is, and the check."""
    note = _note(found.exchange.case)
    return f"{title}\ncheck: {found.failure.check}" + (f"\n{note}" if note else "")


@dataclass(frozen=True)
class Evidence:
    """What there is to show of a finding, in parts; it passes from one process to another."""

    note: str = ""
    """What is special, or wrong, about what was sent."""
    said: str = ""
    """The conversation, for a terminal."""
    expected: str = ""
    got: str = ""
    server: str = ""
    """The server's exception, or what held its loop."""
    is_held: bool = False
    again: str = ""
    """The command that runs the item again."""
    test: str = ""
    """The source of a test that fails in the same way."""
    story: dict[str, Any] = field(default_factory=dict, hash=False)
    """The conversation as `pytest_wsrpc.report.story.Story` gives it; empty if nobody asks."""

    def text(self) -> str:
        """Return what was said, what is wrong, and how to see it again."""
        parts = [self.said, f"expected: {self.expected}\ngot: {self.got}"]
        if self.server:
            title = "held at" if self.is_held else "on the server"
            parts.append(f"{title}:\n{_indented(self.server)}")
        parts += [f"again: {self.again}", "as a test:\n\n" + _indented(self.test)]
        return "\n\n".join(part for part in parts if part)


def evidence(found: Finding, *, repeat: str, test: str, root: Path, with_story: bool) -> Evidence:
    """Return what there is to show of a finding."""
    failure, played = found.failure, found.exchange
    last = last_call(played, failure) if isinstance(played, Record) else None
    is_held = isinstance(failure.exception, LoopHeld)
    server = ""
    if failure.exception is not None:
        render = traces.stack if is_held else traces.render
        server = render(failure.exception, root)
    return Evidence(
        _note(played.case),
        played.render(last) if isinstance(played, Record) else played.render(),
        failure.expected,
        failure.got,
        server,
        is_held,
        repeat,
        test,
        story_of(played, root, last).as_json() if with_story else {},
    )


def _note(played: Case | Conversation) -> str:
    label = "note" if played.is_valid else "invalid"
    return f"{label}: {played.why}" if played.why else ""


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
