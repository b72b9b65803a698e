"""Protocols with a connection between them, and applications with clients: on each transport."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from pytest_wsrpc.client import WsTestClient
from pytest_wsrpc.network import NetworkLink, loopback
from pytest_wsrpc.network.connector import AppConnector
from pytest_wsrpc.network.loopback import LoopbackConnector
from pytest_wsrpc.network.memory import MemoryConnector
from pytest_wsrpc.network.transport import MemoryTransport, join
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

CALM = 30
"""Seconds in which whatever is awaited has happened, on a machine that does other things too."""


class Recorder(asyncio.Protocol):
    """A protocol that notes what it is told."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.told: list[object] = []
        self.error: BaseException | None = None
        self.keeps_open = False
        self.on_data: Callable[[bytes], None] = lambda data: None
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert type(data) is bytes
        assert data
        self.received += data
        self._note(len(data))
        self.on_data(data)

    def pause_writing(self) -> None:
        self._note("pause")

    def resume_writing(self) -> None:
        self._note("resume")

    def eof_received(self) -> bool:
        self._note("eof")
        return self.keeps_open

    def connection_lost(self, exc: BaseException | None) -> None:
        self.error = exc
        self._note("lost")

    def _note(self, what: object) -> None:
        self.told.append(what)
        self._changed.set()

    @property
    def states(self) -> list[str]:
        """What it was told, but for bytes."""
        return [what for what in self.told if isinstance(what, str)]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, looked at whenever the protocol is told something."""
        async with asyncio.timeout(CALM):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_told(self, what: str) -> None:
        await self.until(lambda: what in self.told)

    async def until_received(self, size: int) -> None:
        await self.until(lambda: len(self.received) >= size)


Pair = tuple[Recorder, Recorder]


def join_in_memory() -> Pair:
    """Give two protocols with the ends of a connection in memory."""
    loop = asyncio.get_running_loop()
    recorders = Recorder(), Recorder()
    near, far = (
        MemoryTransport(loop, recorder, contextvars.copy_context(), {}) for recorder in recorders
    )
    join(near, far)
    recorders[0].connection_made(near)
    recorders[1].connection_made(far)
    return recorders


@pytest.fixture
def memory_pair() -> Callable[[], Pair]:
    return join_in_memory


@pytest_asyncio.fixture(params=["memory", "tcp", "relay"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """The two ends of a connection: in memory, over TCP without and with our relay.

    asyncio's own sockets are the model that the other two are held to.
    """
    if request.param == "memory":
        yield join_in_memory()
        return
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Recorder] = loop.create_future()

    class Accepted(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            accepted.set_result(self)

    server = await loop.create_server(Accepted, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client = Recorder()
    if request.param == "tcp":
        await loop.create_connection(lambda: client, host, port)
    else:
        await loopback.connect(client, host, port)
    recorders = client, await accepted
    yield recorders
    server.close()
    for recorder in recorders:
        if "lost" not in recorder.told:
            recorder.transport.abort()
    for recorder in recorders:
        await recorder.until_told("lost")
    await asyncio.sleep(0)  # the relay's own socket


class Served:
    """An application and a session that leads to it."""

    def __init__(self, url: URL, session: aiohttp.ClientSession, connector: AppConnector) -> None:
        self.url = url
        self.session = session
        self.connector = connector

        self.sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def ws(self, path: str = "/", **options: object) -> aiohttp.ClientWebSocketResponse:
        options.setdefault("timeout", aiohttp.ClientWSTimeout(ws_close=0.2))
        ws = await self.session.ws_connect(self.url.join(URL(path)), **options)
        self.sockets.append(ws)
        return ws

    async def close(self) -> None:
        self.connector.heal()
        for ws in self.sockets:
            await ws.close()
        await self.session.close()

    async def linked(
        self, path: str = "/", **options: object
    ) -> tuple[aiohttp.ClientWebSocketResponse, NetworkLink]:
        ws = await self.ws(path, **options)
        link = ws.get_extra_info("wsrpc_link")
        assert isinstance(link, NetworkLink)
        return ws, link


Serve = Callable[..., Awaitable[Served]]


async def start(closing: AsyncExitStack, app: web.Application, transport: str) -> Served:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    closing.push_async_callback(runner.cleanup)
    connector: AppConnector
    if transport == "memory":
        assert runner.server is not None
        connector = MemoryConnector(runner.server, limit=0)
        url = URL("http://localhost")
    else:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        connector = LoopbackConnector(host, port, limit=0)
        url = URL.build(scheme="http", host=host, port=port)
    served = Served(url, aiohttp.ClientSession(connector=connector), connector)
    closing.push_async_callback(served.close)
    return served


@pytest.fixture(params=["memory", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def serve(transport: str) -> AsyncIterator[Serve]:
    """Serve an application: ``served = await serve(app)``, on both transports."""
    async with AsyncExitStack() as closing:

        async def serve(app: web.Application) -> Served:
            return await start(closing, app, transport)

        yield serve


@pytest.fixture
def virtually() -> Callable[..., None]:
    """Run ``test(serve)`` on virtual time, in memory: ``virtually(test)``."""
    from pytest_wsrpc.clock import VirtualLoop

    def run(test: Callable[[Serve], Awaitable[None]]) -> None:
        async def main() -> None:
            async with AsyncExitStack() as closing:

                async def serve(app: web.Application) -> Served:
                    return await start(closing, app, "memory")

                await test(serve)

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())

    return run


class Peer:
    """The server's part of each connection, and what it has seen."""

    def __init__(self):
        self.sockets = []
        self.received = []
        self.times = []
        self.ends = []
        self.changed = asyncio.Event()

    async def handler(self, request):
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        self.sockets.append(ws)
        self.changed.set()
        while True:
            message = await ws.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self.ends.append((message.type.name, ws.close_code, ws.exception()))
                self.changed.set()
                return ws
            self.received.append(message.data)
            self.times.append(asyncio.get_running_loop().time())
            self.changed.set()

    async def until(self, condition):
        async with asyncio.timeout(CALM):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def app(self):
        app = web.Application()
        app.router.add_get("/", self.handler)
        return app


@pytest.fixture
def make_peer() -> Callable[[], Peer]:
    return Peer


@pytest.fixture
def connected() -> Callable[[Serve], Awaitable[tuple[Peer, object, NetworkLink]]]:
    """Connect a websocket: ``peer, ws, link = await connected(serve)``."""

    async def connected(
        serve: Serve,
    ) -> tuple[Peer, aiohttp.ClientWebSocketResponse, NetworkLink]:
        peer = Peer()
        served = await serve(peer.app())
        ws, link = await served.linked(max_msg_size=0)
        await peer.until(lambda: peer.sockets)
        return peer, ws, link

    return connected


ENDED = web.AppKey("ended", asyncio.Event)


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    """The view of an application that says when a connection has ended."""

    async def ws_rpc_echo(self, payload: object) -> object:
        return payload

    async def on_disconnect(self) -> None:
        self.request.app[ENDED].set()
        await super().on_disconnect()


@pytest.fixture
def rpc_app() -> Callable[[], web.Application]:
    def create() -> web.Application:
        app = web.Application()
        app[ENDED] = asyncio.Event()
        app.router.add_view("/stream", Stream)
        LocalBroker.for_app(app)
        return app

    return create


@pytest.fixture
def rpc_client(
    rpc_app: Callable[[], web.Application],
) -> Callable[[Serve], Awaitable[tuple[WsTestClient, asyncio.Event]]]:
    """Connect a client: ``client, ended = await rpc_client(serve)``; `ended` is the server's."""

    async def connect(serve: Serve) -> tuple[WsTestClient, asyncio.Event]:
        app = rpc_app()
        served = await serve(app)
        url = served.url.with_path("/stream")
        return await WsTestClient.connect(url, session=served.session), app[ENDED]

    return connect


@pytest.fixture
def nothing() -> Callable[[Awaitable[object]], Awaitable[None]]:
    """Hold that nothing happens for a moment: ``await nothing(ws.receive())``."""

    async def nothing(awaitable: Awaitable[object]) -> None:
        task = asyncio.ensure_future(awaitable)
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done
        task.cancel()
        await asyncio.wait([task])

    return nothing
