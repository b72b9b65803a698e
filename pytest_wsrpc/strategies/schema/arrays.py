"""Lists: items, leading items, lengths, uniqueness and items that must be contained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from .document import Contradiction, Schema
from .merge import item_of
from .plan import Plan, Scope
from .shapes import alike, backwards, of_length, repeated, twice

Lists: TypeAlias = "st.SearchStrategy[list[Any]]"
Shape: TypeAlias = Callable[[list[Any]], list[Any]]

USUAL: Final = 6
"""Lists without an upper bound get up to this many items more than they need."""
SHALLOW: Final = 3
"""The same inside of recursive schemas, whose lists multiply."""
LONG: Final = 64
"""The length of the long lists that now and then repeat their items."""
LONGEST: Final = 1024


def arrays(scope: Scope, keywords: Schema) -> Plan:
    """Return the lists that the constraints allow."""
    document, plan, usual = scope.document, scope.plan, scope.usual
    least, most = sizes(keywords)
    prefix: list[Plan] = []
    for index in range(len(keywords.get("prefixItems", ()))):
        item = plan(item_of(keywords, index))
        if item is None:
            most = min(most, index) if most is not None else index
            break
        prefix.append(item)
    rest = plan(keywords["items"]) if "items" in keywords else plan(item_of(keywords, len(prefix)))
    needed = None
    if "contains" in keywords:
        needed = plan(document.both(keywords["contains"], item_of(keywords, len(prefix))))
    if rest is None:
        most = len(prefix) if most is None else min(most, len(prefix))
    if most is not None and least > most:
        raise Contradiction(
            f"at least {least} items are asked for, but no more than {most} allowed"
        )
    containing = int(keywords.get("minContains", 1)) if "contains" in keywords else 0
    unique = bool(keywords.get("uniqueItems"))
    if containing and needed is None:
        raise Contradiction("no item can be both what items and what contains asks for")
    depth = 1 + max((p.depth for p in (*prefix, rest, needed) if p is not None), default=0)
    strategy, edges, size = _lists(prefix, rest, least, most, unique, usual)
    if containing:
        assert needed is not None
        strategy = _containing(prefix, rest, needed, least, most, unique, containing, usual)
        edges = None
    return Plan(strategy, depth, size, _ARRAY, edges)


_ARRAY: Final = frozenset({"array"})


def sizes(keywords: Schema) -> tuple[int, int | None]:
    """Return the least and the greatest number of items that the constraints allow."""
    least, most = keywords.get("minItems", 0), keywords.get("maxItems")
    return int(least), None if most is None else int(most)


def _lists(
    prefix: list[Plan], rest: Plan | None, least: int, most: int | None, unique: bool, usual: int
) -> tuple[Lists, Lists | None, float]:
    start = len(prefix)
    branches = [
        st.tuples(*(item.strategy for item in prefix[:length])).map(list)
        for length in sorted({least, start - 1, start} if prefix else {0})
        if least <= length <= start and (most is None or length <= most)
    ]
    size = 1 + sum(item.size for item in prefix)
    edges = None
    if rest is not None and (most is None or most > start):
        fewest = max(0, least - start)
        tail, edges = _tail(rest, fewest, None if most is None else most - start, unique, usual)
        if not prefix:
            branches = [tail]
        else:
            whole = st.tuples(st.tuples(*(item.strategy for item in prefix)), tail)
            branches.append(whole.map(lambda parts: [*parts[0], *parts[1]]))
            edges = None
        size += rest.size * (fewest + usual / 2)
    strategy = st.one_of(branches)
    return strategy.filter(are_unique) if unique and prefix else strategy, edges, size


def _tail(
    item: Plan, least: int, most: int | None, unique: bool, usual: int
) -> tuple[Lists, Lists | None]:
    """Return lists as they are usually, and those of unusual lengths or with like items."""
    cap = least + usual if most is None else min(most, least + usual)
    if unique:
        return st.lists(item.strategy, min_size=least, max_size=cap, unique_by=canonical), None
    if least > LONGEST:
        raise Contradiction(f"minItems {least} is above {LONGEST}, the longest list drawn")
    if least > LONG:  # too long to draw each item
        few = st.lists(item.strategy, min_size=1, max_size=max(1, usual))
        return few.map(lambda items: repeated(items, least)), None
    lists = st.lists(item.strategy, min_size=least, max_size=cap)
    long = LONG if most is None else min(most, LONGEST)
    shapes = [*_shapes(least, cap if usual < USUAL else long)]
    some = st.lists(item.strategy, min_size=max(1, least), max_size=cap)
    return lists, _shaped(some, st.sampled_from(shapes))


@st.composite
def _shaped(draw: st.DrawFn, lists: Lists, shapes: st.SearchStrategy[Shape]) -> list[Any]:
    items = draw(lists)
    return draw(shapes)(items)


def _shapes(least: int, longest: int) -> Iterator[Shape]:
    """Yield ways to change a list that has items, within these lengths."""
    yield backwards
    yield partial(of_length, length=least)
    yield alike
    if least < longest:
        yield lambda items: twice(items)[-longest:]
        yield partial(of_length, length=longest)


def _containing(
    prefix: list[Plan], rest: Plan | None, needed: Plan, least: int, most: int | None, unique: bool,
    containing: int, usual: int,
) -> st.SearchStrategy[list[Any]]:  # fmt: skip
    start = len(prefix)
    if most is not None and start + containing > most:
        raise Contradiction(f"{containing} items must be contained, but only {most} are allowed")
    room = None if most is None else most - start - containing
    fewest = max(0, least - start - containing)
    cap = fewest + usual if room is None else min(room, fewest + usual)
    other = st.lists(rest.strategy if rest else needed.strategy, min_size=fewest, max_size=cap)
    wanted = st.lists(needed.strategy, min_size=containing, max_size=containing)
    head = st.tuples(*(item.strategy for item in prefix))
    whole = st.tuples(head, wanted, other).map(lambda parts: [item for p in parts for item in p])
    return whole.filter(are_unique) if unique else whole


def canonical(value: Any) -> str:
    """Return text that is equal for values that JSON Schema counts as equal."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return value


def are_unique(items: list[Any]) -> bool:
    """Whether no two items are equal."""
    return len({canonical(item) for item in items}) == len(items)
