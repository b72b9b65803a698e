"""One process of ``benchmarks/scale.py``: some nodes, which it serves, measures and lets publish.

It takes commands as lines of JSON on its standard input, and answers each with one on its output.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from wsrpc import (
    SOCKETS_KEY,
    ApiPath,
    History,
    Limits,
    LocalBroker,
    RedisBroker,
    SocketsManager,
    Subscribe,
    WsPathMixin,
)

HISTORY = History(size=1000, age=3600)
MIB = 1 << 20


class Stream(ApiPath, WsPathMixin, Subscribe):
    """What the nodes serve; clients subscribe to a hundred channels at once."""

    limits = Limits(concurrent_calls=100, outbox_size=256 * MIB, heartbeat=None)

    async def ws_rpc_nothing(self, payload: Any) -> None:
        """Do nothing, as the call that costs least."""


class MemoryBus(SocketsManager):
    """Nodes of one process, to which a list is the bus: what there is to do without any Redis."""

    def __init__(self, nodes: list[SocketsManager]) -> None:
        self._nodes = nodes
        nodes.append(self)

    async def subscribe(self, channel: str) -> None:
        """Accept every channel."""

    async def publish(self, channel: str, event: str, body: Any) -> None:
        """Bring an event to all nodes, encoded once."""
        message = {"event": event, "json": json.dumps(body).encode()}
        for node in self._nodes:
            await node.channels(channel, message)


class Nodes:
    """The nodes of this process, by the kind of their broker."""

    def __init__(self, kind: str, url: str, paths: list[str]) -> None:
        self._bus: list[SocketsManager] = []
        name, _, history = kind.partition("+")
        make: dict[str, Callable[[], SocketsManager]] = {
            "local": lambda: LocalBroker(history=HISTORY if history else 0),
            "redis": lambda: RedisBroker(
                url, history=HISTORY if history else 0, timeout=120, probe=30
            ),
            "bus": lambda: MemoryBus(self._bus),
        }
        self.brokers = [make[name]() for _ in paths]
        self._paths = paths
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Serve each node on its unix socket."""
        for broker, path in zip(self.brokers, self._paths, strict=True):
            app = web.Application()
            app[SOCKETS_KEY] = broker
            app.on_startup.append(broker.start)
            app.on_shutdown.append(broker.close)
            app.router.add_view("/stream", Stream)
            app.router.add_get("/bare", self.bare)
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            await web.UnixSite(runner, path).start()
            self._runners.append(runner)
        self.bare_sockets: list[web.WebSocketResponse] = []

    async def bare(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a websocket of aiohttp alone."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.bare_sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    @staticmethod
    def figures() -> dict[str, float]:
        """Return the seconds of processor time spent, and the bytes of memory held."""
        return {
            "cpu": time.process_time(),
            "memory": memory(),
        }

    async def publish(self, count: int, channels: int, data: Any, at_once: int) -> None:
        """Publish events on channels in turn, some at once."""
        broker = self.brokers[0]
        for start in range(0, count, at_once):
            some = range(start, min(start + at_once, count))
            await asyncio.gather(
                *(broker.publish(f"c{number % channels}", "tick", data) for number in some)
            )

    async def send_bare(self, count: int, data: Any) -> None:
        """Send a text to each of aiohttp's websockets, as often, as an application would."""
        for _ in range(count):
            text = json.dumps({"channel": "c0", "event": "tick", "data": data})
            for socket in self.bare_sockets:
                await socket.send_str(text)

    async def recover(self, losses: int) -> None:
        """Wait until Redis was lost so often and is found again, with all channels."""
        (broker,) = self.brokers
        assert isinstance(broker, RedisBroker)
        counters = broker.server_info()["redis"]
        while not (counters["healthy"] and counters["losses"] >= losses):
            await asyncio.sleep(0.005)  # nobody else tells
            counters = broker.server_info()["redis"]
        assert counters["subscribed"] == counters["wanted"], counters

    async def obey(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do what a line asks for, and return the answer."""
        if command == "figures":
            gc.collect()
            return self.figures()
        work: dict[str, Callable[..., Awaitable[None]]] = {
            "publish": self.publish,
            "bare": self.send_bare,
            "recover": self.recover,
        }
        await work[command](**arguments)
        return self.figures()


def memory() -> int:
    """Return the bytes that this process holds; where only that is known, at most held so far."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def run(kind: str, url: str, paths: list[str]) -> None:
    """Serve until the standard input ends."""
    nodes = Nodes(kind, url, paths)
    await nodes.start()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps("ready"), flush=True)
    while line := await reader.readline():
        command, arguments = json.loads(line)
        print(json.dumps(await nodes.obey(command, arguments)), flush=True)


def main() -> None:
    """Be the process that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("url")
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # what is lost here is lost on purpose
    asyncio.run(run(options.kind, options.url, options.paths))


if __name__ == "__main__":
    main()
