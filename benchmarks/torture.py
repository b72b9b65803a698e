"""Count silent losses and duplicates while Redis, its connections and the servers fail.

Two server processes share one private Redis. Clients that reconnect are spread over both; a
publisher without websockets publishes numbered events all the time, while one fault after the
other strikes: Redis connections are killed, Redis is frozen and thawed, restarted with and without
its data, and the servers are killed and started again. At the end, each event that Redis has
confirmed must have reached each client of its channel once and in order, or lie inside a gap that
the client was told of.

    python benchmarks/torture.py [--seconds 60] [--rate 1000] [--clients 20] [--json FILE]

Needs redis-server or valkey-server. Exits with 1 for a silent loss or a duplicate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from pytest_wsrpc.redis_server import RedisServer, find_server
from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    Gap,
    History,
    Publisher,
    Reconnect,
    RedisBroker,
    RpcClient,
    Subscribe,
    WsPathMixin,
)

HISTORY = History(size=20_000, bytes=16 * 1024 * 1024, age=120)
CHANNELS = 10
CHANNELS_OF_A_CLIENT = 2
PROBE = 0.5
FROZEN = 2.0
TICK = 0.02
SETTLING = 60.0


class Stream(ApiPath, WsPathMixin, Subscribe):
    """What the servers serve."""

    async def ws_rpc_info(self, payload: Any) -> Any:
        """Return the server's counters."""
        return self.sockets.server_info()["redis"]


async def serve(url: str, port: int) -> None:
    """Be one of the servers, until killed; print the port when it serves."""
    app = web.Application()
    app.router.add_view("/stream", Stream)
    RedisBroker.for_app(app, url, history=HISTORY, probe=PROBE, check=5.0)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


class Server:
    """A server process, which comes back on its port."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/stream"

    async def start(self) -> None:
        """Start the process, and wait until it serves."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            "--serve",
            self._redis_url,
            "--port",
            str(self.port),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            self.port = int(await self._process.stdout.readline())

    async def kill(self) -> None:
        """End the process as a crash does."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()


@dataclass
class Published:
    """What was published on one channel, by number."""

    name: str
    confirmed: set[int] = field(default_factory=set)
    count: int = 0
    unknown: int = 0


@dataclass
class Heard:
    """What one client was told of one channel: numbers in their order, None for a gap."""

    channel: Published
    items: list[int | None] = field(default_factory=list)
    offsets: list[int | None] = field(default_factory=list)
    failure: str | None = None

    def duplicates(self) -> int:
        """Count events that came more than once."""
        numbers = [item for item in self.items if item is not None]
        return len(numbers) - len(set(numbers))

    def disorders(self) -> int:
        """Count events whose offset is not the next one, though no gap was told before."""
        wrong = 0
        last: int | None = None
        for offset in self.offsets:
            wrong += last is not None and offset is not None and offset != last + 1
            last = offset
        return wrong

    def gaps(self) -> int:
        """Count gaps."""
        return self.items.count(None)

    def losses(self) -> tuple[int, int]:
        """Count confirmed events that did not come: those inside of a told gap, and the others."""
        heard = {item for item in self.items if item is not None}
        missing = sorted(self.channel.confirmed - heard)
        told = 0
        spans = self._spans()
        for number in missing:
            told += any(low < number < high for low, high in spans)
        return told, len(missing) - told

    def _spans(self) -> list[tuple[float, float]]:
        """Return between which numbers a gap was told."""
        spans = []
        for index, item in enumerate(self.items):
            if item is None:
                before = [number for number in self.items[:index] if number is not None]
                after = [number for number in self.items[index:] if number is not None]
                # only what is unknown can be out of turn: the nearest confirmed ones bound a gap
                low = max((n for n in before if n in self.channel.confirmed), default=-1.0)
                high = min((n for n in after if n in self.channel.confirmed), default=1e18)
                spans.append((low, high))
        return spans


@dataclass
class Report:
    """What came of it all."""

    seconds: float = 0.0
    confirmed: int = 0
    unknown: int = 0
    expected: int = 0
    delivered: int = 0
    gaps: int = 0
    lost_in_gaps: int = 0
    silent_losses: int = 0
    duplicates: int = 0
    disorders: int = 0
    unsettled: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost in silence, doubled, out of order or stuck."""
        wrong = self.silent_losses + self.duplicates + self.disorders + self.unsettled
        return not wrong and not self.failures and self.delivered > 0


class Torture:
    """Redis, servers, clients, the publisher, and what strikes them."""

    def __init__(self, rate: int, clients: int, seed: int, pause: float) -> None:
        self.report = Report()
        self._rate = rate
        self._clients = clients
        self._pause = pause
        self._draw = random.Random(seed)
        self._channels = [Published(f"c{i}") for i in range(CHANNELS)]
        self._heard: list[Heard] = []
        self._heard_more = asyncio.Event()
        self._publishes: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> Report:
        """Publish and fail for some time, then count."""
        async with AsyncExitStack() as stack:
            self._redis = stack.enter_context(RedisServer(find_server()))
            self._servers = [Server(self._redis.url) for _ in range(2)]
            for server in self._servers:
                stack.push_async_callback(server.kill)
                await server.start()
            self._publisher = await stack.enter_async_context(
                Publisher(self._redis.url, history=HISTORY, timeout=2.0)
            )
            listeners = await self._connect(stack)
            begin = time.monotonic()
            publishing = asyncio.create_task(self._publish(begin + seconds))
            striking = asyncio.create_task(self._strike(begin + seconds))
            await asyncio.gather(publishing, striking)
            await asyncio.gather(*self._publishes)
            await self._finish()
            self.report.seconds = time.monotonic() - begin
            for listener in listeners:
                listener.cancel()
            await asyncio.wait(listeners)
        self._count()
        return self.report

    async def _connect(self, stack: AsyncExitStack) -> list[asyncio.Task[None]]:
        """Connect the clients, and return the tasks that listen."""
        listeners = []
        for number in range(self._clients):
            url = self._servers[number % 2].url
            reconnect = Reconnect(delay=0.1, max_delay=1.0)
            client = await stack.enter_async_context(RpcClient.connect(url, reconnect=reconnect))
            for i in range(CHANNELS_OF_A_CLIENT):
                heard = Heard(self._channels[(number + i * (CHANNELS // 2)) % CHANNELS])
                self._heard.append(heard)
                ready = asyncio.Event()
                listeners.append(asyncio.create_task(self._listen(client, heard, ready)))
                async with asyncio.timeout(30):
                    await ready.wait()
        return listeners

    async def _listen(self, client: RpcClient, heard: Heard, ready: asyncio.Event) -> None:
        try:
            async with client.subscribe(heard.channel.name, "*", max_pending=1_000_000) as events:
                ready.set()
                async for event in events:
                    heard.items.append(None if isinstance(event, Gap) else event.data)
                    heard.offsets.append(None if isinstance(event, Gap) else event.offset)
                    self._heard_more.set()
            heard.failure = "the subscription ended"
        except Exception as error:
            # whatever ends a subscription is what is looked for here
            heard.failure = repr(error)
        finally:
            self._heard_more.set()

    async def _publish(self, until: float) -> None:
        """Publish at the rate, without waiting for the outcome."""
        begin = time.monotonic()
        done = 0
        while (now := time.monotonic()) < until:
            due = int((now - begin) * self._rate)
            for number in range(done, due):
                task = asyncio.create_task(self._publish_one(self._channels[number % CHANNELS]))
                self._publishes.add(task)
                task.add_done_callback(self._publishes.discard)
            done = max(done, due)
            await asyncio.sleep(TICK)

    async def _publish_one(self, channel: Published) -> None:
        number = channel.count
        channel.count += 1
        try:
            await self._publisher.publish(channel.name, "tick", number)
        except BrokerUnavailable:
            channel.unknown += 1
        else:
            channel.confirmed.add(number)

    async def _strike(self, until: float) -> None:
        """Let one fault after the other strike, in an order of chance, each before any again."""
        faults: list[Callable[[], Awaitable[None]]] = [
            self._kill_subscriptions,
            self._kill_connections,
            self._freeze,
            self._restart_with_data,
            self._restart_empty,
            self._kill_a_server,
        ]
        while True:
            self._draw.shuffle(faults)
            for fault in faults:
                await asyncio.sleep(self._pause)
                if time.monotonic() >= until:
                    return
                name = fault.__name__.strip("_").replace("_", " ")
                self.report.faults[name] = self.report.faults.get(name, 0) + 1
                await fault()

    async def _kill_subscriptions(self) -> None:
        await asyncio.to_thread(self._redis.command, "CLIENT", "KILL", "TYPE", "pubsub")

    async def _kill_connections(self) -> None:
        await asyncio.to_thread(self._redis.command, "CLIENT", "KILL", "TYPE", "normal")

    async def _freeze(self) -> None:
        self._redis.freeze()
        await asyncio.sleep(FROZEN)
        self._redis.thaw()

    async def _restart_with_data(self) -> None:
        await asyncio.to_thread(self._redis.restart)

    async def _restart_empty(self) -> None:
        await asyncio.to_thread(self._redis.restart, empty=True)

    async def _kill_a_server(self) -> None:
        server = self._draw.choice(self._servers)
        await server.kill()
        await asyncio.sleep(self._pause / 2)
        await server.start()

    async def _finish(self) -> None:
        """Publish a last event on each channel, and wait until each client has one."""
        deadline = asyncio.get_running_loop().time() + SETTLING
        last: dict[str, int] = {}
        for channel in self._channels:
            while channel.name not in last:
                number = channel.count
                await self._publish_one(channel)
                if number in channel.confirmed:
                    last[channel.name] = number
        waiting = list(self._heard)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while waiting := [
                    heard
                    for heard in waiting
                    if heard.failure is None and last[heard.channel.name] not in heard.items[-100:]
                ]:
                    self._heard_more.clear()
                    await self._heard_more.wait()
        self.report.unsettled = len(waiting)

    def _count(self) -> None:
        report = self.report
        report.confirmed = sum(len(channel.confirmed) for channel in self._channels)
        report.unknown = sum(channel.unknown for channel in self._channels)
        for heard in self._heard:
            told, silent = heard.losses()
            report.expected += len(heard.channel.confirmed)
            report.delivered += len(heard.items) - heard.gaps()
            report.gaps += heard.gaps()
            report.lost_in_gaps += told
            report.silent_losses += silent
            report.duplicates += heard.duplicates()
            report.disorders += heard.disorders()
            if heard.failure is not None:
                report.failures.append(heard.failure)


def main() -> int:
    """Run it, or be one of its servers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=1000, help="events a second")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds before each fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.port))
        return 0
    logging.disable(logging.WARNING)  # what the clients say of gaps is counted
    torture = Torture(options.rate, options.clients, options.seed, options.pause)
    report = asyncio.run(torture.run(options.seconds))
    numbers = asdict(report)
    for name, value in numbers.items():
        print(f"{name.replace('_', ' '):>16}  {value}")
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
