"""Positions and offsets on the wire: each channel has one numbering, the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsrpc.channel import RESERVED

from ..delivery import content_of
from .clauses import holds


class Offsets:
    """What replies and events say of the places of events, where the broker has a history."""

    def __init__(self, has_history: bool) -> None:
        self._has_history = has_history
        self._epochs: dict[str, str] = {}
        self._contents: dict[tuple[str, int], str] = {}
        self._last: dict[tuple[str, str], int] = {}

    @property
    def hint(self) -> str:
        """What may be behind a gap."""
        return ", and each event has the next offset" if self._has_history else ""

    def replied(self, name: str, channel: str, reply: Mapping[str, Any]) -> None:
        """Note a reply; where it has the position of a channel, events come after that."""
        positions = (reply.get("response") or {}).get("positions") or {}
        for position in positions.values():
            self._in_epoch(name, channel, position["epoch"])
            self._last[name, channel] = position["offset"]

    def received(self, name: str, message: Mapping[str, Any]) -> None:
        """Note an event that a client received."""
        channel = message["channel"]
        if not self._has_history or message["event"].startswith(RESERVED):
            return
        offset = message.get("offset")
        if (name, channel) in self._last:
            self._counts_up(name, channel, offset, message)

    def _counts_up(self, name: str, channel: str, offset: Any, message: Mapping[str, Any]) -> None:
        last = self._last[name, channel]
        holds(
            type(offset) is int and offset > last,
            "offsets",
            name,
            f"an offset above {last} on channel {channel!r}",
            f"{offset!r} for event {message['event']!r}",
        )
        self._last[name, channel] = offset
        content = f"{message['event']!r} {content_of(message['data'])}"
        known = self._contents.setdefault((channel, offset), content)
        holds(
            known == content,
            "offsets",
            name,
            f"event {known:.80} at offset {offset} of channel {channel!r}, as elsewhere",
            f"event {content:.80}",
        )

    def _in_epoch(self, name: str, channel: str, epoch: str) -> None:
        known = self._epochs.setdefault(channel, epoch)
        holds(
            known == epoch,
            "offsets",
            name,
            f"the epoch {known!r} of channel {channel!r}, as before and elsewhere",
            repr(epoch),
        )
