"""Connections in memory: aiohttp's client and server joined without a socket.

All that aiohttp does runs as ever: handshake, framing, masking, compression, ping and pong.
"""

from __future__ import annotations

import asyncio
import contextvars
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web

from .connector import AppConnector
from .transport import MemoryTransport, join

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

_SERVER: Final = ("127.0.0.1", 80)
_ports: Final = cycle(range(49152, 65536))  # those that a system gives to clients


class MemoryConnector(AppConnector):
    """Connect a client session to an application that listens at no address.

    ``MemoryConnector(runner.server)``, after ``await runner.setup()``; the server's part runs in
    the context in which this is made. To the application a client has the address 127.0.0.1 and a
    port of its own.
    """

    def __init__(self, server: web.Server, **options: Any) -> None:
        super().__init__(**options)
        self._server = server
        self._context = contextvars.copy_context()

    async def _open(self, request: aiohttp.ClientRequest, timeout: Any) -> ResponseHandler:
        client = self._new_protocol()
        self._add_link(*joined(self._server, self._context.copy(), client))
        return client


def joined(
    server: web.Server, context: contextvars.Context, client: asyncio.Protocol
) -> tuple[MemoryTransport, MemoryTransport]:
    """Join a protocol to a server, which runs in a context; return both ends, the client's first.

    The server is told of the connection in a turn of its own.
    """
    loop = asyncio.get_running_loop()
    handler = server()
    address = ("127.0.0.1", next(_ports))
    near = MemoryTransport(
        loop, client, contextvars.copy_context(), {"sockname": address, "peername": _SERVER}
    )
    far = MemoryTransport(loop, handler, context, {"sockname": _SERVER, "peername": address})
    join(near, far)
    client.connection_made(near)
    loop.call_soon(handler.connection_made, far, context=context)
    return near, far
