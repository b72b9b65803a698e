"""Everything that is wrong with a value, where msgspec tells the first fault only.

Each value is judged by msgspec itself: where it refuses a container, each of its parts is tried
in turn, down to the faulty ones. What is collected is therefore never at odds with msgspec, and
never empty for a value that it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec
import msgspec.inspect as mi

from ._errors import INVALID, MORE, REQUIRED, UNKNOWN_FIELD, Errors, by_field
from .tree import Items, ObjectType, annotation_of, array_bounds, is_array, is_object, unwrap

_WORK: Final = 8 * 2**20
"""Bytes that one refusal may encode again: a message of 1 MiB has room for 8 levels of nesting."""
_PER_CHECK: Final = 64
"""A check costs about as much as that many bytes, however small the value."""
_PER_ERROR: Final = 8 * 2**10
"""So that about 1,000 errors are the most: the answer stays in proportion to the message."""

_encode = msgspec.json.Encoder().encode
_SUFFIX: Final = re.compile(r" - at `(?:key` in `)?\$[^`]*`\Z")
_Findings: TypeAlias = Iterable[tuple[str, Errors | None]]


class Collector:
    """Finds every fault of values of one type; keeps the decoders of the type's parts."""

    def __init__(self, root: mi.Type) -> None:
        self._root = root
        self._decoders: dict[tuple[str, int], msgspec.json.Decoder[Any]] = {}

    def collect(self, value: Any, refusal: msgspec.ValidationError) -> dict[str, Errors]:
        """Return what is wrong with a value that the type refuses."""
        search = _Search(self._decoders)
        try:
            inside = search.inside(self._root, value)
        except RecursionError:
            return {"": str(refusal)}
        return by_field(inside or search.text_of(refusal))


class _Search:
    """One search through one value, at a bounded cost."""

    def __init__(self, decoders: dict[tuple[str, int], msgspec.json.Decoder[Any]]) -> None:
        self._decoders = decoders
        self._left = _WORK
        self._told = False

    def text_of(self, refusal: msgspec.ValidationError) -> str:
        """Return msgspec's text; with the path only if the search may not have got there."""
        text = str(refusal)
        return (text if self._left <= 0 else _SUFFIX.sub("", text)) or INVALID

    def find(self, node: mi.Type, value: Any) -> Errors | None:
        """Return what is wrong with a value, or None."""
        node = unwrap(node)
        refusal = self._refusal("value", node, annotation_of, value)
        if refusal is None:
            return None
        return self.inside(node, value) or _with_choices(node, value, self.text_of(refusal))

    def _refusal(
        self, role: str, node: mi.Type, annotation: Any, value: Any
    ) -> msgspec.ValidationError | None:
        decoder = self._decoders.get((role, id(node)))
        if decoder is None:
            decoder = msgspec.json.Decoder(annotation(node))
            self._decoders[role, id(node)] = decoder
        text = _encode(value)
        self._left -= len(text) + _PER_CHECK
        try:
            decoder.decode(text)
        except msgspec.ValidationError as refusal:
            return refusal
        return None

    def inside(self, node: mi.Type, value: Any) -> Errors | None:
        """Return what is wrong with the parts of a value, and with their number."""
        node = unwrap(node)
        match value:
            case dict():
                return self._inside_object(node, value)
            case list():
                return self._inside_array(node, value)
        return None

    def _inside_object(self, node: mi.Type, value: dict[str, Any]) -> Errors | None:
        match node:
            case mi.UnionType(types=types):
                return self._inside_branch([t for t in types if is_object(t)], value)
            case mi.DictType():
                whole = _wrong_length("object", len(value), node.min_length, node.max_length)
                return self._gather(self._entries(node, value), whole)
            case mi.StructType() | mi.DataclassType() | mi.TypedDictType() if is_object(node):
                return self._gather(self._fields(node, value))
        return None

    def _inside_array(self, node: mi.Type, value: list[Any]) -> Errors | None:
        match node:
            case mi.UnionType(types=types):
                return self._inside_branch([t for t in types if is_array(t)], value)
            case mi.ListType() | mi.VarTupleType():
                whole = _wrong_length("array", len(value), node.min_length, node.max_length)
                return self._gather(self._items(node, value), whole)
            case mi.SetType() | mi.FrozenSetType():
                return self._gather(self._items(node, value))
            case mi.TupleType(item_types=types):
                whole = _wrong_length("array", len(value), len(types), len(types))
                return self._gather(self._positions(types, value), whole)
            case mi.NamedTupleType(fields=fields):
                whole = _wrong_length("array", len(value), *array_bounds(node))
                return self._gather(self._positions([f.type for f in fields], value), whole)
            case mi.StructType() if is_array(node):
                return self._inside_array_like(node, value)
        return None

    def _inside_array_like(self, node: mi.StructType, value: list[Any]) -> Errors | None:
        tags = [] if node.tag is None else [node]
        least, most = array_bounds(node)
        whole = _wrong_length("array", len(value), least, most)
        types = [field.type for field in node.fields]
        return self._gather(
            chain(
                [(str(i), _wrong_tag(tags, tag)) for i, tag in enumerate(value[: len(tags)])],
                self._positions(types, value, start=len(tags)),
            ),
            whole,
        )

    def _inside_branch(self, branches: list[mi.Type], value: Any) -> Errors | None:
        """Look into the branch of a union that is meant: the only one, or the one of the tag."""
        if len(branches) < 2:
            return self.inside(branches[0], value) if branches else None
        structs = [node for node in map(unwrap, branches) if isinstance(node, mi.StructType)]
        if isinstance(value, list):
            if not value:
                return None
            field, tag = "0", value[0]
        else:
            field = str(structs[0].tag_field)
            if field not in value:
                return {field: REQUIRED}
            tag = value[field]
        wrong = _wrong_tag(structs, tag)
        if wrong is not None:
            return {field: wrong}
        return self.inside(next(struct for struct in structs if struct.tag == tag), value)

    def _gather(self, findings: _Findings, whole: str | None = None) -> Errors | None:
        """Put the findings about the parts together with the one about the whole."""
        errors: dict[str, Errors] = {}
        for key, found in findings:
            if found is not None:
                errors[key] = found
                if isinstance(found, str):
                    self._left -= _PER_ERROR
            if self._left <= 0:
                if errors and not self._told:
                    self._told = True
                    whole = whole or MORE
                break
        if not errors:
            return whole
        return errors if whole is None else {"": whole, **errors}

    def _fields(
        self, node: ObjectType, value: dict[str, Any]
    ) -> Iterator[tuple[str, Errors | None]]:
        known = {field.encode_name for field in node.fields}
        if isinstance(node, mi.StructType) and node.tag_field is not None:
            known.add(node.tag_field)
            if node.tag_field in value:
                yield node.tag_field, _wrong_tag([node], value[node.tag_field])
        for field in node.fields:
            if field.encode_name in value:
                yield field.encode_name, self.find(field.type, value[field.encode_name])
            elif field.required:
                yield field.encode_name, REQUIRED
        if isinstance(node, mi.StructType) and node.forbid_unknown_fields:
            for name in value:
                if name not in known:
                    yield name, UNKNOWN_FIELD

    def _entries(
        self, node: mi.DictType, value: dict[str, Any]
    ) -> Iterator[tuple[str, Errors | None]]:
        for key, item in value.items():
            refusal = self._refusal("key", node, _keys_of, {key: None})
            if refusal is None:
                yield key, self.find(node.value_type, item)
            else:
                text = _with_choices(unwrap(node.key_type), key, self.text_of(refusal))
                yield key, f"invalid key: {text}"

    def _items(self, node: Items, value: list[Any]) -> Iterator[tuple[str, Errors | None]]:
        for index, item in enumerate(value):
            yield str(index), self.find(node.item_type, item)

    def _positions(
        self, types: Iterable[mi.Type], value: list[Any], start: int = 0
    ) -> Iterator[tuple[str, Errors | None]]:
        for index, (node, item) in enumerate(zip(types, value[start:], strict=False), start):
            yield str(index), self.find(node, item)


def _keys_of(node: mi.DictType) -> Any:
    return dict[annotation_of(node.key_type), Any]  # type: ignore[misc]


def _wrong_tag(structs: list[mi.StructType], tag: Any) -> str | None:
    allowed = [struct.tag for struct in structs]
    if any(type(tag) is type(other) and tag == other for other in allowed):
        return None
    return _expected(allowed)


def _wrong_length(kind: str, length: int, least: int | None, most: int | None) -> str | None:
    if length >= (least or 0) and (most is None or length <= most):
        return None
    if least is None or most is None:
        bounds = f"<= {most}" if least is None else f">= {least}"
    else:
        bounds = str(least) if least == most else f"{least} to {most}"
    return f"Expected `{kind}` of length {bounds}"


def _with_choices(node: mi.Type, value: Any, text: str) -> str:
    """Say what is allowed in place of msgspec's text for a choice, which repeats the value."""
    if not text.startswith("Invalid enum value") or isinstance(value, dict | list):
        return text
    return _expected(list(_choices(node)))


def _choices(node: mi.Type) -> Iterator[Any]:
    match unwrap(node):
        case mi.LiteralType(values=values):
            yield from values
        case mi.EnumType(cls=cls):
            yield from (member.value for member in cls)
        case mi.UnionType(types=types):
            for member in types:
                yield from _choices(member)


def _expected(choices: list[Any]) -> str:
    texts = [_encode(choice).decode() for choice in choices]
    if len(texts) == 1:
        return f"Expected {texts[0]}"
    shown = ", ".join(texts[:20]) + (", ..." if len(texts) > 20 else "")
    return f"Expected one of {shown}"
