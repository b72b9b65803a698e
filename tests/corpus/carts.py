"""A shopping cart for each connection."""

from typing import Annotated, Literal, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

TOO_SMALL = 1001
PRICES = {"tea": 450, "cup": 700, "pot": 1500}


class Item(TypedDict):
    article: Literal["tea", "cup", "pot"]
    quantity: Annotated[int, Meta(ge=1, le=5)]


class Voucher(TypedDict):
    cents: Annotated[int, Meta(ge=500, le=1000)]


class Cart(TypedDict):
    total: Annotated[int, Meta(ge=0)]


class Carts(ApiPath, WsPathMixin):
    async def on_connect(self) -> None:
        self.value = 0
        self.vouchers = 0

    async def ws_rpc_add(self, payload: Item) -> Cart:
        """Put something into the cart"""
        self.value += PRICES[payload["article"]] * payload["quantity"]
        return {"total": self.value - self.vouchers}

    async def ws_rpc_voucher(self, payload: Voucher) -> Cart:
        """Take a voucher off the total, if the cart is worth it"""
        if payload["cents"] > self.value:
            raise RpcError(TOO_SMALL, "The cart is worth less than the voucher")
        self.vouchers += payload["cents"]
        return {"total": self.value - self.vouchers}


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Carts)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["conforms", "no-internal-error"],
    "methods": ["voucher"],
    "why": "a second voucher is not compared with what the first one left of the total",
}
