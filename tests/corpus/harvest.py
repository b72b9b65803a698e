"""A farm's market stall: what is harvested can be sold."""

import asyncio
from typing import Annotated, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

SOLD_OUT = 1001

Crates = Annotated[int, Meta(ge=1, le=10)]


class Amount(TypedDict):
    crates: Crates


class Stock(TypedDict):
    crates: Annotated[int, Meta(ge=0)]


class Stall:
    crates = 0


STALL = web.AppKey("STALL", Stall)


class Harvest(ApiPath, WsPathMixin):
    async def ws_rpc_deliver(self, payload: Amount) -> Stock:
        """Bring crates from the field"""
        stall = self.request.app[STALL]
        stall.crates += payload["crates"]
        return {"crates": stall.crates}

    async def ws_rpc_sell(self, payload: Amount) -> Stock:
        """Sell crates, as long as there are any"""
        stall = self.request.app[STALL]
        if stall.crates < payload["crates"]:
            raise RpcError(SOLD_OUT, "There are not so many crates")
        await self.weigh(payload["crates"])
        stall.crates -= payload["crates"]
        return {"crates": stall.crates}

    async def weigh(self, crates: int) -> None:
        for _ in range(crates):
            await asyncio.sleep(0.001)


def create_app() -> web.Application:
    app = web.Application()
    app[STALL] = Stall()
    app.router.add_view("/stream", Harvest)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial", "conforms", "no-internal-error"],
    "methods": ["sell"],
    "why": "crates can be sold twice while they are weighed, once some have been delivered",
}
