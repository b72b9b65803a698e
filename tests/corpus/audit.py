"""Deliveries to branches, with a trail of who reported what."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

TRAIL = web.AppKey("TRAIL", list)


@dataclass
class Delivery:
    branch: Literal["north", "east", "south"]
    crates: Annotated[int, Meta(ge=1, le=100)]


@dataclass
class Booked:
    entries: int


class Deliveries(ApiPath, WsPathMixin):
    async def ws_rpc_report(self, payload: Delivery) -> Booked:
        """Report a delivery"""
        trail = self.request.app[TRAIL]
        trail.append((self, payload))
        return Booked(len(trail))


def create_app() -> web.Application:
    app = web.Application()
    app[TRAIL] = []
    app.router.add_view("/stream", Deliveries)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["nothing-left"],
    "methods": ["report"],
    "why": "the trail keeps the connection itself, long after its end",
}
