"""How tests reach a server of theirs, and one whose every frame the test decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from pytest_wsrpc import virtual
from pytest_wsrpc.network.memory import MemoryConnector

collect_ignore = ["typed"]
"""A project of its own, which test_types.py runs and checks."""

PATIENCE = 5.0
"""Seconds after which what did not come is taken as missing."""

Reach = Callable[[web.AppRunner], Awaitable[tuple[str, Callable[[], aiohttp.BaseConnector]]]]


@pytest.fixture
def reach(request: pytest.FixtureRequest) -> Reach:
    """Open an application that was set up, over the transport that the run or a marker chooses.

    ``url, connector = await reach(runner)``: the URL of its root, and what makes a connector that
    leads there, for each session that needs one.
    """
    transport = virtual.transport(request.node)

    async def reach(runner: web.AppRunner) -> tuple[str, Callable[[], aiohttp.BaseConnector]]:
        if transport == "memory":
            assert runner.server is not None
            return "http://127.0.0.1:8080", partial(MemoryConnector, runner.server, limit=0)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}", partial(aiohttp.TCPConnector, limit=0)

    return reach


class Peer:
    """The server's end of one connection."""

    def __init__(self, websocket: web.WebSocketResponse, request: web.Request) -> None:
        self.ws = websocket
        self.request = request
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        """The close code that this end saw, once it has."""

    async def take(self) -> Any:
        """Return what the client sent next: decoded JSON, or the bytes of a binary frame."""
        async with asyncio.timeout(PATIENCE):
            return await self.frames.get()

    async def send(self, *messages: Any) -> None:
        """Send text and bytes as they are, anything else as JSON, all before the client reads."""
        for message in messages:
            if isinstance(message, bytes):
                await self.ws.send_bytes(message)
            else:
                text = message if isinstance(message, str) else json.dumps(message)
                await self.ws.send_str(text)

    async def answer(self, response: Any = None, /, *then: Any, **reply: Any) -> Any:
        """Take the next request, send its reply and more messages, and return the request."""
        request = await self.take()
        head = {"id": request["id"], "method": request["method"]}
        await self.send(head | (reply or {"response": response}), *then)
        return request

    async def accept(self, subscription: Any) -> Any:
        """Answer the call with which a subscription is entered, and return the subscription."""
        entering = asyncio.create_task(subscription.__aenter__())
        await self.answer({})
        return await entering

    async def synchronise(self, client: Any) -> None:
        """Wait until the client has read all that this end sent."""
        call = asyncio.create_task(client.call("synchronise"))
        await self.answer()
        await call

    async def nothing_came(self) -> None:
        """Hold that the client has sent nothing that was not taken."""
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pong = pong
        await self.ws.ping()
        async with asyncio.timeout(PATIENCE):
            await pong
        assert self.frames.empty(), self.frames.get_nowait()

    def abort(self) -> None:
        """Reset the connection."""
        transport = self.request.transport
        assert transport is not None
        transport.abort()

    async def write(self, data: bytes) -> None:
        """Send bytes that are no frame."""
        transport = self.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.write(data)

    async def read(self) -> None:
        async for message in self.ws:
            if message.type is WSMsgType.PONG:
                self._pong.set_result(None)
            elif message.type is WSMsgType.PING:
                await self.ws.pong(message.data)
            else:
                data = message.data
                try:
                    self.frames.put_nowait(
                        json.loads(data) if message.type is WSMsgType.TEXT else data
                    )
                except ValueError:
                    self.frames.put_nowait(data)


class ScriptedServer:
    """Accept connections, or refuse them; what is said on them is up to the test."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 101
        """Any other refuses the handshake."""
        self.silent = False
        """Never answer a handshake."""
        self.reading = True
        """False: read nothing, so that not even a close frame is answered."""
        self.release = asyncio.Event()
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def peer(self) -> Peer:
        """Return the server's end of the next connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._peers.get()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.silent:
            await self.release.wait()
        if self.status != 101:
            return web.Response(status=self.status)
        websocket = web.WebSocketResponse(autoping=False, decode_text=False)
        await websocket.prepare(request)
        peer = Peer(websocket, request)
        self._peers.put_nowait(peer)
        if not self.reading:
            await self.release.wait()
        await peer.read()
        peer.closed.set_result(websocket.close_code)
        return websocket


@pytest.fixture
async def scripted(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedServer]:
    """Serve websockets that the test scripts: ``peer = await scripted.peer()``.

    A session without a connector of its own leads to it.
    """
    server = ScriptedServer()
    app = web.Application()
    app.router.add_get("/ws", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    url, connector = await reach(runner)
    server.url = f"{url}/ws"
    make = aiohttp.ClientSession.__init__

    def make_session(self: aiohttp.ClientSession, *args: Any, **options: Any) -> None:
        make(self, *args, **{"connector": connector(), **options})

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", make_session)
    yield server
    server.release.set()
    await runner.cleanup()
