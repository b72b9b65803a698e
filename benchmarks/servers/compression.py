"""Events for many subscribers, plain and compressed: this project, and aiohttp by hand."""

from __future__ import annotations

import json

from aiohttp import web

from benchmarks.servers.serving import serve_aiohttp
from wsrpc import ApiPath, Limits, LocalBroker, Publish, Subscribe, WsPathMixin


class Plain(ApiPath, WsPathMixin, Subscribe, Publish):
    """This project, which compresses nothing by default."""


class Compressed(Plain):
    """The same with compression."""

    limits = Limits(compression=True)


class ByHand:
    """aiohttp's websockets; each has a compressor of its own, with the context of what was sent."""

    def __init__(self, compress: bool) -> None:
        self._compress = compress
        self._subscribers: set[web.WebSocketResponse] = set()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Take calls that subscribe and publish."""
        websocket = web.WebSocketResponse(compress=self._compress)
        await websocket.prepare(request)
        async for message in websocket:
            call = json.loads(message.data)
            if call["method"] == "subscribe":
                self._subscribers.add(websocket)
            else:
                text = json.dumps(call["payload"], separators=(",", ":"))
                for subscriber in self._subscribers:
                    await subscriber.send_str(text)
            await websocket.send_str(json.dumps({"id": call["id"], "response": None}))
        self._subscribers.discard(websocket)
        return websocket


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application()
    app.router.add_view("/wsrpc-plain", Plain)
    app.router.add_view("/wsrpc-compressed", Compressed)
    app.router.add_get("/aiohttp-plain", ByHand(False).handle)
    app.router.add_get("/aiohttp-compressed", ByHand(True).handle)
    LocalBroker.for_app(app)
    return app


if __name__ == "__main__":
    serve_aiohttp(make_app(), "msgspec")
