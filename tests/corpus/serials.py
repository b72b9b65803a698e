"""Serial numbers of devices, which browsers handle: none may exceed what a double holds."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Serial = Annotated[int, Meta(ge=0, le=2**53 - 1)]


@dataclass
class Last:
    serial: Serial
    line: Literal["north", "south"] = "north"


@dataclass
class Next:
    serial: Serial
    label: str


class Serials(ApiPath, WsPathMixin):
    async def ws_rpc_next(self, payload: Last) -> Next:
        """The number after the last one; the lines share the numbers, odd and even"""
        step = 2 if payload.serial % 2 == (payload.line == "north") else 1
        serial = payload.serial + step
        return Next(serial, f"{payload.line[0].upper()}-{serial:016d}")


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Serials)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["conforms", "no-internal-error"],
    "methods": ["next"],
    "why": "the largest numbers have a successor that is not of the response's type",
}
