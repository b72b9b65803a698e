"""Donations to a few causes, with their totals in a slow store."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, WsPathMixin


class Donation(Struct):
    cause: Literal["school", "forest", "harbour"]
    cents: Annotated[int, Meta(ge=100, le=100_000)]


class Total(Struct):
    cause: str
    cents: int


class Store:
    """Stands for a database: each access takes a moment."""

    def __init__(self) -> None:
        self._totals = {"school": 0, "forest": 0, "harbour": 0}

    async def load(self, cause: str) -> int:
        await asyncio.sleep(0.002)
        return self._totals[cause]

    async def save(self, cause: str, cents: int) -> None:
        await asyncio.sleep(0.002)
        self._totals[cause] = cents


STORE = web.AppKey("STORE", Store)


class Donations(ApiPath, WsPathMixin):
    async def ws_rpc_donate(self, payload: Donation) -> Total:
        """Donate, and see what has come together"""
        store = self.request.app[STORE]
        total = await store.load(payload.cause) + payload.cents
        await store.save(payload.cause, total)
        return Total(payload.cause, total)


def create_app() -> web.Application:
    app = web.Application()
    app[STORE] = Store()
    app.router.add_view("/stream", Donations)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["donate"],
    "why": "two donations load the same total, and one of them is lost",
}
