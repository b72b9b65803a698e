"""Strategies from schemas: one static strategy for each subschema, built once."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from .anything import anything
from .arrays import SHALLOW, USUAL, arrays
from .document import ANYTHING, Contradiction, Document, Schema, Unsupported
from .expand import Alternatives
from .hints import NO_HINTS, Hints, hinted
from .merge import Flat
from .numbers import integers, numbers
from .objects import objects
from .plan import Accepts, Plan, Scope, Strategy, among, joined
from .shapes import deeper, nesting
from .strings import strings

DEEPEST: Final = 60
"""How deep values may nest: the envelope and a broken member still fit into the protocol's 64."""
LARGEST: Final = 250
"""About as many choices a recursive value may take before it becomes slow to draw."""
_BUDGETS: Final = (3, 2, 1, 0)
_LARGE_BUDGETS: Final = (4, 6, 8, 16)
_LEVELS: Final = (8, 20, 50)
"""How deep recursive values are nested now and then."""


class Builder:
    """The strategies of one document."""

    def __init__(self, document: Document, hints: Hints = NO_HINTS) -> None:
        self.document = document
        self.hints = hints
        self.alternatives = Alternatives(document)
        self._anything = anything(hints.keys)
        self._plans: dict[tuple[int, int], Plan | None] = {}
        self._members: dict[tuple[int, str, int], Plan | None] = {}
        self.budget = self._choose_budget()

    def values(self) -> st.SearchStrategy[Any]:
        """Return the values that the document accepts; `InvalidArgument` if there are none."""
        plan = self.plan(self.document.root, self.budget)
        if plan is None:
            raise InvalidArgument(f"no value can satisfy the schema: {self._why()}")
        if not self.document.recursive:
            return plan.strategy
        accepts = self.document.accepts(self.document.root)
        levels = st.sampled_from([n for n in _LEVELS if n + plan.depth <= DEEPEST] or [0])
        return st.one_of(
            plan.strategy, *(_nested(plan.strategy, levels, accepts) for _ in range(2))
        )

    def plan(self, schema: Schema, budget: int) -> Plan | None:
        """Return how to draw what a subschema accepts, None if that is nothing."""
        key = (id(schema), budget)
        if key not in self._plans:
            plans: dict[bool, list[Plan]] = {True: [], False: []}
            for flat in self.alternatives.of(schema, budget):
                plan = self.one(flat)
                if plan is not None:
                    plans[flat.example].append(plan)
            self._plans[key] = joined(plans[False], plans[True])
        return self._plans[key]

    def member(self, schema: Schema, name: str, budget: int) -> Plan | None:
        """Return how to draw a member of this name."""
        key = (id(schema), name, budget)
        if key not in self._members:
            plan = self.plan(schema, budget)
            if plan is not None:
                accepts = lambda value: self.document.accepts(schema)(value)  # noqa: E731 - late
                plan = hinted(plan, name, self.hints, accepts)
            self._members[key] = plan
        return self._members[key]

    def scope(self, budget: int) -> Scope:
        """Return what the plans below are made from."""
        return Scope(
            self.document,
            lambda schema: self.plan(schema, budget),
            lambda schema, name: self.member(schema, name, budget),
            SHALLOW if self.document.recursive else USUAL,
            self.hints.keys,
        )

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
        for check in flat.checks:
            plan = plan.filtered(self.document.accepts(check))
        return plan

    def _kind(self, flat: Flat) -> Plan:
        keywords = flat.keywords
        match flat.kind:
            case "values":
                # of no kind: few values are equal, or in any order, often enough
                return Plan(among(flat.values), max(map(nesting, flat.values)))
            case "any":
                return self._anything
            case "null":
                return Plan(st.none(), kinds=frozenset({"null"}))
            case "boolean":
                return Plan(st.booleans(), kinds=frozenset({"boolean"}))
            case "integer":
                return integers(keywords, self.document.floats)
            case "number":
                return numbers(keywords)
            case "string":
                if keywords.get("contentMediaType") == "application/json":
                    return self._json_texts(keywords)
                return strings(keywords, self.hints.longest)
        kind = arrays if flat.kind == "array" else objects
        return kind(self.scope(flat.budget), keywords)

    def _json_texts(self, keywords: Schema) -> Plan:
        content = self.plan(keywords.get("contentSchema", ANYTHING), self.budget)
        if content is None:
            raise Contradiction("no JSON can be what contentSchema asks for")
        texts = content.strategy.map(json.dumps)
        return Plan(texts, 0, content.size)

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


@st.composite
def _nested(
    draw: st.DrawFn, values: Strategy, levels: st.SearchStrategy[int], accepts: Accepts
) -> Any:
    value = draw(values)
    return deeper(value, draw(levels), accepts)
