"""No task for a call that does not wait: the task that read it runs it, and reads on.

If the call waits after all, the task is the call's from then on, and another one goes on reading.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from benchmarks.servers.steps import naive, one_decode
from wsrpc.handover import noticing_wait


class Stream(one_decode.Stream):
    """Reads in one task after the other."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(request)
        self.ended: asyncio.Future[None] = self.loop.create_future()
        self.reader: asyncio.Task[None] | None = None

    async def serve(self) -> web.WebSocketResponse[Any]:
        """Serve the connection to its end."""
        await self.websocket.prepare(self.request)
        self.start_reading()
        try:
            await self.ended
        finally:
            self.subscribers.discard(self)
        return self.websocket

    def start_reading(self) -> None:
        """Have another task read from the next turn of the loop on."""
        self.reader = self.start(self.read())
        self.reader.add_done_callback(self.look_at_reader)

    def look_at_reader(self, task: asyncio.Task[None]) -> None:
        """End the connection if nobody reads any more."""
        if task is self.reader and not self.ended.done():
            self.ended.set_result(None)

    async def read(self) -> None:
        """Read, and answer, until a call waits or the connection ends."""
        own = asyncio.current_task()
        while (message := await self.websocket.receive()).type is WSMsgType.TEXT:
            await noticing_wait(self.handle(message.data), self.start_reading)
            if self.reader is not own:
                return


if __name__ == "__main__":
    naive.main(Stream)
