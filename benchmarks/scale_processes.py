"""The processes that ``benchmarks/scale.py`` measures, and their clients."""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

NODE = Path(__file__).with_name("scale_node.py")
OF_A_CLIENT = 100
"""Channels that each client has."""
CLIENTS_AT_ONCE = 10


class Client(asyncio.Protocol):
    """A websocket without any library, which counts the messages that come."""

    def __init__(self) -> None:
        self.messages = 0
        self._buffer = bytearray()
        self._open = asyncio.get_running_loop().create_future()
        self._awaited: tuple[int, asyncio.Future[None]] | None = None

    @classmethod
    async def connect(cls, path: str, resource_path: str = "/stream") -> Self:
        """Connect, with a handshake."""
        _, client = await asyncio.get_running_loop().create_unix_connection(cls, path)
        client._transport.write(
            f"GET {resource_path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await client._open
        return client

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._awaited is not None and not self._awaited[1].done():
            self._awaited[1].set_exception(ConnectionError("the node closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open.done():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._open.set_result(None)
        self._count()

    def _count(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, head = buffer[at + 1] & 127, 2
            if size >= 126:
                head = 4 if size == 126 else 10
                if len(buffer) - at < head:
                    break
                size = int.from_bytes(buffer[at + 2 : at + head])
            if len(buffer) - at < head + size:
                break
            at += head + size
            self.messages += 1
        del buffer[:at]
        if self._awaited is not None and self.messages >= self._awaited[0]:
            self._awaited[1].set_result(None)
            self._awaited = None

    async def received(self, count: int) -> None:
        """Wait until so many messages have come in all."""
        if self.messages < count:
            future = asyncio.get_running_loop().create_future()
            self._awaited = count, future
            async with asyncio.timeout(120):
                await future

    async def call(self, method: str, payloads: Sequence[Any]) -> None:
        """Make calls all at once, and wait for the replies."""
        due = self.messages + len(payloads)
        for number, payload in enumerate(payloads):
            text = json.dumps({"id": number, "method": method, "payload": payload}).encode()
            # a mask that changes nothing
            self._transport.write(struct.pack("!BBHI", 0x81, 0xFE, len(text), 0) + text)
        await self.received(due)

    async def subscribe(self, channels: range) -> None:
        """Subscribe to channels by their numbers."""
        await self.call("subscribe", [{"channel": f"c{number}"} for number in channels])


async def subscribe(clients: Sequence[Client], first: int, last: int) -> None:
    """Subscribe clients to channels by their numbers, so many each, some clients at once."""
    parts = [
        client.subscribe(
            range(max(first, index * OF_A_CLIENT), min(last, (index + 1) * OF_A_CLIENT))
        )
        for index, client in enumerate(clients)
        if index * OF_A_CLIENT < last and (index + 1) * OF_A_CLIENT > first
    ]
    for start in range(0, len(parts), CLIENTS_AT_ONCE):
        await asyncio.gather(*parts[start : start + CLIENTS_AT_ONCE])


class Process:
    """A process with nodes."""

    def __init__(self, directory: Path, kind: str, url: str, nodes: int = 1) -> None:
        Process.count += 1
        self.paths = [str(directory / f"{Process.count}-{number}") for number in range(nodes)]
        self._arguments = [kind, url, *self.paths]

    count = 0

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(NODE),
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        await self._answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Have a command done, and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, arguments]).encode() + b"\n")
        return await self._answer()

    async def _answer(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(170):
            return json.loads(await self._process.stdout.readline())
