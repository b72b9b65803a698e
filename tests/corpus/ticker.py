"""A ticker that sends its news in small batches, to spare mobile clients."""

import asyncio
from collections import deque
from typing import Any

from aiohttp import web

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin


class Batches(SocketsManager):
    """Keeps what is published for a moment, in a buffer of fixed size."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=4)
        self._sending: asyncio.Task[None] | None = None

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        self._waiting.append((channel, {"event": event, "data": body}))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def close(self, app: web.Application | None = None) -> None:
        await super().close(app)
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self) -> None:
        await asyncio.sleep(0.05)
        while self._waiting:
            await self.channels(*self._waiting.popleft())
        self._sending = None


class Ticker(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_readers(self, payload: dict[str, object]) -> int:
        """How many clients are connected"""
        return self.sockets.server_info()["connections"]


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Ticker)
    Batches.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["publish"],
    "why": "of more than four events in a burst, the first ones fall out of the buffer",
}
