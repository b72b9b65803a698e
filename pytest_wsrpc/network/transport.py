"""One end of a connection in memory: an asyncio transport whose kernel is its peer.

A protocol cannot tell it from a socket of this machine: the same calls, in later turns of the loop,
in the same order. Bytes that the peer has not read fill a small kernel buffer first, then the
transport's own, which counts for flow control; what the kernel has is delivered whatever becomes of
the sender.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from errno import ECONNRESET, EPIPE
from typing import Any, Final, Protocol

from .. import internals
from .flow import KERNEL
from .inbox import EOF, End, Inbox


class Detour(Protocol):
    """What bytes and their end go through instead of straight to the peer."""

    def put(self, item: bytes | End) -> None:
        """Take bytes that were written, or the end of them."""

    def drop_unsent(self, size: int) -> int:
        """Forget so many of the bytes that came last; return how many there were not."""


class MemoryTransport(internals.NoSendfile, Inbox):
    """One end; `join` makes two of them a connection."""

    __slots__ = (
        "_at_once",
        "_bounced",
        "_closing",
        "_detour",
        "_eof_written",
        "_last_words",
        "_losing",
        "_lost",
        "_muted",
        "_peer",
        "_resetting",
        "_sink",
    )

    _peer: MemoryTransport

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.Protocol,
        context: contextvars.Context,
        extra: dict[str, Any],
    ) -> None:
        super().__init__(loop, protocol, context, extra)
        self._sink: Callable[[bytes], None] | None = None
        self._detour: Detour | None = None
        self._eof_written = False
        self._at_once: Callable[[bytes], None] | None = None
        self._bounced = False
        self._muted = False
        self._last_words: bytes | None = None
        self._closing = False
        self._losing = False
        self._lost = False
        self._resetting = False

    def __repr__(self) -> str:
        state = "closed" if self._lost else "closing" if self._closing else "open"
        return (
            f"<{type(self).__name__} {state} {self.get_extra_info('sockname')} to "
            f"{self.get_extra_info('peername')}, {self.get_write_buffer_size()} bytes to write>"
        )

    # Writing.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; a buffer that may change is copied.

        Ignored once the connection is closed. Raises `TypeError` for what is no bytes, and
        `RuntimeError` after `write_eof`.
        """
        if data.__class__ is not bytes:
            data = _owned(data)
        if self._sink is not None:
            self._sink(data)
            return
        if not data:
            return
        self._in_flight = in_flight = self._in_flight + len(data)
        peer = self._peer
        peer._pieces.append(data)
        if not peer._blocked:
            peer._blocked = True
            peer._delivery = self._loop.call_soon(peer._deliver, context=peer._context)
        if in_flight > self._pause_above:
            self._pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        """Send bytes, in one piece."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Send the end after all that was written, and go on reading."""
        if not self._closing and not self._eof_written:
            self._eof_written = True
            self._choose_sink()
            self._tell(EOF)

    def can_write_eof(self) -> bool:
        """Return True."""
        return True

    def _drained(self) -> None:
        if self._losing:
            return
        super()._drained()
        if self._closing and self._in_flight <= KERNEL:
            self._lose(None)
        self._watching = self._watching or self._closing

    def _choose_sink(self) -> None:
        """Let `write` know where bytes go: None is straight to the peer."""
        if self._eof_written:
            self._sink = _refuse
        elif self._closing or self._muted:
            self._sink = _ignore
        elif self._detour is not None:
            self._sink = self._put
        elif self._peer._lost:
            self._sink = self._bounce
        else:
            self._sink = self._at_once

    def _put(self, data: bytes) -> None:
        """Write through the detour."""
        if data and self._detour is not None:
            self._in_flight += len(data)
            self._detour.put(data)
            if self._in_flight > self._pause_above:
                self._pause_writing()

    def _hand_over(self, data: bytes) -> None:
        """Write to a peer that is told in this turn of the loop."""
        if data:
            self._in_flight += len(data)
            peer = self._peer
            peer._pieces.append(data)
            if not peer._blocked:
                peer._blocked = True
                peer._deliver()
            if self._in_flight > self._pause_above:
                self._pause_writing()

    def _bounce(self, data: bytes) -> None:
        """Write to a peer that is gone: its kernel answers by a reset, then ours knows."""
        if self._bounced and self._end is not None:
            self._fail(BrokenPipeError(EPIPE, "Broken pipe"))
        elif data:
            self._bounced = True
            self._peer._tell(reset_by_peer())

    def _tell(self, end: End) -> None:
        """Let the peer know the end of what this end sends."""
        if self._last_words is not None:
            end = EOF
            if self._last_words:
                self._in_flight += len(self._last_words)
                self._pass_on(self._last_words)
                self._last_words = b""
        self._pass_on(end)

    def _pass_on(self, item: bytes | End) -> None:
        if self._detour is not None:
            self._detour.put(item)
        else:
            self._peer.arrive(item)

    def _take_end(self, end: End) -> None:
        self._stop_reading()
        if isinstance(end, ConnectionError):
            self._fail(end)
            return
        try:
            keeps_open = self._protocol.eof_received()
        except Exception as error:  # the protocol's own, which asyncio's transports treat so too
            self._fatal(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if not keeps_open:
            self.close()

    def arrive(self, item: bytes | End) -> None:
        """Take what comes from the peer: bytes, or the end of them. The first end counts."""
        if not isinstance(item, bytes):
            if self._watching and isinstance(item, ConnectionError):
                self._fail(item)  # whoever waits to write learns it at once
                return
            if self._end is not None:
                return
            self._end = item
        elif self._lost:
            self._peer.taken(len(item))
            self._tell(reset_by_peer())
            return
        else:
            self._pieces.append(item)
        if not self._blocked:
            self._schedule()

    def take_at_once(self) -> None:
        """Tell the protocol of bytes as they are written: it runs none of its user's code then."""
        self._peer._at_once = self._peer._hand_over
        self._peer._choose_sink()

    # The end.

    def is_closing(self) -> bool:
        """Tell whether the connection is closed, or is about to be."""
        return self._closing

    @property
    def peer_is_lost(self) -> bool:
        """Tell whether the other end is closed for good, not only at the end of what it sends."""
        return self._peer._lost

    def close(self) -> None:
        """Read no more, send what was written and its end, then call ``connection_lost(None)``.

        If bytes came that were not read, the peer sees a reset for the end, as from a socket.
        """
        if not self._closing:
            self._closing = True
            self._stop_reading()
            self._choose_sink()
            if self._in_flight <= KERNEL:
                self._lose(None)
            else:
                self._watching = True

    def abort(self) -> None:
        """Close without sending what the kernel has not taken; the peer sees the same."""
        self._fail(None)

    def reset(self, error: ConnectionError | None = None) -> None:
        """Break the connection: the peer sees a reset, and this end loses it by the error."""
        self._resetting = True
        self._fail(error)

    def hang_up(self) -> None:
        """Ignore what is written from now on; reading goes on."""
        self._muted = True
        self._choose_sink()

    def cut(self, last_words: bytes) -> None:
        """Let the protocol see the end of what its peer sends, also if it reads nothing now.

        The peer sees `last_words` and an orderly end after what this end has sent.
        """
        self._last_words = last_words
        self._end = self._end or EOF
        if self._reading and not self.is_reading():
            self._peer.taken(self._clear())
            self.resume_reading()
        elif not self._blocked:
            self._schedule()

    def detour(self, detour: Detour | None) -> None:
        """Let what is written go through something else than straight to the peer."""
        self._detour = detour
        self._choose_sink()

    def _fail(self, error: Exception | None) -> None:
        if self._losing:
            return
        if not self._closing:
            self._closing = True
            self._stop_reading()
            self._choose_sink()
        self._drop_unsent()
        self._lose(error)

    def _drop_unsent(self) -> None:
        size = dropping = self._in_flight - KERNEL
        if size <= 0:
            return
        if self._detour is not None:
            dropping = self._detour.drop_unsent(dropping)
        pieces = self._peer._pieces
        while pieces and dropping > 0:
            piece = pieces.pop()
            if len(piece) > dropping:
                pieces.append(memoryview(piece)[:-dropping])
            dropping -= len(piece)
        self._in_flight -= size

    def _lose(self, error: Exception | None) -> None:
        self._losing = True
        self._loop.call_soon(self._connection_lost, error, context=self._context)

    def _connection_lost(self, error: Exception | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._lost = True
            self._protocol = _NOBODY
            peer = self._peer
            unread = self._clear()
            end: End = EOF
            if unread or self._resetting:
                end = reset_by_peer()
            self._tell(end)
            if unread:
                peer.taken(unread)
            peer._choose_sink()

    def _fatal(self, error: Exception, message: str) -> None:
        if not isinstance(error, OSError):
            self._report(error, message)
        self._fail(error)


def join(near: MemoryTransport, far: MemoryTransport) -> None:
    """Make two transports the ends of one connection; the protocols are not told."""
    near._peer, far._peer = far, near


def reset_by_peer() -> ConnectionResetError:
    """Return what a socket raises whose peer sent a reset."""
    return ConnectionResetError(ECONNRESET, "Connection reset by peer")


_NOBODY: Final = asyncio.Protocol()


def _owned(data: bytes | bytearray | memoryview) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
    return bytes(data)


def _ignore(data: bytes) -> None:
    """Closed: as a socket's transport does."""


def _refuse(data: bytes) -> None:
    raise RuntimeError("Cannot call write() after write_eof()")
