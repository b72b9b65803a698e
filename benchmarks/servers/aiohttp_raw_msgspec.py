"""The loop that an engineer writes by hand who wants it fast: aiohttp and msgspec, bytes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import WSMsgType, web

from benchmarks.servers.serving import serve_aiohttp

TEXT = WSMsgType.TEXT


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
    quantity: Annotated[int, msgspec.Meta(ge=1)]
    price: float
    tags: list[str]
    venue: Venue


subscribers: set[web.WebSocketResponse] = set()
decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


async def stream(request: web.Request) -> web.WebSocketResponse:
    """Answer calls, one after the other."""
    websocket = web.WebSocketResponse(decode_text=False)
    await websocket.prepare(request)
    try:
        async for message in websocket:
            call = decode(message.data)
            method, payload = call["method"], call["payload"]
            response: Any
            if method == "echo":
                response = payload
            elif method == "order":
                response = msgspec.convert(payload, Order)
            elif method == "subscribe":
                subscribers.add(websocket)
                response = {"subscribed": payload["channel"]}
            elif method == "publish":
                event = encode(payload)
                for subscriber in tuple(subscribers):
                    await subscriber.send_frame(event, TEXT)
                response = {"published": payload["channel"]}
            else:
                raise ValueError(f"unknown method {method!r}")
            reply = {"id": call["id"], "method": method, "response": response}
            await websocket.send_frame(encode(reply), TEXT)
    finally:
        subscribers.discard(websocket)
    return websocket


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application()
    app.router.add_get("/stream", stream)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "msgspec")
