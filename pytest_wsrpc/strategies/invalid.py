"""Payloads with one thing wrong that their type or schema provably refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from .payloads import Source, source_of
from .schema.breaks import Breaker
from .schema.misfits import Misfit
from .schema.plan import accepted


@dataclass(frozen=True)
class Invalid:
    """A payload that must be refused, and why."""

    payload: dict[str, Any]
    path: tuple[str, ...]
    """The names and decimal indexes that lead to what is wrong, ``()`` for the whole payload."""
    why: str


@st.composite
def invalid_payloads(draw: st.DrawFn, type_or_schema: Any) -> Invalid:
    """Return payloads with one thing wrong that the type or the JSON Schema refuses.

    The type's own validation refuses each, and its errors name the broken field or what it is
    part of. `type_or_schema` is as for `payloads`; a type that refuses no object at all raises
    `InvalidArgument`, which `can_be_invalid` tells before.
    """
    strategy = invalid_of(source_of(type_or_schema))
    if strategy is None:
        raise InvalidArgument(
            f"no payload is invalid for {type_or_schema!r}: it says nothing that an object could"
            " violate. Ask can_be_invalid() first."
        )
    return draw(strategy)


def can_be_invalid(type_or_schema: Any) -> bool:
    """Whether a type or a JSON Schema says anything that an object could violate."""
    return invalid_of(source_of(type_or_schema)) is not None


def names_field(errors: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the ``errors`` of a refusal name the field at a path, or a part that it is in."""
    here: Any = errors
    for name in path:
        if not isinstance(here, Mapping) or "" in here:
            return True
        if name not in here:
            return False
        here = here[name]
    return bool(here)


@lru_cache(maxsize=256)
def invalid_of(source: Source) -> st.SearchStrategy[Invalid] | None:
    """Return what the source's type or schema refuses, None where that is nothing."""
    misfits = Breaker(source.builder).payloads()
    if misfits is None:
        return None

    def is_refused(misfit: Misfit) -> bool:
        if source.type is None:
            return not source.accepts(misfit.value)
        errors = source.refusal(misfit.value)
        if errors is None:
            return source.fails(misfit.value)  # instead of refusing it
        return names_field(errors, misfit.path)

    return accepted(misfits, is_refused).map(
        lambda misfit: Invalid(misfit.value, misfit.path, misfit.why())
    )
