"""How a case meets a server that is elsewhere: real connections, in real time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import aiohttp
from aiohttp import ClientWSTimeout, WSMsgType

from wsrpc.link import until_closed

from ..serving import Connection, HandshakeRefused, Host, Server, ServerGone
from .target import UrlTarget

T = TypeVar("T")

ALIVE: Final = 1.0
"""Seconds between two signs of life, which put off the end of the process."""

CLOSING: Final = 1.0
"""Seconds for the server's part of closing a connection."""

AWAY: Final = (502, 503, 504)
"""What a server that is about to end answers, or a proxy before one that has."""

RETRY: Final = 0.1
"""Seconds between two attempts to reach a server that was there before."""

TURNS: Final = 5
"""Turns of the loop in which connections end that are closed."""

SENDING: Final = 5.0
"""Seconds after which a server that does not read has no message to answer."""

LOOK: Final = 0.005
"""Seconds between two looks whether what was waited for has come."""

LOST: Final = 1006
NOT_UTF8: Final = 1007
_LARGEST: Final = 64 * 1024 * 1024


class Unreachable(HandshakeRefused):
    """No handshake came about at all; the text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(None, text=text)


class UrlHost(Host):
    """An event loop of the fuzzer's own, with connections to a server that is elsewhere."""

    def __init__(self, target: UrlTarget) -> None:
        super().__init__(target)
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._url_target = target
        self._session: aiohttp.ClientSession | None = None
        self.was_reached = False
        self.slowest = 0.0
        """Seconds that what was waited for has taken at most, where it has come."""
        self.is_lost = False
        """Whether it could not be reached the last time, so that nobody waits for it any more."""
        self.gone: HandshakeRefused | None = None
        """Why the server cannot be connected to any more, until what runs has ended."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop; raises `ServerGone` where the server has ended."""
        loop = self._runner.get_loop()
        self._breathe(loop)
        try:
            result = loop.run_until_complete(coroutine)
        except HandshakeRefused as refused:
            if not self.was_reached:
                raise
            raise ServerGone(refused) from None
        finally:
            self._breath.cancel()
            gone, self.gone = self.gone, None
        if gone is not None:
            raise ServerGone(gone)
        return result

    def _breathe(self, loop: asyncio.AbstractEventLoop) -> None:
        self.alive()
        self._breath = loop.call_later(ALIVE, self._breathe, loop)

    @asynccontextmanager
    async def application(self) -> AsyncIterator[Server]:
        """Give the server, which is the same for all cases."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        yield UrlServer(self, self._url_target, self._session)

    def _tls(self) -> Any:
        return self._url_target.tls.context() if self._url_target.url.scheme == "wss" else True

    def close(self) -> None:
        """Leave the server, and end the loop."""
        self._runner.run(self._leave_it())
        self._runner.close()

    async def _leave_it(self) -> None:
        if self._session is not None:
            await self._session.close()
        for _ in range(TURNS):
            await asyncio.sleep(0)


class UrlServer(Server):
    """A server that is elsewhere."""

    def __init__(self, host: UrlHost, target: UrlTarget, session: aiohttp.ClientSession) -> None:
        self.on_fault = lambda text: None
        self._elsewhere = host
        self._target = target
        self._session = session
        self._faults = None
        self.is_done: Callable[[], bool] = lambda: True
        """Whether all has come that time is given to."""
        self.waited = 0.0
        """Seconds that it took."""

    @property
    def managers(self) -> dict[str, Any]:
        """None: they are in the server's process."""
        return {}

    async def advance(self, seconds: float) -> None:
        """Give things time to come, so many seconds at most."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while not self.is_done() and loop.time() < begun + seconds:  # noqa: ASYNC110 - of frames
            await asyncio.sleep(LOOK)
        waited = loop.time() - begun
        if seconds:
            self.waited = waited
        if self.is_done():
            self._elsewhere.slowest = max(self._elsewhere.slowest, waited)

    @asynccontextmanager
    async def connect(
        self, path: str, headers: Sequence[tuple[str, str]], timeout: float
    ) -> AsyncIterator[Connection]:
        """Connect for one case; raises `HandshakeRefused`.

        A server that was there before is given the time to come back.
        """
        if self._elsewhere.gone is not None:
            raise self._elsewhere.gone
        connection = UrlConnection(await self._reached(path, headers, timeout))
        try:
            if self._elsewhere.login is not None:
                await self._elsewhere.login(connection)
            yield connection
        finally:
            await connection.close()

    async def _reached(
        self, path: str, headers: Sequence[tuple[str, str]], timeout: float
    ) -> aiohttp.ClientWebSocketResponse[bool]:
        end = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                websocket = await self._handshake(path, headers, timeout)
            except HandshakeRefused as refused:
                is_away = isinstance(refused, Unreachable) or refused.status in AWAY
                if not self._elsewhere.was_reached or not is_away:
                    raise
                if self._elsewhere.is_lost or asyncio.get_running_loop().time() >= end:
                    self._elsewhere.gone, self._elsewhere.is_lost = refused, True
                    raise
                await asyncio.sleep(RETRY)
            else:
                self._elsewhere.was_reached, self._elsewhere.is_lost = True, False
                return websocket

    async def _handshake(
        self, path: str, headers: Sequence[tuple[str, str]], timeout: float
    ) -> aiohttp.ClientWebSocketResponse[bool]:
        try:
            async with asyncio.timeout(timeout):
                return await self._session.ws_connect(
                    self._target.full(path),
                    headers=list(headers),
                    timeout=ClientWSTimeout(ws_close=CLOSING),
                    max_msg_size=_LARGEST,
                    decode_text=False,
                )
        except aiohttp.WSServerHandshakeError as refused:
            raise HandshakeRefused(refused.status) from None
        except TimeoutError:
            raise HandshakeRefused(None) from None
        except aiohttp.ClientSSLError as error:
            advice = "give --wsrpc-tls-ca FILE, or --wsrpc-tls-no-verify"
            raise Unreachable(f"its certificate is not trusted: {error}; {advice}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from None


class UrlConnection(Connection):
    """The client's end of a connection to a server that is elsewhere."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._websocket = websocket
        self._code: int | None = None
        self._tried: list[asyncio.Task[Any]] = []
        self._transport = websocket.get_extra_info("socket")
        self.name = websocket.get_extra_info("sockname")
        self.login: list[tuple[str, dict[str, Any]]] = []

    @property
    def close_code(self) -> int | None:
        """The code with which the server closed the connection."""
        return self._code

    async def send(self, frame: str | bytes, *, binary: bool = False) -> None:
        """Send a frame; bytes go in a text frame, UTF-8 or not, unless `binary`.

        Nothing is raised on a connection that the server has closed: the next `receive` tells.
        """
        data = frame.encode() if isinstance(frame, str) else frame
        kind = WSMsgType.BINARY if binary else WSMsgType.TEXT
        await self._try(self._websocket.send_frame(data, kind), SENDING)

    async def _try(self, work: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Wait for some work, not for long; what the server does not let end goes on.

        aiohttp could send nothing more on a connection on which sending was cancelled.
        """
        task = asyncio.create_task(work)
        self._tried.append(task)
        await asyncio.wait([task], timeout=seconds)
        if task.done():
            with suppress(ConnectionError):  # it is closed
                task.result()

    async def receive(self, timeout: float | None) -> str | bytes | None:
        """Return the next frame, None when the connection is closed; raises `TimeoutError`."""
        if self._code is not None:
            return None
        async with asyncio.timeout(timeout):
            message = await self._websocket.receive()
        if message.type is WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is WSMsgType.TEXT:
            try:
                return bytes(message.data).decode()
            except UnicodeDecodeError:
                self._code = NOT_UTF8
                return None
        self._code = self._websocket.close_code or LOST
        return None

    async def close(self) -> None:
        """Say goodbye, and wait for the server to do so, not for long."""
        await self._try(self._websocket.close(), 2 * CLOSING)
        with suppress(OSError):  # it is closed already
            # what the server has not read would keep it open, and so does one that goes on sending
            self._transport.shutdown(socket.SHUT_RDWR)
        await asyncio.gather(*self._tried, return_exceptions=True)
        await until_closed(self._transport)
