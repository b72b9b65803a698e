"""The application of one test, served in memory or on a socket, and the clients connected to it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Unpack

import aiohttp
from aiohttp import web
from yarl import URL

from wsrpc.connecting import Headers
from wsrpc.failures import Failure

from .client import WsTestClient
from .faults import FaultPlan
from .fixtures import ConnectOptions
from .handshake import note_refusal
from .loops import BoundElsewhere
from .managers import managers_of
from .network.connector import AppConnector
from .network.loopback import LoopbackConnector
from .network.memory import MemoryConnector
from .observer import Observer

TURNS = 12
"""Turns of the loop from a request that a client has sent to its reply, and some more."""

SHUTDOWN_TIMEOUT = 1.0
"""Seconds, twice, that aiohttp gives a handler that goes on after its client has gone."""


class Harness:
    """Serve an application for one test; called, connect a client to it.

    This is what the fixture ``ws_connect`` gives; `pytest_wsrpc.WsConnect` is its public face.
    """

    def __init__(
        self,
        app: web.Application,
        path: str,
        observer: Observer,
        transport: str = "memory",
        faults: FaultPlan | None = None,
        seed: str = "",
    ) -> None:
        self._app = app
        self._path = path
        self._observer = observer
        self._transport = transport
        self._faults = faults
        self._seed = seed
        self._unnamed = 0

    def __repr__(self) -> str:
        number = len(self._observer.clients)
        return f"<ws_connect {self._url}, {number} client{'' if number == 1 else 's'}>"

    @property
    def app(self) -> web.Application:
        """The application that is served."""
        return self._app

    @property
    def server_errors(self) -> list[BaseException]:
        return self._observer.server_errors

    async def __call__(
        self,
        path: str | None = None,
        headers: Headers | None = None,
        *,
        name: str | None = None,
        **options: Unpack[ConnectOptions],
    ) -> WsTestClient:
        __tracebackhide__ = True
        if path is None:
            path = self._path
        elif not isinstance(path, str):
            raise TypeError(
                f"path must be a string, got {path!r:.80}; headers are passed by name: "
                "await ws_connect(headers={...})"
            )
        if name is None:
            self._unnamed += 1
            name = f"ws_connect {self._unnamed}"
        known = len(self.server_errors)
        try:
            with self._observer.starting():
                client = await WsTestClient.connect(
                    self._url.join(URL(path)),
                    session=self.session,
                    headers=headers,
                    name=name,
                    **options,
                )
        except aiohttp.WSServerHandshakeError as refusal:
            note_refusal(refusal, path, self._app, self.server_errors[known:])
            # What aiohttp did meanwhile tells the test nothing.
            raise refusal.with_traceback(None) from None
        client.seed_links(f"{self._seed}\n{name}")
        self._observer.add_client(client)
        return client

    async def open(self) -> None:
        """Start the application as in production, but for the time that its shutdown may take."""
        runner = web.AppRunner(
            self._app,
            access_log=None,
            handler_cancellation=False,
            shutdown_timeout=SHUTDOWN_TIMEOUT,
        )
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._shut_down, runner)
            self._observer.use_managers(managers_of(self._app).values())
            try:
                with self._observer.starting():
                    await runner.setup()
            except RuntimeError as error:
                if "different loop" in str(error):
                    closing.pop_all()  # it is not ours to shut down
                    raise BoundElsewhere from error
                raise
            managers = managers_of(self._app).values()
            self._observer.use_managers(managers, started=True)
            if self._faults is not None:
                self._faults.attach(managers)
                closing.callback(self._faults.detach)
            self._url, connector = await serve(runner, self._transport)
            self.session: aiohttp.ClientSession = await closing.enter_async_context(
                aiohttp.ClientSession(
                    self._url.with_scheme("http"),
                    connector=connector,
                    # A test logs in at a bare address.
                    cookie_jar=aiohttp.CookieJar(unsafe=True),
                )
            )
            closing.push_async_callback(self._close_clients)
            # A client on a link that stalls would not close at once.
            closing.callback(connector.heal)
            self._closing = closing.pop_all()

    async def close(self) -> None:
        """Close the clients, then the application."""
        await self._closing.aclose()

    async def _close_clients(self) -> None:
        if self._transport == "memory":
            # What was sent last may be answered with an error that the test has to hear of.
            for _ in range(TURNS):
                await asyncio.sleep(0)
        await asyncio.gather(*(client.close() for client in self._observer.clients))

    async def _shut_down(self, runner: web.AppRunner) -> None:
        try:
            await runner.cleanup()
        except Exception as error:  # whatever the application's own clean-up raises
            self._observer.failed(Failure(error, "shutdown of the application"))


async def serve(runner: web.AppRunner, transport: str) -> tuple[URL, AppConnector]:
    """Give the address of an application that was set up, and the connector that leads to it."""
    if transport == "memory":
        assert runner.server is not None
        # limit=0: a test opens as many clients as it likes
        return URL("ws://localhost"), MemoryConnector(runner.server, limit=0)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    url = URL.build(scheme="ws", host=host, port=port)
    return url, LoopbackConnector(host, port, limit=0)
