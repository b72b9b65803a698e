"""A websocket client without what a browser's needs: a case costs half as much with it.

It follows RFC 6455 as far as a client is asked to, and takes whatever a server sends.
"""

from __future__ import annotations

import asyncio
import contextvars
import struct
from collections import deque
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from ..network import NetworkLink
from ..network.memory import joined

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
_LENGTH: Final = 0x7F
_NO_MASK: Final = bytes(4)
"""A mask that changes nothing is one, too."""

OK, PROTOCOL_ERROR, NOT_UTF8, LOST = 1000, 1002, 1007, 1006
_NO_CODE: Final = 1005
_QUEUED: Final = 128 * 1024
"""Bytes that nobody has taken, from which on nothing more is read."""

_HANDSHAKE: Final = (
    "GET {path} HTTP/1.1\r\n"
    "Host: localhost\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: d3NycGMgZnV6emVyIGtleQ==\r\n"
)


class Refused(Exception):
    """The server has answered the handshake with another status than 101, or not at all."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class WebSocket(asyncio.Protocol):
    """The client's end of a connection to a server in memory."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.close_code: int | None = None
        """The code with which the connection was closed; 1006 where no close frame said so."""
        self.name: object = None
        """The address that the server sees."""
        self._head = b""
        self._opened: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._kind = _TEXT
        self._frames: deque[str | bytes] = deque()
        self._queued = 0
        self._waiter: asyncio.Future[None] | None = None
        self._is_closing = False

    async def open(
        self,
        server: web.Server,
        context: contextvars.Context,
        path: str,
        headers: Sequence[tuple[str, str]],
        timeout: float | None = None,
    ) -> None:
        """Connect, with the server's part in a context; raises `Refused` and `TimeoutError`."""
        near, far = joined(server, context, self)
        near.take_at_once()
        self.link = NetworkLink(near, far)
        self._transport = near
        self.name = near.get_extra_info("sockname")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        near.write(f"{_HANDSHAKE.format(path=path)}{lines}\r\n".encode())
        try:
            await _in_time(self._opened, timeout)
        except BaseException:
            near.abort()
            raise

    def send(self, data: bytes, *, binary: bool = False) -> None:
        """Send a message; nothing happens where the connection has ended."""
        if not self._is_closing:
            self._write(_BINARY if binary else _TEXT, data)

    async def receive(self, timeout: float | None = None) -> str | bytes | None:
        """Return the next message, None where the connection has ended; raises `TimeoutError`."""
        if not self._frames and not self._ended.done():
            self._waiter = asyncio.get_running_loop().create_future()
            await _in_time(self._waiter, timeout)
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._queued -= len(frame)
        if self._queued <= _QUEUED:
            self._transport.resume_reading()
        return frame

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can come."""
        return self._ended.done()

    def say_goodbye(self) -> None:
        """Send a close frame; what the server still sends is left out."""
        self._end(OK)

    async def close(self) -> None:
        """Say goodbye, and wait for the server to do so."""
        self.say_goodbye()
        await self._ended

    # What the transport tells.

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if not self._opened.done():
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            status = head.split(b" ", 2)[1:2]
            if status != [b"101"]:
                self._opened.set_exception(Refused(int(status[0])))
                self.close_code = LOST
                return
            self._opened.set_result(None)
        self._buffer += data
        while self._take_frame():
            pass

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        if not self._opened.done():
            self._opened.set_exception(Refused(None))
        if self.close_code is None:
            self.close_code = LOST
        self._is_closing = True
        if not self._ended.done():
            self._ended.set_result(None)
        self._wake()

    # Frames.

    def _take_frame(self) -> bool:
        """Take one frame from the buffer; return whether there may be another."""
        buffer = self._buffer
        if len(buffer) < 2 or self.close_code is not None:
            return False
        first, length = buffer[0], buffer[1]
        start = 2
        if length & _LENGTH == 126:
            start = 4
        elif length & _LENGTH == 127:
            start = 10
        if len(buffer) < start:
            return False
        if start > 2:
            (length,) = struct.unpack_from("!H" if start == 4 else "!Q", buffer, 2)
        elif length & _MASKED:
            self._fail(PROTOCOL_ERROR)
            return False
        if len(buffer) < start + length:
            return False
        body = bytes(buffer[start : start + length])
        del buffer[: start + length]
        self._take(first & 0x7F, bool(first & _FINAL), body)
        return True

    def _take(self, kind: int, is_final: bool, body: bytes) -> None:
        if kind == _CLOSE:
            self.close_code = struct.unpack_from("!H", body)[0] if len(body) > 1 else _NO_CODE
            self._end(self.close_code if self.close_code != _NO_CODE else OK)
            self._transport.close()
        elif kind == _PING:
            self._write(_PONG, body)
        elif kind in (_TEXT, _BINARY) and not self._parts:
            self._kind = kind
            self._take_part(is_final, body)
        elif kind == 0 and self._parts:
            self._take_part(is_final, body)
        elif kind != _PONG:
            self._fail(PROTOCOL_ERROR)

    def _take_part(self, is_final: bool, body: bytes) -> None:
        self._parts.append(body)
        if not is_final:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        if self._is_closing:
            return
        try:
            self._frames.append(data.decode() if self._kind == _TEXT else data)
        except UnicodeDecodeError:
            self._fail(NOT_UTF8)
            return
        self._queued += len(self._frames[-1])
        if self._queued > _QUEUED:
            self._transport.pause_reading()
        self._wake()

    def _fail(self, code: int) -> None:
        """End a connection on which the server has broken the protocol."""
        self.close_code = code
        self._end(code)
        self._transport.close()

    def _end(self, code: int) -> None:
        if not self._is_closing:
            self._write(_CLOSE, struct.pack("!H", code))
            self._is_closing = True
            self._transport.resume_reading()

    def _write(self, kind: int, body: bytes) -> None:
        length = len(body)
        if length < 126:
            head = struct.pack("!BB", _FINAL | kind, _MASKED | length)
        elif length < 65536:
            head = struct.pack("!BBH", _FINAL | kind, _MASKED | 126, length)
        else:
            head = struct.pack("!BBQ", _FINAL | kind, _MASKED | 127, length)
        self._transport.write(b"".join((head, _NO_MASK, body)))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def _in_time(waiter: asyncio.Future[None], timeout: float | None) -> None:
    """Wait for what nobody else waits for; raises `TimeoutError`.

    A case waits some times, and this costs a third of what `asyncio.timeout` does.
    """
    if timeout is None:
        await waiter
        return
    timer = asyncio.get_running_loop().call_later(timeout, _time_out, waiter)
    try:
        await waiter
    finally:
        timer.cancel()


def _time_out(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
