"""Payloads that a type or a JSON Schema accepts."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType
from wsrpc.schema.parts import is_pydantic

from ..refusals import error_of
from .described import DescribedPayload
from .schema.build import Builder
from .schema.document import Document
from .schema.hints import NO_HINTS, Hints
from .schema.offsets import takes_both, with_both
from .schema.plan import accepted
from .schema.source import text_of


@st.composite
def payloads(draw: st.DrawFn, type_or_schema: Any) -> dict[str, Any]:
    """Return payloads that a type or a JSON Schema accepts, as JSON objects.

    A type is one that a method's payload may have: a dataclass, TypedDict, ``msgspec.Struct``,
    attrs class or pydantic model, or a `wsrpc.schema.PayloadType`; None stands for any object.
    All that is drawn passes the type's own validation.
    """
    return draw(source_of(type_or_schema).valid)


class Source:
    """What payloads are drawn for: its schema, and what has the last word on a payload."""

    def __init__(self, builder: Builder, type: PayloadType | None) -> None:
        self.builder = builder
        self.type = type
        values = builder.values()
        self.valid: st.SearchStrategy[dict[str, Any]] = values
        if type is not None:
            self.valid = accepted(values, self.accepts)

    def accepts(self, payload: Any) -> bool:
        """Whether the type takes the payload, or the schema where there is no type."""
        if self.type is None:
            return self.builder.document.accepts(self.builder.document.root)(payload)
        return self.refusal(payload) is None

    def refusal(self, payload: Any) -> dict[str, Any] | None:
        """Return the errors with which the type refuses a payload, None if it takes it.

        Where a validator fails instead, nothing is refused: the server fails likewise.
        """
        error = self._error(payload)
        return (error.errors or {}) if isinstance(error, InvalidParams) else None

    def fails(self, payload: Any) -> bool:
        """Whether a validator of the type raises what is no refusal."""
        return not isinstance(self._error(payload), InvalidParams | None)

    def _error(self, payload: Any) -> Exception | None:
        assert self.type is not None
        return error_of(self.type, payload)


def source_of(type_or_schema: Any, hints: Hints = NO_HINTS) -> Source:
    """Return what to draw payloads for; raises `InvalidArgument` where there is nothing."""
    if type_or_schema is None:
        type_or_schema = _free(hints.members)
    if isinstance(type_or_schema, (dict, bool)):
        return _of_schema(text_of(type_or_schema), hints)
    try:
        hash(type_or_schema)
    except TypeError:  # such as Annotated with a list
        return _of_type(_Same(type_or_schema), hints)
    return _of_type(type_or_schema, hints)


def _free(members: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of any object, of which all or any of these members come up."""
    if not members:
        return {}
    properties: dict[str, Any] = {name: {} for name in members}
    return {"properties": properties, "anyOf": [{}, {"required": [*members]}]}


class _Same:
    """Stands for a type that is not hashable, by its identity."""

    def __init__(self, type: Any) -> None:
        self.type = type

    def __hash__(self) -> int:
        return id(self.type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.type is other.type


@lru_cache(maxsize=256)
def _of_schema(text: str, hints: Hints) -> Source:
    return Source(Builder(Document(json.loads(text), kind="object"), hints), None)


@lru_cache(maxsize=256)
def _of_type(type: Any, hints: Hints) -> Source:
    if isinstance(type, _Same):
        type = type.type
    if not isinstance(type, PayloadType):
        try:
            type = PayloadType(type, getattr(type, "__qualname__", str(type)))
        except TypeError as error:
            raise InvalidArgument(
                f"expected a type of payloads or a JSON Schema, got {type!r}: {error}"
            ) from None
    schema = json.loads(text_of(type.json_schema()))
    if isinstance(type, DescribedPayload):
        # most servers tell integers from floats, whatever JSON Schema says
        return Source(Builder(Document(schema, kind="object", floats=False), hints), type)
    if takes_both(type.annotation):
        schema = with_both(schema)
    floats = is_pydantic(type.annotation)  # msgspec never takes 1.0 for an integer
    document = Document(schema, kind="object", asserts_all=True, floats=floats)
    return Source(Builder(document, hints), type)
