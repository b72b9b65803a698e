"""What every measured server does: listen on a free port, say so, and end with its parent."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from importlib import metadata
from typing import Any


def listen() -> socket.socket:
    """Return a socket that listens on a free port of the loopback interface."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    return listener


def announce(listener: socket.socket, *distributions: str) -> None:
    """Tell the parent the port and the versions, and end as soon as the standard input does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    logging.disable(logging.WARNING)
    versions = {name: metadata.version(name) for name in distributions}
    print(json.dumps({"port": listener.getsockname()[1], "versions": versions}), flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def serve(start: Callable[[socket.socket], Awaitable[Any]], *distributions: str) -> None:
    """Serve on asyncio's own loop with what ``start(listener)`` starts, until the parent ends."""

    async def run() -> None:
        listener = listen()
        server = await start(listener)
        announce(listener, *distributions)
        await asyncio.Event().wait()
        del server

    asyncio.run(run())


def application(handler: Callable[[Any], Awaitable[Any]]) -> Any:
    """Return an aiohttp application that has a handler, and nothing else."""
    from aiohttp import web

    app = web.Application()
    app.router.add_get("/stream", handler)
    return app


def serve_aiohttp(app: Any, *distributions: str) -> None:
    """Serve an aiohttp application without an access log."""
    from aiohttp import web

    async def start(listener: socket.socket) -> Any:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener, backlog=1024).start()
        return runner

    serve(start, "aiohttp", *distributions)
