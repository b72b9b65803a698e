"""This project, with its default limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import Meta

from benchmarks.servers.serving import serve_aiohttp
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


@dataclass
class Venue:
    """A part of an order."""

    name: str
    country: str


@dataclass
class Order:
    """The payload of the typed workload."""

    symbol: str
    side: Literal["buy", "sell"]
    quantity: Annotated[int, Meta(ge=1)]
    price: float
    tags: list[str]
    venue: Venue


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """The methods that are measured."""

    async def ws_rpc_echo(self, payload: Any) -> Any:
        """Return the payload."""
        return payload

    async def ws_rpc_order(self, payload: Order) -> Order:
        """Return the payload, which is of a type."""
        return payload


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "msgspec")
