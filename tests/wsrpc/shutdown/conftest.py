"""A view whose calls wait for a gate while the server ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import ApiPath, Limits, Publish, Subscribe, WsPathMixin


@pytest.fixture
def gated() -> type[Any]:
    """Give a view whose method ``wait`` waits until its `gate` is open, with a log of its ends."""

    class Gated(ApiPath, WsPathMixin, Subscribe, Publish):
        limits = Limits(concurrent_calls=3)

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.gate = asyncio.Event()
            self.log: list[Any] = []

        async def ws_rpc_echo(self, payload: Any) -> Any:
            return payload

        async def ws_rpc_wait(self, payload: Any) -> str:
            self.log.append(payload.get("n"))
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.log.append("cancelled")
                raise
            return "done"

        async def ws_rpc_stop(self, payload: Any) -> str:
            await self.sockets.close_sockets()
            return "nobody hears this"

        async def on_disconnect(self) -> None:
            self.log.append("on_disconnect")

    return Gated


@pytest.fixture
def hurried(gated: type[Any]) -> type[Any]:
    """Give such a view that has hardly any time for its shutdown."""

    class Hurried(gated):
        limits = Limits(concurrent_calls=3, shutdown_timeout=0.05)

    return Hurried
