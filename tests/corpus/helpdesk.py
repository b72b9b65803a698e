"""A help desk: people open tickets, urgent ones are called back."""

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

NUMBERS = web.AppKey("NUMBERS", itertools.count)


@dataclass
class Ticket:
    subject: Annotated[str, Meta(min_length=1, max_length=100)]
    priority: Literal["low", "normal", "urgent"] = "normal"
    phone: Annotated[str, Meta(max_length=30)] | None = None


@dataclass
class Opened:
    number: int
    call_back: str | None


class HelpDesk(ApiPath, WsPathMixin):
    async def ws_rpc_open(self, payload: Ticket) -> Opened:
        """Open a ticket"""
        call_back = None
        if payload.priority == "urgent":
            call_back = payload.phone.replace(" ", "")
        return Opened(next(self.request.app[NUMBERS]), call_back)


def create_app() -> web.Application:
    app = web.Application()
    app[NUMBERS] = itertools.count(1)
    app.router.add_view("/stream", HelpDesk)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["open"],
    "why": "an urgent ticket without a telephone number, which is optional, crashes",
}
