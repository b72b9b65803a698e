"""The measurements of ``benchmarks/growth.py``: processor time of a server against one number.

Each operation waits for the one before, so that no batching hides what a single one costs.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.comparison import payloads
from benchmarks.comparison.pipeline import Ring
from benchmarks.comparison.processes import Server
from benchmarks.comparison.protocols import NUMBERS, Protocol
from benchmarks.comparison.wire import Connection, Unexpected, frame

WIRE = Protocol()
REPEATS = 5
FLAT = 1.5
"""How many times the least cost the one at the largest number may be."""
SLOPE = 0.1
"""What level curves stay below, as a power of the number: 1 is linear."""
OF_A_CLIENT = 100
"""Channels of each client that only fills the server."""


@dataclass
class Curve:
    """Microseconds of processor time for one operation, against a number of something."""

    name: str
    panel: str
    against: str
    points: list[tuple[int, float]] = field(default_factory=list)

    @property
    def times(self) -> float:
        """The cost at the largest number as so many times the least cost."""
        return self.points[-1][1] / max(min(cost for _, cost in self.points), 0.01)

    @property
    def exponent(self) -> float:
        """The power of the number that the cost grows with, over the last three points."""
        (n, cost), (more, higher) = self.points[-3:][0], self.points[-1]
        return math.log(max(higher, 0.01) / max(cost, 0.01)) / math.log(more / n)

    @property
    def verdict(self) -> str:
        """Whether the curve is flat, in words."""
        if len(self.points) < 3 or self.times <= FLAT or self.exponent < SLOPE:
            return "flat"
        return f"NOT flat: grows like n^{self.exponent:.2f} at the end"


@dataclass
class Sizes:
    """The largest number of each."""

    connections: int = 5_000
    subscribers: int = 5_000
    patterns: int = 10_000
    channels: int = 100_000
    own: int = 10_000
    operations: int = 300
    """How many operations are measured at once, `REPEATS` times."""


def steps(most: int) -> list[int]:
    """Return 1, 10, 100 and so on, and the largest number."""
    return [*(10**power for power in range(len(str(most - 1)))), most] if most > 1 else [1]


class Growth:
    """Clients of one server, and what an operation costs it."""

    def __init__(self, sizes: Sizes, core: int | None) -> None:
        self.sizes = sizes
        self.memory: dict[str, float] = {}
        """Bytes of each thing that many were made of."""
        self._core = core

    def _cost(self, server: Server, operations: int, do: Callable[[], object]) -> float:
        """Return the microseconds of an operation, the median of some repeats."""
        do()
        costs = []
        for _ in range(REPEATS):
            before = server.cpu()
            do()
            costs.append(1e6 * (server.cpu() - before) / operations)
        return median(costs)

    def _server(self, stack: ExitStack) -> Server:
        return stack.enter_context(Server(Path(sys.executable), "growth", self._core))

    def calls(self) -> Iterator[Curve]:
        """Call on one connection beside idle ones, and on all connections in turn."""
        one = Curve("call, the others idle", "call", "connections")
        turn = Curve("call on each in turn", "call", "connections")
        ring = Ring([WIRE.call(number, "echo", payloads.SMALL) for number in NUMBERS])
        count = self.sizes.operations
        with ExitStack() as stack:
            server, opened = self._server(stack), list[Connection]()
            for number in steps(self.sizes.connections):
                held = server.memory()
                fresh = number - len(opened)
                for _ in range(fresh):
                    connection = stack.enter_context(Connection(server.port, WIRE.path))
                    call(connection, "echo", payloads.SMALL)
                    opened.append(connection)
                if fresh > 100:
                    self.memory["connection"] = (server.memory() - held) / fresh
                step = -(-number // count)  # the same number of calls, from all over
                some = opened[::step]
                one.points.append(
                    (number, self._cost(server, count, in_turn(opened[:1], ring, count)))
                )
                turn.points.append((number, self._cost(server, count, in_turn(some, ring, count))))
        yield from (one, turn)

    def publishes(self) -> Iterator[Curve]:
        """Publish to many subscribers, and to one while others have channels of their own."""
        every = Curve("delivery", "delivery, publish", "subscribers")
        lone = Curve("publish to one, others elsewhere", "delivery, publish", "subscribers")
        count = self.sizes.operations
        with ExitStack() as stack:
            server = self._server(stack)
            publisher = stack.enter_context(Connection(server.port, WIRE.path))
            everybody = Ring(publications("all", "tick"))
            nobody = self._cost(server, count, in_turn([publisher], everybody, count))
            subscribers: list[Connection] = []
            for number in steps(self.sizes.subscribers):
                while len(subscribers) < number:
                    client = stack.enter_context(Connection(server.port, WIRE.path))
                    subscribe(client, "all", ["tick"])
                    subscribe(client, f"own{len(subscribers)}", ["tick"])
                    subscribers.append(client)
                call(publisher, *publication("all", "tick"))
                for client in subscribers:
                    client.receive()
                publishes = max(count // number, 3)
                cost = self._cost(
                    server, publishes, delivered(publisher, subscribers, everybody, publishes)
                )
                every.points.append((number, (cost - nobody) / number))
                own = Ring(publications("own0", "tick"))
                call(publisher, *publication("own0", "tick"))
                subscribers[0].receive()
                cost = self._cost(server, count, delivered(publisher, subscribers[:1], own, count))
                lone.points.append((number, cost))
        yield from (every, lone)

    def patterns(self) -> Iterator[Curve]:
        """Publish an event that one of many patterns of a channel matches."""
        kinds = {
            "names": ("e{:06}", "e000000"),
            "prefixes": ("e{:06}.*", "e000000.x"),
            "globs": ("*-{:06}-?", "x-000000-y"),
        }
        count = self.sizes.operations
        for kind, (pattern, event) in kinds.items():
            curve = Curve(f"publish, {kind}", "publish", "patterns on the channel")
            with ExitStack() as stack:
                server = self._server(stack)
                publisher = stack.enter_context(Connection(server.port, WIRE.path))
                clients: list[Connection] = []
                made = 0
                for number in steps(self.sizes.patterns):
                    while made < number:
                        part = [pattern.format(n) for n in range(made, min(made + 100, number))]
                        if len(clients) < OF_A_CLIENT:
                            clients.append(stack.enter_context(Connection(server.port, WIRE.path)))
                        subscribe(clients[made % len(clients)], "c", part)
                        made += len(part)
                    ring = Ring(publications("c", event))
                    call(publisher, *publication("c", event))
                    clients[0].receive()
                    cost = self._cost(server, count, delivered(publisher, clients[:1], ring, count))
                    curve.points.append((number, cost))
            yield curve

    def subscribes(self) -> Iterator[Curve]:
        """Subscribe to a channel where the server has many."""
        curve = Curve("subscribe, unsubscribe", "subscribe", "channels, or own subscriptions")
        with ExitStack() as stack:
            server, made = self._server(stack), 0
            for number in steps(self.sizes.channels):
                held, fresh = server.memory(), number - made
                while made < number:
                    client = stack.enter_context(Connection(server.port, WIRE.path))
                    upto = min(made + OF_A_CLIENT, number)
                    fill(client, [f"c{n}" for n in range(made, upto)])
                    made = upto
                if fresh > 1000:
                    self.memory["channel with a subscriber"] = (server.memory() - held) / fresh
                with Connection(server.port, WIRE.path) as visitor:
                    curve.points.append((number, self._visit(server, visitor)))
        yield curve

    def own(self) -> Iterator[Curve]:
        """Subscribe to a channel with a connection that has many."""
        curve = Curve(
            "the same, by own subscriptions", "subscribe", "channels, or own subscriptions"
        )
        with ExitStack() as stack:
            server, made = self._server(stack), 0
            client = stack.enter_context(Connection(server.port, WIRE.path))
            for number in steps(self.sizes.own):
                fill(client, [f"c{n}" for n in range(made, number)])
                made = number
                curve.points.append((number, self._visit(server, client)))
        yield curve

    def _visit(self, server: Server, client: Connection) -> float:
        """Return the cost of a subscribe and its unsubscribe."""
        count = self.sizes.operations

        def visit() -> None:
            for number in range(count):
                subscribe(client, f"v{number}", ["tick"])
                call(client, "unsubscribe", {"channel": f"v{number}"})

        return self._cost(server, count, visit)


def call(connection: Connection, method: str, payload: Any) -> Any:
    """Make one call, and return its result."""
    connection.send(WIRE.call(1000, method, payload))
    return WIRE.reply(connection.receive())[1]


def subscribe(connection: Connection, channel: str, patterns: Sequence[str]) -> None:
    """Subscribe, and hold that it was done."""
    event = patterns[0] if len(patterns) == 1 else list(patterns)
    result = call(connection, "subscribe", {"channel": channel, "event": event})
    if channel not in result["subscribed"]:
        raise Unexpected(f"not subscribed: {json.dumps(result)[:200]}")


def fill(connection: Connection, channels: Sequence[str]) -> None:
    """Subscribe to many channels, a hundred at once."""
    for start in range(0, len(channels), 100):
        some = channels[start : start + 100]
        texts = [WIRE.call(1000, "subscribe", {"channel": name, "event": "tick"}) for name in some]
        connection.socket.sendall(b"".join(frame(text.encode()) for text in texts))
        for _ in some:
            WIRE.reply(connection.receive())


def publication(channel: str, event: str) -> tuple[str, Any]:
    """Return the method and the payload that publish."""
    return "publish", {"channel": channel, "event": event, "data": payloads.SMALL}


def publications(channel: str, event: str) -> list[str]:
    """Return texts that publish."""
    return [WIRE.call(number, *publication(channel, event)) for number in NUMBERS]


def in_turn(connections: Sequence[Connection], ring: Ring, count: int) -> Callable[[], None]:
    """Return what makes calls on connections in turn, each after the reply of the one before."""

    def run() -> None:
        for number in range(count):
            connection = connections[number % len(connections)]
            connection.socket.sendall(ring.some(number, 1))
            connection.receive()

    return run


def delivered(
    publisher: Connection, subscribers: Sequence[Connection], ring: Ring, count: int
) -> Callable[[], None]:
    """Return what publishes, each time when everybody has the event of the time before."""

    def run() -> None:
        for number in range(count):
            publisher.socket.sendall(ring.some(number, 1))
            for subscriber in subscribers:
                subscriber.receive()
            publisher.receive()

    return run


CURVES: dict[str, Callable[[Growth], Iterator[Curve]]] = {
    "calls": Growth.calls,
    "publishes": Growth.publishes,
    "patterns": Growth.patterns,
    "subscribes": Growth.subscribes,
    "own": Growth.own,
}
