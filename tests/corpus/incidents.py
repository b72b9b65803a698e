"""Incidents of a power grid, which engineers resolve."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, Subscribe, WsPathMixin

NO_SUCH_INCIDENT = 1001


@dataclass
class Which:
    number: Annotated[int, Meta(ge=1, le=12)]


@dataclass
class Resolved:
    number: int
    text: str
    left: int


class Grid:
    def __init__(self) -> None:
        self.numbers = set(range(1, 9))
        self.texts = {number: f"line {number} is down" for number in self.numbers}


GRID = web.AppKey("GRID", Grid)


class Incidents(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_resolve(self, payload: Which) -> Resolved:
        """Resolve an incident, and tell everybody"""
        grid = self.request.app[GRID]
        if payload.number not in grid.numbers:
            raise RpcError(NO_SUCH_INCIDENT, "No such incident")
        text = grid.texts.pop(payload.number)
        left = len(grid.texts)
        await self.sockets.publish("incidents", "resolved", {"number": payload.number})
        grid.numbers.discard(payload.number)
        return Resolved(payload.number, text, left)


def create_app() -> web.Application:
    app = web.Application()
    app[GRID] = Grid()
    app.router.add_view("/stream", Incidents)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "faults",
    "checks": ["clean-under-faults", "no-internal-error", "serial"],
    "methods": ["resolve"],
    "why": "when the news cannot be published, half is resolved, and the second try crashes",
}
