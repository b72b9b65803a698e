"""Headlines of news agencies, which like to send everything twice."""

from typing import Any

from aiohttp import web

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin


class Desk(SocketsManager):
    """Brings headlines to everybody, but none twice in a row."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, Any]] = {}

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if self._last.get(channel) == (event, body):
            return
        self._last[channel] = (event, body)
        await self.channels(channel, {"event": event, "data": body})


class Headlines(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_listeners(self, payload: dict[str, object]) -> int:
        """How many people listen to anything"""
        patterns = self.sockets.server_info()["channels"].values()
        return sum(sum(counts.values()) for counts in patterns)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Headlines)
    Desk.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["publish"],
    "why": "an event that equals the one before it on its channel is lost",
}
