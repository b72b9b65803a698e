"""A hand-written loop on websockets and the standard library's JSON, with its ``broadcast``."""

from __future__ import annotations

import json
import socket

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve

from benchmarks.servers import serving

subscribers: set[ServerConnection] = set()


async def stream(websocket: ServerConnection) -> None:
    """Answer calls, one after the other."""
    try:
        async for message in websocket:
            call = json.loads(message)
            method, payload = call["method"], call["payload"]
            if method == "echo":
                response = payload
            elif method == "subscribe":
                subscribers.add(websocket)
                response = {"subscribed": payload["channel"]}
            elif method == "publish":
                broadcast(subscribers, json.dumps(payload))
                response = {"published": payload["channel"]}
            else:
                raise ValueError(f"unknown method {method!r}")
            await websocket.send(
                json.dumps({"id": call["id"], "method": method, "response": response})
            )
    finally:
        subscribers.discard(websocket)


async def start(listener: socket.socket) -> Server:
    """Start the server."""
    return await serve(stream, sock=listener)


if __name__ == "__main__":
    serving.serve(start, "websockets")
