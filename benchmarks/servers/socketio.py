"""python-socketio on aiohttp: calls are events with an acknowledgement, a channel is a room."""

from __future__ import annotations

from typing import Any

import socketio
from aiohttp import web

from benchmarks.servers.serving import serve_aiohttp

server = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])


@server.on("echo")
async def echo(sid: str, payload: Any) -> Any:
    """Return the payload."""
    return payload


@server.on("subscribe")
async def subscribe(sid: str, payload: Any) -> Any:
    """Enter the room."""
    await server.enter_room(sid, payload["channel"])
    return {"subscribed": payload["channel"]}


@server.on("publish")
async def publish(sid: str, payload: Any) -> Any:
    """Send an event to the room."""
    await server.emit(payload["event"], payload["data"], room=payload["channel"])
    return {"published": payload["channel"]}


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application()
    server.attach(app)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "python-socketio", "python-engineio")
