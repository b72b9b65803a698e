"""The history of a channel: what a broker keeps of it, and where somebody stands in it.

The events of a channel are numbered: each has an offset, one more than the last. The numbers mean
something within one epoch; a broker that may have forgotten what it numbered begins another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self

import msgspec

from .limits import MIB


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where somebody stands in a channel: the last event that is behind them."""

    epoch: str
    offset: Annotated[int, msgspec.Meta(ge=0)]

    def is_before(self, other: Position) -> bool:
        """Tell whether events lie between this position and the other one of its epoch."""
        return self.epoch == other.epoch and self.offset < other.offset

    def reaches(self, other: Position) -> bool:
        """Tell whether this position is the other one, or behind it in the same epoch."""
        return self.epoch == other.epoch and self.offset >= other.offset

    def plain(self) -> dict[str, Any]:
        """Return the position as it goes over the wire."""
        return {"epoch": self.epoch, "offset": self.offset}


class PastEvent(NamedTuple):
    """An event that a broker kept."""

    offset: int
    event: str
    json: bytes
    """The data, encoded."""


class Past(NamedTuple):
    """What a broker knows of a channel, read at one moment."""

    position: Position
    """That of the last event that was published."""
    events: Sequence[PastEvent] = ()
    """Those that were asked for and are still kept, in order."""

    def after(self, since: Position, upto: int | None = None) -> Sequence[PastEvent] | None:
        """Return all events after a position, up to an offset; None if that is not certain."""
        last = self.position.offset if upto is None else upto
        if since.epoch != self.position.epoch or not since.offset <= last <= self.position.offset:
            return None
        events = [event for event in self.events if since.offset < event.offset <= last]
        offsets = [event.offset for event in events]
        return events if offsets == list(range(since.offset + 1, last + 1)) else None

    def tail(self) -> Sequence[PastEvent]:
        """Return the events from the last hole to the end; none if the last one is missing."""
        start, expected = len(self.events), self.position.offset
        while start and self.events[start - 1].offset == expected:
            start -= 1
            expected -= 1
        return self.events[start:]


@dataclass(frozen=True, kw_only=True)
class History:
    """How much of each channel a broker keeps, for clients that come back.

    An event is kept as long as none of the limits is exceeded. A value out of its range raises
    `ValueError`.
    """

    size: int = 1000
    """Events of one channel: some minutes of a busy one."""

    bytes: int = MIB
    """Bytes of one channel's events, names and encoded data: what one outbox may hold too."""

    age: float = 300.0
    """Seconds: clients that roam or restart are back by then; the others begin anew."""

    channels: int = 10_000
    """Channels with a history. The one that was not used for the longest time is forgotten."""

    def __post_init__(self) -> None:
        for name in ("size", "bytes", "channels"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
        age = self.age
        if (
            isinstance(age, bool)
            or not isinstance(age, (int, float))
            or not (math.isfinite(age) and age > 0)
        ):
            raise ValueError(f"age must be a time in seconds above 0, got {age!r}")

    @classmethod
    def of(cls, value: Self | int) -> Self | None:
        """Return the limits that an option ``history=`` means: `History`, a size, 0 for none."""
        if isinstance(value, cls):
            return value
        if type(value) is not int or value < 0:
            raise ValueError(f"history must be a History or a number of events, got {value!r}")
        return cls(size=value) if value else None
