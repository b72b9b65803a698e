"""A real server for the tests of the library, and raw websocket clients for it."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import json
import re
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from pytest_wsrpc import internals
from pytest_wsrpc.clock import VirtualLoop
from pytest_wsrpc.network.transport import MemoryTransport, join
from wsrpc import SOCKETS_KEY, LocalBroker, SocketsManager, Websocket, failures
from wsrpc.client import RpcClient
from wsrpc.connecting import Connecting

PATIENCE = 5.0
"""Seconds after which a message that did not come is taken as missing."""


def patience() -> float | None:
    """Return `PATIENCE`; on virtual time the loop knows what can never come."""
    return None if isinstance(asyncio.get_running_loop(), VirtualLoop) else PATIENCE


class Client:
    """One raw connection: what is sent and received is what is on the wire."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._ids = itertools.count(1)
        self._kept: deque[Any] = deque()

    async def send(self, message: Any) -> None:
        """Send text or bytes as they are, anything else as JSON text."""
        if isinstance(message, bytes):
            await self.ws.send_bytes(message)
        else:
            await self.ws.send_str(message if isinstance(message, str) else json.dumps(message))

    async def recv(self, timeout: float | None = None) -> Any:
        """Return the next JSON message that no `call` has claimed."""
        return self._kept.popleft() if self._kept else await self._receive(timeout)

    async def _receive(self, timeout: float | None) -> Any:
        message = await self.ws.receive(timeout or patience())
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.ws.close_code)
        return json.loads(message.data)

    async def call(
        self, method: str, payload: Any = None, id: Any = None, timeout: float | None = None
    ) -> Any:
        """Call a method and return the whole reply; other messages are kept for `recv`."""
        id = next(self._ids) if id is None else id
        await self.send({"id": id, "method": method, "payload": payload})
        while True:
            message = await self._receive(timeout)
            if "channel" not in message and message.get("id") == id:
                return message
            self._kept.append(message)

    async def fence(self) -> None:
        """Wait until the server has read all that was sent: this is answered at once."""
        await self.call("no such method", id="fence")

    async def closed(self, timeout: float | None = None) -> int | None:
        """Read to the end of the connection, keeping messages, and return its close code."""
        async with asyncio.timeout(timeout or patience()):
            async for message in self.ws:
                self._kept.append(json.loads(message.data))
        return self.ws.close_code

    @property
    def kept(self) -> list[Any]:
        """The messages that were received and not claimed."""
        return list(self._kept)


class RawClient:
    """One connection frame by frame, for what no well-behaved client does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def handshake(
        self, host: str, path: str, extensions: str | None = None, early: bytes = b""
    ) -> None:
        """Upgrade the connection, offering extensions; `early` goes out with the request."""
        offer = "" if extensions is None else f"Sec-WebSocket-Extensions: {extensions}\r\n"
        self.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"{offer}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            + early
        )
        async with asyncio.timeout(patience()):
            response = await self.reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 101 "), response
        found = re.search(r"(?i)^sec-websocket-extensions: *(.*)\r$", response.decode(), re.M)
        self.extensions = None if found is None else found[1]

    def send(
        self, payload: bytes, opcode: int = 1, *, first: int = 0x80, masked: bool = True
    ) -> None:
        """Write one frame; `first` are the upper bits of its first byte."""
        size = len(payload)
        if size < 126:
            length = bytes([size])
        elif size < 2**16:
            length = struct.pack("!BH", 126, size)
        else:
            length = struct.pack("!BQ", 127, size)
        if masked:  # with a key that changes nothing
            length = bytes([length[0] | 0x80]) + length[1:] + bytes(4)
        self.writer.write(bytes([first | opcode]) + length + payload)

    def call(self, method: str, payload: Any = None, id: Any = 1) -> None:
        """Write one call."""
        self.send(json.dumps({"id": id, "method": method, "payload": payload}).encode())

    async def reply(self) -> Any:
        """Return the next frame, which is a text, as JSON."""
        opcode, text = await self.recv()
        assert opcode == 1, (opcode, text)
        return json.loads(text)

    async def recv(self, timeout: float | None = None) -> tuple[int, bytes]:
        """Return the next frame as its opcode and its payload."""
        first, payload = await self.frame(timeout)
        return first & 15, payload

    async def frame(self, timeout: float | None = None) -> tuple[int, bytes]:
        """Return the next frame as its first byte and its payload."""
        async with asyncio.timeout(timeout or patience()):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first, await self.reader.readexactly(size)

    async def ended(self, timeout: float | None = None) -> bytes:
        """Wait for the end of the stream, and return what came before it."""
        async with asyncio.timeout(timeout or patience()):
            return await self.reader.read()

    def abort(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()


class Server:
    """A running application with one endpoint."""

    def __init__(
        self,
        broker: SocketsManager,
        runner: web.AppRunner,
        url: str,
        connector: aiohttp.BaseConnector,
    ) -> None:
        self.broker = broker
        self.runner = runner
        self.url = url
        self.session = aiohttp.ClientSession(connector=connector)
        self.clients: list[Client] = []
        self.raw_clients: list[RawClient] = []

    async def connect(self, **kwargs: Any) -> Client:
        """Connect one more client; arguments as of `aiohttp.ClientSession.ws_connect`."""
        client = Client(await self.session.ws_connect(kwargs.pop("url", self.url), **kwargs))
        self.clients.append(client)
        return client

    async def connect_raw(self, limit: int = 2**16, **handshake: Any) -> RawClient:
        """Connect a client that handles frames itself and reads no more than `limit` ahead.

        What else is passed is of `RawClient.handshake`.
        """
        client = RawClient(*await self._open_stream(limit))
        alive = (raw for raw in self.raw_clients if not raw.writer.is_closing())
        self.raw_clients = [*alive, client]
        url = URL(self.url)
        await client.handshake(url.authority, url.path, **handshake)
        return client

    def connect_rpc(self, **options: Any) -> Connecting[RpcClient]:
        """Connect the client of the library; options as of `RpcClient.connect`."""
        return RpcClient.connect(self.url, session=self.session, **options)

    async def _open_stream(self, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.runner.addresses:
            return await asyncio.open_connection(*self.runner.addresses[0][:2], limit=limit)
        assert self.runner.server is not None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit)
        client = asyncio.StreamReaderProtocol(reader)
        server = self.runner.server()
        near = MemoryTransport(loop, client, contextvars.copy_context(), {})
        far = MemoryTransport(loop, server, contextvars.copy_context(), {})
        join(near, far)
        client.connection_made(near)
        loop.call_soon(server.connection_made, far)
        return reader, asyncio.StreamWriter(near, client, reader, loop)

    async def view(self) -> Websocket:
        """Return the view of the only connection, once it is there."""
        await _until(lambda: len(self.broker.sockets) == 1)
        (view,) = self.broker.sockets
        return view

    async def stop(self) -> None:
        """Stop the application as aiohttp does, with its clients still connected."""
        await self.runner.cleanup()

    async def close(self) -> None:
        """Close the clients, then the application."""
        for client in self.clients:
            await client.ws.close()
        for raw in self.raw_clients:
            raw.abort()
        await self.session.close()
        await self.stop()


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture(params=[True, False], ids=["cancelling", "not-cancelling"])
async def serve(request: pytest.FixtureRequest, reach: Any) -> AsyncIterator[Serve]:
    """Serve a view under a real `AppRunner`, with aiohttp's `handler_cancellation` on and off.

    ``server = await serve(View, broker=None, path="/ws", setup=None, **app_options)``; `setup` is
    called with the application.
    """
    servers: list[Server] = []

    async def start(
        view: type[web.View],
        broker: SocketsManager | None = None,
        *,
        path: str = "/ws",
        setup: Callable[[web.Application], object] | None = None,
        **app_options: Any,
    ) -> Server:
        app = web.Application(**app_options)
        if setup is not None:
            setup(app)
        if broker is None:
            broker = LocalBroker.for_app(app)
        else:
            app[SOCKETS_KEY] = broker
            app.on_startup.append(broker.start)
            app.on_shutdown.append(broker.close)
        app.router.add_view(path, view)
        runner = web.AppRunner(app, handler_cancellation=request.param, shutdown_timeout=5)
        await runner.setup()
        url, connector = await reach(runner)
        server = Server(broker, runner, url + path, connector())
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
def reported() -> Iterator[list[failures.Failure]]:
    """Give the server-side failures that the library reported during the test, in order."""
    found: list[failures.Failure] = []
    with failures.listen(found.append):
        yield found


async def _until(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout):
        for _ in range(100):  # most comes true without any time passing
            if condition():
                return
            await asyncio.sleep(0)
        while not condition():
            if isinstance(loop, VirtualLoop):
                await _next_instant(loop)
            else:
                await asyncio.sleep(0.002)


async def _next_instant(loop: VirtualLoop) -> None:
    """Wait until all is done that can be now, and that the next timer starts."""
    await loop.settled()
    timer = internals.next_timer(loop)
    assert timer is not None  # as whoever calls this has set one
    there = loop.create_future()
    loop.call_at(timer.when(), there.set_result, None)
    await there
    await loop.settled()


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Give ``await until(lambda: ...)``: wait for a condition that no message announces.

    On virtual time it ends at the instant at which the condition comes true.
    """
    return _until
