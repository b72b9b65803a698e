"""An event is encoded once, not for each subscriber."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.servers.steps import naive, one_write


class Stream(one_write.Stream):
    """Sends the same text to all."""

    async def publish(self, payload: dict[str, Any]) -> Any:
        """Send an event to all who subscribed, to each in a task of its own."""
        text = self.encode(payload)
        await asyncio.gather(*(one.send(text) for one in self.subscribers))
        return {"published": payload["channel"]}


if __name__ == "__main__":
    naive.main(Stream)
