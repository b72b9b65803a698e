"""Measure what each choice of `wsrpc`'s hot paths brings, from a naive server upwards.

Each step is a server of its own in ``benchmarks/servers/steps``, which does one thing otherwise
than the step before; the last one is `wsrpc` with its limits, checks and errors. It is measured
where it matters, with the client and the workloads of ``benchmarks.compare``: the processor time of
the server for one call or delivery, as ratios of the same round to the step before and to the
naive server.

    python -m benchmarks.steps [--workload NAME ...] [--only STEP ...] [--rounds N] [--json FILE]

Linux only. All of it takes about eight minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.compare import Comparison
from benchmarks.comparison.command import data_for, rounds_parser, sizes_in
from benchmarks.comparison.peers import Peer
from benchmarks.comparison.report import LEGEND, figure, not_measured, number, table
from benchmarks.comparison.results import Results
from benchmarks.comparison.workloads import Sizes

CALLS = ("rpc-seq", "rpc-pipe", "rpc-pipe-10k")
EVENTS = ("fanout", "fanout-seq")
ALL = CALLS + EVENTS


@dataclass(frozen=True)
class Step:
    """A server: its module, what it does otherwise, and the workloads that show it."""

    name: str
    words: str
    workloads: tuple[str, ...] = ALL

    @property
    def peer(self) -> Peer:
        """The step as a server to be measured."""
        return Peer(self.name, self.name if self.name == "wsrpc" else f"steps.{self.name}")


STEPS = (
    Step("naive", "a task per call and per delivery, texts, types looked up"),
    Step("types_once", "the types that a call is checked against are read once", CALLS),
    Step("fast_json", "msgspec, on bytes"),
    Step("one_decode", "a call is decoded and checked in one step", CALLS),
    Step("hand_over", "no task for a call that does not wait", CALLS),
    Step("one_write", "the replies of one read in one write", CALLS),
    Step("encoded_once", "an event is encoded once", EVENTS),
    Step("no_tasks", "framed once, and no task per subscriber", EVENTS),
    Step("outbox", "one write per connection and turn", EVENTS),
    Step("one_callback", "one callback per turn for all connections", EVENTS),
    Step("past_transport", "the socket itself while its transport is empty"),
    Step("heartbeat", "no callback per read for the heartbeat", CALLS),
    Step("small_reads", "64 kB allocated for a read, not 256 kB", CALLS),
    Step("checks", "depth and bytes are checked, value by value", CALLS),
    Step("cheap_checks", "they are checked in few calls of C", CALLS),
    Step("wsrpc", "all its limits, checks and errors"),
)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what the command line asks for; each workload's rounds are interleaved."""
    sizes = sizes_in(options, Sizes)
    data: dict[str, Any] = {"runs": [], "load": [], "versions": {}, "failures": {}}
    begin, goes_on = time.monotonic(), True
    for workload in options.workload or ALL:
        peers = [
            step.peer
            for step in STEPS
            if workload in step.workloads and (not options.only or step.name in options.only)
        ]
        comparison = Comparison(
            peers, [workload], options.rounds, sizes, pin=not options.no_pin, share=options.share
        )
        try:
            comparison.run()
        except KeyboardInterrupt:
            print("interrupted: this is what there is", file=sys.stderr)
            goes_on = False
        found = comparison.as_json()
        for key in ("runs", "load"):
            found[key] = data[key] + found[key]
        for key in ("versions", "failures"):
            found[key] = data[key] | found[key]
        data = found
        if not goes_on:
            break
    load = [min(data["load"]), max(data["load"])]
    return data | {"load": load, "seconds": time.monotonic() - begin}


def workload_table(results: Results, workload: str) -> Iterator[str]:
    """Yield the table of one workload: medians, and ratios, with their spread."""
    unit = "call" if workload in CALLS else "delivery"
    rows = [["step", f"CPU µs/{unit}", "× the step before", "× naive", "what it adds"]]
    before = None
    for step in _steps_of(results, workload):
        cpu = results.spread(workload, step.name, "cpu")
        assert cpu is not None
        ratios = [
            "" if other is None else str(results.ratio(workload, step.name, other, "cpu") or "")
            for other in (before, "naive")
        ]
        rows.append([step.name, figure(cpu, "cpu"), *ratios, step.words])
        before = step.name
    yield from table(rows)


def summary(results: Results) -> Iterator[str]:
    """Yield the table of all workloads: medians, and the median ratio to the step before."""
    workloads = results.workloads()
    before: dict[str, str] = {}
    rows = [["step", *workloads]]
    for step in STEPS:
        row = [step.name]
        for workload in workloads:
            cpu = results.spread(workload, step.name, "cpu")
            if cpu is None:
                row.append("")
                continue
            other = before.get(workload)
            ratio = other and results.ratio(workload, step.name, other, "cpu")
            row.append(number(cpu.median) + (f" (× {ratio.median:.2f})" if ratio else ""))
            before[workload] = step.name
        if any(row[1:]):
            rows.append(row)
    yield from table(rows)


def report(data: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the whole report."""
    results = Results(data["runs"])
    yield from LEGEND
    for workload in results.workloads():
        yield f"\n## {workload}\n"
        yield from workload_table(results, workload)
    yield "\n## All: CPU µs per call or delivery (× the step before)\n"
    yield from summary(results)
    yield from not_measured("step", data["failures"])
    load = data["load"]
    yield f"\n{data['seconds']:.0f} s; load average {load[0]} to {load[1]}"


def _steps_of(results: Results, workload: str) -> Iterator[Step]:
    measured = results.servers(workload)
    yield from (step for step in STEPS if step.name in measured)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    names = [step.name for step in STEPS]
    options = rounds_parser(__doc__, names, ALL, Sizes(seconds=0.5)).parse_args(arguments)
    for line in report(data_for(options, measure)):
        print(line)


if __name__ == "__main__":
    main()
