"""Counters of visitors at the doors of a fair."""

from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, Publish, SocketsManager, Subscribe, WsPathMixin

COUNTS = web.AppKey("COUNTS", dict)


class Visit(Struct):
    door: Literal["east", "west"]
    people: Annotated[int, Meta(ge=1, le=50)] = 1


class Fair(SocketsManager):
    """Brings news to everybody, if there is anything to tell."""

    async def subscribe(self, channel: str) -> None:
        """Take any channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if body:
            await self.channels(channel, {"event": event, "data": body})


class Counters(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_enter(self, payload: Visit) -> int:
        """Count people at a door; returns how many came in there so far"""
        counts = self.request.app[COUNTS]
        count = counts[payload.door] = counts[payload.door] + payload.people
        await self.sockets.publish("doors", payload.door, count)
        return count


def create_app() -> web.Application:
    app = web.Application()
    app[COUNTS] = {"east": 0, "west": 0}
    app.router.add_view("/stream", Counters)
    Fair.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["pubsub"],
    "methods": ["publish"],
    "why": "events whose data is empty, false, zero or null are lost",
}
