"""One connection in a channel with history, and what goes out to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

from wsrpc import History, PastEvent, Position, Websocket
from wsrpc.calls import Call
from wsrpc.channel import GAP, POSITION, Channel, ChannelEvent
from wsrpc.membership import Membership
from wsrpc.outbox import Outbox
from wsrpc.patterns import Pattern
from wsrpc.recovery import TrackedMembership
from wsrpc.reminders import Reminders
from wsrpc.stream import Stream

from ..simulated import Transport

LIMIT = 1000
LARGE = "x" * 600


class SlowTransport(Transport):
    """Takes everything, and keeps it where asked to."""

    stalled = False

    def get_write_buffer_size(self) -> int:
        return len(self.written) if self.stalled else 0


class Hiding(Websocket):
    """A view that hides secrets."""

    def can_receive(self, channel: str, event: str) -> bool:
        return event != "secret"


class Subscriber:
    """A membership with all that it needs, at offset 10 of its channel."""

    duplicates = filled = gaps = 0

    def __init__(
        self, view: Websocket | None = None, policy: Literal["close", "drop"] = "close"
    ) -> None:
        self.transport = SlowTransport()
        self.outbox = Outbox(asyncio.get_running_loop(), LIMIT, policy, self.on_slow)
        self.outbox.open(self.transport)
        self.channel = Channel("news")
        self.channel.stream = self.stream = Stream(History(), self, print, print)
        self.stream.open(Position("E", 10))
        self.channel.reminders = Reminders(History())
        self.slow = self.left = self.patterns = 0
        self.membership = TrackedMembership(
            view or Websocket(), self.channel, self.outbox, self.on_left, self.on_count
        )

    def on_slow(self) -> None:
        self.slow += 1

    def on_left(self, membership: Membership) -> None:
        self.left += 1

    def on_count(self, change: int) -> None:
        self.patterns += change

    def subscribe(self, *patterns: str, call: Call | None = None) -> None:
        self.membership.add([Pattern(text) for text in patterns], call)

    def publish(self, name: str, data: Any = None) -> None:
        offset = self.stream.position.offset + 1
        assert self.stream.receive({"epoch": "E", "offset": offset})
        event = ChannelEvent("news", name, data, None, offset)
        for member in self.channel.targets(name):
            member.deliver(event)

    def gap(self, offset: int | None = None, epoch: str = "E") -> None:
        offset = self.stream.position.offset if offset is None else offset
        event = ChannelEvent("news", GAP, {"epoch": epoch, "offset": offset})
        self.membership.tell_gap(event)

    def remind(self) -> None:
        event = ChannelEvent("news", POSITION, self.stream.position.plain())
        self.membership.tell_position(event)

    def reply(self, call: Call) -> None:
        call.answered = True
        self.outbox.put(b'{"event":"reply","id":%d}' % call.id)  # type: ignore[str-bytes-safe]
        for made in call.made:
            made.acknowledge(call)

    def recover(self, *offsets: int, name: str = "a") -> bool:
        return self.membership.recover([PastEvent(offset, name, b"1") for offset in offsets])

    @property
    def sent(self) -> list[Any]:
        """What went out: offsets of events, replies, gaps and positions."""
        self.outbox.flush()
        rest, self.transport.written = self.transport.written, b""
        shown: list[Any] = []
        while rest:
            size, start = rest[1], 2
            if size == 126:
                size, start = int.from_bytes(rest[2:4], "big"), 4
            message = json.loads(rest[start : start + size])
            rest = rest[start + size :]
            if message["event"] == "reply":
                shown.append(f"reply {message['id']}")
            elif "offset" in message:
                shown.append(message["offset"])
            else:
                kind = message["event"].removeprefix("wsrpc.")
                shown.append(f"{kind} {message['data']['epoch']}:{message['data']['offset']}")
        return shown


def call(id: int = 1) -> Call:
    return Call(id, "subscribe", 0.0)


def recovering(call: Call, *patterns: str, view: Websocket | None = None) -> Subscriber:
    subscriber = Subscriber(view)
    subscriber.subscribe(*(patterns or "*"), call=call)
    subscriber.membership.begin_recovery(call)
    return subscriber
