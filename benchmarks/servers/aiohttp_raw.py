"""The loop that an engineer writes by hand: aiohttp and the standard library's JSON."""

from __future__ import annotations

import json

from aiohttp import web

from benchmarks.servers.serving import application, serve_aiohttp

subscribers: set[web.WebSocketResponse] = set()


async def stream(request: web.Request) -> web.WebSocketResponse:
    """Answer calls, one after the other."""
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    try:
        async for message in websocket:
            call = json.loads(message.data)
            method, payload = call["method"], call["payload"]
            if method == "echo":
                response = payload
            elif method == "subscribe":
                subscribers.add(websocket)
                response = {"subscribed": payload["channel"]}
            elif method == "publish":
                text = json.dumps(payload)
                for subscriber in tuple(subscribers):
                    await subscriber.send_str(text)
                response = {"published": payload["channel"]}
            else:
                raise ValueError(f"unknown method {method!r}")
            await websocket.send_str(
                json.dumps({"id": call["id"], "method": method, "response": response})
            )
    finally:
        subscribers.discard(websocket)
    return websocket


if __name__ == "__main__":
    serve_aiohttp(application(stream))
