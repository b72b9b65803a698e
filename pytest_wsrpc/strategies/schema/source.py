"""From a schema to its strategies, kept for the next time."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from .build import Builder
from .document import Document, Schema


@st.composite
def from_schema(draw: st.DrawFn, schema: Schema | bool) -> Any:
    """Return the JSON values that a JSON Schema (draft 2020-12) accepts, formats asserted.

    A schema that contradicts itself, is malformed or unsupported raises `InvalidArgument` when
    drawn from, with the place in the schema.
    """
    return draw(_builder(text_of(schema)).values())


def text_of(schema: Schema | bool) -> str:
    """Return the JSON text of a schema, under which what is made of it is kept."""
    try:
        return json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"the schema is not JSON: {error}") from None


@lru_cache(maxsize=256)
def _builder(text: str) -> Builder:
    return Builder(Document(json.loads(text)))
