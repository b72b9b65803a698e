"""What connections in memory gain over loopback sockets, in tests of websocket applications.

The sockets are those of aiohttp's ``TestServer`` and ``TestClient``, which pytest-aiohttp's
``aiohttp_client`` gives; the other side is ``pytest_wsrpc.serve``, on a loop of real time and on
one of virtual time. All run in one process and take turns, so that load strikes each of them alike:
a ratio is one of two neighbours, and the median of these is what counts.

asyncio reads from a socket into a buffer of 256 KiB. glibc takes that from its heap, or maps it
anew each time, which makes round trips over sockets twice as slow: it depends on what the process
has done before. Here as in most runs of pytest it is the heap; for the other, set the environment
variable MALLOC_MMAP_THRESHOLD_=131072.

    python benchmarks/harness.py [--rounds 7] [--scale 1.0] [--json FILE]

Exits with 1 if a ratio falls short of its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from pytest_wsrpc import VirtualLoop, demo, serve

TEXT = '{"id":1,"method":"add","payload":{"a":1,"b":2}}'
PAYLOAD = {"a": 1, "b": 2}
ANSWER = {"sum": 3}

Connect = Callable[[str], Awaitable[aiohttp.ClientWebSocketResponse]]
"""What connects a websocket of aiohttp to a path."""


# What is served.


def echo_app() -> web.Application:
    """Return an application of aiohttp alone, which sends back what it gets."""
    app = web.Application()
    app.router.add_get("/stream", _echo)
    return app


async def _echo(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        await ws.send_str(message.data)
    return ws


@asynccontextmanager
async def sockets(app: web.Application) -> AsyncIterator[Connect]:
    """Serve as ``aiohttp_client`` does."""
    async with TestClient(TestServer(app)) as client:
        yield client.ws_connect


@asynccontextmanager
async def memory(app: web.Application) -> AsyncIterator[Connect]:
    """Serve by pytest_wsrpc, for aiohttp's client."""
    async with serve(app) as connect:
        yield connect.session.ws_connect


# What is measured: each does something a number of times, and returns the seconds that it took.

Server = Callable[[web.Application], AbstractAsyncContextManager[Connect]]
Measure = Callable[[int], Awaitable[float]]


def echoes(server: Server) -> Measure:
    """Round trips of a text on one connection."""

    async def measure(count: int) -> float:
        async with server(echo_app()) as connect:
            ws = await connect("/stream")
            started = time.perf_counter()
            for _ in range(count):
                await _echo_once(ws)
            seconds = time.perf_counter() - started
            await ws.close()
        return seconds

    return measure


async def calls_by_hand(count: int) -> float:
    """Calls of a wsrpc method by JSON written by hand, over sockets."""
    async with sockets(demo.create_app()) as connect:
        ws = await connect("/stream")
        started = time.perf_counter()
        for number in range(count):
            await _call_by_hand(ws, number)
        seconds = time.perf_counter() - started
        await ws.close()
    return seconds


async def calls_of_client(count: int) -> float:
    """Calls of a wsrpc method by the client of the fixtures, in memory."""
    async with serve(demo.create_app()) as connect:
        client = await connect()
        started = time.perf_counter()
        for _ in range(count):
            assert await client.call("add", PAYLOAD) == ANSWER
        return time.perf_counter() - started


def fresh_echoes(server: Server) -> Measure:
    """A fresh application of aiohttp, a connection, one round trip, and the end of all."""

    async def measure(count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            async with server(echo_app()) as connect:
                ws = await connect("/stream")
                await _echo_once(ws)
                await ws.close()
        return time.perf_counter() - started

    return measure


async def fresh_calls_by_hand(count: int) -> float:
    """A fresh wsrpc application, a connection, one call, and the end of all, over sockets."""
    started = time.perf_counter()
    for number in range(count):
        async with sockets(demo.create_app()) as connect:
            ws = await connect("/stream")
            await _call_by_hand(ws, number)
            await ws.close()
    return time.perf_counter() - started


async def fresh_calls_of_client(count: int) -> float:
    """The same by `serve` and its client, in memory."""
    started = time.perf_counter()
    for _ in range(count):
        async with serve(demo.create_app()) as connect:
            client = await connect()
            assert await client.call("add", PAYLOAD) == ANSWER
    return time.perf_counter() - started


async def _echo_once(ws: aiohttp.ClientWebSocketResponse) -> None:
    await ws.send_str(TEXT)
    message = await ws.receive()
    assert message.data == TEXT


async def _call_by_hand(ws: aiohttp.ClientWebSocketResponse, number: int) -> None:
    await ws.send_json({"id": number, "method": "add", "payload": PAYLOAD})
    reply = await ws.receive_json()
    assert reply["id"] == number
    assert reply["response"] == ANSWER


@dataclass(frozen=True)
class Case:
    """Something that is measured in both ways."""

    title: str
    over_sockets: Measure
    in_memory: Measure
    count: int
    """How often it is done in one round."""
    limit: float | None = None
    """The least ratio on a loop of real time that is good enough."""


CASES = [
    Case("round trips, echo of aiohttp", echoes(sockets), echoes(memory), 1000, 3.0),
    Case("round trips, wsrpc call", calls_by_hand, calls_of_client, 500),
    Case(
        "fresh application, echo of aiohttp", fresh_echoes(sockets), fresh_echoes(memory), 50, 2.5
    ),
    Case("fresh application, wsrpc call", fresh_calls_by_hand, fresh_calls_of_client, 50, 2.5),
]

WAYS = ("sockets", "memory", "virtual")


@dataclass(frozen=True)
class Result:
    """The rates of one case, round by round."""

    case: Case
    rates: dict[str, list[float]]

    def ratios(self, way: str) -> list[float]:
        """How many times as fast as over sockets it was in each round."""
        return [
            rate / base for rate, base in zip(self.rates[way], self.rates["sockets"], strict=True)
        ]

    def falls_short(self) -> bool:
        """Tell whether the median ratio is below the limit."""
        limit = self.case.limit
        return limit is not None and statistics.median(self.ratios("memory")) < limit

    def as_data(self) -> dict[str, Any]:
        """Return all that was measured."""
        return {
            "case": self.case.title,
            "limit": self.case.limit,
            "per_second": self.rates,
            "ratios": {way: self.ratios(way) for way in WAYS[1:]},
        }


def run(rounds: int, scale: float) -> list[Result]:
    """Measure all cases; the ways take turns at being first."""
    results = [Result(case, {way: [] for way in WAYS}) for case in CASES]
    with asyncio.Runner() as real, asyncio.Runner(loop_factory=VirtualLoop) as virtual:
        runners = {"sockets": real, "memory": real, "virtual": virtual}
        for number in range(-1, rounds):  # the first only warms up
            for result in results:
                case = result.case
                count = max(1, int(case.count * scale) if number >= 0 else case.count // 10)
                turn = number % len(WAYS)
                for way in WAYS[turn:] + WAYS[:turn]:
                    measure = case.over_sockets if way == "sockets" else case.in_memory
                    gc.collect()
                    seconds = runners[way].run(_as_coroutine(measure(count)))
                    if number >= 0:
                        result.rates[way].append(count / seconds)
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return results


async def _as_coroutine(seconds: Awaitable[float]) -> float:
    return await seconds


def show(results: list[Result]) -> None:
    """Print a table: rates per second, then ratios with their spread."""
    width = max(len(result.case.title) for result in results)
    print(f"{'median per second':<{width}}  {'sockets':>8}  {'memory':>8}  {'virtual':>8}")
    for result in results:
        medians = [statistics.median(result.rates[way]) for way in WAYS]
        print(f"{result.case.title:<{width}}  " + "  ".join(f"{rate:8.0f}" for rate in medians))
    print(f"\n{'times as fast as sockets':<{width}}  {'memory':>18}  {'virtual':>18}  limit")
    for result in results:
        cells = [_spread(result.ratios(way)) for way in WAYS[1:]]
        limit = "" if result.case.limit is None else f"{result.case.limit:g}"
        short = "  too slow" if result.falls_short() else ""
        print(f"{result.case.title:<{width}}  {cells[0]:>18}  {cells[1]:>18}  {limit:>5}{short}")


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7, help="how often all is measured (7)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much each round does (1.0)")
    parser.add_argument("--json", metavar="FILE", help="write all that was measured")
    options = parser.parse_args()
    if options.rounds < 1 or options.scale <= 0:
        parser.error("--rounds is at least 1, and --scale more than 0")
    results = run(options.rounds, options.scale)
    show(results)
    if options.json:
        data = {
            "python": platform.python_version(),
            "aiohttp": aiohttp.__version__,
            "cases": [result.as_data() for result in results],
        }
        with open(options.json, "w") as file:
            json.dump(data, file, indent=2)
    return any(result.falls_short() for result in results)


if __name__ == "__main__":
    sys.exit(main())
