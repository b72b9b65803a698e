"""The demo application that the fixtures serve by default: the whole protocol, and no surprises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from aiohttp import web

from wsrpc import SOCKETS_KEY, ApiPath, LocalBroker, Publish, SocketsManager, Subscribe, WsPathMixin

from .settings import DEFAULT_PATH

Addend = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]
"""A number that leaves room for a sum: JSON has no infinity."""


@dataclass
class Addends:
    """Two numbers."""

    a: Addend
    b: Addend


@dataclass
class Sum:
    """Their sum."""

    sum: float


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """Echo, addition, and the channels of the broker."""

    async def ws_rpc_echo(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Give the payload back."""
        return payload

    async def ws_rpc_add(self, payload: Addends) -> Sum:
        """Add two numbers."""
        return Sum(payload.a + payload.b)


def create_app(broker: SocketsManager | None = None) -> web.Application:
    """Make the application, on a broker that is started already, or on one of its own."""
    app = web.Application()
    app.router.add_view(DEFAULT_PATH, Stream)
    if broker is None:
        LocalBroker.for_app(app)
    else:
        app[SOCKETS_KEY] = broker
        app.on_shutdown.append(_close_sockets)
    return app


async def _close_sockets(app: web.Application) -> None:
    await app[SOCKETS_KEY].close_sockets()
