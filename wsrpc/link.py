"""One websocket of a client: the task that reads it, sending, and its end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
from aiohttp import WSMsgType

from .errors import CloseCode, ConnectionClosed

CLOSE_TIMEOUT: Final = 2.0
"""Seconds for the peer's part of the closing handshake."""

NO_STATUS: Final = 1005
"""The code of a close frame that carries none (RFC 6455, section 7.1.5)."""

LOST: Final = 1006
"""The code of a connection that ended without a close frame."""

_GOODBYE: Final = 1.0
"""Seconds for the peer's part of ending TLS."""

_LOOK: Final = 0.005
"""Seconds between two looks whether a socket is closed."""

_LONGEST_REASON: Final = 123

_log = logging.getLogger("wsrpc.client")


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended: what the side that closed first said."""

    code: int
    reason: str
    locally: bool = False
    """The client was closed, on purpose."""
    is_final: bool = False
    """This side could not go on, and could not on another connection."""

    def error(self) -> ConnectionClosed:
        """Return what an operation on the connection raises now."""
        return ConnectionClosed(self.code, self.reason)


class Receiver(Protocol):
    """Whom a link tells what happens; both are plain functions that do not raise."""

    def frame_received(self, data: bytes, *, binary: bool) -> None:
        """Take a data frame."""

    def link_ended(self, end: End) -> None:
        """Learn, once, that no frame will come any more and none can be sent."""


async def until_closed(socket: Any) -> None:
    """Wait until the socket of a transport is closed, a second at most.

    aiohttp does not wait for the end of TLS. Where the loop ends before, the socket stays open.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + _GOODBYE
    while socket.fileno() >= 0 and loop.time() < end:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(_LOOK)


class Link:
    """An open websocket; it owns its tasks, and a session that was opened for it."""

    end: End | None = None

    def __init__(
        self,
        websocket: aiohttp.ClientWebSocketResponse[bool],
        session: aiohttp.ClientSession | None,
        name: str,
    ) -> None:
        self._websocket = websocket
        self._session = session
        self._name = name
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once `end` is there; only for `asyncio.wait`, which never cancels it."""
        self._closing = asyncio.Lock()
        is_secure = websocket.get_extra_info("ssl_object") is not None
        self._tls_socket = websocket.get_extra_info("socket") if is_secure else None

    def start(self, receiver: Receiver) -> None:
        """Read from now on."""
        self._receiver = receiver
        self._reader = asyncio.create_task(self._read(), name=f"wsrpc client of {self._name}")

    def get_extra_info(self, name: str) -> Any:
        """Return what the transport knows under this name, None if nothing; while it is open."""
        return self._websocket.get_extra_info(name)

    async def send(self, data: bytes, *, binary: bool = False) -> None:
        """Send a frame, at once; wait while the peer does not read.

        Raises `ConnectionClosed` when that fails. Who is cancelled or times out here has sent.
        """
        if self.end is None:
            try:
                return await self._write(data, WSMsgType.BINARY if binary else WSMsgType.TEXT)
            except ConnectionError:
                # The reader is about to learn how the connection ended.
                await asyncio.wait([self.ended])
        raise (self.end or End(LOST, "")).error()

    async def close(self, code: int, reason: str) -> None:
        """End the connection at once, and wait for the closing handshake."""
        message = check_close(code, reason)
        end = self._finish(End(code, reason, locally=True))
        async with self._closing:
            closing: asyncio.Task[Any] = self._reader
            if end.locally:
                closing = asyncio.create_task(self._websocket.close(code=code, message=message))
            try:
                done, _ = await asyncio.wait([closing], timeout=CLOSE_TIMEOUT)
                if not done:
                    _log.debug("%s did not close within %g s", self._name, CLOSE_TIMEOUT)
            finally:
                await self._stop({closing, self._reader})
        if not self._reader.cancelled():
            self._reader.result()

    def drop(self, reason: str) -> None:
        """Give the connection up as lost; `close` waits until nothing of it is left."""
        self._finish(End(LOST, reason))
        self._reader.cancel()

    async def _stop(self, tasks: set[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        try:
            await asyncio.wait(tasks)
        finally:
            await self._close_session()

    async def _close_session(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._tls_socket is not None:
            await until_closed(self._tls_socket)

    async def _write(self, data: bytes, kind: WSMsgType) -> None:
        """Put a frame into the socket's buffer, and wait while that is full.

        All who wait for the socket share one future of aiohttp's, which the first one of them to be
        cancelled would cancel for all. So none awaits it: the frame is sent step by step, as a task
        does it, and `asyncio.wait` cancels nothing.
        """
        frame = self._websocket.send_frame(data, kind)
        try:
            while True:
                waiter = frame.send(None)
                waiter._asyncio_future_blocking = False
                await asyncio.wait([waiter, self.ended], return_when=asyncio.FIRST_COMPLETED)
                if self.end is not None:
                    raise self.end.error()
        except StopIteration:
            return

    async def _read(self) -> None:
        try:
            while self.end is None:
                message = await self._websocket.receive()
                if self.end is not None:
                    break
                if message.type is WSMsgType.TEXT:
                    self._receiver.frame_received(message.data, binary=False)
                elif message.type is WSMsgType.BINARY:
                    self._receiver.frame_received(message.data, binary=True)
                else:
                    self._finish(_end(message.type, message.data, message.extra))
        except ConnectionError as error:
            # A ping came whose pong cannot be sent any more.
            self._finish(End(LOST, str(error)))
        finally:
            end = self._finish(End(LOST, "the client stopped reading", is_final=True))
            if not end.locally:
                # Answer the close frame, if one came.
                code = CloseCode.OK if end.code in (NO_STATUS, LOST) else end.code
                await self._websocket.close(code=code)
                await self._close_session()

    def _finish(self, end: End) -> End:
        """Note how the connection ended, and tell; the first to say so is right."""
        if self.end is None:
            self.end = end
            self.ended.set_result(None)
            self._receiver.link_ended(end)
        return self.end


def check_close(code: int, reason: str) -> bytes:
    """Return the reason as it is sent; raises `ValueError` for what no close frame can carry."""
    message = reason.encode()
    if not 1000 <= code <= 4999:
        raise ValueError(f"a close code is between 1000 and 4999, got {code!r}")
    if len(message) > _LONGEST_REASON:
        raise ValueError(f"the reason is longer than {_LONGEST_REASON} bytes: {reason!r:.80}")
    return message


def _end(kind: WSMsgType, data: object, extra: str | None) -> End:
    """Return what the last message says, one of aiohttp's CLOSE, CLOSED or ERROR."""
    if kind is WSMsgType.CLOSE and isinstance(data, int):
        return End(data or NO_STATUS, extra or "")
    if isinstance(data, aiohttp.WebSocketError):
        return End(data.code, str(data), is_final=True)
    return End(LOST, str(data or "the connection was lost without a close frame"))
