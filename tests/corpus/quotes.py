"""Quotes of shares; who comes late is to see the last one at once."""

from typing import Any

from aiohttp import web

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin


class Exchange(SocketsManager):
    """Brings quotes to everybody, and keeps the last one of each channel."""

    def __init__(self) -> None:
        self.last: dict[str, dict[str, Any]] = {}

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def subscribe_to_event(self, channel: str, event: str) -> None:
        """Show a new subscriber where the channel stands."""
        if channel in self.last:
            await self.channels(channel, self.last[channel])

    async def publish(self, channel: str, event: str, body: Any) -> None:
        self.last[channel] = {"event": event, "data": body}
        await self.channels(channel, self.last[channel])


class Quotes(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_channels(self, payload: dict[str, object]) -> list[str]:
        """The channels that have a quote"""
        return sorted(self.sockets.last)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Quotes)
    Exchange.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["subscribe"],
    "why": "each new pattern brings the last event again to all who are subscribed already",
}
