"""The workloads: what is set up, checked, timed, and what is measured of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks.comparison import payloads
from benchmarks.comparison.churn import churn
from benchmarks.comparison.peers import Peer
from benchmarks.comparison.pipeline import Ring, fan_out, one_by_one, pipelined
from benchmarks.comparison.processes import Server, stolen, waited
from benchmarks.comparison.protocols import NUMBERS
from benchmarks.comparison.wire import Connection, Unexpected


@dataclass
class Sizes:
    """How much of everything."""

    seconds: float = 1.0
    connections: int = 8
    depth: int = 32
    subscribers: int = 200
    window: int = 16
    idle: int = 2000
    loops: int = 8


@dataclass
class Measured:
    """What one workload on one server, once, has given."""

    operations: int
    seconds: float
    server_cpu: float
    client_cpu: float
    figures: dict[str, float] = field(default_factory=dict)
    stolen: float = 0.0
    """The share of the machine's time that its host took away."""


class Meter:
    """Takes the time and the processor time of both sides, while the context is open."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Meter:
        gc.collect()
        gc.disable()
        self._ticks, self._client = stolen(), time.process_time()
        self._client_waited = waited("self")
        self._waited, self._cpu = self._server.waited(), self._server.cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.server_cpu = self._server.cpu() - self._cpu
        self.client_cpu = time.process_time() - self._client
        self.waited = self._server.waited() - self._waited
        self.client_waited = waited("self") - self._client_waited
        gc.enable()
        taken, ticks = (b - a for a, b in zip(self._ticks, stolen(), strict=True))
        self.stolen = taken / ticks if ticks else 0.0

    def measured(self, operations: int, seconds: float, **figures: float) -> Measured:
        """Return what was measured, with what follows from it for every workload."""
        figures |= {
            "rate": operations / seconds,
            "cpu": 1e6 * self.server_cpu / operations,
            "server_util": self.server_cpu / seconds,
            "client_util": self.client_cpu / seconds,
            "server_waited": self.waited / seconds,
            "client_waited": self.client_waited / seconds,
        }
        return Measured(operations, seconds, self.server_cpu, self.client_cpu, figures, self.stolen)


def connect(server: Server, peer: Peer, stack: ExitStack) -> Connection:
    """Open one websocket, greeted."""
    connection = stack.enter_context(Connection(server.port, peer.protocol.path))
    peer.protocol.greet(connection)
    return connection


def check_calls(peer: Peer, connection: Connection, method: str, payload: Any, count: int) -> Ring:
    """Make calls at once, and hold that each has its reply with its payload; return the ring."""
    protocol = peer.protocol
    texts = [protocol.call(number, method, payload) for number in NUMBERS]
    for text in texts[:count]:
        connection.send(text)
    replies = [protocol.reply(connection.receive()) for _ in range(count)]
    if sorted(number for number, _ in replies) != list(NUMBERS[:count]):
        raise Unexpected(f"the replies were to {[number for number, _ in replies]}")
    for _, result in replies:
        if result != payload:
            raise Unexpected(f"the reply was {str(result)[:200]}")
    connection.nothing_left()
    return Ring(texts)


def rpc_seq(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """One connection, one echo after the other."""
    with ExitStack() as stack:
        connection = connect(server, peer, stack)
        ring = check_calls(peer, connection, "echo", payloads.SMALL, 1)
        one_by_one(connection, ring, sizes.seconds / 5)
        with Meter(server) as meter:
            times = one_by_one(connection, ring, sizes.seconds)
    return meter.measured(len(times), sum(times), **latency(times))


def _pipe(server: Server, peer: Peer, sizes: Sizes, method: str, payload: Any) -> Measured:
    with ExitStack() as stack:
        connections = [connect(server, peer, stack) for _ in range(sizes.connections)]
        for connection in connections:
            ring = check_calls(peer, connection, method, payload, sizes.depth)
        pipelined(connections, ring, sizes.depth, sizes.seconds / 5)
        with Meter(server) as meter:
            calls, seconds = pipelined(connections, ring, sizes.depth, sizes.seconds)
        for connection in connections:
            check_calls(peer, connection, method, payload, 1)
    return meter.measured(calls, seconds)


def rpc_pipe(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """Many echoes outstanding on each of some connections."""
    return _pipe(server, peer, sizes, "echo", payloads.SMALL)


def rpc_pipe_10k(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """The same with 10 kB of small records."""
    return _pipe(server, peer, sizes, "echo", payloads.LARGE)


def typed(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """A method with types, and the one without on the same payload, in the same process."""
    methods = ["echo", "order"] if number % 2 else ["order", "echo"]
    results = {method: _pipe(server, peer, sizes, method, payloads.ORDER) for method in methods}
    result = results["order"]
    result.figures["untyped_cpu"] = results["echo"].figures["cpu"]
    result.figures["typed_ratio"] = result.figures["cpu"] / results["echo"].figures["cpu"]
    return result


def _fan_out(server: Server, peer: Peer, sizes: Sizes, window: int) -> Measured:
    protocol, answer = peer.protocol, peer.protocol.answer
    with ExitStack() as stack:
        publisher = connect(server, peer, stack)
        subscribers = [connect(server, peer, stack) for _ in range(sizes.subscribers)]
        for subscriber in subscribers:
            subscriber.send(protocol.subscribe(NUMBERS[0]))
            protocol.reply(subscriber.receive())
        publisher.send(protocol.publish(NUMBERS[0], payloads.SMALL))
        for subscriber in subscribers:
            text = subscriber.receive()
            if protocol.event(text) != payloads.SMALL:
                raise Unexpected(f"the event was {text[:200]}")
            if answer is not None:
                subscriber.send(answer(text))
            subscriber.nothing_left()
        if len({subscriber.size for subscriber in subscribers}) != 1:
            raise Unexpected("events of different sizes")
        protocol.reply(publisher.receive())
        ring = Ring([protocol.publish(n, payloads.SMALL) for n in NUMBERS])
        fan_out(publisher, subscribers, ring, window, sizes.seconds / 5, answer)
        with Meter(server) as meter:
            deliveries, seconds, times = fan_out(
                publisher, subscribers, ring, window, sizes.seconds, answer
            )
    return meter.measured(deliveries, seconds, **latency(times))


def fanout(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """One publisher with some events on their way to many subscribers."""
    return _fan_out(server, peer, sizes, sizes.window)


def fanout_seq(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """The next event only when all subscribers have the last one."""
    return _fan_out(server, peer, sizes, 1)


def idle(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """Connections which each did one call."""
    with ExitStack() as stack:
        for _ in range(20):
            check_calls(peer, connect(server, peer, stack), "echo", payloads.SMALL, 1)
        base, begin = server.memory(), time.perf_counter()
        with Meter(server) as meter:
            for _ in range(sizes.idle):
                check_calls(peer, connect(server, peer, stack), "echo", payloads.SMALL, 1)
        seconds = time.perf_counter() - begin
        held = server.memory() - base
    return meter.measured(sizes.idle, seconds, memory=held / sizes.idle / 1024, base=base / 1e6)


def connections(server: Server, peer: Peer, sizes: Sizes, number: int) -> Measured:
    """Loops of connect, upgrade, one call, and the closing handshake."""
    text = peer.protocol.call(NUMBERS[0], "echo", payloads.SMALL)
    with ExitStack() as stack:
        check_calls(peer, connect(server, peer, stack), "echo", payloads.SMALL, 1)
    churn(server.port, peer.protocol, text, sizes.loops, sizes.seconds / 5)
    with Meter(server) as meter:
        count, seconds = churn(server.port, peer.protocol, text, sizes.loops, sizes.seconds)
    return meter.measured(count, seconds)


def latency(times: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile in microseconds; nothing of too few times."""
    if len(times) < 3:
        return {}
    return {"p50": 1e6 * median(times), "p99": 1e6 * quantiles(times, n=100)[98]}


Work = Callable[[Server, Peer, Sizes, int], Measured]

WORKLOADS: dict[str, Work] = {
    "rpc-seq": rpc_seq,
    "rpc-pipe": rpc_pipe,
    "rpc-pipe-10k": rpc_pipe_10k,
    "fanout": fanout,
    "fanout-seq": fanout_seq,
    "idle": idle,
    "churn": connections,
    "typed": typed,
}
