"""Chat rooms: each channel is a room. The broker counts who has ever been there."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, Websocket, WsPathMixin


@dataclass
class Text:
    room: Annotated[str, Meta(pattern="^[a-z]{1,10}$")]
    text: Annotated[str, Meta(min_length=1, max_length=200)]


class Rooms(LocalBroker):
    visitors = 0
    gone = 0

    def add(self, websocket: Websocket) -> None:
        super().add(websocket)
        self.visitors += 1

    def remove(self, websocket: Websocket) -> None:
        self.gone += 1


class Chat(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_say(self, payload: Text) -> int:
        """Say something in a room; returns how many visitors there were so far"""
        visitors = self.sockets.visitors
        await self.sockets.publish(payload.room, "said", payload.text)
        return visitors


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Chat)
    Rooms.for_app(app)
    return app


DEFECT = {
    "phase": "pubsub",
    "checks": ["nothing-left"],
    "methods": [],
    "why": "the broker overrides how a connection is forgotten, and never forgets one",
}
