"""A websocket client without any library, whose frames are made before the time is taken.

Where time is taken, replies are counted by their bytes, not parsed: a whole read costs the client
one call, however many frames are in it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Self

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x5a\xc3\x17\x9e"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PATIENCE = 20.0
"""Seconds that the client waits for a server before it gives up."""


class Unexpected(Exception):
    """A server did not do what its protocol says, or not in time."""


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one masked frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    mask = (MASK * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return head + MASK + masked.to_bytes(size, "big")


def frames(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield opcode, payload and end of each whole frame of a server."""
    at = 0
    while len(data) - at >= 2:
        size, head = data[at + 1] & 127, 2
        if size >= 126:
            head = 4 if size == 126 else 10
            if len(data) - at < head:
                return
            size = int.from_bytes(data[at + 2 : at + head], "big")
        if len(data) - at < head + size:
            return
        end = at + head + size
        yield data[at] & 15, data[at + head : end], end
        at = end


def upgrade(path: str, port: int) -> bytes:
    """Return the request that opens a websocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\n\r\n"
    ).encode()


def after_upgrade(data: bytes) -> bytes:
    """Return what came behind the answer to `upgrade`; raise `Unexpected` if that refuses."""
    head, _, rest = data.partition(b"\r\n\r\n")
    if b" 101 " not in head.partition(b"\r\n")[0]:
        raise Unexpected(f"the server refused the websocket: {head[:200]!r}")
    return rest


class Connection:
    """One websocket, which blocks until the time is taken, and after."""

    __slots__ = ("answered", "buffer", "bytes", "next", "pending", "size", "socket")

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.size = 0
        """Bytes of one frame that is counted."""
        self.bytes = 0
        self.answered = 0
        self.next = 0
        self.pending: memoryview | None = None
        try:
            self._open(path, port)
        except BaseException:
            self.socket.close()
            raise

    def _open(self, path: str, port: int) -> None:
        self.socket.sendall(upgrade(path, port))
        while b"\r\n\r\n" not in self.buffer:
            self._read()
        self.buffer = after_upgrade(self.buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _read(self) -> None:
        data = self.socket.recv(1 << 20)
        if not data:
            raise Unexpected("the server closed the connection")
        self.buffer += data

    def send(self, text: str) -> None:
        """Send a text."""
        self.socket.sendall(frame(text.encode()))

    def receive(self) -> str:
        """Return the next text, and let `size` be the bytes of its frame."""
        while True:
            for opcode, payload, end in frames(self.buffer):
                self.size = end
                self.buffer = self.buffer[end:]
                if opcode == TEXT:
                    return payload.decode()
                if opcode == PING:
                    self.socket.sendall(frame(payload, PONG))
                elif opcode != PONG:
                    raise Unexpected(f"a frame with opcode {opcode}: {payload[:200]!r}")
                break
            else:
                self._read()

    def nothing_left(self) -> None:
        """Hold that all that came was received."""
        if self.buffer:
            raise Unexpected(f"more came than was asked for: {self.buffer[:200]!r}")
