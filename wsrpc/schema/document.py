"""JSON Schema 2020-12 of a type: of exactly what is accepted, as far as a schema can say it.

msgspec has a generator of its own; it leaves out what a schema must say for values to be made
from it (formats of times without a fixed time zone, the keys of a dict, numbers for a Decimal).
"""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, Final, TypeAlias

import msgspec
import msgspec.inspect as mi

from .tree import Items, array_bounds, children, nodes, unwrap

JsonSchema: TypeAlias = dict[str, Any]
_Named: TypeAlias = (
    mi.StructType | mi.DataclassType | mi.TypedDictType | mi.NamedTupleType | mi.EnumType
)

_SCALARS: Final[dict[type[mi.Type], JsonSchema]] = {
    mi.AnyType: {},
    mi.CustomType: {},  # object
    mi.NoneType: {"type": "null"},
    mi.BoolType: {"type": "boolean"},
    mi.IntType: {"type": "integer"},
    mi.FloatType: {"type": "number"},
    mi.StrType: {"type": "string"},
    mi.BytesType: {"type": "string", "contentEncoding": "base64"},
    mi.ByteArrayType: {"type": "string", "contentEncoding": "base64"},
    mi.MemoryViewType: {"type": "string", "contentEncoding": "base64"},
    mi.DateType: {"type": "string", "format": "date"},
    mi.TimeDeltaType: {"type": "string", "format": "duration"},
    mi.UUIDType: {"type": "string", "format": "uuid"},
    mi.DecimalType: {"type": ["string", "number"], "format": "decimal"},
}
_NUMBER_LIMITS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_EMPTY_FACTORIES: Final = (list, dict, set, frozenset, tuple)
INT_KEY: Final = r"^(0|-?[1-9][0-9]{0,17})$"
FLOAT_KEY: Final = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$"


def json_schema(root: mi.Type) -> JsonSchema:
    """Return the schema of a tree, self-contained: classes and enums stand in ``$defs``."""
    document = _Document(root)
    schema = document.schema(root)
    if document.names:
        schema["$defs"] = {
            name: document.definition(node) for node, name in document.names.values()
        }
    # examples and enums may be any Python values: a schema is JSON
    plain: JsonSchema = msgspec.json.decode(msgspec.json.encode(schema))
    return plain


class _Document:
    def __init__(self, root: mi.Type) -> None:
        self.names = _names(root)
        self._tags_required = _only_in_tagged_unions(root)

    def schema(self, node: mi.Type) -> JsonSchema:
        extra: JsonSchema = {}
        while isinstance(node, mi.Metadata):
            extra = {**(node.extra_json_schema or {}), **extra}
            node = node.type
        if id(node) in self.names:
            schema = {"$ref": f"#/$defs/{self.names[id(node)][1]}"}
        else:
            schema = self._anonymous(node)
        return {**schema, **extra}

    def _anonymous(self, node: mi.Type) -> JsonSchema:
        match node:
            case mi.UnionType():
                return self._union(node)
            case mi.LiteralType(values=values):
                return {"enum": list(values)}
            case mi.DateTimeType():
                local = node.tz is False
                return {"type": "string", "format": "date-time-local" if local else "date-time"}
            case mi.TimeType():
                local = node.tz is False
                return {"type": "string", "format": "time-local" if local else "time"}
            case mi.DictType():
                return self._dict(node)
            case mi.TupleType(item_types=types):
                return self._array([self.schema(item) for item in types], len(types), len(types))
            case mi.ListType() | mi.SetType() | mi.FrozenSetType() | mi.VarTupleType():
                return self._items(node)
        return {**_SCALARS[type(node)], **_limits(node)}

    def _items(self, node: Items) -> JsonSchema:
        schema: JsonSchema = {"type": "array"}
        item = self.schema(node.item_type)
        if item:
            schema["items"] = item
        schema |= _length(node, "minItems", "maxItems")
        if "minItems" in schema and isinstance(node, mi.SetType | mi.FrozenSetType):
            schema["uniqueItems"] = True  # duplicates are accepted, but do not count
        return schema

    def _dict(self, node: mi.DictType) -> JsonSchema:
        schema: JsonSchema = {"type": "object"}
        keys = self._keys(node.key_type)
        if keys != {}:
            schema["propertyNames"] = keys
        value = self.schema(node.value_type)
        if value:
            schema["additionalProperties"] = value
        return schema | _length(node, "minProperties", "maxProperties")

    def _keys(self, node: mi.Type) -> JsonSchema | bool:
        """Return the schema of the names of properties, which are always strings."""
        match unwrap(node):
            case mi.UnionType(types=types):
                branches = [keys for t in types if (keys := self._keys(t)) is not False]
                return {} if {} in branches else {"anyOf": branches}
            case mi.LiteralType(values=values):
                return {"enum": [str(value) for value in values if value is not None]}
            case mi.EnumType(cls=cls):
                return {"enum": [str(member.value) for member in cls]}
            case mi.IntType():
                return {"pattern": INT_KEY}
            case mi.FloatType():
                return {"pattern": FLOAT_KEY}
            case mi.AnyType() | mi.CustomType():
                return {}
        schema = self.schema(node)
        kind = schema.pop("type", None)
        return schema if kind == "string" or isinstance(kind, list) else False

    def _union(self, node: mi.UnionType) -> JsonSchema:
        tagged = _tagged(node)
        branches = []
        for member in node.types:
            branch = self.schema(member)
            inner = unwrap(member)
            if id(inner) in tagged and id(inner) not in self._tags_required:
                # the tag may be left out where the struct stands alone, but not here
                branch = {**branch, "required": [tagged[id(inner)]]}
            branches.append(branch)
        return {"anyOf": branches}

    def _array(self, items: list[JsonSchema], least: int, most: int | None) -> JsonSchema:
        schema: JsonSchema = {"type": "array", "minItems": least}
        if items:
            schema["prefixItems"] = items
        if most is not None:
            schema |= {"maxItems": most, "items": False}
        return schema

    def definition(self, node: _Named) -> JsonSchema:
        """Return the schema of a class or an enum."""
        schema: JsonSchema = {"title": _title(node.cls)}
        description = _description(node)
        if description:
            schema["description"] = description
        if isinstance(node, mi.EnumType):
            return schema | {"enum": [member.value for member in node.cls]}
        tag: JsonSchema | None = None
        if isinstance(node, mi.StructType) and node.tag is not None:
            tag = {"const": node.tag}
        fields = [self.schema(field.type) | _default(field) for field in node.fields]
        if isinstance(node, mi.NamedTupleType) or (
            isinstance(node, mi.StructType) and node.array_like
        ):
            items = fields if tag is None else [tag, *fields]
            return schema | self._array(items, *array_bounds(node))
        properties = {
            field.encode_name: part for field, part in zip(node.fields, fields, strict=True)
        }
        required = [field.encode_name for field in node.fields if field.required]
        if tag is not None and isinstance(node, mi.StructType) and node.tag_field is not None:
            properties = {node.tag_field: tag, **properties}
            if id(node) in self._tags_required:
                required.insert(0, node.tag_field)
        schema |= {"type": "object", "properties": properties, "required": required}
        if isinstance(node, mi.StructType) and node.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema


def _names(root: mi.Type) -> dict[int, tuple[_Named, str]]:
    """Name the classes and enums of a tree: shortly, where that is clear, else in full."""
    named = [
        node
        for node in nodes(root)
        if isinstance(
            node,
            mi.StructType | mi.DataclassType | mi.TypedDictType | mi.NamedTupleType | mi.EnumType,
        )
    ]
    short: dict[str, list[Any]] = {}
    for node in named:
        classes = short.setdefault(_identifier(node.cls), [])
        if node.cls not in classes:
            classes.append(node.cls)
    names = {}
    for node in named:
        name = _identifier(node.cls)
        classes = short[name]
        if len(classes) > 1:
            name = _plain(f"{node.cls.__module__}.{name}.{classes.index(node.cls) + 1}")
        names[id(node)] = (node, name)
    return names


def _tagged(node: mi.UnionType) -> dict[int, str]:
    """Return the members that a union tells apart by the field of their tag."""
    structs = [
        inner
        for inner in map(unwrap, node.types)
        if isinstance(inner, mi.StructType) and not inner.array_like
    ]
    return {id(s): s.tag_field for s in structs if s.tag_field} if len(structs) > 1 else {}


def _only_in_tagged_unions(root: mi.Type) -> frozenset[int]:
    tagged: set[int] = set()
    alone: set[int] = set()
    for node in nodes(mi.TupleType((root,))):
        members = _tagged(node) if isinstance(node, mi.UnionType) else {}
        tagged |= members.keys()
        alone |= {id(unwrap(child)) for child in children(node)} - members.keys()
    return frozenset(tagged - alone)


def _title(cls: Any) -> str:
    origin = getattr(cls, "__origin__", None)
    if origin is None:
        return str(cls.__name__)
    arguments = (a.__name__ if isinstance(a, type) else repr(a) for a in cls.__args__)
    return f"{origin.__name__}[{', '.join(arguments)}]"


def _identifier(cls: Any) -> str:
    return _plain(_title(cls))


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9.\-_]", "_", name)


def _description(node: _Named) -> str:
    cls = getattr(node.cls, "__origin__", node.cls)
    text = inspect.cleandoc(cls.__doc__ or "")
    generated = isinstance(node, mi.DataclassType | mi.NamedTupleType) and text.startswith(
        f"{cls.__name__}("
    )
    return "" if generated else text


def _default(field: mi.Field) -> JsonSchema:
    value = field.default
    if field.default_factory in _EMPTY_FACTORIES:
        value = field.default_factory()
    if value is msgspec.NODEFAULT or (isinstance(value, float) and not math.isfinite(value)):
        return {}
    try:
        return {"default": msgspec.json.decode(msgspec.json.encode(value, order="deterministic"))}
    except (TypeError, ValueError):  # a default that only Python code can give
        return {}


def _limits(node: mi.Type) -> JsonSchema:
    match node:
        case mi.IntType() | mi.FloatType():
            return {
                keyword: limit
                for name, keyword in _NUMBER_LIMITS.items()
                if (limit := getattr(node, name)) is not None
            }
        case mi.StrType(pattern=pattern):
            return _length(node, "minLength", "maxLength") | (
                {} if pattern is None else {"pattern": pattern}
            )
        case mi.BytesType() | mi.ByteArrayType() | mi.MemoryViewType():
            # four characters stand for three bytes
            lengths = _length(node, "minLength", "maxLength")
            return {keyword: 4 * ((length + 2) // 3) for keyword, length in lengths.items()}
    return {}


def _length(node: Any, least: str, most: str) -> JsonSchema:
    bounds = {least: node.min_length, most: node.max_length}
    return {keyword: bound for keyword, bound in bounds.items() if bound is not None}
