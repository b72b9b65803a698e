"""aiohttp-json-rpc: a channel is a topic, an event a notification."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from aiohttp import web
from aiohttp_json_rpc import JsonRpc

from benchmarks.servers.serving import serve

CHANNEL = "news"


async def start(listener: socket.socket) -> web.AppRunner:
    """Start the application, which wants a running loop."""
    rpc = JsonRpc(loop=asyncio.get_running_loop())

    async def echo(request: Any) -> Any:
        return request.params

    async def publish(request: Any) -> Any:
        await rpc.notify(request.params["channel"], request.params["data"])
        return {"published": request.params["channel"]}

    rpc.add_methods(("", echo), ("", publish))
    rpc.add_topics(CHANNEL)
    app = web.Application()
    app.router.add_route("*", "/stream", rpc)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    return runner


if __name__ == "__main__":
    serve(start, "aiohttp", "aiohttp-json-rpc")
