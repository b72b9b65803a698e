"""Seats of a cinema, booked once they are paid."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

TAKEN = 1001
BOOKED = web.AppKey("BOOKED", dict)


@dataclass
class Booking:
    row: Annotated[int, Meta(ge=1, le=12)]
    seat: Annotated[int, Meta(ge=1, le=20)]


@dataclass
class Ticket:
    place: str
    cents: int


class Cinema(ApiPath, WsPathMixin):
    async def ws_rpc_book(self, payload: Booking) -> Ticket:
        """Book a seat"""
        booked = self.request.app[BOOKED]
        place = f"row {payload.row}, seat {payload.seat}"
        if place in booked:
            raise RpcError(TAKEN, "This seat is taken")
        cents = await self.pay(payload.row)
        booked[place] = Ticket(place, cents)
        return booked[place]

    async def pay(self, row: int) -> int:
        """Charge the customer's card."""
        await asyncio.sleep(0.01)
        return 1200 if row > 8 else 900


def create_app() -> web.Application:
    app = web.Application()
    app[BOOKED] = {}
    app.router.add_view("/stream", Cinema)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["book"],
    "why": "while one customer pays, the seat is still free for the next one",
}
