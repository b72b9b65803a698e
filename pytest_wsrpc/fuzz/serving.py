"""How a case meets the application: a server for it, and a connection to the server.

The rest of the fuzzer knows `Host.application`, `Server.connect` and `Connection` only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from wsrpc.failures import Failure

from ..clock import VirtualLoop
from ..listening import handler_failures
from ..network.memory import MemoryConnector
from .target import Target

T = TypeVar("T")

SHUTDOWN_TIMEOUT = 1.0
"""Seconds, twice, that aiohttp gives a handler which goes on after its client has gone."""

CLEANUP_TIMEOUT = 5.0
"""Seconds that the application's own clean-up may take, and tasks that it has left."""


class HandshakeRefused(Exception):
    """The server did not open the connection."""

    def __init__(self, status: int | None, exception: BaseException | None = None) -> None:
        super().__init__(status)
        self.status = status
        """The HTTP status; None where there was no answer in time."""
        self.exception = exception


class Host:
    """An event loop of the fuzzer's own, with the application on it.

    A factory's application is new for each case. An application that was given as such binds to
    the first loop it runs on, so it is served once, for all cases.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        # with a factory for its loop it leaves alone which loop is current for others
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self._shared: tuple[Any, Server] | None = None
        self._is_stuck = False

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop."""
        return self._runner.run(coroutine)

    @asynccontextmanager
    async def application(self) -> AsyncIterator[Server]:
        """Give a server with the application for one case."""
        if self._target.is_factory:
            async with self._serve() as server:
                yield server
        else:
            if self._shared is None:
                serving = self._serve()
                self._shared = serving, await serving.__aenter__()
            yield self._shared[1]

    def close(self) -> None:
        """Stop the application and the loop."""
        self.run(self._close())
        if self._is_stuck:
            # asyncio.Runner would wait for ever for a task that ignores its cancellation
            self._runner.get_loop().close()
        else:
            self._runner.close()

    async def _close(self) -> None:
        if self._shared is not None:
            await self._shared[0].__aexit__(None, None, None)

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[Server]:
        before = asyncio.all_tasks()
        app = await self._target.create()
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT
        )
        try:
            await runner.setup()
            assert runner.server is not None
            async with aiohttp.ClientSession(
                connector=MemoryConnector(runner.server, force_close=True, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session:
                yield Server(URL("http://localhost"), session)
        finally:
            try:
                async with asyncio.timeout(CLEANUP_TIMEOUT):
                    await runner.cleanup()
            finally:
                await self._end(asyncio.all_tasks() - before - {asyncio.current_task()})

    async def _end(self, tasks: set[asyncio.Task[Any]]) -> None:
        """Cancel what the application has left on the loop, before the next one is made."""
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=CLEANUP_TIMEOUT)
            self._is_stuck = self._is_stuck or bool(pending)


class Server:
    """An application that is being served."""

    def __init__(self, url: URL, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    @asynccontextmanager
    async def connect(
        self, path: str, headers: Sequence[tuple[str, str]], timeout: float
    ) -> AsyncIterator[Connection]:
        """Connect for one case; raises `HandshakeRefused`."""
        failures: list[Failure] = []
        with handler_failures(failures.append):
            try:
                async with asyncio.timeout(timeout):
                    socket = await self._session.ws_connect(
                        self._url.with_path(path, encoded=True),
                        headers=headers,
                        max_msg_size=0,
                        timeout=aiohttp.ClientWSTimeout(ws_close=timeout),
                    )
            except aiohttp.WSServerHandshakeError as error:
                raise HandshakeRefused(error.status, _first(failures)) from None
            except (TimeoutError, aiohttp.ClientError):
                raise HandshakeRefused(None, _first(failures)) from None
        try:
            yield Connection(socket)
        finally:
            await socket.close()


class Connection:
    """The client's end of a connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.name = socket.get_extra_info("sockname")
        """The address that the server sees."""

    @property
    def close_code(self) -> int | None:
        """The code with which the server closed the connection."""
        return self._socket.close_code

    async def send(self, frame: str | bytes, *, binary: bool = False) -> None:
        """Send a frame; bytes go in a text frame, UTF-8 or not, unless `binary`.

        Nothing is raised on a connection that the server has closed: the next `receive` tells.
        """
        data = frame.encode() if isinstance(frame, str) else frame
        try:
            await self._socket.send_frame(data, WSMsgType.BINARY if binary else WSMsgType.TEXT)
        except ConnectionError:
            return

    async def receive(self, timeout: float) -> str | bytes | None:
        """Return the next frame, None when the connection is closed; raises `TimeoutError`."""
        message = await self._socket.receive(timeout)
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            data: str | bytes = message.data
            return data
        return None


def _first(failures: Sequence[Failure]) -> BaseException | None:
    return failures[0].exception if failures else None
