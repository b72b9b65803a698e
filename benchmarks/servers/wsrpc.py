"""This project, with its default limits."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from benchmarks.servers.order import Order
from benchmarks.servers.serving import serve_aiohttp
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """The methods that are measured."""

    async def ws_rpc_echo(self, payload: Any) -> Any:
        """Return the payload."""
        return payload

    async def ws_rpc_order(self, payload: Order) -> Order:
        """Return the payload, which is of a type."""
        return payload


def make_app(view: type[Stream] = Stream) -> web.Application:
    """Make the application."""
    app = web.Application()
    app.router.add_view("/stream", view)
    LocalBroker.for_app(app)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "msgspec")
