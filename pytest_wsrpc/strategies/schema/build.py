"""Strategies from schemas: one static strategy for each subschema, built once."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from .anything import DEPTH, VALUES
from .arrays import SHALLOW, USUAL, Plan, arrays
from .document import ANYTHING, Contradiction, Document, Schema, Unsupported
from .expand import Alternatives
from .merge import Flat
from .numbers import integers, numbers
from .objects import objects
from .strings import strings

DEEPEST: Final = 60
"""How deep values may nest: the envelope and a broken member still fit into the protocol's 64."""
LARGEST: Final = 250
"""About as many choices a recursive value may take before it becomes slow to draw."""
_BUDGETS: Final = (3, 2, 1, 0)
_LARGE_BUDGETS: Final = (4, 6, 8, 16)

_ANYTHING: Final = Plan(VALUES, DEPTH, 4)


class Builder:
    """The strategies of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.alternatives = Alternatives(document)
        self._plans: dict[tuple[int, int], Plan | None] = {}
        self.budget = self._choose_budget()

    def values(self) -> st.SearchStrategy[Any]:
        """Return the values that the document accepts; `InvalidArgument` if there are none."""
        plan = self.plan(self.document.root, self.budget)
        if plan is None:
            raise InvalidArgument(f"no value can satisfy the schema: {self._why()}")
        return plan.strategy

    def plan(self, schema: Schema, budget: int) -> Plan | None:
        """Return how to draw what a subschema accepts, None if that is nothing."""
        key = (id(schema), budget)
        if key not in self._plans:
            plans = [self.one(flat) for flat in self.alternatives.of(schema, budget)]
            self._plans[key] = _joined([plan for plan in plans if plan is not None])
        return self._plans[key]

    def one(self, flat: Flat) -> Plan | None:
        """Return how to draw the values of one alternative."""
        try:
            plan = self._kind(flat)
        except Contradiction as problem:
            self.document.problem(flat.place, str(problem))
            return None
        except Unsupported as problem:
            raise InvalidArgument(f"{flat.place}: {problem}") from None
        if plan.depth > DEEPEST:
            self.document.problem(flat.place, f"values nest {plan.depth} deep, over {DEEPEST}")
            return None
        strategy = plan.strategy
        for check in flat.checks:
            strategy = strategy.filter(self.document.accepts(check))
        return Plan(strategy, plan.depth, plan.size)

    def _kind(self, flat: Flat) -> Plan:
        keywords = flat.keywords
        match flat.kind:
            case "values":
                return Plan(st.sampled_from(flat.values), max(map(_depth, flat.values)))
            case "any":
                return _ANYTHING
            case "null":
                return Plan(st.none())
            case "boolean":
                return Plan(st.booleans())
            case "integer":
                return Plan(integers(keywords))
            case "number":
                return Plan(numbers(keywords))
            case "string":
                if keywords.get("contentMediaType") == "application/json":
                    return self._json_texts(keywords)
                return Plan(strings(keywords))
        usual = SHALLOW if self.document.recursive else USUAL
        kind = arrays if flat.kind == "array" else objects
        return kind(self.document, keywords, lambda sub: self.plan(sub, flat.budget), usual)

    def _json_texts(self, keywords: Schema) -> Plan:
        content = self.plan(keywords.get("contentSchema", ANYTHING), self.budget)
        if content is None:
            raise Contradiction("no JSON can be what contentSchema asks for")
        return Plan(content.strategy.map(json.dumps), 0, content.size)

    def _choose_budget(self) -> int:
        """Return how often recursive references are followed, so that values stay small."""
        if not self.document.recursive:
            return 0
        best = None
        for budget in _BUDGETS:
            plan = self.plan(self.document.root, budget)
            if plan is None:
                break
            best = budget
            if plan.size <= LARGEST:
                break
        if best is not None:
            return best
        for budget in _LARGE_BUDGETS:
            if self.plan(self.document.root, budget) is not None:
                return budget
        return _BUDGETS[0]

    def _why(self) -> str:
        return "; ".join(f"{place}: {what}" for place, what in self.document.problems[:3])


def _joined(plans: list[Plan]) -> Plan | None:
    if len(plans) < 2:
        return plans[0] if plans else None
    strategy = st.one_of([plan.strategy for plan in plans])
    depth = max(plan.depth for plan in plans)
    return Plan(strategy, depth, 1 + sum(plan.size for plan in plans) / len(plans))


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
