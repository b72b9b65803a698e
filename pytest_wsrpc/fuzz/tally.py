"""Counts of one item's cases, by method, and what they warn of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from .case import Exchange
from .record import Record

_ERRORS = (-32603, -32001)
"""Codes of answers that no client can do anything about."""
_KINDS = 5
"""Refusals of a method that are kept, those met most often."""


@dataclass
class Counts:
    """How the calls of one method were answered; of valid payloads, unless told."""

    cases: int = 0
    """Cases with a call of it, also with one whose payload is invalid."""
    success: int = 0
    refused: int = 0
    errors: int = 0
    """Internal errors, and no answer at all."""
    refusals: list[tuple[int, str, str, int]] = field(default_factory=list)
    """Code, message and errors of refusals, and how often."""

    @property
    def valid(self) -> int:
        """Calls with a valid payload that were answered, or should have been."""
        return self.success + self.refused + self.errors

    def add(self, other: Counts) -> None:
        """Take in the counts of other cases."""
        self.cases += other.cases
        self.success += other.success
        self.refused += other.refused
        self.errors += other.errors
        refusals: Counter[tuple[int, str, str]] = Counter()
        for code, message, errors, times in (*self.refusals, *other.refusals):
            refusals[code, message, errors] += times
        self.refusals = [(*kind, times) for kind, times in refusals.most_common()]


@dataclass
class Tally:
    """What one item has tried and what came of it."""

    target: str
    subject: str
    phase: str
    endpoint: str = ""
    method: str | None = None
    cases: int = 0
    failures: int = 0
    methods: dict[str, Counts] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out."""
    untyped: bool = False
    """Whether the method reads a payload of which no type tells anything."""
    with_headers: bool = False

    def count(self, played: Exchange | Record) -> None:
        """Count a case by its reply, a conversation by those of all its calls."""
        self.cases += 1
        if isinstance(played, Record):
            self.notes = list(played.extra.get("notes", self.notes))
            self._count(played.calls)
        else:
            self._count([played])

    def _count(self, exchanges: Iterable[Exchange]) -> None:
        called = set()
        for exchange in exchanges:
            name = exchange.method
            if name is None:
                continue
            counts = self.methods.setdefault(name, Counts())
            counts.cases += name not in called
            called.add(name)
            if exchange.case.is_valid and not exchange.under_faults:
                _count_answer(counts, exchange)

    def as_json(self) -> dict[str, Any]:
        """Return the counts in a form that passes from one process to another."""
        for counts in self.methods.values():
            counts.refusals = counts.refusals[:_KINDS]
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Tally:
        """Return what `as_json` has given."""
        tally = cls(**fields)
        tally.methods = {name: Counts(**counts) for name, counts in fields["methods"].items()}
        return tally


def _shortened(text: str, width: int = 100) -> str:
    """Cut a text at its end, if it is longer than that."""
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def answer_of(exchange: Exchange) -> str:
    """Return how a call was answered: ``success``, ``refused``, ``error``, or ``none``.

    An error is what no client can do anything about; none, that the client went before.
    """
    if exchange.is_success:
        return "success"
    if exchange.code is not None and exchange.code not in _ERRORS:
        return "refused"
    if exchange.answers or exchange.silent or exchange.close_code is not None:
        return "error"
    return "none"


def _count_answer(counts: Counts, exchange: Exchange) -> None:
    answer = answer_of(exchange)
    counts.success += answer == "success"
    counts.errors += answer == "error"
    if answer == "refused":
        counts.refused += 1
        told = exchange.error or {}
        errors = json.dumps(told["errors"], ensure_ascii=False) if told.get("errors") else ""
        code = exchange.code or 0
        refusal = (code, f"{told.get('message')!s:.60}", _shortened(errors), 1)
        counts.add(Counts(refusals=[refusal]))
