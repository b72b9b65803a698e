"""The back office of a shop, for holders of a token. Correct."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

STAFF = {"Bearer blue-7": "clerk", "Bearer gold-1": "manager"}
PRICES = web.AppKey("PRICES", dict)

Article = Literal["lamp", "rug", "sofa"]


@dataclass
class Price:
    article: Article
    cents: Annotated[int, Meta(ge=0, le=1_000_000)]


class BackOffice(ApiPath, WsPathMixin, Subscribe, Publish):
    async def on_connect(self) -> None:
        role = STAFF.get(self.request.headers.get("Authorization", ""))
        if role is None:
            raise web.HTTPUnauthorized
        self.role = role

    async def authorize(self, action: str, channel: str, event: str) -> bool:
        """Clerks listen, managers publish too; nobody touches the channel of the auditors."""
        return channel != "audit" and (action == "subscribe" or self.role == "manager")

    async def ws_rpc_set_price(self, payload: Price) -> Price:
        """Set a price; only for managers"""
        if self.role != "manager":
            raise web.HTTPForbidden
        self.request.app[PRICES][payload.article] = payload.cents
        await self.sockets.publish("prices", payload.article, payload.cents)
        return payload

    async def ws_rpc_prices(self, payload: dict[str, object]) -> dict[Article, int]:
        """All prices"""
        return self.request.app[PRICES]


def create_app() -> web.Application:
    app = web.Application()
    app[PRICES] = {"lamp": 4900, "rug": 19900, "sofa": 89900}
    app.router.add_view("/stream", BackOffice)
    LocalBroker.for_app(app)
    return app


DEFECT = None
ODDITY = "login by a header in on_connect, and roles that may not do everything"
OPTIONS = ["--wsrpc-header", "Authorization: Bearer blue-7"]
