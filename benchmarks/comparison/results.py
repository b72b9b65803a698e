"""What a run gave: medians over the rounds, and ratios of the same round with their spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Metric:
    """A figure of a workload."""

    key: str
    head: str
    """Its head in the table, with the unit."""


RATE, CPU = Metric("rate", "calls/s"), Metric("cpu", "CPU µs/call")
P50, P99 = Metric("p50", "p50 µs"), Metric("p99", "p99 µs")
UTILS = (
    Metric("server_util", "server util"),
    Metric("client_util", "client util"),
    Metric("server_waited", "server waited"),
    Metric("client_waited", "client waited"),
)
"""Parts of the time: what each side had a core in, and what it would have needed one in."""
PARTS = {metric.key for metric in UTILS}
DELIVERIES = Metric("rate", "deliveries/s"), Metric("cpu", "CPU µs/delivery")

METRICS: dict[str, tuple[Metric, ...]] = {
    "rpc-seq": (RATE, P50, P99, CPU, *UTILS),
    "rpc-pipe": (RATE, CPU, *UTILS),
    "rpc-pipe-10k": (RATE, CPU, *UTILS),
    "fanout": (*DELIVERIES, *UTILS),
    "fanout-seq": (*DELIVERIES, P50, P99, *UTILS),
    "idle": (Metric("memory", "kB/connection"), Metric("base", "base MB")),
    "churn": (Metric("rate", "connections/s"), Metric("cpu", "CPU µs/connection"), *UTILS),
    "typed": (RATE, CPU, Metric("untyped_cpu", "untyped CPU"), Metric("typed_ratio", "of untyped")),
}

RATIOS: dict[str, tuple[str, ...]] = {
    "rpc-seq": ("p50", "cpu"),
    "rpc-pipe": ("rate", "cpu"),
    "rpc-pipe-10k": ("rate", "cpu"),
    "fanout": ("rate", "cpu"),
    "fanout-seq": ("p50", "cpu"),
    "idle": ("memory",),
    "churn": ("rate", "cpu"),
    "typed": (),
}
"""The figures of each workload that servers are compared by."""


@dataclass(frozen=True)
class Spread:
    """Some values of one figure: their median, the least and the largest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Return the spread of the values, or None where there are none."""
        held = list(values)
        return cls(median(held), min(held), max(held)) if held else None

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.least:.2f}..{self.most:.2f}]"


class Results:
    """The figures of every round, by workload and server."""

    def __init__(self, runs: Iterable[Mapping[str, Any]]) -> None:
        self._rounds: dict[tuple[str, str], dict[int, Mapping[str, float]]] = {}
        for run in runs:
            rounds = self._rounds.setdefault((run["workload"], run["server"]), {})
            rounds[run["round"]] = run["figures"]

    def workloads(self) -> list[str]:
        """Return the workloads that have figures."""
        return list(dict.fromkeys(workload for workload, _ in self._rounds))

    def servers(self, workload: str) -> list[str]:
        """Return the servers that have figures for a workload."""
        return [server for name, server in self._rounds if name == workload]

    def spread(self, workload: str, server: str, key: str) -> Spread | None:
        """Return the figures of all rounds."""
        rounds = self._rounds.get((workload, server), {})
        return Spread.of(figures[key] for figures in rounds.values() if key in figures)

    def ratio(self, workload: str, server: str, other: str, key: str) -> Spread | None:
        """Return a server's figure as parts of another's, each of the same round."""
        ours = self._rounds.get((workload, server), {})
        theirs = self._rounds.get((workload, other), {})
        return Spread.of(
            ours[number][key] / theirs[number][key]
            for number in ours.keys() & theirs.keys()
            if key in ours[number] and theirs[number].get(key)
        )
