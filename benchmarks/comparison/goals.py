"""What this project wants to reach, as ratios to the others."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.comparison.results import Results, Spread


@dataclass(frozen=True)
class Goal:
    """A bound on the median ratio of a figure of ``wsrpc`` to that of another server."""

    workload: str
    key: str
    other: str
    value: float
    at_least: bool = False

    def spread(self, results: Results) -> Spread | None:
        """Return the ratio, or None where it was not measured."""
        if not self.other:
            return results.spread(self.workload, "wsrpc", self.key)
        return results.ratio(self.workload, "wsrpc", self.other, self.key)

    def in_cpu(self, results: Results) -> Spread | None:
        """Return the ratio of processor times, which says more on a busy machine."""
        if not self.other or self.key not in ("rate", "p50"):
            return None
        return results.ratio(self.workload, "wsrpc", self.other, "cpu")

    def is_met(self, spread: Spread) -> bool:
        """Return whether the median is within the bound."""
        return spread.median >= self.value if self.at_least else spread.median <= self.value


GOALS = (
    Goal("rpc-seq", "p50", "aio-openapi", 0.5),
    Goal("rpc-seq", "p50", "aiohttp-raw-msgspec", 1.1),
    Goal("rpc-pipe", "rate", "aio-openapi", 10, at_least=True),
    Goal("rpc-pipe", "rate", "aiohttp-raw", 2, at_least=True),
    Goal("rpc-pipe", "rate", "aiohttp-raw-msgspec", 1, at_least=True),
    Goal("rpc-pipe-10k", "rate", "aio-openapi", 5, at_least=True),
    Goal("fanout", "rate", "aio-openapi", 15, at_least=True),
    Goal("fanout", "cpu", "aio-openapi", 1 / 15),
    Goal("fanout", "cpu", "picows", 1.1),
    Goal("fanout-seq", "p50", "aio-openapi", 0.25),
    Goal("fanout-seq", "cpu", "aiohttp-raw", 0.7),
    Goal("fanout-seq", "cpu", "picows", 1.1),
    Goal("idle", "memory", "aiohttp-raw", 1.15),
    Goal("churn", "rate", "aiohttp-raw", 0.9, at_least=True),
    Goal("typed", "typed_ratio", "", 1.3),
)
