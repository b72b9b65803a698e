"""Any JSON value."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from .numbers import FLOAT_EDGES, INTEGER_EDGES
from .strings import EDGES

_SCALARS: Final[st.SearchStrategy[Any]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=16),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*INTEGER_EDGES, *FLOAT_EDGES, *EDGES]),
)
_KEYS: Final = st.text(max_size=8)


def _around(values: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[Any]:
    return st.one_of(
        _SCALARS, st.lists(values, max_size=size), st.dictionaries(_KEYS, values, max_size=size)
    )


# static and nested: twice as fast as st.recursive
VALUES: Final = _around(_around(_SCALARS, 3), 4)
OBJECTS: Final[st.SearchStrategy[dict[str, Any]]] = st.dictionaries(
    _KEYS, _around(_SCALARS, 3), max_size=4
)
DEPTH: Final = 2
"""How deep both nest."""


@st.composite
def json_values(draw: st.DrawFn) -> Any:
    """Return any JSON values: what ``json.loads`` gives, with finite floats and valid text.

    Arrays and objects nest at most twice.
    """
    return draw(VALUES)
