"""Trains between five towns on one line. Correct."""

from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, InvalidParams, LocalBroker, RpcError, WsPathMixin

NO_TRAIN = 1001
SOLD_OUT = 1002
TOWNS = ["aston", "brook", "cliff", "dover", "elton"]
SEATS = web.AppKey("SEATS", dict)

Town = Literal["aston", "brook", "cliff", "dover", "elton"]


class Journey(Struct, forbid_unknown_fields=True):
    start: Town
    end: Town
    hour: Annotated[int, Meta(ge=0, le=23)]
    seats: Annotated[int, Meta(ge=1, le=6)] = 1


class Ticket(Struct):
    stops: int
    cents: int
    seats_left: int


class Trains(ApiPath, WsPathMixin):
    async def ws_rpc_buy(self, payload: Journey) -> Ticket:
        """Buy seats; trains go from the first town to the last only, by day"""
        stops = TOWNS.index(payload.end) - TOWNS.index(payload.start)
        if stops <= 0:
            raise InvalidParams({"end": "lies behind the start"})
        if not 6 <= payload.hour <= 21:
            raise RpcError(NO_TRAIN, "There is no train at night")
        seats = self.request.app[SEATS]
        left = seats.get(payload.hour, 10) - payload.seats
        if left < 0:
            raise RpcError(SOLD_OUT, "The train is full", {"seats": f"{left + payload.seats} left"})
        seats[payload.hour] = left
        return Ticket(stops, 350 * stops * payload.seats, left)


def create_app() -> web.Application:
    app = web.Application()
    app[SEATS] = {}
    app.router.add_view("/stream", Trains)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "refuses most valid payloads, with codes of its own and with -32602"
