"""An event is framed once, and plainly written to each subscriber: nobody waits for anybody."""

from __future__ import annotations

from typing import Any

from benchmarks.servers.steps import encoded_once, naive
from wsrpc.frames import text_frame


class Stream(encoded_once.Stream):
    """Needs no task for a subscriber."""

    async def publish(self, payload: dict[str, Any]) -> Any:
        """Send an event to all who subscribed."""
        frame = text_frame(self.encode(payload))
        for one in self.subscribers:
            if not one.transport.is_closing():
                one.write(frame)
        return {"published": payload["channel"]}


if __name__ == "__main__":
    naive.main(Stream)
