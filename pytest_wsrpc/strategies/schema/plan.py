"""How values are drawn: as hypothesis does, from the edges of what is allowed, and by hints."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeAlias

from hypothesis import reject
from hypothesis import strategies as st

from .document import Document, Schema

Strategy: TypeAlias = st.SearchStrategy[Any]
Accepts: TypeAlias = Callable[[Any], bool]

KINDS: Final = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True)
class Plan:
    """How to draw the values of a subschema.

    There are up to four ways, each of which takes few choices and shrinks to a plain value. What
    chooses among them does so once for many values: a choice of its own for every value would
    take half again as long.
    """

    plain: Strategy
    depth: int = 0
    """How deep values may nest."""
    size: float = 1.0
    """About how many choices a value takes."""
    kinds: frozenset[str] = frozenset()
    """The JSON types of values that may be changed into others that the schema accepts.

    For text of a format or pattern with that; none where only the type can tell what is right.
    """
    edges: Strategy | None = None
    """Values at the edges of what is allowed, where there are any."""
    hinted: Strategy | None = None
    """Examples, and values that something else says are worth trying."""
    ends: Strategy | None = None
    """The least and the greatest values, the longest texts: edges too, but few among many."""

    @cached_property
    def strategy(self) -> Strategy:
        """All ways together."""
        return st.one_of([way for way in (self.plain, self.edges, self.hinted) if way is not None])

    @property
    def ways(self) -> tuple[Strategy, Strategy, Strategy, Strategy]:
        """Each way; more of the edges where nothing is hinted, plain where there is no other."""
        edges = self.plain if self.edges is None else self.edges
        hinted = edges if self.hinted is None else self.hinted
        return self.plain, edges, hinted, self.plain if self.ends is None else self.ends

    def may_be(self, value: Any) -> bool:
        """Whether a value is written as these are: not all that take 1 for an integer take 1.0."""
        return type(value) is not float or not self.kinds.isdisjoint(("number", "any"))

    def filtered(self, accepts: Accepts) -> Plan:
        """Return the plan of the values that pass."""
        return replace(
            self,
            plain=accepted(self.plain, accepts),
            edges=None if self.edges is None else accepted(self.edges, accepts),
            hinted=None if self.hinted is None else accepted(self.hinted, accepts),
            ends=None if self.ends is None else accepted(self.ends, accepts),
        )

    def with_hints(self, hinted: Iterable[Strategy]) -> Plan:
        """Return the plan with more that is worth trying."""
        ways = [way for way in (self.hinted, *hinted) if way is not None]
        return replace(self, hinted=st.one_of(ways)) if ways else self


@st.composite
def accepted(draw: st.DrawFn, values: Strategy, accepts: Accepts) -> Any:
    """Return the values that are accepted.

    A filter would take as long as drawing a record takes, and longer when it refuses something:
    it is repeated for each branch, and its whole repr is written each time.
    """
    for _ in range(_TRIES):
        value = draw(values)
        if accepts(value):
            return value
    return reject()


_TRIES: Final = 4


@dataclass(frozen=True)
class Scope:
    """What the plans of one place in a document are made from."""

    document: Document
    plan: Callable[[Schema], Plan | None]
    """Return how to draw what a subschema accepts, None if that is nothing."""
    member: Callable[[Schema, str], Plan | None]
    """The same for a member of an object, whose name says something too."""
    usual: int
    """Lists without an upper bound get up to this many items more than they need."""
    names: Sequence[str] = ()
    """Names that members may have where the schema says nothing of them."""


def joined(plans: list[Plan], examples: list[Plan]) -> Plan | None:
    """Return the plan of all alternatives; the examples are among what they cover."""
    if not plans:
        plans, examples = examples, []
    if len(plans) + len(examples) < 2:
        return plans[0] if plans else None
    has_edges = any(plan.edges is not None for plan in plans)
    edges = st.one_of([plan.ways[1] for plan in plans]) if has_edges else None
    ends = [plan.ends for plan in plans if plan.ends is not None]
    many = [plan.hinted for plan in plans if plan.hinted is not None]
    if examples:  # few of them: what is at the edges tells more
        many += [*(plan.plain for plan in examples), *([] if edges is None else [edges])]
    return Plan(
        st.one_of([plan.plain for plan in plans]),
        max(plan.depth for plan in (*plans, *examples)),
        1 + sum(plan.size for plan in plans) / len(plans),
        frozenset[str]().union(*(plan.kinds for plan in plans)),
        edges,
        st.one_of(many) if many else None,
        st.one_of(ends) if ends else None,
    )


def among(values: Iterable[Any]) -> Strategy:
    """Return the values, copied where one could be changed, without showing them in a repr."""
    listed = list(values)
    if all(type(value) not in (list, dict) for value in listed):
        return st.sampled_from(range(len(listed))).map(lambda index: listed[index])
    return st.sampled_from(range(len(listed))).map(lambda index: copy.deepcopy(listed[index]))


def distinct(values: Iterable[Any]) -> list[Any]:
    """Return the values without repetitions, 1, 1.0 and -0.0 told apart."""
    return list({(type(value), repr(value)): value for value in values}.values())
