"""Telemetry of a fleet, sent in batches: small readings first, as they are urgent."""

import asyncio
from typing import Any

from aiohttp import web

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin

Reading = tuple[str, dict[str, Any]]


class Batches(SocketsManager):
    """Collects readings for a moment, then sends them."""

    def __init__(self) -> None:
        self._batch: list[Reading] = []
        self._sending: asyncio.Task[None] | None = None

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        self._batch.append((channel, {"event": event, "data": body}))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def close(self, app: web.Application | None = None) -> None:
        await super().close(app)
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self) -> None:
        await asyncio.sleep(0.02)
        batch, self._batch, self._sending = self._batch, [], None
        for channel, message in sorted(batch, key=lambda one: len(repr(one))):
            await self.channels(channel, message)


class Telemetry(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_vehicles(self, payload: dict[str, object]) -> int:
        """How many vehicles are connected"""
        return self.sockets.server_info()["connections"]


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Telemetry)
    Batches.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["publish"],
    "why": "a short event overtakes a longer one that was published before it",
}
