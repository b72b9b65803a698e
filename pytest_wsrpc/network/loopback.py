"""Connections over real sockets of this machine, with the same faults as those in memory."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import struct
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp

from .connector import AppConnector
from .transport import MemoryTransport, join

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

_NO_LINGER: Final = struct.pack("ii", 1, 0)


class LoopbackConnector(AppConnector):
    """Connect a client session to an application that listens on a TCP socket.

    The client talks to a relay in memory, on whose way the faults lie; the relay to the socket.
    """

    def __init__(self, host: str, port: int, **options: Any) -> None:
        super().__init__(**options)
        self._host = host
        self._port = port

    async def _open(
        self, request: aiohttp.ClientRequest, timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        client = self._new_protocol()
        try:
            async with asyncio.timeout(timeout.sock_connect):
                near, far = await connect(client, self._host, self._port)
        except TimeoutError:
            raise  # an OSError too; aiohttp makes it one of its own
        except OSError as error:
            raise aiohttp.ClientConnectorError(request.connection_key, error) from error
        self._add_link(near, far)
        return client


async def connect(
    protocol: asyncio.Protocol, host: str, port: int
) -> tuple[MemoryTransport, MemoryTransport]:
    """Connect a protocol to a socket by a relay; return the protocol's transport, and the relay's.

    Raises `OSError` as ``loop.create_connection``.
    """
    loop = asyncio.get_running_loop()
    inner, outer = _Relay(), _Relay()
    inner.other, outer.other = outer, inner
    outside, _ = await loop.create_connection(lambda: outer, host, port)
    addresses = {name: outside.get_extra_info(name) for name in ("sockname", "peername")}
    extra = {**addresses, "socket": outside.get_extra_info("socket")}
    near = MemoryTransport(loop, protocol, contextvars.copy_context(), extra)
    far = MemoryTransport(loop, inner, contextvars.copy_context(), addresses)
    join(near, far)
    inner.connection_made(far)
    protocol.connection_made(near)
    outside.resume_reading()
    return near, far


class _Relay(asyncio.Protocol):
    """Pass what comes at one transport on to another; there is one at each of the two."""

    other: _Relay
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._ended = False
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if not isinstance(transport, MemoryTransport):
            self.transport.pause_reading()  # until the other one is there

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """Pass on the end of one direction; the connection ends with both."""
        self._ended = True
        transport = self.transport
        if isinstance(transport, MemoryTransport) and transport.peer_is_lost:
            return False  # the client has closed, and reads no more
        self.other.transport.write_eof()
        if self.other._ended:
            self.other.transport.close()
        return not self.other._ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        other = self.other.transport
        if self.other._lost:
            return
        if exc is None:
            other.close()
        elif isinstance(other, MemoryTransport):
            other.reset()
        else:
            opened = other.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            other.abort()
