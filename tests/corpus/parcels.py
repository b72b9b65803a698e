"""Parcels: what their state means for the recipient."""

from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, WsPathMixin


class Parcel(Struct):
    weight: Annotated[int, Meta(ge=1, le=30_000)]
    state: Literal["posted", "sorting", "on the way", "returned", "delivered"]


class Advice(Struct):
    text: str
    days: Annotated[int, Meta(ge=0)]


class Parcels(ApiPath, WsPathMixin):
    async def ws_rpc_advice(self, payload: Parcel) -> Advice:
        """What to tell the recipient"""
        heavy = payload.weight > 10_000
        match payload.state:
            case "posted":
                return Advice("Posted", 4 if heavy else 3)
            case "sorting":
                return Advice("In the sorting centre", 3 if heavy else 2)
            case "on the way":
                return Advice("On its way to you", 1)
            case "delivered":
                return Advice("Delivered", 0)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Parcels)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["conforms", "no-internal-error"],
    "methods": ["advice"],
    "why": "one state is forgotten, so that the answer is null",
}
