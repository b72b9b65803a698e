"""Any JSON value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hypothesis import strategies as st

from .numbers import FLOAT_EDGES, INTEGER_EDGES
from .plan import Plan, among
from .texts import CHARACTERS, EDGES, FREQUENT
from .texts import KEYS as ODD_KEYS

_SCALARS: Final[st.SearchStrategy[Any]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(CHARACTERS, max_size=16),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*INTEGER_EDGES, *FLOAT_EDGES, *EDGES]),
)
_KEYS: Final = st.text(CHARACTERS, max_size=8)


def _around(
    values: st.SearchStrategy[Any], size: int, keys: st.SearchStrategy[str] = _KEYS
) -> st.SearchStrategy[Any]:
    return st.one_of(
        _SCALARS, st.lists(values, max_size=size), st.dictionaries(keys, values, max_size=size)
    )


# static and nested: twice as fast as st.recursive
VALUES: Final = _around(_around(_SCALARS, 3), 4)
OBJECTS: Final[st.SearchStrategy[dict[str, Any]]] = st.dictionaries(
    _KEYS, _around(_SCALARS, 3), max_size=4
)


@st.composite
def json_values(draw: st.DrawFn) -> Any:
    """Return any JSON values: what ``json.loads`` gives, with finite floats and valid text.

    Arrays and objects nest at most twice.
    """
    return draw(VALUES)


DEEP: Final = 24
"""How deep the values of a plan nest."""


def anything(keys: Iterable[str] = ()) -> Plan:
    """Return the plan of all values, deep ones too; names of members are often among `keys`."""
    known = [*keys]
    names = among([*known, "a"]) | _KEYS if known else _KEYS
    return Plan(
        _around(_around(_SCALARS, 3, names), 4, names),
        DEEP,
        4,
        frozenset({"any"}),
        among([*_SIMPLE, *_nested(DEEP), *FREQUENT, *ODD_OBJECTS]),
    )


_SIMPLE: Final[tuple[Any, ...]] = (
    0, None, "", [], {}, False, True, 1, -1, 0.5, -0.0, 2**53 + 1, 2**63, 1e308, [0], [None], [[]],
    [{}], [1, 1], {"a": 1}, {"a": None}, {"a": {"a": {}}},
)  # fmt: skip
ODD_OBJECTS: Final = tuple({key: 0} for key in ODD_KEYS)


def _nested(depth: int) -> tuple[Any, Any]:
    array: Any = []
    table: Any = {}
    for _ in range(depth - 1):
        array, table = [array], {"a": table}
    return array, table
