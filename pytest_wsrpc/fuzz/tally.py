"""Counts of one item's cases, and what they warn of."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from .case import Exchange

MOSTLY = 0.9
"""The share of refused valid payloads from which on the type hardly tells what is accepted."""

_FORBIDDEN = -32003
_INTERNAL_ERROR = -32603


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
        self._refusals: Counter[tuple[int | None, str]] = Counter()
        self._errors: dict[tuple[int | None, str], Counter[str]] = {}

    def count(self, exchange: Exchange) -> None:
        """Count a case by its reply."""
        self.cases += 1
        if exchange.case.is_valid:
            self.valid += 1
            self.accepted += exchange.is_success
            if exchange.error is not None:
                refusal = (exchange.code, f"{exchange.error.get('message')!s:.60}")
                self._refusals[refusal] += 1
                if exchange.error.get("errors"):
                    told = json.dumps(exchange.error["errors"], ensure_ascii=False)
                    self._errors.setdefault(refusal, Counter())[told] += 1
        else:
            self.invalid += 1
            self.refused += exchange.error is not None

    def warn_of_refusals(self, *, with_headers: bool = False) -> None:
        """Warn where hardly any valid payload was accepted: the cases have tested little."""
        if not self._refusals or self.accepted > (1 - MOSTLY) * self.valid:
            return
        share = f"{self._refusals.total() / self.valid:.0%}".replace("%", " %")
        refusal = self._refusals.most_common(1)[0][0]
        code, message = refusal
        reason = f"{code} {message}".strip()
        if refusal in self._errors:
            reason += f" {_shortened(self._errors[refusal].most_common(1)[0][0])}"
        advice = "is the type looser than the handler?"
        if code == _INTERNAL_ERROR:
            advice = "the handler fails"
        elif code == _FORBIDDEN and with_headers:
            advice = "is what the headers give enough for it?"
        elif code == _FORBIDDEN:
            advice = "does it need a login (--wsrpc-header)?"
        self.warnings.append(
            f"{share} of valid payloads were refused, mostly with {reason}: {advice}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the counts in a form that passes from one process to another."""
        return asdict(self)


def _shortened(text: str, width: int = 100) -> str:
    """Cut a text at its end, if it is longer than that."""
    return text if len(text) <= width else f"{text[: width - 4]} ..."
