"""The schemas of an AsyncAPI document, draft 07, as self-contained ones of draft 2020-12."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import Any, Final, TypeAlias

from pytest_wsrpc.strategies.schema.document import IN_LIST, IN_MAP, IN_ONE
from wsrpc.schema.document import JsonSchema

from .fetching import BadDocument
from .references import Documents, Node

_LEFT_OUT: Final = frozenset(
    {"$comment", "$defs", "$id", "$schema", "additionalItems", "definitions", "dependencies"}
    | {"discriminator", "externalDocs"}
)
_FORMATS: Final = (
    "application/schema+json",
    "application/schema+yaml",
    "application/vnd.aai.asyncapi",
)
_LATER_DRAFTS: Final = ("2019-09", "2020-12")

_Schema: TypeAlias = "JsonSchema | bool"


def unwrapped(node: Node) -> Node:
    """Return the schema in what also says its format; raises `BadDocument` for another format."""
    value = node.value
    if not isinstance(value, dict) or "schemaFormat" not in value or "schema" not in value:
        return node
    if not str(value["schemaFormat"]).startswith(_FORMATS):
        raise BadDocument(f"{node}: expected JSON Schema, got the format {value['schemaFormat']!r}")
    return node.child("schema")


def schema_of(documents: Documents, nodes: Sequence[Node]) -> JsonSchema:
    """Return the schema of the values that one of some schemas of a document accepts."""
    return _Bundle(documents).whole(nodes)


class _Bundle:
    """One schema with the definitions that it needs."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._names: dict[tuple[str, str], str] = {}
        self._definitions: dict[str, _Schema] = {}

    def whole(self, nodes: Sequence[Node]) -> JsonSchema:
        made = [self._schema(node, node) for node in nodes]
        schema = made[0] if len(made) == 1 else {"anyOf": made}
        if isinstance(schema, bool):
            schema = {} if schema else {"not": {}}
        return {**schema, "$defs": self._definitions} if self._definitions else schema

    def _schema(self, node: Node, scope: Node, *, is_later: bool = False) -> _Schema:
        inner = unwrapped(node)
        if inner is not node:
            later = str(node.value["schemaFormat"]).endswith(_LATER_DRAFTS)
            return self._schema(inner, inner, is_later=later)
        value = node.value
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict):
            raise BadDocument(f"{node}: expected a JSON Schema, got {type(value).__name__}")
        if isinstance(value.get("$ref"), str):
            reference = {"$ref": self._reference(node, scope, is_later)}
            rest = {key: part for key, part in value.items() if key != "$ref"}
            # draft 07 ignores what stands beside a reference
            if not rest or not is_later:
                return reference
            beside = Node(rest, node.base, node.pointer)
            return {"allOf": [reference, self._converted(beside, scope, is_later)]}
        return self._converted(node, scope, is_later)

    def _reference(self, node: Node, scope: Node, is_later: bool) -> str:
        target = self._documents.at(node, node.value["$ref"], scope)
        name = self._names.get(target.place)
        if name is None:
            plain = re.sub(r"[^a-zA-Z0-9.\-_]", "_", target.pointer.rpartition("/")[2]) or "root"
            names = (f"{plain}_{number}" if number else plain for number in count())
            name = next(name for name in names if name not in self._definitions)
            self._names[target.place] = name
            self._definitions[name] = {}  # a reference back ends here
            if target.is_in(scope):
                self._definitions[name] = self._schema(target, scope, is_later=is_later)
            else:
                self._definitions[name] = self._schema(target, target)
        return f"#/$defs/{name}"

    def _converted(self, node: Node, scope: Node, is_later: bool) -> JsonSchema:
        def part(one: Node) -> _Schema:
            return self._schema(one, scope, is_later=is_later)

        made: JsonSchema = {}
        for keyword, value in node.value.items():
            if keyword in _LEFT_OUT:
                continue
            if keyword == "items" and isinstance(value, list):
                made["prefixItems"] = [part(one) for one in node.children(keyword)]
                more = node.get("additionalItems")
                if more is not None:
                    made["items"] = part(more)
            elif keyword in IN_ONE:
                made[keyword] = part(node.child(keyword))
            elif keyword in IN_LIST and isinstance(value, list):
                made[keyword] = [part(one) for one in node.children(keyword)]
            elif keyword in IN_MAP and isinstance(value, dict):
                whole = node.child(keyword)
                made[keyword] = {name: part(whole.child(name)) for name in value}
            else:
                made[keyword] = value
        dependencies = node.get("dependencies")
        if dependencies is not None and isinstance(dependencies.value, dict):
            for name, value in dependencies.value.items():
                if isinstance(value, list):
                    made.setdefault("dependentRequired", {})[name] = value
                else:
                    schemas = made.setdefault("dependentSchemas", {})
                    schemas[name] = part(dependencies.child(name))
        return made


def is_anything(schema: Any) -> bool:
    """Tell whether a schema says nothing, other than of objects that they are such."""
    told = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return told in ({}, {"type": "object"})
