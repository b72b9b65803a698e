"""msgspec in place of the standard library's JSON, on bytes that are never a ``str``."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from benchmarks.servers.steps import naive, types_once

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


class Stream(types_once.Stream):
    """Takes and gives bytes."""

    def open(self) -> web.WebSocketResponse[Any]:
        """Return the websocket."""
        return web.WebSocketResponse(heartbeat=naive.HEARTBEAT, decode_text=False)

    def call_in(self, message: bytes) -> Any:
        """Return the call that a message is."""
        return types_once.checked(decode(message))

    def encode(self, value: Any) -> bytes:
        """Return a value's text."""
        return encode(value)

    async def send(self, text: bytes) -> None:
        """Send a text, and wait if the client is behind."""
        await self.websocket.send_frame(text, WSMsgType.TEXT)


if __name__ == "__main__":
    naive.main(Stream)
