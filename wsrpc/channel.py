"""One channel of this process: who gets which of its events."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from . import protocol
from .outbox import Message
from .patterns import Pattern

if TYPE_CHECKING:
    from .reminders import Reminders
    from .stream import Stream

GAP = "wsrpc.gap"
"""The event that tells subscribers that events of their channel may have been lost."""

POSITION = "wsrpc.position"
"""The event that tells a subscriber where its channel stands, though it got nothing of it."""

RESERVED = "wsrpc."
"""How the names begin that only the library itself gives to events."""

_REMEMBERED_NAMES = 256


class ChannelEvent:
    """One event on its way to its subscribers, encoded once for all connections.

    `json` is its data where that is encoded already, `offset` its number in the channel.
    """

    __slots__ = ("_json", "_message", "_value", "channel", "name", "offset")

    def __init__(
        self,
        channel: str,
        name: str,
        data: Any,
        json: bytes | None = None,
        offset: int | None = None,
    ) -> None:
        self.channel = channel
        self.name = name
        self.offset = offset
        self._value = data
        self._json = json
        self._message: Message | None = None

    @property
    def data(self) -> Any:
        """The data as it was published, or as its encoding says."""
        if self._value is None and self._json is not None:
            self._value = protocol.decode(self._json)
        return self._value

    def evaluate(self) -> None:
        """Call data that is callable: what it returns is the data."""
        if callable(self._value):
            self._value = self._value()

    @property
    def message(self) -> Message:
        """The event as a message; raises as `protocol.encode_json` does."""
        if self._message is None:
            text = protocol.event(self.channel, self.name, self._value, self._json, self.offset)
            self._message = Message(text)
        return self._message


class Member(Protocol):
    """Who is subscribed to a channel: a connection, or a callback."""

    def deliver(self, event: ChannelEvent) -> int:
        """Take an event that one of its patterns matches; return the bytes put out for it."""

    def tell_gap(self, event: ChannelEvent) -> None:
        """Take the event that tells of a gap, whatever the patterns."""

    def fail(self, event: ChannelEvent, reason: str) -> None:
        """The data of an event that one of its patterns matches could not be made."""


class Backend(Enum):
    """What the backend knows of a channel."""

    IDLE = "not subscribed"
    SUBSCRIBED = "subscribed"
    UNSURE = "a hook was interrupted or failed, so perhaps subscribed"


class Channel:
    """The subscribers of one channel, by pattern."""

    __slots__ = (
        "_patterns",
        "_targets",
        "backend",
        "claims",
        "lock",
        "name",
        "reminders",
        "stream",
    )

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.lock = asyncio.Lock()
        """Held while a hook of the backend runs for this channel."""
        self.backend = Backend.IDLE
        self.claims = 0
        """How many are about to subscribe, so that the backend stays subscribed for them."""
        self.stream: Stream | None = None
        """Where the channel stands, while it is subscribed at a broker with history."""
        self.reminders: Reminders | None = None
        """There together with `stream`."""
        self._patterns: dict[str, tuple[Pattern, dict[Member, None]]] = {}
        self._targets: dict[str, tuple[Member, ...]] = {}

    def __len__(self) -> int:
        return len(self._patterns)

    def __contains__(self, pattern: str) -> bool:
        return pattern in self._patterns

    def info(self) -> dict[str, int]:
        """Return how many subscribers each pattern has."""
        return {text: len(members) for text, (_, members) in sorted(self._patterns.items())}

    def add(self, member: Member, pattern: Pattern) -> None:
        """Let a member have the events that a pattern matches."""
        entry = self._patterns.get(pattern.text)
        if entry is None:
            entry = self._patterns[pattern.text] = (pattern, {})
        entry[1][member] = None
        self._targets.clear()

    def remove(self, member: Member, pattern: str) -> None:
        """Take a pattern from a member that has it."""
        members = self._patterns[pattern][1]
        del members[member]
        if not members:
            del self._patterns[pattern]
        self._targets.clear()

    def targets(self, event: str) -> tuple[Member, ...]:
        """Return the members with at least one pattern that matches, each once."""
        found = self._targets.get(event)
        if found is None:
            members: dict[Member, None] = {}
            for pattern, matched in self._patterns.values():
                if pattern.matches(event):
                    members.update(matched)
            found = tuple(members)
            if len(self._targets) >= _REMEMBERED_NAMES:
                self._targets.clear()
            self._targets[event] = found
        return found

    def members(self) -> tuple[Member, ...]:
        """Return all members, each once."""
        every: dict[Member, None] = {}
        for _, members in self._patterns.values():
            every.update(members)
        return tuple(every)
