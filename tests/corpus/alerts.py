"""Prices, and for each connection the highest one since it began to watch."""

from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NOT_WATCHING = 1001

Cents = Annotated[int, Meta(ge=0, le=1_000_000)]


class Price(Struct):
    cents: Cents


class Alerts(ApiPath, WsPathMixin):
    highest: int | None = None

    async def ws_rpc_watch(self, payload: dict[str, object]) -> bool:
        """Begin to watch the price; tells whether that is new"""
        is_new = self.highest is None
        if is_new:
            self.highest = 0
            await self.channels.register("prices", "changed", self.on_price)
        return is_new

    async def ws_rpc_change(self, payload: Price) -> Price:
        """Change the price"""
        await self.sockets.publish("prices", "changed", payload.cents)
        return payload

    async def ws_rpc_highest(self, payload: dict[str, object]) -> Price:
        """The highest price since this connection began to watch"""
        if self.highest is None:
            raise RpcError(NOT_WATCHING, "Watch the price first")
        return Price(self.highest)

    def on_price(self, channel: str, event: str, data: Any) -> None:
        self.highest = max(self.highest or 0, data)


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_view("/stream", Alerts)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["nothing-left"],
    "methods": ["watch"],
    "why": "the callback of a connection stays registered when the connection goes",
}
