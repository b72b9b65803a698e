"""Feeds of blogs; the hub upstream is asked for each feed once."""

from typing import Any

from aiohttp import web

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin


class Hub(SocketsManager):
    """Brings the feeds that somebody reads."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._open: set[str] = set()

    async def subscribe(self, channel: str) -> None:
        if channel not in self._asked:
            self._asked.add(channel)
            self._open.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        self._open.discard(channel)

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if channel in self._open:
            await self.channels(channel, {"event": event, "data": body})


class Feeds(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_readers(self, payload: dict[str, object]) -> int:
        """How many clients are connected"""
        return self.sockets.server_info()["connections"]


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Feeds)
    Hub.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["subscribe"],
    "why": "a channel that nobody read for a while is never opened again",
}
