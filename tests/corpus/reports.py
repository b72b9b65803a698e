"""Reports of a shop's sales over some days of the year."""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

SALES = [100 + day % 7 * 25 for day in range(366)]

Day = Annotated[int, Meta(ge=0, le=365)]


@dataclass
class Period:
    first: Day
    last: Day


@dataclass
class Report:
    total: int
    mean: float


class Reports(ApiPath, WsPathMixin):
    async def ws_rpc_sales(self, payload: Period) -> Report:
        """Total and daily mean of the sales, both days included"""
        sales = SALES[payload.first : payload.last + 1]
        return Report(sum(sales), sum(sales) / len(sales))


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Reports)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["sales"],
    "why": "a period whose first day is after its last has no days to divide by",
}
