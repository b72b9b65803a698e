"""The replies to the calls of one read are written together.

They are framed here, and kept while another call waits in aiohttp's queue, which is the one thing
that aiohttp does not tell publicly.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from benchmarks.servers.steps import hand_over, naive
from wsrpc import internals
from wsrpc.frames import text_frame
from wsrpc.handover import noticing_wait


class Stream(hand_over.Stream):
    """Collects replies."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(request)
        self.pending: list[bytes] = []
        self.corked = False
        self.transport: Any = request.transport

    async def read(self) -> None:
        """Read, and answer, until a call waits or the connection ends."""
        own = asyncio.current_task()
        link = self.request.protocol
        buffered = internals.buffered(self.websocket)
        while True:
            if not internals.is_text_next(buffered):
                self.uncork()
            if link.writing_paused:
                self.uncork()
                await self.request.writer.drain()
            message = await self.websocket.receive()
            if message.type is not WSMsgType.TEXT:
                return
            self.corked = buffered is not None
            await noticing_wait(self.handle(message.data), self.start_reading)
            if self.reader is not own:
                return

    def start_reading(self) -> None:
        """Have another task read from the next turn of the loop on."""
        self.uncork()
        super().start_reading()

    async def handle(self, message: bytes) -> None:
        """Answer a message."""
        call = self.call_in(message)
        response = await self.run(call)
        self.put(text_frame(self.reply(call, response)))

    def put(self, frame: bytes) -> None:
        """Send a frame, or keep it until whoever corked takes the cork out."""
        self.pending.append(frame)
        if not self.corked:
            self.flush()

    def uncork(self) -> None:
        """Write what has come in since it was corked."""
        self.corked = False
        if self.pending:
            self.flush()

    def flush(self) -> None:
        """Write all that waits, in one call."""
        data = b"".join(self.pending)
        self.pending.clear()
        if data and not self.transport.is_closing():
            self.write(data)

    def write(self, data: bytes) -> None:
        """Write bytes; what the client does not take yet waits in the transport."""
        self.transport.write(data)


if __name__ == "__main__":
    naive.main(Stream)
