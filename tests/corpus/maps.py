"""Tiles of a map, some of which are large. Correct."""

from typing import Annotated, Literal

import attrs
from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin


@attrs.frozen
class Tile:
    x: Annotated[int, Meta(ge=-180, le=180)]
    y: Annotated[int, Meta(ge=-90, le=90)]
    zoom: Annotated[int, Meta(ge=0, le=7)] = 0
    layer: Literal["land", "roads"] = "land"


@attrs.frozen
class Drawing:
    points: list[tuple[float, float]]
    attribution: str


class Maps(ApiPath, WsPathMixin):
    async def ws_rpc_tile(self, payload: Tile) -> Drawing:
        """The points of a tile: four times as many with each step of the zoom"""
        step = 1 / 2**payload.zoom
        side = range(2**payload.zoom if payload.layer == "roads" else 1)
        points = [(payload.x + step * i, payload.y + step * j) for i in side for j in side]
        return Drawing(points, "© the map's makers, ÄÖÜ 🗺")


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Maps)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "responses of half a megabyte"
