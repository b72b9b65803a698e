"""What a person reads of a finding."""

from __future__ import annotations

import textwrap
from pathlib import Path

from . import traces
from .evident import last_call
from .failure import Finding
from .held import LoopHeld
from .record import Record


def head(found: Finding, title: str) -> str:
    """Return the first lines of a report: of what it is, and the check."""
    played = found.exchange.case
    label = "note" if played.is_valid else "invalid"
    why = f"\n{label}: {played.why}" if played.why else ""
    return f"{title}\ncheck: {found.failure.check}{why}"


def body(found: Finding, *, repeat: str, test: str, root: Path) -> str:
    """Return what was said, what is wrong, and how to see it again."""
    failure, played = found.failure, found.exchange
    if isinstance(played, Record):
        parts = [played.render(last_call(played, failure))]
    else:
        parts = [played.render()]
    parts.append(f"expected: {failure.expected}\ngot: {failure.got}")
    if isinstance(failure.exception, LoopHeld):
        parts.append("held at:\n" + _indented(traces.stack(failure.exception, root)))
    elif failure.exception is not None:
        parts.append("on the server:\n" + _indented(traces.render(failure.exception, root)))
    parts.append(f"again: {repeat}")
    parts.append("as a test:\n\n" + _indented(test))
    return "\n\n".join(part for part in parts if part)


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
