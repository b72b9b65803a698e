"""Working hours: how many shifts of a length fit into a day."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, WsPathMixin

Minute = Annotated[int, Meta(ge=0, le=1440)]


class Day(Struct):
    opens: Minute
    closes: Minute
    shift: Minute = 480


class Shifts(Struct):
    count: int
    last_ends: int


class Planner(ApiPath, WsPathMixin):
    async def ws_rpc_count(self, payload: Day) -> Shifts:
        """Count the shifts that a day needs"""
        count, minute = 0, payload.opens
        while minute < payload.closes:
            minute += payload.shift
            count += 1
        return Shifts(count, minute)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Planner)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["loop-not-blocked", "one-reply-in-time"],
    "methods": ["count"],
    "why": "shifts without length never fill a day: the loop does not end",
}
