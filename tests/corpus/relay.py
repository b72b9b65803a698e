"""A relay station with a broker of its own, which delivers from a queue. Correct."""

import asyncio
from typing import Any

from aiohttp import web

from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    CannotSubscribe,
    Publish,
    SocketsManager,
    Subscribe,
    WsPathMixin,
)

Message = tuple[str, dict[str, Any]]


class Relay(SocketsManager):
    """Delivers in order, from one task; channels that begin with an underscore are its own."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def start(self, app: web.Application | None = None) -> None:
        self._worker = asyncio.create_task(self._work())

    async def close(self, app: web.Application | None = None) -> None:
        await super().close(app)
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.wait([worker])

    async def subscribe(self, channel: str) -> None:
        if channel.startswith("_"):
            raise CannotSubscribe(f"{channel!r:.40} is internal")
        await asyncio.sleep(0.002)

    async def unsubscribe(self, channel: str) -> None:
        await asyncio.sleep(0.002)

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if channel.startswith("_"):
            raise CannotPublish(f"{channel!r:.40} is internal")
        if self._worker is None:
            raise BrokerUnavailable
        self._queue.put_nowait((channel, {"event": event, "data": body}))

    async def _work(self) -> None:
        while True:
            channel, message = await self._queue.get()
            await asyncio.sleep(0.001)
            await self.channels(channel, message)


class Station(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_info(self, payload: dict[str, object]) -> dict[str, object]:
        """Who listens to what"""
        return self.sockets.server_info()


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Station)
    Relay.for_app(app)
    return app


DEFECT = None
ODDITY = "a broker of the application's own that waits, and refuses some channels"
