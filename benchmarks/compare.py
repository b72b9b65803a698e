"""Compare ``wsrpc`` with hand-written aiohttp loops and with its peers, side by side.

Each server runs in a process of its own, in an environment that this makes under
``benchmarks/.venvs`` where the peer needs one; one client for all, of plain sockets, whose frames
are made before the time is taken. Rounds are interleaved (every server once, then every server
again), servers are compared within a round, and what is told is the median of these ratios with
the least and the largest. Processor time is the server's own, all threads, from the kernel.

    python -m benchmarks.compare [--only SERVER ...] [--workload NAME ...] [--rounds N]
                                 [--json FILE] [--chart FILE.svg]

Linux only. All of it takes about 20 minutes; two servers on one workload some seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.comparison.chart import chart
from benchmarks.comparison.command import data_for, rounds_parser, sizes_in
from benchmarks.comparison.peers import PEERS, CannotInstall, Peer
from benchmarks.comparison.processes import CannotStart, Server, allow_files, pinned
from benchmarks.comparison.report import report
from benchmarks.comparison.results import Results
from benchmarks.comparison.wire import Unexpected
from benchmarks.comparison.workloads import WORKLOADS, Measured, Sizes

STEAL, TRIES = 0.05, 3
"""A run is tried again if its host took more than this share of its time away."""


class Failed(Exception):
    """A workload on a server ended early."""


class Comparison:
    """Some servers, some workloads, some rounds."""

    def __init__(
        self,
        peers: Sequence[Peer],
        workloads: Sequence[str],
        rounds: int,
        sizes: Sizes,
        *,
        pin: bool = True,
        share: bool = False,
    ) -> None:
        self.failures: dict[str, str] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self.runs: list[dict[str, Any]] = []
        self._peers, self._workloads = peers, workloads
        self._rounds, self._sizes = rounds, sizes
        self._pin, self._share = pin, share
        self._core: int | None = None
        """That of the servers, if this is not left to the system."""
        self._shared: dict[str, Server] = {}

    def run(self) -> None:
        """Measure everything, and keep it in ``runs``, ``versions`` and ``failures``."""
        pythons = dict(self._install())
        allow_files()
        with pinned(self._pin) as self._core, ExitStack() as stack:
            peers = [peer for peer in self._peers if peer.name in pythons]
            for number in range(self._rounds):
                for workload in self._workloads:
                    # nobody is always first
                    first = number % len(peers) if peers else 0
                    for peer in peers[first:] + peers[:first]:
                        if workload != "typed" or peer.typed:
                            self._measure(peer, pythons[peer.name], workload, number, stack)

    def _install(self) -> Iterator[tuple[str, Path]]:
        for peer in self._peers:
            try:
                yield peer.name, peer.python()
            except CannotInstall as error:
                self.failures[peer.name] = f"cannot be installed: {error}"

    def _measure(
        self, peer: Peer, python: Path, workload: str, number: int, stack: ExitStack
    ) -> None:
        begin = time.monotonic()
        for _ in range(TRIES):
            try:
                with self._server(peer, python, stack) as server:
                    try:
                        measured = WORKLOADS[workload](server, peer, self._sizes, number)
                    except (Unexpected, OSError) as error:
                        raise Failed(f"{error} {server.last_error()}".strip()) from error
            except (Failed, CannotStart) as error:
                self.failures[f"{peer.name} {workload}"] = str(error)
                print(f"{number + 1} {workload} {peer.name}: {error}", file=sys.stderr, flush=True)
                return
            if measured.stolen <= STEAL:
                break
        self.versions[peer.name] = server.versions
        self._keep(peer.name, workload, number, measured, time.monotonic() - begin)

    def _server(self, peer: Peer, python: Path, stack: ExitStack) -> AbstractContextManager[Server]:
        """Return a new process; with ``share``, the one that was started first."""
        server = Server(python, peer.module, self._core)
        if not self._share:
            return server
        if peer.name not in self._shared:
            self._shared[peer.name] = stack.enter_context(server)
        return nullcontext(self._shared[peer.name])

    def _keep(
        self, server: str, workload: str, number: int, measured: Measured, took: float
    ) -> None:
        load = round(os.getloadavg()[0], 1)
        run = {"server": server, "workload": workload, "round": number, "load": load}
        self.runs.append(run | asdict(measured))
        figures = "  ".join(f"{key} {value:,.2f}" for key, value in measured.figures.items())
        line = f"{number + 1} {workload:12} {server:20} {figures}  load {load:.1f} ({took:.1f} s)"
        print(line, file=sys.stderr, flush=True)

    def as_json(self) -> dict[str, Any]:
        """Return everything that was measured, and on what."""
        loads = [run["load"] for run in self.runs] or [round(os.getloadavg()[0], 1)]
        return {
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "kernel": platform.release(),
            "pinned": self._core is not None,
            "shared": self._share,
            "sizes": asdict(self._sizes),
            "versions": self.versions,
            "failures": self.failures,
            "load": [min(loads), max(loads)],
            "runs": self.runs,
        }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what the command line asks for, until it ends or is interrupted."""
    peers = [peer for peer in PEERS if not options.only or peer.name in options.only]
    workloads = options.workload or list(WORKLOADS)
    comparison = Comparison(
        peers,
        workloads,
        options.rounds,
        sizes_in(options, Sizes),
        pin=not options.no_pin,
        share=options.share,
    )
    begin = time.monotonic()
    try:
        comparison.run()
    except KeyboardInterrupt:
        print("interrupted: this is what there is", file=sys.stderr)
    return comparison.as_json() | {"seconds": time.monotonic() - begin}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    names = [peer.name for peer in PEERS]
    parser = rounds_parser(__doc__, names, WORKLOADS, Sizes())
    parser.add_argument("--baseline", choices=names, default="aiohttp-raw")
    parser.add_argument("--chart", type=Path, help="draw the ratios to this file, as SVG")
    options = parser.parse_args(arguments)
    data = data_for(options, measure)
    results = Results(data["runs"])
    for line in report(results, options.baseline, data["failures"]):
        print(line)
    print(f"\n{data['seconds']:.0f} s; load average {data['load'][0]} to {data['load'][1]}")
    if options.chart:
        options.chart.write_text(chart(results, options.baseline))


if __name__ == "__main__":
    main()
