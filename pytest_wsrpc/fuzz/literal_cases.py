"""Payloads with each literal that a method's code compares a field with.

Drawn by chance, one of several literals may come up in none of a hundred payloads. These are the
same each time: no seed leaves one out, and what failed before is tried again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, Final, TypeAlias

import msgspec
from hypothesis import strategies as st

from pytest_wsrpc.strategies.payloads import source_of
from pytest_wsrpc.strategies.schema.hints import key
from pytest_wsrpc.strategies.schema.plan import among
from wsrpc.rpc import RpcMethod

from . import inputs
from .case import Case, request
from .endpoints import Endpoint
from .pool import Payload, hints_of, payloads
from .rules import Rules
from .search import samples

_Placed: TypeAlias = tuple[inputs.Path, Any]
"""A field, and the literal for it."""

SAMPLES: Final = 12
"""Payloads drawn: literals do not fit into all of them."""
MOST: Final = 25
"""Payloads of one method, a quarter of what is tried of it unless told otherwise."""


def literal_cases(endpoint: Endpoint, method: RpcMethod) -> list[Case]:
    """Return calls with one literal in the simplest payload and in a full one, then with two."""
    return [request(endpoint, method, 0, payload) for payload in literal_payloads(endpoint, method)]


def payloads_of_several(endpoint: Endpoint, method: RpcMethod) -> st.SearchStrategy[Payload]:
    """Return payloads for one of several calls, a third of them with literals if it has any.

    Where a login or the right kind of thing is the way to all else, few would get there.
    """
    special = literal_payloads(endpoint, method)
    drawn = payloads(endpoint, method)
    if not special:
        return drawn
    return st.one_of(drawn, payloads(endpoint, method), among(special))


def literal_payloads(endpoint: Endpoint, method: RpcMethod) -> list[Payload]:
    """Return the payloads of `literal_cases`."""
    if endpoint.is_remote:
        return []
    view: Any = endpoint.view  # a type checker doubts that it is hashable
    return list(_literal_payloads(endpoint.path, view, endpoint.rules, method))


@lru_cache(maxsize=256)
def _literal_payloads(
    path: str, view: Any, rules: Rules | None, method: RpcMethod
) -> tuple[Payload, ...]:
    endpoint = Endpoint(path, view, {method.name: method}, rules)
    hints = hints_of(endpoint, method)
    paths = inputs.free_paths(endpoint, method, hints.members)
    placed = [(path, literal) for path in paths for literal in hints.fields.get(key(path[-1]), ())]
    if not placed or method.builtin:
        return ()
    simple = samples(payloads(endpoint, method), SAMPLES)
    full = sorted(simple, key=_members, reverse=True)
    pairs = [pair for pair in combinations(placed, 2) if pair[0][0] != pair[1][0]]
    accepts = source_of(method.payload, hints).accepts
    found: dict[bytes, Payload] = {}
    for several in ([(one,) for one in placed], pairs):
        for payload in [*_with(several, simple, accepts), *_with(several, full, accepts)]:
            found.setdefault(msgspec.json.encode(payload), payload)
    return tuple(found.values())[:MOST]


def _members(value: Any) -> int:
    """Return how many members a JSON value has, those of all that is in it."""
    if isinstance(value, dict):
        return len(value) + sum(map(_members, value.values()))
    return sum(map(_members, value)) if isinstance(value, list) else 0


def _with(
    several: Iterable[Sequence[_Placed]], among: list[Payload], accepts: Callable[[Any], bool]
) -> Iterator[Payload]:
    """Yield for each choice of literals the first payload that they can be put into."""
    for placed in several:
        for payload in among:
            fitting = _fitting(payload, placed, accepts)
            if fitting is not None:
                yield fitting
                break


def _fitting(
    payload: Any, placed: Sequence[_Placed], accepts: Callable[[Any], bool]
) -> Payload | None:
    """Return a payload with literals in their places, None where its type refuses them there."""
    for path, literal in placed:
        forms = (literal, str(literal), [literal])
        changed = (_put(payload, path, form) for form in forms)
        payload = next((one for one in changed if one is not payload and accepts(one)), None)
        if payload is None:
            return None
    found: Payload = payload
    return found


def _put(value: Any, path: Sequence[str], literal: Any) -> Any:
    """Return a JSON value with the literal for a member, itself if it has no place for one."""
    if isinstance(value, list):
        items = [_put(item, path, literal) for item in value]
        return value if all(map(operator.is_, items, value)) else items
    if not isinstance(value, dict):
        return value
    name, *rest = path
    if not rest:
        return {**value, name: literal}
    member = value.get(name)
    changed = _put(member, rest, literal)
    return value if changed is member else {**value, name: changed}
