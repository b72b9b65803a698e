"""This project with limits so wide that a few clients can hold as much as is measured."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from benchmarks.servers.serving import serve_aiohttp
from wsrpc import ApiPath, Limits, LocalBroker, Publish, Subscribe, WsPathMixin


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """The methods that are measured; no pings, which the client would have to answer."""

    limits = Limits(subscriptions=1_000_000, heartbeat=None)

    async def ws_rpc_echo(self, payload: Any) -> Any:
        """Return the payload."""
        return payload


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "msgspec")
