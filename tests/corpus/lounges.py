"""A lounge with four seats; who sits hears what is said at the table."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Publish, RpcError, Subscribe, WsPathMixin

TAKEN = 1001
SITTING = 1002


@dataclass
class Seat:
    number: Annotated[int, Meta(ge=1, le=4)]


@dataclass
class Seated:
    number: int
    free: list[int]


class Lounge:
    def __init__(self) -> None:
        self.free = [1, 2, 3, 4]
        self.guests: dict[int, str] = {}


LOUNGE = web.AppKey("LOUNGE", Lounge)


class Table(ApiPath, WsPathMixin, Subscribe, Publish):
    seat: int | None = None

    async def ws_rpc_sit(self, payload: Seat) -> Seated:
        """Sit down"""
        lounge = self.request.app[LOUNGE]
        if self.seat is not None:
            raise RpcError(SITTING, "You have a seat")
        if payload.number in lounge.guests:
            raise RpcError(TAKEN, "Somebody sits there")
        lounge.free.remove(payload.number)
        await self.subscribe("table")
        lounge.guests[payload.number] = self.socket_id
        self.seat = payload.number
        return Seated(payload.number, sorted(lounge.free))

    async def on_disconnect(self) -> None:
        lounge = self.request.app[LOUNGE]
        if self.seat is not None:
            del lounge.guests[self.seat]
            lounge.free.append(self.seat)


def create_app() -> web.Application:
    app = web.Application()
    app[LOUNGE] = Lounge()
    app.router.add_view("/stream", Table)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults", "no-internal-error", "serial"],
    "methods": ["sit"],
    "why": "when the subscription fails, the seat is neither free nor taken, and the retry crashes",
}
