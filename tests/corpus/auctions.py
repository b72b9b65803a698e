"""Auctions of lots: bids go up until the lot is closed."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

CLOSED = 1001
TOO_LOW = 1002

Name = Literal["clock", "mirror", "vase"]


@dataclass
class Bid:
    lot: Name
    euros: Annotated[int, Meta(ge=1, le=1000)]


@dataclass
class Which:
    lot: Name


@dataclass
class Lot:
    name: Name
    euros: int = 0
    is_open: bool = True


LOTS = web.AppKey("LOTS", dict)


class Auctions(ApiPath, WsPathMixin):
    async def ws_rpc_bid(self, payload: Bid) -> Lot:
        """Bid more than the others"""
        lot = self.request.app[LOTS][payload.lot]
        if not lot.is_open:
            raise RpcError(CLOSED, "This lot is closed")
        await asyncio.sleep(0.01)  # the bidder's credit is checked
        if payload.euros <= lot.euros:
            raise RpcError(TOO_LOW, "Somebody bids as much")
        lot.euros = payload.euros
        return lot

    async def ws_rpc_close(self, payload: Which) -> Lot:
        """Close a lot; doing it twice is no error"""
        lot = self.request.app[LOTS][payload.lot]
        lot.is_open = False
        return lot


def create_app() -> web.Application:
    app = web.Application()
    app[LOTS] = {name: Lot(name) for name in ("clock", "mirror", "vase")}
    app.router.add_view("/stream", Auctions)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["bid", "close"],
    "why": "a bid that is being checked wins a lot after it was closed for less",
}
