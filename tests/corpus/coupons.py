"""Coupons of a shop, and what they take off a basket."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

UNKNOWN_COUPON = 1001
RATES = {"student": 10, "member": 15}


@dataclass
class Basket:
    coupon: Annotated[str, Meta(min_length=4, max_length=20)]
    cents: Annotated[int, Meta(ge=0, le=1_000_000)]


@dataclass
class Saved:
    cents: int


class Coupons(ApiPath, WsPathMixin):
    async def ws_rpc_redeem(self, payload: Basket) -> Saved:
        """How much a coupon takes off"""
        if payload.coupon == "WELCOME-BACK":
            return Saved(payload.cents * RATES["returning"] // 100)
        rate = RATES.get(payload.coupon.lower())
        if rate is None:
            raise RpcError(UNKNOWN_COUPON, "Unknown coupon")
        return Saved(payload.cents * rate // 100)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Coupons)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["redeem"],
    "why": "one coupon, compared with a literal, looks its rate up under a key that is missing",
}
