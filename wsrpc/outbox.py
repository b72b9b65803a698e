"""What waits to be sent to one client: bounded in bytes, flushed together, never in the way.

Putting a message never waits. All messages of one turn of the event loop are written at once, and
an event is encoded and framed once for all of its subscribers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Literal
from weakref import WeakKeyDictionary, ref

from . import internals
from .deflate import deflate
from .frames import compressed_text_frame, text_frame

logger = logging.getLogger("wsrpc.outbox")


class Message:
    """One message for any number of connections, framed once; its frame carries `text`."""

    __slots__ = ("_compressed", "frame", "text")

    _compressed: dict[int, Message]

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.frame = text_frame(text)
        """The message as a frame."""

    def compressed(self, window_bits: int) -> Message:
        """Return the message compressed, made once for each window; itself if that is no shorter.

        It costs a message nothing to have this, as long as nobody asks for it.
        """
        try:
            made = self._compressed
        except AttributeError:
            made = self._compressed = {}
        message = made.get(window_bits)
        if message is None:
            data = deflate(self.text, window_bits)
            message = _Compressed(data) if len(data) < len(self.text) else self
            made[window_bits] = message
        return message


class _Compressed(Message):
    __slots__ = ()

    def __init__(self, data: bytes) -> None:
        self.text = data
        self.frame = compressed_text_frame(data)


class _Writes:
    """The outboxes of one event loop that are to be written in its next turn.

    One callback serves them all: with one each, an event for many subscribers costs half as much
    again.
    """

    __slots__ = ("__weakref__", "outboxes")

    def __init__(self) -> None:
        self.outboxes: list[Outbox] = []
        """Those that wait, in the order in which they are written."""

    def add(self, outbox: Outbox, loop: asyncio.AbstractEventLoop) -> None:
        outbox.scheduled = True
        if not self.outboxes:
            loop.call_soon(self._write, loop)
        self.outboxes.append(outbox)

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        left = iter(self.outboxes)
        self.outboxes = []
        try:
            for outbox in left:
                outbox.scheduled = False
                outbox.flush()
        finally:
            for outbox in left:  # only if a transport failed, which is not their fault
                self.add(outbox, loop)


_writes: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, ref[_Writes]]] = WeakKeyDictionary()
"""By loop, as its outboxes keep them: what is kept here must not keep the loop."""


def _writes_of(loop: asyncio.AbstractEventLoop) -> _Writes:
    known = _writes.get(loop)
    writes = None if known is None else known()
    if writes is None:
        writes = _Writes()
        _writes[loop] = ref(writes)
    return writes


class Outbox:
    """The messages that wait for one connection."""

    __slots__ = (
        "_allowance",
        "_dropped",
        "_dropping",
        "_judging",
        "_limit",
        "_loop",
        "_on_slow",
        "_pending",
        "_pending_size",
        "_policy",
        "_send",
        "_transport",
        "_unjudged",
        "_writes",
        "closed",
        "corked",
        "held",
        "lost",
        "scheduled",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit: int,
        policy: Literal["close", "drop"],
        on_slow: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._limit = limit
        self._policy = policy
        self._on_slow = on_slow
        self._transport: asyncio.Transport | None = None
        self._send: Callable[[bytes], int] | None = None
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._allowance = 0  # what may be over the limit: replies, and one large event
        self._writes = _writes_of(loop)
        self._unjudged = False  # an event was put whose effect nobody has looked at
        self._judging = False
        self._dropping = False
        self._dropped = 0  # events that the ongoing slowness has cost
        self.held = 0
        """Bytes of events that are held back until their subscription is acknowledged."""
        self.lost = 0
        """Events that were dropped, as their reader was too slow."""
        self.closed = False
        self.corked = False
        """Whoever set it flushes in this turn of the loop, so nothing has to be scheduled."""
        self.scheduled = False
        """It is to be written in the next turn of the loop."""

    def open(self, transport: asyncio.Transport) -> None:
        """Begin to send."""
        self._transport = transport
        socket = internals.socket_of(transport)
        self._send = None if socket is None else socket.send
        if self._pending:
            self.flush()

    @property
    def size(self) -> int:
        """Bytes that wait to be sent: here, and in the transport's buffer."""
        if self._transport is None:
            return self._pending_size
        return self._pending_size + self._transport.get_write_buffer_size()

    def put(self, text: bytes) -> None:
        """Send a reply. It is never dropped, and does not make its reader too slow."""
        if not self.closed:
            if self.size + len(text) > self._limit:
                self._allowance += len(text)
            self._append(text_frame(text))

    def put_event(self, message: Message) -> bool:
        """Send an event, or drop it if the client is too slow for it; return which."""
        if self.closed:
            return True
        if self._dropping and self._drops():
            self.lost += 1
            return False
        frame = message.frame
        size = self._pending_size + len(frame)
        self._unjudged = True
        if size > self._limit:
            self._append_event(message)
            return True
        # what `_append` does, for the many who get one event
        self._pending.append(frame)
        self._pending_size = size
        if not self.scheduled and not self.corked and self._transport is not None:
            if self._writes.outboxes:
                self.scheduled = True
                self._writes.outboxes.append(self)
            else:
                self._writes.add(self, self._loop)
        return True

    def _append_event(self, message: Message) -> None:
        """Add an event with which the limit is exceeded: one that is larger by itself may be."""
        size = len(message.text)
        if size > self._limit and not self.size:
            self._allowance = size
        self._append(message.frame)
        self._look()

    def hold(self, size: int) -> bool:
        """Count an event that is held back; return False if there is no room for it."""
        if self.held + size > self._limit:
            return False
        self.held += size
        return True

    def _drops(self) -> bool:
        if self.size > self._limit:
            self._dropped += 1
            return True
        logger.warning("a slow consumer caught up; %d events were dropped", self._dropped)
        self._dropping = False
        self._dropped = 0
        return False

    def _look(self) -> None:
        """Look whether the client is too slow, once the loop has polled its socket."""
        if self._judging or not self._is_over():
            return
        self._judging = True
        self.flush()
        # The loop polls before it runs what is scheduled, and runs what the poll found after
        # that: only the second turn from here comes after a chance to write.
        self._loop.call_soon(self._loop.call_soon, self._judge)

    def _is_over(self) -> bool:
        size = self.size
        if size <= self._limit:
            self._allowance = 0
        return size > self._limit + self._allowance

    def _judge(self) -> None:
        self._judging = False
        if self.closed:
            return
        self.flush()
        if not self._is_over():
            return
        if self._policy == "close":
            self._on_slow()
        else:
            logger.warning("a consumer is too slow: events for it are dropped")
            self._dropping = True

    def _append(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_size += len(data)
        if self.corked:
            if self._pending_size > self._limit:
                self.flush()
        elif not self.scheduled and self._transport is not None:
            self._writes.add(self, self._loop)

    def uncork(self) -> None:
        """Write what has come in since it was corked, behind the events that calls have published.

        So nobody is told that an event was published before its subscribers have it.
        """
        self.corked = False
        if self._pending:
            if self._writes.outboxes:
                self._writes.add(self, self._loop)
            else:
                self.flush()

    def flush(self) -> None:
        """Write all that waits, in one call."""
        pending, transport = self._pending, self._transport
        if not pending or transport is None:
            return
        if transport.is_closing():
            self.discard()
            return
        data = pending.pop() if len(pending) == 1 else b"".join(pending)
        pending.clear()
        self._pending_size = 0
        sent = 0
        if self._send is not None and not transport.get_write_buffer_size():
            try:
                sent = self._send(data)
            except OSError:
                sent = 0  # the transport tries again, and deals with it
        if sent != len(data):
            transport.write(data[sent:])
        if self._unjudged:
            self._unjudged = False
            if self._allowance or (sent != len(data) and transport.get_write_buffer_size()):
                self._look()

    def discard(self) -> None:
        """Take no more, and forget what was not handed to the transport."""
        self.closed = True
        self._pending.clear()
        self._pending_size = 0
