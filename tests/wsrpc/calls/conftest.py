"""A view whose calls wait for a gate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import ApiPath, WsPathMixin


@pytest.fixture
def gated() -> type[Any]:
    """Give a view whose method ``wait`` waits until its `gate` is open; the calls are counted."""

    class Gated(ApiPath, WsPathMixin):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.gate = asyncio.Event()
            self.running = self.peak = 0
            self.started: list[Any] = []
            self.cancelled: list[Any] = []

        async def ws_rpc_echo(self, payload: Any) -> Any:
            return payload

        async def ws_rpc_wait(self, payload: Any) -> Any:
            self.started.append(payload.get("n"))
            self.running += 1
            self.peak = max(self.peak, self.running)
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled.append(payload.get("n"))
                raise
            finally:
                self.running -= 1
            return payload.get("n")

    return Gated
