"""Topics of a building: its backend sends only the events that somebody asked for."""

from typing import Any

from aiohttp import web

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin


class Building(SocketsManager):
    """Filters events by the patterns of their subscribers, before they cross the network."""

    def __init__(self) -> None:
        self._patterns: dict[str, set[str]] = {}

    async def subscribe(self, channel: str) -> None:
        self._patterns[channel] = set()

    async def subscribe_to_event(self, channel: str, event: str) -> None:
        self._patterns[channel].add(event)

    async def unsubscribe(self, channel: str) -> None:
        self._patterns.pop(channel, None)

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if any(is_match(pattern, event) for pattern in self._patterns.get(channel, ())):
            await self.channels(channel, {"event": event, "data": body})


def is_match(pattern: str, event: str) -> bool:
    if pattern.endswith("*"):
        return event.startswith(pattern[:-1])
    return event == pattern


class Topics(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_clients(self, payload: dict[str, object]) -> int:
        """How many clients are connected"""
        return self.sockets.server_info()["connections"]


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Topics)
    Building.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["publish"],
    "why": "of a pattern's language only a star at the end is understood; other events are lost",
}
