"""A warehouse: goods are picked for orders."""

from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, WsPathMixin

STOCK = web.AppKey("STOCK", dict)


class Pick(Struct):
    article: Literal["bolt", "nut", "washer"]
    quantity: Annotated[int, Meta(ge=1, le=100)]


class Level(Struct):
    article: str
    left: Annotated[int, Meta(ge=0)]


class Warehouse(ApiPath, WsPathMixin):
    async def ws_rpc_pick(self, payload: Pick) -> Level:
        """Take goods off their shelf"""
        stock = self.request.app[STOCK]
        stock[payload.article] -= payload.quantity
        return Level(payload.article, stock[payload.article])


def create_app() -> web.Application:
    app = web.Application()
    app[STOCK] = {"bolt": 60, "nut": 80, "washer": 100}
    app.router.add_view("/stream", Warehouse)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["conforms", "no-internal-error"],
    "methods": ["pick"],
    "why": "more than there is can be picked, and leaves less than nothing",
}
