"""Prices of a shop: what a customer pays, and which list price leads to a given net price."""

from typing import Annotated, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Cents = Annotated[int, Meta(ge=0, le=10_000_000)]
Percent = Annotated[int, Meta(ge=0, le=100)]


class Quote(TypedDict):
    cents: Cents
    percent: Percent


class Price(TypedDict):
    cents: int


class Prices(ApiPath, WsPathMixin):
    async def ws_rpc_net_price(self, payload: Quote) -> Price:
        """The price after the discount"""
        return {"cents": payload["cents"] * (100 - payload["percent"]) // 100}

    async def ws_rpc_list_price(self, payload: Quote) -> Price:
        """The price from which the discount leads to this one"""
        return {"cents": round(payload["cents"] * 100 / (100 - payload["percent"]))}


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Prices)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["list_price"],
    "why": "a discount of exactly the largest percentage divides by zero",
}
