"""Connections that come, make one call, and go, some at a time."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

from benchmarks.comparison.protocols import Protocol
from benchmarks.comparison.wire import (
    CLOSE,
    PATIENCE,
    Unexpected,
    after_upgrade,
    frame,
    frames,
    upgrade,
)

GOODBYE = frame(b"\x03\xe8", CLOSE)
clock = time.perf_counter


class Visit:
    """How one connection lives: what it sends, and when it waits."""

    def __init__(self, protocol: Protocol, port: int, text: str) -> None:
        self._address = "127.0.0.1", port
        self._upgrade = upgrade(protocol.path, port)
        steps = (*protocol.greeting, text, None)
        self._steps = [frame(step.encode()) if isinstance(step, str) else step for step in steps]

    def live(self) -> Iterator[socket.socket]:
        """Connect and yield the socket; each next turn is for when it can be read."""
        with socket.socket() as client:
            client.connect(self._address)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.send(self._upgrade)
            data = b""
            while b"\r\n\r\n" not in data:
                yield client
                data += _read(client)
            data, last = after_upgrade(data), b""
            for step in self._steps:
                if isinstance(step, bytes):
                    client.send(step)
                elif step is not None:
                    client.send(frame(step(last.decode()).encode()))
                else:
                    while not (found := next(frames(data), None)):
                        yield client
                        data += _read(client)
                    _, last, end = found
                    data = data[end:]
            client.send(GOODBYE)
            while not any(opcode == CLOSE for opcode, _, _ in frames(data)):
                yield client
                data += _read(client)
            while True:  # it is the server that closes the TCP connection, says RFC 6455
                yield client
                if not client.recv(4096):
                    break


def _read(client: socket.socket) -> bytes:
    data = client.recv(65536)
    if not data:
        raise Unexpected("the server closed the connection")
    return data


def churn(
    port: int, protocol: Protocol, text: str, loops: int, seconds: float
) -> tuple[int, float]:
    """Live one connection after the other in each loop; return how many, and in what time."""
    visit, epoll = Visit(protocol, port, text), select.epoll()
    lives: dict[int, Iterator[socket.socket]] = {}
    count, begin = 0, clock()
    deadline = begin + seconds

    def start() -> None:
        life = visit.live()
        fd = next(life).fileno()
        epoll.register(fd, select.EPOLLIN)
        lives[fd] = life

    with epoll:
        for _ in range(loops):
            start()
        while lives:
            ready = epoll.poll(PATIENCE)
            if not ready:
                raise Unexpected(f"nothing came for {PATIENCE:.0f} s")
            for fd, _ in ready:
                if next(lives[fd], None) is None:
                    del lives[fd]
                    count += 1
                    if clock() < deadline:
                        start()
    return count, clock() - begin
