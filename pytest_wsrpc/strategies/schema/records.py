"""Objects with members of known names: one choice for how all are drawn, then the members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from .plan import Accepts, Plan, Strategy, among
from .relations import Relation, relations

Objects: TypeAlias = "st.SearchStrategy[dict[str, Any]]"
Row: TypeAlias = tuple[int, ...]
"""For each member the way in which it is drawn: plainly, from the edges, as hinted, at an end."""

_WAYS: Final = 3
"""Those of which any two members have all combinations: an end is an edge."""
_MANY: Final = 3
_SINGLY: Final = 16
"""Members of an object up to which each way of each comes with all others plain, too."""


def records(
    required: Mapping[str, Plan],
    optional: Mapping[str, Plan],
    *,
    accepts: Callable[[str], Accepts],
    unknown: Sequence[dict[str, Any]] = (),
    others: Strategy | None = None,
) -> Objects:
    """Return objects with all of the required and any of the optional members.

    `accepts` tells what a member may be. `unknown` are members to add at times, `others` draws
    members of any other names. Objects shrink to the required members, each of them plain.
    """
    plans = {**required, **optional}

    def drawn(row: Row, always: Mapping[str, Plan], **more: Strategy) -> Objects:
        members: dict[str, Strategy] = {}
        for name, way in zip(plans, row, strict=True):
            strategy = plans[name].ways[way]
            members[name] = strategy if name in always else _optional(strategy)
        return st.fixed_dictionaries(
            members | {_Extra(name): strategy for name, strategy in more.items()}
        )

    rest = {} if others is None else {"members": others}
    rows = _rows([_distinct_ways(plan) for plan in plans.values()])
    found = [drawn(row, required, **rest) for row in rows]
    if len(optional) >= _MANY:  # all of them would hardly come up together
        found += [drawn(row, plans, **rest) for row in rows[1::3]]
    if unknown and not rest:
        found.append(drawn(rows[0], required, members=among(unknown)))
    related = relations([plan.kinds for plan in plans.values()])
    if related:
        # mostly of plain values, which shrink to the same without a relation
        few = [rows[0]] * max(2, len(rows) // 8) + rows[1:][-2:] * 2
        which = st.sampled_from(range(len(related)))
        found += [drawn(row, required, relation=which, **rest) for row in few]
    return _made(st.one_of(found), plans, related, accepts)


_ABSENT: Final = object()


def _optional(strategy: Strategy) -> Strategy:
    """Return a value more often than none.

    This shrinks better than optional keys of fixed_dictionaries do.
    """
    return st.one_of(st.just(_ABSENT), strategy, _again(strategy))


@st.composite
def _again(draw: st.DrawFn, strategy: Strategy) -> Any:
    return draw(strategy)


class _Extra(str):
    """The name of something drawn beside the members, equal to no name of a member."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Extra) and str.__eq__(self, other)


_RELATION: Final = _Extra("relation")
_MEMBERS: Final = _Extra("members")


def _distinct_ways(plan: Plan) -> list[int]:
    """Return for each way the first one that is the same."""
    return [plan.ways.index(way) for way in plan.ways]


def _rows(ways: list[list[int]]) -> list[Row]:
    """Return rows in which any two members come in all combinations of their ways.

    They are an orthogonal array, after rows with all members plain, and with all but one, and
    before those with all members drawn in the same way.
    """
    count = len(ways)
    plain = (0,) * count
    rows = [plain]
    if count <= _SINGLY:
        rows += [(*plain[:i], way, *plain[i + 1 :]) for i in range(count) for way in ways[i][1:]]
    digits = 2 if count <= 4 else 3
    columns = [
        column
        for column in product(range(_WAYS), repeat=digits)
        if next((digit for digit in column if digit), 0) == 1
    ]
    for factors in product(range(_WAYS), repeat=digits):
        row = []
        for i in range(count):
            column = columns[i % len(columns)]
            way = sum(a * b for a, b in zip(column, factors, strict=True)) % _WAYS
            row.append(ways[i][way])
        rows.append(tuple(row))
    rows += [tuple(way[index] for way in ways) for index in (3, 1, 2)]
    return list(dict.fromkeys(rows))


@st.composite
def _made(
    draw: st.DrawFn,
    drawn: Objects,
    plans: dict[str, Plan],
    related: list[Relation],
    accepts: Callable[[str], Accepts],
) -> dict[str, Any]:
    """Return the object of the members drawn, related and with more if that was drawn too.

    Where that is mapped, hypothesis tries to put one object in place of another inside of it, which
    takes time and hardly ever fits, and shows objects as calls of a function.
    """
    found = {name: value for name, value in draw(drawn).items() if value is not _ABSENT}
    index, more = found.pop(_RELATION, None), found.pop(_MEMBERS, None)
    if index is not None:
        i, j, relate = related[index]
        names = list(plans)
        one, other = names[i], names[j]
        if one in found and other in found:
            changed = dict(zip((one, other), relate(found[one], found[other]), strict=True))
            if all(plans[n].may_be(v) and accepts(n)(v) for n, v in changed.items()):
                found |= changed
    return found | more if more else found
