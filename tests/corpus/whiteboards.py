"""A whiteboard for each connection: draw on it, then archive it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

GONE = 4410

Place = Annotated[int, Meta(ge=0, le=4000)]


@dataclass
class Stroke:
    x: Place
    y: Place
    colour: Literal["black", "red", "blue"] = "black"


@dataclass
class Board:
    strokes: int
    is_archived: bool


class Whiteboards(ApiPath, WsPathMixin):
    async def on_connect(self) -> None:
        self.strokes: list[Stroke] = []
        self.is_archived = False

    async def ws_rpc_draw(self, payload: Stroke) -> Board:
        """Draw a dot"""
        if self.is_archived:
            await self.close(GONE, "the board is archived")
        self.strokes.append(payload)
        return Board(len(self.strokes), self.is_archived)

    async def ws_rpc_archive(self, payload: dict[str, object]) -> Board:
        """Put the board away; doing it twice is no error"""
        self.is_archived = True
        return Board(len(self.strokes), self.is_archived)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Whiteboards)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["stays-open"],
    "methods": ["draw"],
    "why": "drawing on an archived board is not refused, it closes the connection",
}
