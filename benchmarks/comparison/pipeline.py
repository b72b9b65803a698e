"""The timed loops of the client: many frames for one system call, nothing parsed."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.comparison.wire import PATIENCE, Connection, Unexpected, frame, frames

BUFFER = memoryview(bytearray(1 << 20))
clock = time.perf_counter


class Ring:
    """Frames of one size one after the other, so that some in a row are one slice."""

    def __init__(self, texts: Sequence[str]) -> None:
        made = [frame(text.encode()) for text in texts]
        self.size = len(made[0])
        if any(len(one) != self.size for one in made):
            raise Unexpected("frames of different sizes")
        self.number = len(made)
        self._view = memoryview(b"".join(made + made))

    def some(self, first: int, count: int) -> memoryview:
        """Return the bytes of ``count`` frames, at most all, from number ``first`` on."""
        start = first % self.number * self.size
        return self._view[start : start + count * self.size]


class Poller:
    """The sockets of a timed loop, without blocking while the context is open."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._by_fd = {connection.socket.fileno(): connection for connection in connections}
        self._epoll = select.epoll()

    def __enter__(self) -> Poller:
        for fd, connection in self._by_fd.items():
            connection.socket.setblocking(False)
            connection.bytes = connection.answered = connection.next = 0
            self._epoll.register(fd, select.EPOLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        self._epoll.close()
        for connection in self._by_fd.values():
            connection.socket.settimeout(PATIENCE)

    def received(self) -> Iterator[tuple[Connection, int]]:
        """Yield who got something, and how many bytes, each time at the start of `BUFFER`.

        What could not be sent before is sent where that goes; raise `Unexpected` where nothing is
        ready for long, or a connection ends.
        """
        ready = self._epoll.poll(PATIENCE)
        if not ready:
            raise Unexpected(f"nothing came for {PATIENCE:.0f} s")
        for fd, event in ready:
            connection = self._by_fd[fd]
            if event & select.EPOLLOUT:
                self._flush(connection)
            if event & ~select.EPOLLOUT:
                got = connection.socket.recv_into(BUFFER)
                if not got:
                    raise Unexpected("the server closed the connection")
                yield connection, got

    def write(self, connection: Connection, data: memoryview) -> None:
        """Send without blocking; what does not fit is sent when the socket is ready."""
        if connection.pending is not None:
            connection.pending = memoryview(bytes(connection.pending) + data)
            return
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            connection.pending = data[sent:]
            self._epoll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _flush(self, connection: Connection) -> None:
        """Send what did not fit before."""
        data, connection.pending = connection.pending, None
        if data is not None:
            self._epoll.modify(connection.socket.fileno(), select.EPOLLIN)
            self.write(connection, data)


def one_by_one(connection: Connection, ring: Ring, seconds: float) -> list[float]:
    """Make calls each of which waits for the reply of the one before; return their seconds."""
    times = []
    send, receive, size = connection.socket.send, connection.socket.recv_into, connection.size
    requests = [ring.some(number, 1) for number in range(ring.number)]
    number, buffer, now = 0, BUFFER, clock()
    deadline = now + seconds
    while now < deadline:
        send(requests[number])
        got = receive(buffer)
        while got < size:
            more = receive(buffer)
            if not more:
                raise Unexpected("the server closed the connection")
            got += more
        if got != size:
            raise Unexpected(f"{got} bytes came for a reply of {size}")
        begin, now = now, clock()
        times.append(now - begin)
        number = (number + 1) % ring.number
    return times


def pipelined(
    connections: Sequence[Connection], ring: Ring, depth: int, seconds: float
) -> tuple[int, float]:
    """Keep ``depth`` calls of each connection outstanding; return how many, and in what time."""
    size = connections[0].size
    with Poller(connections) as poller:
        begin = clock()
        deadline = begin + seconds
        for connection in connections:
            poller.write(connection, ring.some(0, depth))
            connection.next = depth
        outstanding, calls = depth * len(connections), 0
        while outstanding > 0:
            going_on = clock() < deadline
            for connection, got in poller.received():
                connection.bytes += got
                done = connection.bytes // size - connection.answered
                if done:
                    connection.answered += done
                    calls += done
                    if going_on:
                        poller.write(connection, ring.some(connection.next, done))
                        connection.next += done
                    else:
                        outstanding -= done
        took = clock() - begin
    for connection in connections:
        if connection.bytes != connection.next * size:
            raise Unexpected(
                f"{connection.bytes} bytes came for {connection.next} replies of {size}"
            )
    return calls, took


def fan_out(
    publisher: Connection,
    subscribers: Sequence[Connection],
    ring: Ring,
    window: int,
    seconds: float,
    answer: Callable[[str], str] | None,
) -> tuple[int, float, list[float]]:
    """Publish with at most ``window`` events on their way to all subscribers.

    Return the deliveries, the time taken, and, where the window is 1, the seconds from each
    publish to its last delivery.
    """
    number = len(subscribers)
    size = subscribers[0].size  # of equal size for all, which the caller has held
    with Poller([publisher, *subscribers]) as poller:
        published = delivered = left = 0
        times: list[float] = []
        begin = now = sent = clock()
        deadline = begin + seconds
        while now < deadline or delivered < published * number:
            if now < deadline:
                due = delivered // number + window - published
                if due > 0:
                    if window == 1:
                        if published:
                            times.append(now - sent)
                        sent = now
                    poller.write(publisher, ring.some(published, due))
                    published += due
            for connection, got in poller.received():
                if connection is publisher:
                    continue
                connection.bytes += got
                left += got
                if answer is not None:
                    _answer(poller, connection, bytes(BUFFER[:got]), answer)
            whole = left // size
            delivered += whole
            left -= whole * size
            now = clock()
        took = now - begin
    for connection in subscribers:
        if connection.bytes != published * size:
            raise Unexpected(f"{connection.bytes} bytes came for {published} events of {size}")
    return delivered, took, times


def _answer(
    poller: Poller, connection: Connection, data: bytes, answer: Callable[[str], str]
) -> None:
    connection.buffer += data
    last = 0
    for _, payload, end in frames(connection.buffer):
        last = end
        poller.write(connection, memoryview(frame(answer(payload.decode()).encode())))
    connection.buffer = connection.buffer[last:]
