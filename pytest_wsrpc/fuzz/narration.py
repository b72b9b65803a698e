"""A conversation laid out for a person: who said what, and when, where that matters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pytest_wsrpc.transcript import Transcript, escape, shorten

WIDTH: Final = 96
"""Columns of a line; a message that needs more is broken where a member of it begins."""

_SHOWN: Final = 60
"""Entries; of more, the middle is left out."""
_LINES: Final = 12
"""Lines of one message, likewise."""
_LONGEST: Final = 20_000
"""Characters of a message that is read to be laid out."""
_MARKS: Final = {"sent": "> ", "received": "< ", "fault": "~ "}


@dataclass(frozen=True)
class Said:
    """One thing that happened in a conversation."""

    time: float
    """Seconds since it began."""
    what: str
    """``sent``, ``received``, ``fault`` for what the test itself did, else a word for it."""
    text: str
    client: int | None = None
    """Who it happened to; None: everybody."""
    cut: int = 0
    """Characters that are missing in the middle of the text."""


def of_transcript(transcript: Transcript) -> Iterator[Said]:
    """Yield what one client has seen."""
    for entry in transcript.entries:
        yield Said(entry.time, entry.direction, entry.text, cut=entry.cut)


def narrated(said: Iterable[Said]) -> str:
    """Return a conversation: a time only where some has passed, clients only where there are more.

    What a terminal could take for a command is escaped.
    """
    return "\n".join(_lines(list(said)))


def _lines(said: list[Said]) -> Iterator[str]:
    times = [_time(one.time) for one in said]
    timed = any(time != times[0] for time in times[1:]) or any(one.time for one in said[:1])
    column = max(map(len, times), default=0) + 2 if timed else 0
    clients = {one.client for one in said if one.client is not None}
    names = {client: f"client {client} " if len(clients) > 1 else "" for client in clients}
    widest = max(map(len, names.values()), default=0)
    cut = len(said) - _SHOWN
    before = _time(0.0)
    for number, one in enumerate(said):
        if cut > 0 and number == _SHOWN // 4:
            yield f"  ... {cut} entries left out ..."
        if cut > 0 and _SHOWN // 4 <= number < _SHOWN // 4 + cut:
            continue
        time = times[number] if times[number] != before else ""
        before = times[number]
        mark = _MARKS.get(one.what, f"{one.what} ")
        who = f"{names[one.client]:<{widest}}" if one.client is not None else ""
        start = f"  {time:<{column}}{who}{mark}"
        first, *more = laid_out(one.text, WIDTH - len(start), one.cut)
        yield f"{start}{first}".rstrip()
        yield from (f"{'':{len(start)}}{line}" for line in more)


def _time(seconds: float) -> str:
    text = f"{seconds:.3f}".rstrip("0").rstrip(".")
    return f"{text} s"


def laid_out(text: str, width: int, cut: int = 0) -> list[str]:
    """Return a message on as many lines as it takes; one that is no JSON object on one line.

    Of a longer one, and of long texts within, the middle is left out.
    """
    value = _value(text) if not cut and width < len(text) <= _LONGEST else None
    if not isinstance(value, dict):
        return [shorten(text, 2 * width, cut)]
    lines = list(_broken(value, width))
    if len(lines) > _LINES:
        first = _LINES * 3 // 4
        gap = f"... {len(lines) - _LINES + 1} lines left out ..."
        lines[first : first - _LINES + 1] = [gap]
    return [escape(line) for line in lines]


def _value(text: str) -> Any:
    """Return what a message says, None where that would not be written as it was."""
    try:
        value = json.loads(text)
        return value if _compact(value) == text else None
    except (ValueError, RecursionError):
        return None


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _broken(value: Any, width: int, prefix: str = "") -> Iterator[str]:
    """Yield an object or a list on lines of at most this width, if its parts let it."""
    whole = prefix + _compact(value)
    if len(whole) <= width or not isinstance(value, dict | list) or not value:
        yield shorten(whole, max(width, 40))
        return
    if isinstance(value, dict):
        brackets = "{}"
        parts = [(_compact(key) + ":", part) for key, part in value.items()]
    else:
        brackets = "[]"
        parts = [("", part) for part in value]
    line = prefix + brackets[0]
    indent = " " * min(len(line), 20)
    for number, (name, part) in enumerate(parts):
        end = "," if number + 1 < len(parts) else brackets[1]
        lines = list(_broken(part, width - len(indent) - 1, name))
        lines[-1] += end
        if (len(lines) == 1 and len(line) + len(lines[0]) <= width) or line.endswith(brackets[0]):
            line += lines[0]
            rest = lines[1:]
        else:
            yield line
            line, rest = indent + lines[0], lines[1:]
        for more in rest:
            yield line
            line = indent + more
    yield line
