"""What came to one end of a connection in memory, until its protocol reads it."""

from __future__ import annotations

import asyncio
import contextvars
from abc import abstractmethod
from collections import deque
from typing import Any, Final

from .flow import FlowControl

READ_AT_ONCE: Final = 256 * 1024
"""The most bytes that one call of ``data_received`` gets, as from a socket."""


class Eof:
    """The end of what a peer sends."""


EOF: Final = Eof()

End = Eof | ConnectionError
"""What follows the last byte: an orderly end, or the error that breaks the connection."""


class Inbox(FlowControl):
    """The reading half of a transport.

    The protocol is told in its own context, and in a turn of the loop of its own: of bytes, however
    many writes they were, and in a later turn of their end. Only a peer that hands bytes over at
    once does not wait for that turn.
    """

    __slots__ = ("_blocked", "_context", "_delivery", "_end", "_pieces", "_reading", "read_at_once")

    _peer: Inbox

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.Protocol,
        context: contextvars.Context,
        extra: dict[str, Any],
    ) -> None:
        super().__init__(loop, protocol, extra)
        self._context = context
        self._pieces: deque[Any] = deque()  # of bytes, and the memoryview of a rest
        self._end: End | None = None
        self._reading = True
        self._blocked = False
        """Nothing is to be scheduled: it is already, or this end does not read."""
        self._delivery: asyncio.Handle | None = None
        self.read_at_once = READ_AT_ONCE

    def is_reading(self) -> bool:
        """Tell whether bytes are passed to the protocol as they come."""
        return self._reading and not (self._blocked and self._delivery is None)

    def pause_reading(self) -> None:
        """Let what comes pile up, at last in the buffer of the peer, until `resume_reading`."""
        if self._reading:
            self._blocked = True
            if self._delivery is not None:
                self._delivery.cancel()
                self._delivery = None

    def resume_reading(self) -> None:
        """Pass on what has come."""
        if self._reading and self._blocked and self._delivery is None:
            self._blocked = False
            if self._pieces or self._end is not None:
                self._schedule()

    def _schedule(self) -> None:
        self._blocked = True
        self._delivery = self._loop.call_soon(self._deliver, context=self._context)

    def _deliver(self) -> None:
        """Pass on what one system call would read."""
        pieces = self._pieces
        sender = self._peer
        if sender._in_flight > self.read_at_once:
            data = self._next_bytes()
        elif len(pieces) == 1:
            data = pieces.popleft()
            if data.__class__ is not bytes:
                data = bytes(data)  # the rest of what was more than is read at once
        else:
            data = b"".join(pieces)
            pieces.clear()
        if pieces or (data and self._end is not None):
            self._delivery = self._loop.call_soon(self._deliver, context=self._context)
        else:
            self._delivery = None
            self._blocked = False
        if not data:
            assert self._end is not None
            self._take_end(self._end)
            return
        sender._in_flight -= len(data)
        try:
            self._protocol.data_received(data)
        except Exception as error:  # the protocol's own, which asyncio's transports treat so too
            self._fatal(error, "Fatal error: protocol.data_received() call failed.")
        if sender._watching:
            sender._drained()

    def _next_bytes(self) -> bytes:
        """Take as many of the pieces as may be read at once, but one at least."""
        pieces = self._pieces
        limit = self.read_at_once
        taken: list[bytes | memoryview] = []
        while pieces and limit > 0:
            piece = pieces.popleft()
            if len(piece) > limit:
                if taken:
                    pieces.appendleft(piece)
                    break
                view = memoryview(piece)
                pieces.appendleft(view[limit:])
                piece = view[:limit]
            taken.append(piece)
            limit -= len(piece)
        return b"".join(taken)

    def _stop_reading(self) -> None:
        self._reading = False
        self._blocked = True
        if self._delivery is not None:
            self._delivery.cancel()
            self._delivery = None

    def _clear(self) -> int:
        size = sum(map(len, self._pieces))
        self._pieces.clear()
        return size

    @abstractmethod
    def _take_end(self, end: End) -> None:
        """Let the protocol know that nothing more will come."""

    @abstractmethod
    def _fatal(self, error: Exception, message: str) -> None:
        """Break the connection, as the protocol raised an exception."""
