"""Payloads that a type or a JSON Schema accepts."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType

from .schema.build import Builder
from .schema.document import Document
from .schema.source import text_of


@st.composite
def payloads(draw: st.DrawFn, type_or_schema: Any) -> dict[str, Any]:
    """Return payloads that a type or a JSON Schema accepts, as JSON objects.

    A type is one that a method's payload may have: a dataclass, TypedDict, ``msgspec.Struct``,
    attrs class or pydantic model, or a `wsrpc.schema.PayloadType`; None stands for any object.
    All that is drawn passes the type's own validation.
    """
    payload: dict[str, Any] = draw(source_of(type_or_schema).valid)
    return payload


class Source:
    """What payloads are drawn for: its schema, and what has the last word on a payload."""

    def __init__(self, builder: Builder, type: PayloadType | None) -> None:
        self.builder = builder
        self.type = type
        values = builder.values()
        self.valid: st.SearchStrategy[Any] = values
        if type is not None:
            self.valid = values.filter(self.accepts)

    def accepts(self, payload: Any) -> bool:
        """Whether the type takes the payload, or the schema where there is no type."""
        if self.type is None:
            return self.builder.document.accepts(self.builder.document.root)(payload)
        return self.refusal(payload) is None

    def refusal(self, payload: Any) -> dict[str, Any] | None:
        """Return the errors with which the type refuses a payload, None if it takes it."""
        assert self.type is not None
        try:
            self.type.validate(payload)
        except InvalidParams as refused:
            return refused.errors or {}
        return None


def source_of(type_or_schema: Any) -> Source:
    """Return what to draw payloads for; raises `InvalidArgument` where there is nothing."""
    if type_or_schema is None:
        type_or_schema = {}
    if isinstance(type_or_schema, (dict, bool)):
        return _of_schema(text_of(type_or_schema))
    try:
        hash(type_or_schema)
    except TypeError:  # such as Annotated with a list
        return _of_type(_Same(type_or_schema))
    return _of_type(type_or_schema)


class _Same:
    """Stands for a type that is not hashable, by its identity."""

    def __init__(self, type: Any) -> None:
        self.type = type

    def __hash__(self) -> int:
        return id(self.type)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.type is other.type


@lru_cache(maxsize=256)
def _of_schema(text: str) -> Source:
    return Source(Builder(Document(json.loads(text), kind="object")), None)


@lru_cache(maxsize=256)
def _of_type(type: Any) -> Source:
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
    return Source(Builder(Document(schema, kind="object", asserts_all=True)), type)
