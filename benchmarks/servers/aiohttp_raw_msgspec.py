"""The loop that an engineer writes by hand who wants it fast: aiohttp and msgspec, bytes only."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from benchmarks.servers.order import Order
from benchmarks.servers.serving import application, serve_aiohttp

TEXT = WSMsgType.TEXT
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


if __name__ == "__main__":
    serve_aiohttp(application(stream), "msgspec")
