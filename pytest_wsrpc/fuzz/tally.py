"""Counts of one item's cases, and what they warn of."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from .case import Exchange

MOSTLY = 0.9
"""The share of refused valid payloads from which on the type hardly tells what is accepted."""

_FORBIDDEN = -32003


@dataclass
class Tally:
    """What one item has tried and what came of it."""

    target: str
    subject: str
    phase: str
    cases: int = 0
    valid: int = 0
    accepted: int = 0
    invalid: int = 0
    refused: int = 0
    failures: int = 0
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._codes: Counter[str] = Counter()

    def count(self, exchange: Exchange) -> None:
        """Count a case by its reply."""
        self.cases += 1
        if exchange.case.is_valid:
            self.valid += 1
            self.accepted += exchange.is_success
            if exchange.error is not None:
                self._codes[f"{exchange.code} {exchange.error.get('message')!s:.60}".strip()] += 1
        else:
            self.invalid += 1
            self.refused += exchange.error is not None

    def warn_of_refusals(self) -> None:
        """Warn where hardly any valid payload was accepted: the cases have tested little."""
        if not self._codes or self.accepted > (1 - MOSTLY) * self.valid:
            return
        share = f"{sum(self._codes.values()) / self.valid:.0%}".replace("%", " %")
        reason = self._codes.most_common(1)[0][0]
        advice = "is the type looser than the handler?"
        if reason.startswith(str(_FORBIDDEN)):
            advice = "does it need a login (--wsrpc-header)?"
        self.warnings.append(
            f"{share} of valid payloads were refused, mostly with {reason}: {advice}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the counts in a form that passes from one process to another."""
        return asdict(self)
