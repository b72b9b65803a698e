"""wsrpc-aiohttp; a channel, which it does not have, is a list of connections that get ``emit``."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from wsrpc_aiohttp import WebSocketAsync

from benchmarks.servers.serving import serve_aiohttp

subscribers: set[WebSocketAsync] = set()


async def echo(_: WebSocketAsync, payload: Any) -> Any:
    """Return the payload."""
    return payload


async def subscribe(websocket: WebSocketAsync, channel: str) -> Any:
    """Remember the connection."""
    subscribers.add(websocket)
    return {"subscribed": channel}


async def publish(_: WebSocketAsync, **event: Any) -> Any:
    """Send an event to every subscriber."""
    for subscriber in tuple(subscribers):
        await subscriber.emit(event)
    return {"published": event["channel"]}


def make_app() -> web.Application:
    """Make the application."""
    for route in (echo, subscribe, publish):
        WebSocketAsync.add_route(route.__name__, route)
    app = web.Application()
    app.router.add_route("GET", "/stream", WebSocketAsync)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "wsrpc-aiohttp")
