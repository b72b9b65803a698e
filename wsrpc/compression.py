"""What a connection sends and receives with: plainly, or compressed where its client offers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web

from . import deflate, internals
from .limits import Limits
from .outbox import Message, Outbox


def parts(
    request: web.Request,
    limits: Limits,
    loop: asyncio.AbstractEventLoop,
    on_slow: Callable[[], None],
) -> tuple[Outbox, internals.Socket]:
    """Return the outbox and the socket for the connection that a handshake asks for."""
    agreement = _agreement(request) if limits.compression else None
    socket = (internals.Socket if agreement is None else internals.InflatingSocket)(
        heartbeat=limits.heartbeat,
        # aiohttp refuses a message as long as its limit, we only longer ones
        max_msg_size=limits.message_size + 1,
        # its own compression would cost each connection more memory than all the rest
        compress=False,
        autoclose=False,
        decode_text=False,
    )
    if agreement is None:
        return Outbox(loop, limits.outbox_size, limits.slow_consumer, on_slow), socket
    socket.headers[hdrs.SEC_WEBSOCKET_EXTENSIONS] = agreement.response
    outbox = CompressingOutbox(
        loop,
        limits.outbox_size,
        limits.slow_consumer,
        on_slow,
        window_bits=agreement.window_bits,
        threshold=limits.compression_threshold,
    )
    return outbox, socket


def _agreement(request: web.Request) -> deflate.Agreement | None:
    offers = request.headers.getall(hdrs.SEC_WEBSOCKET_EXTENSIONS, ())
    agreement = deflate.agree(",".join(offers))
    return agreement if agreement and internals.can_inflate(request.protocol) else None


class CompressingOutbox(Outbox):
    """The messages that wait for a connection that is compressed; what counts are bytes sent."""

    __slots__ = ("_threshold", "_window_bits")

    def __init__(self, *args: Any, window_bits: int, threshold: int) -> None:
        super().__init__(*args)
        self._window_bits = window_bits
        self._threshold = threshold

    def put(self, text: bytes) -> None:
        """Send a reply, compressed if it is large enough for that."""
        if self.closed or len(text) < self._threshold:
            super().put(text)
            return
        message = Message(text).compressed(self._window_bits)
        if self.size + len(message.text) > self._limit:
            self._allowance += len(message.text)
        self._append(message.frame)

    def put_event(self, message: Message) -> bool:
        """Send an event, compressed once for all connections, or drop it."""
        if not self.closed and len(message.text) >= self._threshold:
            message = message.compressed(self._window_bits)
        return super().put_event(message)
