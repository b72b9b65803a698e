"""Lines of invoices, to the cent."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, WsPathMixin

CENT = Decimal("0.01")


@dataclass
class Line:
    text: Annotated[str, Meta(max_length=200)]
    unit_price: Annotated[float, Meta(ge=0)]
    quantity: Annotated[int, Meta(ge=1, le=10_000)] = 1


@dataclass
class Total:
    net: str
    tax: str


class Invoices(ApiPath, WsPathMixin):
    async def ws_rpc_line_total(self, payload: Line) -> Total:
        """What a line costs, and the tax on it"""
        net = (Decimal(str(payload.unit_price)) * payload.quantity).quantize(CENT, ROUND_HALF_UP)
        tax = (net * Decimal("0.19")).quantize(CENT, ROUND_HALF_UP)
        return Total(str(net), str(tax))


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Invoices)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "accepts",
    "checks": ["no-internal-error"],
    "methods": ["line_total"],
    "why": "an enormous price has more digits than quantize() can give",
}
