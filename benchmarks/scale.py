"""Cost per channel, subscriber, event and node: processor time and memory, from 1 to 8 nodes.

Each node is a process of its own (``scale_node.py``), all on one private Redis; clients are plain
sockets, whose cost counts for nobody. Processor time is that of the process which is measured,
so that a busy machine changes it little. What is claimed of speed is compared with something that
runs beside it: an empty call, redis-py alone, aiohttp alone, a bus that is a list.

    python -m benchmarks.scale [--channels 100000] [--nodes 1 2 4 8] [--json FILE]

Needs redis-server or valkey-server. Takes about two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import redis.asyncio

from benchmarks.scale_processes import OF_A_CLIENT, Client, Process, subscribe
from pytest_wsrpc.redis_server import RedisServer, find_server

DATA = {"price": 1234.5, "size": 100, "venue": "somewhere", "note": "x" * 40}
"""100 bytes of JSON, about."""
BUSY_CHANNELS = 100
BATCH = 256


@dataclass
class Row:
    """One line of the table: microseconds of processor time and bytes, for one of its things."""

    what: str
    node_us: float | None = None
    redis_us: float | None = None
    node_bytes: float | None = None
    redis_bytes: float | None = None
    seconds: float | None = None
    ratio: float | None = None
    beside: str = ""


@dataclass
class Scale:
    """The measurements, and their sizes."""

    channels: int = 100_000
    nodes: Sequence[int] = (1, 2, 4, 8)
    events: int = 5_000
    connections: int = 500
    rows: list[Row] = field(default_factory=list)

    async def run(self) -> list[Row]:
        """Measure everything, one after the other."""
        allow_connections(max(2 * self.connections, self.channels // OF_A_CLIENT) + 200)
        for kind in ("local", "local+history", "redis", "redis+history"):
            await self._measure_channels(kind)
        for kind in ("bus", "redis", "redis+history"):
            await self._measure_events(kind)
        await self._measure_subscribers()
        return self.rows

    def _start_redis(self, stack: AsyncExitStack) -> RedisServer:
        return stack.enter_context(RedisServer(find_server()))

    async def _measure_channels(self, kind: str) -> None:
        """Subscribe one client to more and more channels, and lose the connection to Redis."""
        async with AsyncExitStack() as stack:
            server = self._start_redis(stack)
            node = await stack.enter_async_context(Process(server.directory, kind, server.url))
            is_redis = kind.startswith("redis")
            number = -(-self.channels // OF_A_CLIENT)
            clients = [await Client.connect(node.paths[0]) for _ in range(number)]
            empty = await node.ask("figures")
            for client in clients:
                await client.call("nothing", [{}] * OF_A_CLIENT)
            idle = (await node.ask("figures"))["cpu"] - empty["cpu"]
            first = 0
            steps = [self.channels // 100, self.channels // 10, self.channels]
            for last in steps if is_redis else steps[:2]:
                before, redis_before = await node.ask("figures"), redis_figures(server)
                begin = time.monotonic()
                await subscribe(clients, first, last)
                seconds = time.monotonic() - begin
                after, redis_after = await node.ask("figures"), redis_figures(server)
                count = last - first
                cpu = (after["cpu"] - before["cpu"]) / count
                row = Row(
                    f"{kind}: channel, up to {last:,}",
                    node_us=1e6 * cpu,
                    node_bytes=(after["memory"] - before["memory"]) / count,
                    seconds=seconds,
                    ratio=cpu / (idle / number / OF_A_CLIENT),
                    beside="an empty call",
                )
                if is_redis:
                    row.redis_us = 1e6 * (redis_after[0] - redis_before[0]) / count
                    row.redis_bytes = (redis_after[1] - redis_before[1]) / count
                self.rows.append(row)
                first = last
            if is_redis:
                await self._measure_loss(kind, server, node)

    async def _measure_loss(self, kind: str, server: RedisServer, node: Process) -> None:
        """Kill the bus connection, and wait until all is subscribed again and proved."""
        before, redis_before = await node.ask("figures"), redis_figures(server)
        begin = time.monotonic()
        server.command("CLIENT", "KILL", "TYPE", "pubsub")
        after = await node.ask("recover", losses=1)
        seconds, redis_after = time.monotonic() - begin, redis_figures(server)
        self.rows.append(
            Row(
                f"{kind}: channel that is subscribed again",
                node_us=1e6 * (after["cpu"] - before["cpu"]) / self.channels,
                redis_us=1e6 * (redis_after[0] - redis_before[0]) / self.channels,
                seconds=seconds,
            )
        )

    async def _measure_events(self, kind: str) -> None:
        """Publish from one process to one subscriber in each of more and more nodes."""
        for count in self.nodes:
            async with AsyncExitStack() as stack:
                server = self._start_redis(stack)
                is_memory = kind == "bus"
                shape = [count] if is_memory else [1] * count
                processes = [
                    await stack.enter_async_context(
                        Process(server.directory, kind, server.url, nodes)
                    )
                    for nodes in shape
                ]
                paths = [path for process in processes for path in process.paths]
                publisher = processes[0]
                if not is_memory:
                    publisher = await stack.enter_async_context(
                        Process(server.directory, kind, server.url)
                    )
                clients = [await Client.connect(path) for path in paths]
                for client in clients:
                    await client.subscribe(range(BUSY_CHANNELS))
                await self._publish(publisher, clients, BATCH)  # what is done once
                before = [await process.ask("figures") for process in processes]
                published, redis_before = await publisher.ask("figures"), redis_figures(server)
                begin = time.monotonic()
                await self._publish(publisher, clients, self.events)
                seconds = time.monotonic() - begin
                done, redis_after = await publisher.ask("figures"), redis_figures(server)
                after = [await process.ask("figures") for process in processes]
                spent = sum(a["cpu"] - b["cpu"] for a, b in zip(after, before, strict=True))
                row = Row(
                    f"{kind}: event delivered, each of {count}",
                    node_us=1e6 * spent / self.events / count,
                    seconds=seconds,
                )
                self.rows.append(row)
                if is_memory:
                    continue
                row.redis_us = 1e6 * (redis_after[0] - redis_before[0]) / self.events
                if kind == "redis+history" and count == self.nodes[0]:
                    await self._publish(publisher, clients, self.events, channels=1)
                    size = server.command("MEMORY", "USAGE", "wsrpc:h:c0", "SAMPLES", 0)
                    row.redis_bytes = size / server.command("XLEN", "wsrpc:h:c0")
                if count == self.nodes[0]:
                    await self._measure_one_by_one(kind, server, publisher, clients)
                bare = await self._publish_bare(server)
                row.ratio, row.beside = row.redis_us / bare, "PUBLISH by redis-py"
                self.rows.append(
                    Row(
                        f"{kind}: event published, to {count}",
                        node_us=1e6 * (done["cpu"] - published["cpu"]) / self.events,
                    )
                )

    async def _publish(
        self,
        publisher: Process,
        clients: Sequence[Client],
        count: int,
        channels: int = BUSY_CHANNELS,
        at_once: int = BATCH,
    ) -> None:
        due = [client.messages + count for client in clients]
        await publisher.ask("publish", count=count, channels=channels, data=DATA, at_once=at_once)
        for client, messages in zip(clients, due, strict=True):
            await client.received(messages)

    async def _measure_one_by_one(
        self, kind: str, server: RedisServer, publisher: Process, clients: Sequence[Client]
    ) -> None:
        """Publish events each of which waits for the one before."""
        count = -(-self.events // 5)
        before, redis_before = await publisher.ask("figures"), redis_figures(server)
        await self._publish(publisher, clients, count, at_once=1)
        after, redis_after = await publisher.ask("figures"), redis_figures(server)
        self.rows.append(
            Row(
                f"{kind}: event published alone",
                node_us=1e6 * (after["cpu"] - before["cpu"]) / count,
                redis_us=1e6 * (redis_after[0] - redis_before[0]) / count,
            )
        )

    async def _publish_bare(self, server: RedisServer) -> float:
        """Return what Redis spends on a message of the same size that redis-py publishes."""
        payload = json.dumps(["tick", DATA]).encode()
        async with redis.asyncio.Redis(unix_socket_path=server.path) as client:
            before = redis_figures(server)[0]
            for _ in range(0, self.events, BATCH):
                async with client.pipeline(transaction=False) as pipeline:
                    for number in range(BATCH):
                        # the same nodes take the same messages, and ignore them
                        pipeline.publish(f"wsrpc:c:c{number % BUSY_CHANNELS}", payload)
                    await pipeline.execute()
            sent = BATCH * -(-self.events // BATCH)
            return 1e6 * (redis_figures(server)[0] - before) / sent

    async def _measure_subscribers(self) -> None:
        """Connect many clients to one node, subscribe them to one channel, and publish."""
        count, events = self.connections, max(self.events // 100, 10)
        async with AsyncExitStack() as stack:
            server = self._start_redis(stack)
            kind = "redis+history"
            node = await stack.enter_async_context(Process(server.directory, kind, server.url))
            figures = [await node.ask("figures")]
            bare = [await Client.connect(node.paths[0], "/bare") for _ in range(count)]
            figures.append(await node.ask("figures"))
            clients = [await Client.connect(node.paths[0]) for _ in range(count)]
            figures.append(await node.ask("figures"))
            for client in clients:
                await client.subscribe(range(1))
            figures.append(await node.ask("figures"))
            await node.ask("bare", count=events, data=DATA)
            for client in bare:
                await client.received(events)
            figures.append(await node.ask("figures"))
            await node.ask("publish", count=events, channels=1, data=DATA, at_once=BATCH)
            for client in clients:
                await client.received(1 + events)
            figures.append(await node.ask("figures"))
            words = server.command("HMGET", "wsrpc:p:c0", "epoch", "offset")
            since = {"epoch": words[0].decode(), "offset": int(words[1])}
            for client in clients:
                await client.call("unsubscribe", [{"channel": "c0"}])
            figures.append(await node.ask("figures"))
            redis_before = redis_figures(server)
            for client in clients:
                await client.call("subscribe", [{"channel": "c0", "since": since}])
            figures.append(await node.ask("figures"))
            redis_after = redis_figures(server)
        cpu = [b["cpu"] - a["cpu"] for a, b in pairwise(figures)]
        held = [b["memory"] - a["memory"] for a, b in pairwise(figures)]
        shakes, alone = 1e6 * cpu[1] / count, "aiohttp"
        self.rows += [
            Row(
                "connection",
                shakes,
                node_bytes=held[1] / count,
                ratio=cpu[1] / cpu[0],
                beside=alone,
            ),
            Row(
                "subscription of a known channel", 1e6 * cpu[2] / count, node_bytes=held[2] / count
            ),
            Row(
                "subscription that comes back",
                node_us=1e6 * cpu[6] / count,
                redis_us=1e6 * (redis_after[0] - redis_before[0]) / count,
            ),
            Row(
                "event to one subscriber of many",
                node_us=1e6 * cpu[4] / count / events,
                ratio=cpu[4] / cpu[3],
                beside="send_str of aiohttp",
            ),
        ]


def redis_figures(server: RedisServer) -> tuple[float, int]:
    """Return seconds of CPU that a Redis has spent, and bytes that it holds."""
    info = server.command("INFO", "all")
    return info["used_cpu_user"] + info["used_cpu_sys"], info["used_memory"]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as they are printed."""
    heads = ("node µs", "Redis µs", "node bytes", "Redis bytes", "seconds")
    lines = [f"{'':44}" + "".join(f"{head:>12}" for head in heads) + "   times"]
    for row in rows:
        values = (row.node_us, row.redis_us, row.node_bytes, row.redis_bytes, row.seconds)
        cells = "".join(
            f"{'' if value is None else f'{value:,.0f}' if value >= 100 else f'{value:.2f}':>12}"
            for value in values
        )
        ratio = "" if row.ratio is None else f"   {row.ratio:.2f} of {row.beside}"
        lines.append(f"{row.what:44}{cells}{ratio}")
    return "\n".join(lines)


def allow_connections(count: int) -> None:
    """Allow this process and those that it starts to open so many files, as far as may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--channels", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    begin = time.monotonic()
    scale = Scale(options.channels, options.nodes, options.events, options.connections)
    rows = asyncio.run(scale.run())
    print(table(rows))
    print(f"took {time.monotonic() - begin:.0f} s")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
