"""While nothing waits in asyncio's transport, its socket is written to directly."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from benchmarks.servers.steps import naive, one_callback
from wsrpc import internals


class Stream(one_callback.Stream):
    """Leaves to the transport what the socket does not take."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(request)
        self.socket: Any = internals.socket_of(request.transport)

    def write(self, data: bytes) -> None:
        """Write bytes; what the client does not take yet waits in the transport."""
        if self.socket is None or self.transport.get_write_buffer_size():
            self.transport.write(data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0  # the transport tries again, and deals with it
        if sent < len(data):
            self.transport.write(data[sent:])


if __name__ == "__main__":
    naive.main(Stream)
