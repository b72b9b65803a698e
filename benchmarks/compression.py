"""What it costs to compress events for many subscribers: processor time, bytes, memory.

One compressed frame for all of them, as this project makes it, against a compressor for each
connection, as aiohttp has it, and against no compression.

    python -m benchmarks.compression [--subscribers 200] [--events 100] [--size 2000] [--rounds 5]

Linux only. Takes about half a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.comparison.command import parser_of, sizes_in
from benchmarks.comparison.processes import Server, allow_files, pinned
from benchmarks.comparison.report import number, table
from benchmarks.comparison.wire import PATIENCE, Unexpected, frame, upgrade

WAYS = ("aiohttp-plain", "aiohttp-compressed", "wsrpc-plain", "wsrpc-compressed")
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
WINDOW = 4
"""Events that are on their way at the same time."""


@dataclass
class Sizes:
    """How much of everything."""

    subscribers: int = 200
    events: int = 100
    size: int = 2000
    rounds: int = 5


@dataclass(frozen=True)
class Figures:
    """What one round of one way gave, for one delivery or one connection."""

    cpu: float
    """Microseconds of the server's processor time for a delivery."""
    sent: float
    """Bytes on the wire for a delivery."""
    memory: float
    """Kilobytes that the server took for a connection that got all events."""


class Client:
    """One connection that offers compression, and counts what it gets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, path: str) -> Client:
        """Connect, and hold that what was agreed on is what the path says."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client._writer.write(upgrade(path, port).removesuffix(b"\r\n") + OFFER)
        answer = await client._reader.readuntil(b"\r\n\r\n")
        if (b"permessage-deflate" in answer) is not path.endswith("-compressed"):
            raise Unexpected(f"{path} answered {answer!r:.300}")
        return client

    def call(self, method: str, payload: Any) -> None:
        """Send one call."""
        call = {"id": 1, "method": method, "payload": payload}
        self._writer.write(frame(json.dumps(call).encode()))

    async def take(self) -> int:
        """Read one frame, and return its size."""
        head = await self._reader.readexactly(2)
        size, more = head[1], 0
        if size > 125:
            more = 2 if size == 126 else 8
            size = int.from_bytes(await self._reader.readexactly(more), "big")
        await self._reader.readexactly(size)
        return 2 + more + size

    def abort(self) -> None:
        """Leave at once."""
        self._writer.transport.abort()


def events(sizes: Sizes) -> list[Any]:
    """Return the data of events: records of prices, as alike as such records are."""
    chance = random.Random(1)
    made = []
    for _ in range(sizes.events):
        data: list[Any] = []
        while len(json.dumps(data, separators=(",", ":"))) < sizes.size:
            price = round(chance.uniform(1, 1000), 2)
            side = chance.choice(["buy", "sell"])
            second = f"2026-01-01T12:00:{chance.randrange(60):02}Z"
            symbol = f"SYM{chance.randrange(1000)}"
            data.append({"symbol": symbol, "price": price, "side": side, "time": second})
        made.append(data)
    return made


async def measure(server: Server, way: str, sizes: Sizes, made: Sequence[Any]) -> Figures:
    """Publish all events to all subscribers."""
    path = f"/{way}"
    publisher = await Client.connect(server.port, path)
    before = server.memory()
    clients = [await Client.connect(server.port, path) for _ in range(sizes.subscribers)]
    try:
        for client in clients:
            client.call("subscribe", {"channel": "c"})
            await client.take()
        cpu, sent = server.cpu(), 0
        for start in range(0, len(made), WINDOW):
            some = made[start : start + WINDOW]
            for data in some:
                publisher.call("publish", {"channel": "c", "event": "e", "data": data})
            for client in [publisher, *clients]:
                for _ in some:
                    size = await client.take()
                    sent += 0 if client is publisher else size
        deliveries = len(made) * len(clients)
        cpu = (server.cpu() - cpu) / deliveries
        memory = (server.memory() - before) / len(clients)
        return Figures(cpu * 1e6, sent / deliveries, memory / 1000)
    finally:
        for client in [publisher, *clients]:
            client.abort()


def report(figures: dict[str, list[Figures]]) -> Iterator[str]:
    """Yield the lines of the table: medians of the rounds."""
    rows = [["server", "µs of processor time a delivery", "bytes a delivery", "kB a connection"]]
    for way, some in figures.items():
        columns = ([getattr(one, name) for one in some] for name in ("cpu", "sent", "memory"))
        rows.append([way, *(number(statistics.median(column)) for column in columns)])
    yield from table(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    options = parser_of(__doc__, Sizes()).parse_args(arguments)
    sizes = sizes_in(options, Sizes)
    allow_files()
    made = events(sizes)
    figures: dict[str, list[Figures]] = {way: [] for way in WAYS}
    with pinned(not options.no_pin) as core:
        for _ in range(sizes.rounds):
            for way in WAYS:  # each in a process of its own, for its memory
                with Server(Path(sys.executable), "compression", core) as server:
                    measured = asyncio.wait_for(measure(server, way, sizes, made), 3 * PATIENCE)
                    figures[way].append(asyncio.run(measured))
    print("\n".join(report(figures)))
    print(f"events of {len(json.dumps(made[0])):,} bytes; load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
