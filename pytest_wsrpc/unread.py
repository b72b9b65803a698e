"""The messages that a client has received and nobody has taken."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from wsrpc.events import Event
from wsrpc.patterns import Pattern


@dataclass(slots=True)
class Unread:
    """A message that nobody has taken."""

    message: Any
    event: Event | None = None
    is_json: bool = True
    """False for the bytes of a text frame that could not be decoded."""
    is_late: bool = False
    """It answers a call that was given up."""
    is_seen: bool = False
    """The test has looked at it, and left it."""
    number: int = 0
    """How many were kept until it came, itself included."""


class UnreadMessages:
    """Messages in order of arrival, until somebody takes them."""

    def __init__(self) -> None:
        self._messages: list[Unread] = []
        self._kept = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Unread]:
        return iter(self._messages)

    def __getitem__(self, index: int) -> Unread:
        return self._messages[index]

    def keep(self, unread: Unread) -> None:
        """Put a message behind all others."""
        self._kept += 1
        unread.number = self._kept
        self._messages.append(unread)

    def take(self, index: int) -> Unread:
        """Take a message out."""
        return self._messages.pop(index)

    def first(self) -> int | None:
        """Give the index of the oldest message, None if there is none."""
        return 0 if self._messages else None

    def finder(self, channel: str | None, event: str | None) -> Callable[[], int | None]:
        """Return a function that gives the index of the oldest event which two patterns match.

        Of a thousand events it looks at each once, not again with every one that comes.
        """
        matches_channel = Pattern("*" if channel is None else channel).matches
        matches_event = Pattern("*" if event is None else event).matches
        looked_at = 0

        def find() -> int | None:
            nonlocal looked_at
            start = bisect_right(self._messages, looked_at, key=attrgetter("number"))
            for index in range(start, len(self._messages)):
                unread = self._messages[index]
                if (
                    unread.event is not None
                    and matches_channel(unread.event.channel)
                    and matches_event(unread.event.event)
                ):
                    return index
                looked_at = unread.number
            return None

        return find
