"""A view that keeps a log of its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import ApiPath, WsPathMixin


@pytest.fixture
def logged() -> type[Any]:
    """Give a view whose `log` says which of its calls were ended, and when it was itself."""

    class Logged(ApiPath, WsPathMixin):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.log: list[str] = []

        async def ws_rpc_echo(self, payload: Any) -> Any:
            return payload

        async def ws_rpc_close(self, payload: Any) -> str:
            await self.close(**payload)
            return "nobody hears this"

        async def ws_rpc_wait(self, payload: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self.log.append("call ended")

        async def ws_rpc_large(self, payload: Any) -> str:
            return "x" * payload["size"]

        async def on_disconnect(self) -> None:
            self.log.append("on_disconnect")

    return Logged
