"""The types of all methods as components of one document: each once, under a name of its own."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..schema.document import JsonSchema
from .draft07 import convert, references


class Place(NamedTuple):
    """Where a type is used."""

    endpoint: str
    method: str
    role: str
    """``payload`` or ``response``."""


@dataclass(frozen=True)
class _Variant:
    """A definition with all that it refers to: where this is the same, it is the same type."""

    name: str
    content: str


class Schemas:
    """The schemas of a document.

    A definition is called what its class is called. Where several have the same name, as classes
    of two modules or the two sides of one pydantic model, each is also called by what tells it
    apart: payload or response, else the endpoint, else the place that uses it first.
    """

    def __init__(self, schemas: Mapping[Place, JsonSchema]) -> None:
        self._schemas = {place: _with_name(schema) for place, schema in schemas.items()}
        self._variants: dict[Place, dict[str, _Variant]] = {}
        uses: dict[str, dict[_Variant, list[Place]]] = defaultdict(lambda: defaultdict(list))
        for place, schema in self._schemas.items():
            definitions = schema.get("$defs", {})
            self._variants[place] = {name: _variant(name, definitions) for name in definitions}
            for name, variant in self._variants[place].items():
                uses[name][variant].append(place)
        self._names: dict[_Variant, str] = {}
        for name, variants in uses.items():
            if len(variants) == 1:
                self._names[next(iter(variants))] = name
        for name, variants in uses.items():
            if len(variants) > 1:
                self._tell_apart(name, variants)

    def of(self, place: Place) -> JsonSchema:
        """Return the schema of a type, which refers to `components`."""
        schema: JsonSchema = convert(self._schemas[place], self._locator(place))
        return schema

    def whole(self, place: Place) -> JsonSchema:
        """Return the schema of a type with all that it refers to, in draft 2020-12."""
        return self._schemas[place]

    def components(self) -> dict[str, JsonSchema]:
        """Return all definitions by name, sorted."""
        found: dict[str, JsonSchema] = {}
        for place, variants in self._variants.items():
            for name, variant in variants.items():
                definition = self._schemas[place]["$defs"][name]
                found[self._names[variant]] = convert(definition, self._locator(place))
        return dict(sorted(found.items()))

    def _locator(self, place: Place) -> Callable[[str], str]:
        return lambda name: f"#/components/schemas/{self._names[self._variants[place][name]]}"

    def _tell_apart(self, name: str, variants: Mapping[_Variant, list[Place]]) -> None:
        taken = set(self._names.values())
        for name_at in _NAMES:
            names = [{name_at(name, place) for place in places} for places in variants.values()]
            if all(len(each) == 1 for each in names) and len(set.union(*names)) == len(names):
                break
        for variant, places in variants.items():
            new = name_at(name, places[0])
            while new in taken:
                new += "_"
            taken.add(new)
            self._names[variant] = new


def _by_role(name: str, place: Place) -> str:
    return f"{name}.{place.role}"


def _by_endpoint(name: str, place: Place) -> str:
    return f"{place.endpoint}.{name}"


def _by_place(name: str, place: Place) -> str:
    return f"{'.'.join(place)}.{name}"


_NAMES: Final = (_by_role, _by_endpoint, _by_place)


def _with_name(schema: JsonSchema) -> JsonSchema:
    """Make the class that a schema is, as pydantic writes it, one of its definitions."""
    definitions = schema.get("$defs", {})
    name = re.sub(r"[^a-zA-Z0-9.\-_]", "_", schema.get("title", ""))
    if not name or name in definitions:
        return schema
    root = {keyword: value for keyword, value in schema.items() if keyword != "$defs"}
    return {"$ref": f"#/$defs/{name}", "$defs": {**definitions, name: root}}


def _variant(name: str, definitions: Mapping[str, Any]) -> _Variant:
    reached = {name}
    todo = [name]
    while todo:
        new = references(definitions[todo.pop()]) - reached
        reached |= new
        todo += new
    content = {each: definitions[each] for each in reached}
    return _Variant(name, json.dumps(content, sort_keys=True))
