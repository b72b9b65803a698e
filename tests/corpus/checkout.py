"""A checkout: customers pay one after the other, and the display shows each sum."""

import asyncio
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, Subscribe, WsPathMixin


class Purchase(Struct):
    cents: Annotated[int, Meta(ge=1, le=50_000)]


class Receipt(Struct):
    number: int
    cents: int


class Till:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.receipts = 0


TILL = web.AppKey("TILL", Till)


class Checkout(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_pay(self, payload: Purchase) -> Receipt:
        """Pay, and get a receipt"""
        till = self.request.app[TILL]
        await till.lock.acquire()
        await self.sockets.publish("display", "sum", payload.cents)
        till.receipts += 1
        receipt = Receipt(till.receipts, payload.cents)
        till.lock.release()
        return receipt


def create_app() -> web.Application:
    app = web.Application()
    app[TILL] = Till()
    app.router.add_view("/stream", Checkout)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults", "one-reply-in-time"],
    "methods": ["pay"],
    "why": "when the display cannot be told, the lock stays held for ever",
}
