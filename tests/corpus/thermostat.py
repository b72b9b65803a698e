"""Thermostats of a smart home, with a display of two digits."""

from typing import Annotated, Literal, TypedDict

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

TARGETS = web.AppKey("TARGETS", dict)


class Target(TypedDict):
    room: Literal["kitchen", "bath", "bedroom"]
    celsius: Annotated[int, Meta(ge=5, le=30)] | Annotated[float, Meta(ge=5, le=30)]


class Shown(TypedDict):
    room: str
    display: str


class Thermostat(ApiPath, WsPathMixin):
    async def ws_rpc_set(self, payload: Target) -> Shown:
        """Set the target of a room"""
        self.request.app[TARGETS][payload["room"]] = payload["celsius"]
        return {"room": payload["room"], "display": f"{payload['celsius']:02d}"}


def create_app() -> web.Application:
    app = web.Application()
    app[TARGETS] = {}
    app.router.add_view("/stream", Thermostat)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["set"],
    "why": "the type takes fractions, the format code only whole numbers",
}
