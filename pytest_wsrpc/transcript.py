"""The recorded conversation of one client, and how a person reads it.

::

    ws_client  ws://127.0.0.1:40123/stream
      +0.000 s  connected
      +0.001 s  > {"id":1,"method":"div","payload":{"a":1,"b":0}}
      +0.002 s  ! ZeroDivisionError: division by zero  (call div, id 1)
                  app.py:31 in ws_rpc_div: return payload.a / payload.b
      +0.002 s  ~ reply: latency 0.001 s
      +0.003 s  < {"id":1,"method":"div","error":{"code":-32603,"message":"Internal error"}}
      +0.010 s  closed 1000

An exception of the server stands below the message that caused it. On virtual time, the times are
those of the clock.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, Final, Literal, Self

from .traces import Place, is_application

Direction = Literal["connected", "sent", "received", "failed", "fault", "closed"]

KEPT_TEXT: Final = 10_000
"""Characters kept of one message, its begin and its end: enough to recognise it."""

KEPT_FIRST: Final = 50
"""Messages from the begin of a conversation that are always kept."""

KEPT_CHARACTERS: Final = 1_000_000
"""Characters of later messages that are kept: a load test must not fill the memory."""

_FRAMES: Final = 5
_OVERHEAD: Final = 100
_MARKS: Final[dict[Direction, str]] = {
    "sent": "> ",
    "received": "< ",
    "failed": "! ",
    "fault": "~ ",
}
_LOOKED_BACK: Final = 1000
_ID_WITHIN: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened at one moment of a conversation."""

    time: float
    """Seconds since the first entry; on virtual time, the time of the clock."""
    direction: Direction
    text: str
    """The message; a long one without its middle."""
    exception: BaseException | None = None
    """The server's exception, where `direction` is ``failed``."""
    cut: int = 0
    """Characters that `text` lacks."""
    cause: Entry | None = field(default=None, compare=False, repr=False)
    """The message that caused the server's exception, where it is known."""
    order: int = field(default=0, compare=False, repr=False)
    """Grows with each entry of any client: on virtual time, many have the same time."""


_orders = count()


class Transcript:
    """The conversation of one client: every frame, and what else happened, in order.

    A conversation that is too long to keep loses messages after its begin; see `left_out`.
    """

    def __init__(
        self,
        name: str = "",
        url: str = "",
        clock: Callable[[], float] = time.monotonic,
        start: float | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.left_out: int = 0
        """Messages that were not kept, from the middle of the conversation."""
        self._clock = clock
        self._start = start
        self._sign = "+" if start is None else ""
        self._first: list[Entry] = []
        self._later: deque[Entry] = deque()
        self._size = 0

    @classmethod
    def of_loop(cls, name: str, url: str, loop: asyncio.AbstractEventLoop) -> Self:
        """Make a transcript with the times of a loop: since its begin where they are virtual."""
        return cls(name, url, loop.time, start=0.0 if is_virtual(loop) else None)

    @property
    def entries(self) -> list[Entry]:
        """What happened, in order."""
        return [*self._first, *self._later]

    @property
    def began(self) -> float:
        """The time of the loop from which the times of the entries count."""
        return self._start or 0.0

    def record(
        self,
        direction: Direction,
        data: str | bytes = "",
        exception: BaseException | None = None,
        request_id: object = None,
    ) -> None:
        """Note what happens now; bytes are the content of a binary frame.

        `request_id` is that of the request which caused an exception of the server.
        """
        now = self._clock()
        if self._start is None:
            self._start = now
        text, cut = data if isinstance(data, str) else _binary(data), 0
        if len(text) > KEPT_TEXT:
            begin, end = ends(text, KEPT_TEXT)
            text, cut = begin + end, len(text) - KEPT_TEXT
        cause = None if request_id is None else self._request(request_id)
        self._keep(Entry(now - self._start, direction, text, exception, cut, cause, next(_orders)))

    def render(self, width: int = 160, limit: int = 60) -> str:
        """Return the conversation for a terminal, one line for each entry.

        A message of more than `width` characters and a conversation of more than `limit` entries
        lose their middles, and say how much that was. What a terminal could take for a command is
        escaped.
        """
        return "\n".join(self._lines(max(width, 20), max(limit, 2)))

    def _request(self, request_id: object) -> Entry | None:
        """Find the latest request of this id."""
        latest = islice(reversed(self.entries), _LOOKED_BACK)
        return next(
            (entry for entry in latest if entry.direction == "sent" and _has_id(entry, request_id)),
            None,
        )

    def _keep(self, entry: Entry) -> None:
        if len(self._first) < KEPT_FIRST:
            self._first.append(entry)
            return
        self._later.append(entry)
        self._size += len(entry.text) + _OVERHEAD
        while self._size > KEPT_CHARACTERS:
            self._size -= len(self._later.popleft().text) + _OVERHEAD
            self.left_out += 1

    def _lines(self, width: int, limit: int) -> Iterator[str]:
        title = "  ".join(part for part in (self.name, self.url) if part)
        if title:
            yield escape(title)
        entries = causes_first(self.entries)
        last = limit - limit // 4
        # Messages were left out after the first ones: show no gap but that one.
        first = min(limit // 4, KEPT_FIRST)
        left_out = self.left_out + max(len(entries) - first - last, 0)
        if not left_out:
            first, last = len(entries), 0
        for entry in entries[:first]:
            yield from _entry_lines(entry, width, self._sign)
        if left_out:
            yield f"  ... {_count(left_out, 'entry', 'entries')} left out ..."
            for entry in entries[max(first, len(entries) - last) :]:
                yield from _entry_lines(entry, width, self._sign)


def describe(exception: BaseException) -> str:
    """Return the class and the text of an exception, also of one whose ``__str__`` fails."""
    text = str(traceback.TracebackException(type(exception), exception, None))
    name = type(exception).__qualname__
    return f"{name}: {text}" if text else name


def escape(text: str) -> str:
    """Return the text with escape sequences for all characters that are not printable."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


_MARK_WIDTH: Final = len(" ... 1,000 characters ... ")
"""What is cut out has to be longer than the words that say so."""


def shorten(text: str, width: int, cut: int = 0) -> str:
    """Return at most about `width` characters, escaped; of a longer text the begin and the end.

    `cut` characters are missing in the middle of the text already.
    """
    if len(text) <= width + _MARK_WIDTH and not cut:
        return escape(text)
    begin, end = ends(text, min(width, len(text)))
    cut += len(text) - len(begin) - len(end)
    return f"{escape(begin)} ... {_count(cut, 'character', 'characters')} ... {escape(end)}"


def is_virtual(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether the time of a loop is one that starts with it."""
    from .clock import VirtualLoop  # only where the time of a loop matters

    return isinstance(loop, VirtualLoop)


def _has_id(entry: Entry, request_id: object) -> bool:
    if entry.cut:
        return f'"id":{json.dumps(request_id)},' in entry.text[:_ID_WITHIN]
    try:
        message: Any = json.loads(entry.text)
    except ValueError:
        return False
    if type(message) is not dict:
        return False
    id = message.get("id")
    return type(id) is type(request_id) and id == request_id


def causes_first(entries: list[Entry]) -> list[Entry]:
    """Return the entries with each exception of the server below the message that caused it."""
    effects: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.cause is not None:
            effects.setdefault(id(entry.cause), []).append(entry)
    if not effects:
        return entries
    present = {id(entry) for entry in entries}
    ordered = []
    for entry in entries:
        if entry.cause is None or id(entry.cause) not in present:
            ordered += [entry, *effects.get(id(entry), ())]
    return ordered


def _entry_lines(entry: Entry, width: int, sign: str) -> Iterator[str]:
    what = _MARKS.get(entry.direction, f"{entry.direction} ")
    start = f"  {sign}{entry.time:.3f} s  "
    yield f"{start}{what}{shorten(entry.text, width, entry.cut)}".rstrip()
    if entry.exception is not None:
        for line in application_lines(entry.exception):
            yield f"{'':{len(start) + 2}}{shorten(line, width)}"


def application_lines(exception: BaseException) -> Iterator[str]:
    """Yield the innermost lines of the application that the exception came through."""
    frames = traceback.extract_tb(exception.__traceback__)
    own = [frame for frame in frames if is_application(frame.filename)]
    for frame in (own or frames)[-_FRAMES:]:
        yield str(Place(frame.filename, frame.lineno or 0, frame.name))


def ends(text: str, width: int) -> tuple[str, str]:
    """Return the begin and the end of a text that together have so many characters."""
    end = width // 3
    return text[: width - end], text[len(text) - end :]


def _binary(data: bytes) -> str:
    return f"{_count(len(data), 'byte', 'bytes')}, binary: {data!r}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
