"""fastapi-websocket-rpc and fastapi-websocket-pubsub, which is built on it, with uvicorn."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi_websocket_pubsub import PubSubEndpoint
from fastapi_websocket_pubsub.rpc_event_methods import RpcEventServerMethods

from benchmarks.servers.serving import announce, listen


class Methods(RpcEventServerMethods):
    """``subscribe`` and ``publish`` come with the base class."""

    async def echo(self, payload: dict) -> dict:  # type: ignore[type-arg]
        """Return the payload."""
        return payload


class Server(uvicorn.Server):
    """Tells the parent when it has started."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        assert sockets
        announce(
            sockets[0],
            "fastapi-websocket-rpc",
            "fastapi-websocket-pubsub",
            "fastapi",
            "uvicorn",
            "websockets",
        )


def make_app() -> FastAPI:
    """Make the application."""
    app = FastAPI()
    PubSubEndpoint(methods_class=Methods).register_route(app, "/stream")
    return app


def main() -> None:
    """Serve until the parent ends."""
    options: Any = {"loop": "asyncio", "access_log": False, "log_level": "error"}
    Server(uvicorn.Config(make_app(), **options)).run(sockets=[listen()])


if __name__ == "__main__":
    main()
