"""Money in three pots, moved from one to another under locks."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_ENOUGH = 1001

Pot = Literal["rent", "food", "savings"]


@dataclass
class Move:
    source: Pot
    target: Pot
    cents: Annotated[int, Meta(ge=1, le=100_000)]


@dataclass
class Moved:
    source_cents: int
    target_cents: int


class Household:
    def __init__(self) -> None:
        self.cents = {"rent": 50_000, "food": 50_000, "savings": 50_000}
        self.locks = {pot: asyncio.Lock() for pot in self.cents}


HOUSEHOLD = web.AppKey("HOUSEHOLD", Household)


class Pots(ApiPath, WsPathMixin):
    async def ws_rpc_move(self, payload: Move) -> Moved:
        """Move money; the locks are always taken in the same order"""
        home = self.request.app[HOUSEHOLD]
        first, second = sorted((payload.source, payload.target))
        async with home.locks[first], home.locks[second]:
            if home.cents[payload.source] < payload.cents:
                raise RpcError(NOT_ENOUGH, "Not enough money")
            home.cents[payload.source] -= payload.cents
            home.cents[payload.target] += payload.cents
            return Moved(home.cents[payload.source], home.cents[payload.target])


def create_app() -> web.Application:
    app = web.Application()
    app[HOUSEHOLD] = Household()
    app.router.add_view("/stream", Pots)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["one-reply-in-time"],
    "methods": ["move"],
    "why": "from a pot to itself, its lock is taken twice, and waits for itself",
}
