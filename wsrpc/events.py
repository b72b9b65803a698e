"""Events as a client sees them: of the application, and of the channel itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from .channel import GAP
from .history import Position


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a channel."""

    channel: str
    event: str
    data: Any
    offset: int | None = field(default=None, repr=False, compare=False)
    """Its place in the channel's history, None without one; no part of what events compare by."""


@dataclass(frozen=True, slots=True)
class Gap(Event):
    """Stands among the events of a subscription where events may be missing.

    Whoever keeps a state that follows from the events reads it anew here. Code that does not know
    this class sees one more event, with the name ``wsrpc.gap``. `data` is the position from which
    events come again, ``{"epoch", "offset"}``, None without a history.
    """

    event: str = GAP
    data: Any = None


def parse_event(message: object) -> Event | None:
    """Return the event that a decoded message is, None if it is none."""
    if type(message) is dict and "data" in message:
        channel, event = message.get("channel"), message.get("event")
        if type(channel) is str and type(event) is str:
            if event == GAP:
                return Gap(channel, event, message["data"])
            offset = message.get("offset")
            return Event(channel, event, message["data"], offset if type(offset) is int else None)
    return None


def parse_position(value: object) -> Position | None:
    """Return the position that a part of a message is, None if it is none."""
    try:
        return msgspec.convert(value, Position)
    except msgspec.ValidationError:
        return None
