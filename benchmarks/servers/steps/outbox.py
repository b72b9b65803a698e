"""Events go where replies go, and all that one connection gets in a turn is written together."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from benchmarks.servers.steps import naive, no_tasks
from wsrpc.frames import text_frame


class Stream(no_tasks.Stream):
    """Has one list for all that is sent to a client, so that nothing overtakes anything."""

    def __init__(self, request: web.Request) -> None:
        super().__init__(request)
        self.scheduled = False

    async def publish(self, payload: dict[str, Any]) -> Any:
        """Send an event to all who subscribed."""
        frame = text_frame(self.encode(payload))
        for one in self.subscribers:
            one.put(frame)
        return {"published": payload["channel"]}

    def put(self, frame: bytes) -> None:
        """Send a frame, together with what else comes in this turn of the loop."""
        self.pending.append(frame)
        if not self.corked and not self.scheduled:
            self.scheduled = True
            self.schedule()

    def schedule(self) -> None:
        """Have this connection written in the next turn of the loop."""
        self.loop.call_soon(self.write_turn)

    def write_turn(self) -> None:
        """Write what came in the turn before."""
        self.scheduled = False
        self.flush()


if __name__ == "__main__":
    naive.main(Stream)
