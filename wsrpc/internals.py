"""What the library touches of aiohttp beyond its public interface, each with what is else lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

import aiohttp
from aiohttp import WebSocketError, WSCloseCode, WSMsgType, http, web, web_ws

from .deflate import TooLarge, inflate
from .errors import CloseCode

logger = logging.getLogger("wsrpc.internals")


class Socket(web.WebSocketResponse[Any]):
    """aiohttp's websocket, but for its closing, which is the connection's."""

    over = False
    """The connection is done with it, so that aiohttp may end it."""

    @property
    def is_closing(self) -> bool:
        """Whether a close frame came, upon which aiohttp ends its heartbeat by itself."""
        return bool(getattr(self, "_closing", False))

    async def close(
        self, *, code: int = CloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        """Leave the closing after a protocol error to the connection, whose outbox comes first."""
        return self.over and await super().close(code=code, message=message, drain=drain)

    def _on_data_received(self) -> None:
        """Put the next ping off, without the callback that aiohttp schedules for each read.

        An aiohttp without such a method never calls it; one with other timers does it its own way.
        """
        is_quiet = getattr(self, "_heartbeat_cb", None) is not None  # no pong is owed
        if is_quiet and self._loop is not None and self._heartbeat is not None:
            self._heartbeat_when = self._loop.time() + self._heartbeat
        else:
            super()._on_data_received()


class Inflating:
    """Decompress each message by itself, before aiohttp's reader of frames, the next base, has it.

    By itself the reader would keep a decompressor with a window of 32 kB.
    """

    def __init__(self, queue: Any, max_msg_size: int) -> None:
        super().__init__(queue, max_msg_size, compress=True, decode_text=False)  # type: ignore[call-arg]
        self._longest = max_msg_size - 1
        self._kind: int | None = None
        self._received = bytearray()

    def _handle_frame(self, fin: bool, opcode: int, payload: Any, compressed: int) -> None:
        """Take a frame that is complete and unmasked; raises `WebSocketError`."""
        if not compressed or opcode > WSMsgType.BINARY or self._is_astray(opcode):
            super()._handle_frame(fin, opcode, payload, 0)  # type: ignore[misc]
            return
        if self._kind is None:
            self._kind = opcode
        if len(self._received) + len(payload) > self._longest:
            raise WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, "the compressed message is too large")
        if not fin:
            self._received += payload
            return
        kind, self._kind = self._kind, None
        data, self._received = self._received + payload, bytearray()
        try:
            text = inflate(data, self._longest)
        except TooLarge:
            raise WebSocketError(
                WSCloseCode.MESSAGE_TOO_BIG, "the decompressed message is too large"
            ) from None
        except ValueError as error:
            raise WebSocketError(WSCloseCode.PROTOCOL_ERROR, str(error)) from None
        super()._handle_frame(True, kind, text, 0)  # type: ignore[misc]

    def _is_astray(self, opcode: int) -> bool:
        """Tell whether a frame goes on with nothing, which is for aiohttp to refuse."""
        if opcode == WSMsgType.CONTINUATION:
            return self._kind is None
        if self._kind is not None:
            raise WebSocketError(
                WSCloseCode.PROTOCOL_ERROR, "a message began before the one before it was complete"
            )
        return False


class InflatingReader(Inflating, getattr(http, "WebSocketReader", object)):  # type: ignore[misc]
    """The reader of frames of a connection that is compressed."""


class InflatingSocket(Socket):
    """The websocket of a connection whose client may compress what it sends.

    It does not compress what aiohttp itself writes, which is pings and pongs.
    """

    def _post_start(self, request: Any, protocol: Any, writer: Any) -> None:
        link = request.protocol
        early, link._message_tail = link._message_tail, b""  # it may end in the midst of a frame
        super()._post_start(request, protocol, writer)
        reader = InflatingReader(self._reader, self._max_msg_size)
        self._parser = link._payload_parser = reader
        if early:
            reader.feed_data(early)


def can_inflate(protocol: object) -> bool:
    """Tell whether an `InflatingSocket` works with this connection of aiohttp.

    With an aiohttp that does these things otherwise, no connection is compressed.
    """
    return (
        hasattr(protocol, "_message_tail")
        and hasattr(protocol, "_payload_parser")
        and hasattr(web.WebSocketResponse, "_post_start")
        and _reads_compressed_frames()
    )


@cache
def _reads_compressed_frames() -> bool:
    try:
        queue = vars(web_ws)["WebSocketDataQueue"](None, 1024, loop=None)
        InflatingReader(queue, 1024).feed_data(_SAMPLE)
        if (text := queue._buffer[0][0].data) != b"Hello":
            raise ValueError(f"a message that is read is {text!r}")
    except Exception as error:
        # whatever an aiohttp of another make raises
        logger.warning("no connection is compressed, as aiohttp %s: %r", aiohttp.__version__, error)
        return False
    return True


_SAMPLE = bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00")
"""A compressed frame (RFC 7692, section 7.2.3.1)."""


def keep_reading(protocol: object) -> None:
    """Make an aiohttp connection go on reading although the server's shutdown has begun.

    Without the attribute, clients' messages are dropped from then on, as aiohttp itself does: calls
    that come during the shutdown are not answered.
    """
    if hasattr(protocol, "_close"):
        protocol._close = False


def buffered(socket: object) -> Sequence[Any] | None:
    """Return the messages that a websocket of aiohttp has received and not given out yet.

    Without the attribute, nobody knows whether another call waits there: each reply is written in
    a turn of the loop of its own rather than together with its neighbours.
    """
    return getattr(getattr(socket, "_reader", None), "_buffer", None)


def is_text_next(buffered: Sequence[Any] | None) -> bool:
    """Tell whether the next message is a text, so that `receive` does not wait."""
    return bool(buffered and buffered[0][0].type is WSMsgType.TEXT)


_SELECTOR_TRANSPORT = getattr(asyncio.selector_events, "_SelectorSocketTransport", None)


def socket_of(transport: object) -> Any:
    """Return the socket of a transport of asyncio's own, to send over it past the transport.

    It may be used while nothing waits in the transport's buffer. None for other transports, TLS
    among them: what goes through `write` takes some tenths of a microsecond more.
    """
    if type(transport) is not _SELECTOR_TRANSPORT:
        return None
    return getattr(transport, "_sock", None)


_LONGEST_READ = 64 * 1024


def read_less(transport: object) -> None:
    """Let a transport of asyncio's own take at most 64 kB with one read, rather than 256 kB.

    It allocates as much for each read, however little comes. From 128 kB on, the C library may get
    that from the system and give it back each time, which is a fifth of what a lone call costs.
    """
    if type(transport) is _SELECTOR_TRANSPORT and hasattr(transport, "max_size"):
        transport.max_size = _LONGEST_READ
