"""A TCP proxy that a test puts between two programs, to make the network between them fail."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Coroutine
from typing import Any, Final, Literal, Self

Direction = Literal["both", "up", "down"]
"""``up`` is from the client to the server."""

_CHUNK: Final = 64 * 1024
_ON_THE_WAY: Final = 256
"""Chunks that one direction holds when they are late or stalled; then nothing more is read."""


class FaultProxy:
    """Pass connections on to a server, faithfully until a fault is asked for.

    `server` is the server's address: ``(host, port)``, or the path of a unix socket. The faults
    hold for all connections, present and future, until `heal`::

        async with FaultProxy(redis_server.path) as proxy:
            broker = RedisBroker(f"redis://{proxy.host}:{proxy.port}")
            ...
            proxy.stall()
    """

    def __init__(self, server: str | tuple[str, int]) -> None:
        self.server = server
        """Where new connections are passed on to."""
        self.host = "127.0.0.1"
        self.port: int = 0
        """The port that clients connect to, chosen when the proxy starts."""
        self.accepted: int = 0
        """How many connections were accepted so far."""
        self._latency: tuple[float, float] = (0.0, 0.0)
        self._draw = random.Random(0)
        self._stalled: set[str] = set()
        self._moving = asyncio.Event()
        self._refuses = False
        self._is_half_open = False
        self._pairs: set[_Pair] = set()
        self._listener: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._pairs)

    async def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        self._moving.set()
        self._listener = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Reset all connections and listen no more."""
        if self._listener is not None:
            self._listener.close()
            pairs = tuple(self._pairs)
            self.cut()
            await asyncio.gather(*(pair.ended.wait() for pair in pairs))
            await self._listener.wait_closed()
            self._listener = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def latency(self, seconds: float, jitter: float = 0.0) -> None:
        """Deliver what comes from now on `seconds` later, with up to `jitter` more or less."""
        self._latency = (seconds, jitter)

    def stall(self, direction: Direction = "both") -> None:
        """Hold what is on the way, and deliver it after `heal`."""
        self._stalled = {"up", "down"} if direction == "both" else {direction}
        self._moving.clear()

    def cut(self, *, refuse: bool = False) -> None:
        """Reset all connections; with `refuse`, new ones too, until `heal`."""
        self._refuses = refuse
        for pair in tuple(self._pairs):
            pair.reset()

    def half_open(self) -> None:
        """Lose the other end of all connections: what is sent vanishes, and no end is told.

        New connections are accepted, and nobody answers on them, until `heal`. Those that were
        open meanwhile stay dead.
        """
        self._is_half_open = True
        for pair in self._pairs:
            pair.is_dead = True

    def heal(self) -> None:
        """End all faults."""
        self._latency = (0.0, 0.0)
        self._stalled = set()
        self._moving.set()
        self._refuses = self._is_half_open = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refuses:
            _reset(writer)
            return
        pair = _Pair(self, reader, writer)
        pair.is_dead = self._is_half_open
        self._pairs.add(pair)
        try:
            await pair.run()
        finally:
            self._pairs.discard(pair)
            pair.ended.set()

    def delay(self) -> float:
        """Return how much later the next chunk arrives."""
        seconds, jitter = self._latency
        return max(0.0, seconds + self._draw.uniform(-jitter, jitter))

    async def passable(self, direction: str) -> None:
        """Wait while a direction is stalled."""
        while direction in self._stalled:
            await self._moving.wait()


class _Pair:
    """A client's connection and the one to the server that stands for it."""

    def __init__(
        self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.is_dead = False
        self.ended = asyncio.Event()
        self._proxy = proxy
        self._client = (reader, writer)
        self._writers = [writer]
        self._reset = asyncio.Event()

    def reset(self) -> None:
        """Reset both connections."""
        self._reset.set()

    async def run(self) -> None:
        """Pass on what comes until both ends have closed, or one was reset."""
        tasks = [asyncio.create_task(self._pass_on()), asyncio.create_task(self._reset.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for writer in self._writers:
                _reset(writer)

    async def _pass_on(self) -> None:
        reader, writer = self._client
        try:
            far_reader, far_writer = await self._connect()
            self._writers.append(far_writer)
            up: Coroutine[Any, Any, None] = self._pump("up", reader, far_writer)
            down: Coroutine[Any, Any, None] = self._pump("down", far_reader, writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(up)
                group.create_task(down)
        except* OSError:
            pass  # an end was reset, or the server refuses: then the other end is reset too

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        server = self._proxy.server
        if isinstance(server, str):
            return await asyncio.open_unix_connection(server)
        return await asyncio.open_connection(*server)

    async def _pump(
        self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_THE_WAY)

        async def read() -> None:
            data = b"first"
            while data:
                data = await reader.read(_CHUNK)
                await queue.put((loop.time() + self._proxy.delay(), data))

        async def write() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._proxy.passable(direction)
                if self.is_dead:
                    continue
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            group.create_task(write())


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection so that the other end sees a reset rather than an orderly end."""
    found = writer.get_extra_info("socket")
    if found is not None and found.family != socket.AF_UNIX:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
