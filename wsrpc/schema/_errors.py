"""What is raised, and how the errors of many fields are put together."""

from __future__ import annotations

from typing import Final, TypeAlias, Union

Errors: TypeAlias = Union[str, dict[str, "Errors"]]  # noqa: UP007  (a name of itself in it)
"""What is wrong with a value: a sentence about it as a whole, or errors by field."""

REQUIRED: Final = "required"
UNKNOWN_FIELD: Final = "unknown field"
INVALID: Final = "invalid"
"""Stands for an exception without a text."""
TOO_DEEP: Final = "nested too deeply"
NOT_UNICODE: Final = "text with a lone surrogate"
MORE: Final = "more may be wrong: too much is, to tell all"


class InvalidResponse(ValueError):
    """What the handler returned is not of its response type."""


def by_field(errors: Errors) -> dict[str, Errors]:
    """Return errors as the ``errors`` member of a reply has them: ``""`` for the whole value."""
    return {"": errors} if isinstance(errors, str) else errors


def deeper_than(value: object, levels: int) -> bool:
    """Tell whether a JSON value has more nested containers than that."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            member
            for item in layer
            if isinstance(item, dict | list)
            for member in (item.values() if isinstance(item, dict) else item)
        ]
        if not layer:
            return False
    return True
