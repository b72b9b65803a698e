"""aio-openapi's ``openapi.ws``, with a broker that hands events straight back."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import web
from openapi.data import fields
from openapi.spec.path import ApiPath
from openapi.ws import SocketsManager, WsPathMixin, ws_rpc
from openapi.ws.pubsub import Publish, Subscribe

from benchmarks.servers.serving import serve_aiohttp


@dataclass
class Venue:
    """A part of an order."""

    name: str
    country: str


@dataclass
class Order:
    """The payload of the typed workload."""

    symbol: str
    side: str
    price: Decimal
    tags: list[str]
    venue: Venue
    quantity: int = fields.integer_field(required=True, min_value=1)


class Local(SocketsManager):
    """One process, no delay."""

    async def subscribe(self, channel: str) -> None:
        """Accept every channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        """Deliver at once."""
        await self.channels(channel, {"event": event, "data": body})


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """The methods that are measured."""

    async def ws_rpc_echo(self, payload: Any) -> Any:
        """Return the payload."""
        return payload

    @ws_rpc(body_schema=Order, response_schema=Order)
    async def ws_rpc_order(self, payload: Any) -> Any:
        """Return the payload, which is of a type."""
        return payload


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application()
    app["web_sockets"] = Local()
    app.router.add_view("/stream", Stream)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "aio-openapi")
