"""How many cases the fuzzer plays in a second, and how soon it shows a crash.

``python benchmarks/fuzzing.py`` prints, for a method with a flat payload, the cases a second of
one core that hypothesis alone generates, and those that are generated, played on a fresh
application each and judged; then the time from the start of ``pytest --wsrpc-fuzz`` to the first
failure on the screen, for handlers that crash on an ordinary input. It fails below 600 cases a
second where playing them takes more than half of what generating them does, and if the median of
the times is 3 s or more.

Cases are measured in CPU time, both in turns, the median of some rounds. What the user waits for
is real time, and depends on what else runs on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from hypothesis import HealthCheck, Phase, given, seed, settings

from pytest_wsrpc.fuzz.case import Case
from pytest_wsrpc.fuzz.endpoints import endpoints_of
from pytest_wsrpc.fuzz.judging import judge
from pytest_wsrpc.fuzz.phases import Subject, accepts
from pytest_wsrpc.fuzz.play import play
from pytest_wsrpc.fuzz.search import search
from pytest_wsrpc.fuzz.serving import Host
from pytest_wsrpc.fuzz.target import Target
from wsrpc import ApiPath, LocalBroker, WsPathMixin

LEAST_A_SECOND = 600
MOST_TIMES_LONGER = 1.5
MOST_SECONDS = 3.0
ROOT = Path(__file__).parents[1]

CRASHES = {
    "zero": "return 100 // payload.quantity",
    "negative": "return [1, 2, 3][abs(payload.quantity)] if payload.quantity < 0 else 0",
    "empty text": "return ord(payload.sku[0])",
    "no number": "return int(payload.sku)",
    "missing key": "return {'a': 1}[payload.sku]",
    "nothing": "return len(payload.note)",
    "large": "return 1 if payload.quantity < 1000 else None",
}

APP = """
from dataclasses import dataclass
from aiohttp import web
from wsrpc import ApiPath, LocalBroker, WsPathMixin

@dataclass
class Order:
    sku: str
    quantity: int
    price: float = 1.0
    note: str | None = None

class Shop(ApiPath, WsPathMixin):
    async def ws_rpc_order(self, payload: Order) -> int:
        {body}

    async def ws_rpc_other(self, payload: Order) -> int:
        return 1

def create_app():
    app = web.Application()
    app.router.add_view("/stream", Shop)
    LocalBroker.for_app(app)
    return app
"""


@dataclass
class Order:
    """A flat payload."""

    sku: str
    quantity: int
    price: float
    express: bool = False


class Shop(ApiPath, WsPathMixin):
    """An endpoint with one method."""

    async def ws_rpc_price(self, payload: Order) -> float:
        """Return a price"""
        return payload.price


def create_app() -> web.Application:
    """Make an application."""
    app = web.Application()
    app.router.add_view("/stream", Shop)
    LocalBroker.for_app(app)
    return app


def cases_a_second(number: int, rounds: int) -> tuple[float, float]:
    """Return how many cases hypothesis generates in a second, and how many the fuzzer plays."""
    endpoint = endpoints_of(create_app())[0]
    strategy = accepts.PHASE.cases(Subject(endpoint, endpoint.methods["price"]))
    target = Target("fuzzing:create_app", types.ModuleType("x"), "create_app", create_app, Path())
    host = Host(target)

    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @seed(1)
    @given(strategy)
    def alone(case: Case) -> None:
        pass

    def attempt(case: Any) -> None:
        played = host.run(play(host, case, "/stream", (), 5.0))
        assert judge(played, frozenset(), ROOT) == []

    def fuzz() -> None:
        search(strategy, attempt, name="x", seed=1, max_examples=number)

    try:
        times: list[tuple[float, float]] = []
        for _ in range(rounds):
            times.append((timed(alone), timed(fuzz)))
    finally:
        host.close()
    generated, played = (number / statistics.median(column) for column in zip(*times, strict=True))
    return generated, played


def timed(function: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    begin = time.process_time()
    function()
    return time.process_time() - begin


def seconds_to_failure(body: str) -> float:
    """Return the real time from the start of pytest until its output tells of a failure."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "shop.py").write_text(textwrap.dedent(APP).replace("{body}", body))
        (directory / "pytest.ini").write_text(
            "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
        )
        command = [sys.executable, "-u", "-m", "pytest", "--wsrpc-fuzz", "shop:create_app"]
        begin = time.monotonic()
        process = subprocess.Popen(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        output = b""
        try:
            while b"no-internal-error" not in output and b"conforms" not in output:
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    raise SystemExit(f"nothing was found:\n{output.decode()}")
                output += piece
            return time.monotonic() - begin
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    generated, played = cases_a_second(chosen.cases, chosen.rounds)
    ratio = generated / played
    print(f"hypothesis alone   {generated:6.0f} cases/s")
    print(f"generated, played  {played:6.0f} cases/s, {ratio:.2f} times as long")
    times = {}
    for name, body in CRASHES.items():
        times[name] = seconds_to_failure(body)
        print(f"first failure      {times[name]:6.2f} s  {name}")
    median = statistics.median(times.values())
    print(f"median             {median:6.2f} s")
    fast = played >= LEAST_A_SECOND or ratio <= MOST_TIMES_LONGER
    return 0 if fast and median < MOST_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
