"""The tree of a type, as msgspec sees it, and the way back from a node to an annotation."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias, Union

import msgspec
import msgspec.inspect as mi

ObjectType: TypeAlias = mi.StructType | mi.DataclassType | mi.TypedDictType
"""A class of which JSON has an object (a struct may be ``array_like``: then it has an array)."""
Items: TypeAlias = mi.ListType | mi.SetType | mi.FrozenSetType | mi.VarTupleType
"""An array of any number of items of one type."""


def tree_of(annotation: Any) -> mi.Type:
    """Return the tree; raise `TypeError` if a part of it is nothing that JSON can be checked by."""
    root = mi.type_info(annotation)
    for node in nodes(root):
        if isinstance(node, mi.RawType | mi.ExtType):
            raise TypeError("what msgspec leaves undecoded cannot be checked")
        if isinstance(node, mi.CustomType) and node.cls is not object:
            raise TypeError(f"{describe(node.cls)} has no JSON form that is known")
    return root


def describe(annotation: Any) -> str:
    """Return the short name of an annotation."""
    return annotation.__qualname__ if isinstance(annotation, type) else repr(annotation)


def unwrap(node: mi.Type) -> mi.Type:
    """Return the node without titles, descriptions and examples."""
    while isinstance(node, mi.Metadata):
        node = node.type
    return node


def is_object(node: mi.Type) -> bool:
    """Tell whether JSON has the values of the type, not a union, as objects."""
    node = unwrap(node)
    if isinstance(node, mi.StructType):
        return not node.array_like
    return isinstance(node, mi.DictType | mi.DataclassType | mi.TypedDictType)


def is_array(node: mi.Type) -> bool:
    """Tell whether JSON has the values of the type, not a union, as arrays."""
    node = unwrap(node)
    if isinstance(node, mi.StructType):
        return node.array_like
    return isinstance(node, mi.CollectionType | mi.TupleType | mi.NamedTupleType)


def array_bounds(node: mi.StructType | mi.NamedTupleType) -> tuple[int, int | None]:
    """Return how many items an array may have that stands for the fields of a class."""
    least = most = len(node.fields)
    for field in reversed(node.fields):
        if field.required:
            break
        least -= 1
    if isinstance(node, mi.NamedTupleType):
        return least, most
    tag = node.tag is not None
    return least + tag, most + tag if node.forbid_unknown_fields else None


def nodes(root: mi.Type) -> Iterator[mi.Type]:
    """Yield each node once, parents first, in the order of the declarations."""
    seen: dict[int, mi.Type] = {}
    todo = [root]
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            yield node
            todo.extend(reversed(list(children(node))))


def children(node: mi.Type) -> Iterable[mi.Type]:
    """Return the nodes right below a node."""
    match node:
        case mi.Metadata(type=inner):
            return [inner]
        case mi.UnionType(types=types) | mi.TupleType(item_types=types):
            return types
        case mi.CollectionType(item_type=item):
            return [item]
        case mi.DictType(key_type=key, value_type=value):
            return [key, value]
        case (
            mi.StructType(fields=fields)
            | mi.DataclassType(fields=fields)
            | mi.TypedDictType(fields=fields)
            | mi.NamedTupleType(fields=fields)
        ):
            return [field.type for field in fields]
    return []


_PLAIN: dict[type[mi.Type], Any] = {
    mi.AnyType: Any,
    mi.CustomType: Any,  # object: tree_of refuses every other
    mi.NoneType: None,
    mi.BoolType: bool,
    mi.IntType: int,
    mi.FloatType: float,
    mi.StrType: str,
    mi.BytesType: bytes,
    mi.ByteArrayType: bytearray,
    mi.MemoryViewType: memoryview,
    mi.DateTimeType: datetime.datetime,
    mi.TimeType: datetime.time,
    mi.DateType: datetime.date,
    mi.TimeDeltaType: datetime.timedelta,
    mi.UUIDType: uuid.UUID,
    mi.DecimalType: decimal.Decimal,
}
_GENERIC: dict[type[mi.Type], Any] = {
    mi.ListType: list,
    mi.SetType: set,
    mi.FrozenSetType: frozenset,
    mi.VarTupleType: tuple,
    mi.TupleType: tuple,
    mi.DictType: dict,
    mi.LiteralType: Literal,
    mi.UnionType: Union,
}
_CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz")


def annotation_of(node: mi.Type) -> Any:
    """Return an annotation that msgspec takes to mean exactly the node."""
    node = unwrap(node)
    if hasattr(node, "cls") and not isinstance(node, mi.CustomType):
        return node.cls
    constraints = {
        name: value for name in _CONSTRAINTS if (value := getattr(node, name, None)) is not None
    }
    plain = _bare(node)
    return Annotated[plain, msgspec.Meta(**constraints)] if constraints else plain


def _bare(node: mi.Type) -> Any:
    """Return the annotation without constraints."""
    generic: Any = _GENERIC.get(type(node))
    match node:
        case mi.LiteralType(values=values):
            return generic[values]
        case mi.VarTupleType(item_type=item):
            return generic[annotation_of(item), ...]
        case mi.CollectionType(item_type=item):
            return generic[annotation_of(item)]
    if generic is None:
        return _PLAIN[type(node)]
    return generic[tuple(annotation_of(child) for child in children(node))]
