"""What the library touches of aiohttp beyond its public interface, each with what is else lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import WSMsgType, web

from .errors import CloseCode


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
        is_quiet = (
            getattr(self, "_heartbeat_cb", None) is not None
            and getattr(self, "_pong_response_cb", None) is None
        )
        if is_quiet and self._loop is not None and self._heartbeat is not None:
            self._heartbeat_when = self._loop.time() + self._heartbeat
        else:
            super()._on_data_received()


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
