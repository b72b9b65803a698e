"""Fields of one object in relation to each other: equal, off by one, in order and out of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import combinations
from typing import Any, Final, TypeAlias

Pair: TypeAlias = tuple[Any, Any]
Relate: TypeAlias = Callable[[Any, Any], Pair]
Relation: TypeAlias = tuple[int, int, Relate]
"""The positions of two fields, and what to do with their values."""

MOST: Final = 64
"""Relations of one object: what is far apart in a large one is not likely to be compared."""
_NUMBERS: Final = frozenset({"integer", "number"})


def relations(kinds: Sequence[frozenset[str]]) -> list[Relation]:
    """Return the relations of the fields of an object, whose values are of these JSON types."""
    pairs = sorted(combinations(range(len(kinds)), 2), key=lambda pair: pair[1] - pair[0])
    found = [(i, j, relate) for i, j in pairs for relate in _between(kinds[i], kinds[j])]
    return found[:MOST]


def _between(first: frozenset[str], second: frozenset[str]) -> Iterator[Relate]:
    if _texts(first) & _texts(second) or (first & _NUMBERS and second & _NUMBERS):
        yield from (equal, equal, falling, rising, next_to, partial(next_to, step=-1))
    elif first & second & {"array", "any"}:
        yield equal
    for one, other, turn in ((first, second, False), (second, first, True)):
        ways: list[Relate] = []
        if "array" in one and (other & _NUMBERS or "string" in other):
            ways.append(member)
        if "array" in one and "integer" in other:
            ways += [partial(length, more=more) for more in (0, 1, -1)]
        if "object" in one and "string" in other:
            ways.append(named)
        yield from (partial(_turned, relate) if turn else relate for relate in ways)


def _texts(kinds: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for kind in kinds if kind.startswith("string"))


def _turned(relate: Relate, first: Any, second: Any) -> Pair:
    return relate(second, first)[::-1]


def equal(first: Any, second: Any) -> Pair:
    """Make both the same."""
    return first, copy.deepcopy(first)


def rising(first: Any, second: Any) -> Pair:
    """Make the first the smaller one."""
    return (second, first) if _is_less(second, first) else (first, second)


def falling(first: Any, second: Any) -> Pair:
    """Make the first the greater one."""
    return (second, first) if _is_less(first, second) else (first, second)


def _is_less(first: Any, second: Any) -> bool:
    try:
        return bool(first < second)
    except TypeError:
        return False


def next_to(first: Any, second: Any, step: int = 1) -> Pair:
    """Make the second what comes after the first: the next number, date or longer text."""
    if isinstance(first, str):
        return first, _next_date(first, step) or (f"{first}a" if step > 0 else first[:-1])
    if isinstance(first, bool) or not isinstance(first, (int, float)):
        return first, second
    return first, first + step


def _next_date(text: str, step: int) -> str | None:
    try:
        day = date.fromisoformat(text[:10]) + timedelta(step)
    except (ValueError, OverflowError):
        return None
    return day.isoformat() + text[10:]


def member(items: Any, scalar: Any) -> Pair:
    """Make a scalar one of the items."""
    if isinstance(items, list) and items:
        return items, copy.deepcopy(items[-1])
    return items, scalar


def length(items: Any, number: Any, more: int = 0) -> Pair:
    """Make a number the length of a list, or off by one: the first index that it does not have."""
    return (items, len(items) + more) if isinstance(items, list) else (items, number)


def named(table: Any, name: Any) -> Pair:
    """Make a string the name of a member."""
    if isinstance(table, dict) and table:
        return table, next(reversed(table))
    return table, name
