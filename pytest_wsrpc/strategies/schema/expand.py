"""A schema as its alternatives: references followed, allOf, anyOf, oneOf and if worked out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hypothesis.errors import InvalidArgument

from .document import Contradiction, Document, Schema
from .merge import KEYWORDS, Flat, merge

MOST_ALTERNATIVES: Final = 512
"""More would take long to build and say little: a schema of this kind is a mistake."""

_CHECKED: Final = frozenset(
    {
        "dependentRequired",
        "dependentSchemas",
        "maxContains",
        "not",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Keywords that values are tested for, as building them to fit would take more than it gives."""
_ANY_TYPE: Final = ("null", "boolean", "number", "string", "array", "object")


class Alternatives:
    """The alternatives of every subschema of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._known: dict[tuple[int, int], list[Flat]] = {}

    def of(self, schema: Schema, budget: int) -> list[Flat]:
        """Return the alternatives of a subschema; none where it accepts nothing."""
        key = (id(schema), budget)
        if key not in self._known:
            self._known[key] = self._expand(schema, budget)
        return self._known[key]

    def _expand(self, schema: Schema, budget: int) -> list[Flat]:
        place = self.document.place(schema)
        if schema.get("not") == {}:
            self.document.problem(place, "the schema false accepts nothing")
            return []
        if "enum" in schema or "const" in schema:
            return self._listed(schema, place, budget)
        checks = (schema,) if not _CHECKED.isdisjoint(schema) else ()
        found = [replace(flat, checks=checks) for flat in _own(schema, place, budget)]
        for factor in self._factors(schema, budget):
            found = self._product(found, factor, place)
        return found + self._examples(schema, place, budget)

    def _listed(self, schema: Schema, place: str, budget: int) -> list[Flat]:
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        accepts = self.document.accepts(schema)
        allowed = tuple(value for value in values if accepts(value))
        if not allowed:
            self.document.problem(place, f"none of the values {values!r} is allowed by the rest")
            return []
        return [Flat("values", {}, place, budget, values=allowed)]

    def _factors(self, schema: Schema, budget: int) -> list[list[Flat]]:
        """Return the sets of alternatives that all must hold."""
        factors = []
        if "$ref" in schema:
            factors.append(self._referred(schema, budget))
        factors += [self.of(sub, budget) for sub in schema.get("allOf", ())]
        if "anyOf" in schema:
            factors.append(self._any(schema["anyOf"], budget))
        if "oneOf" in schema:
            options = self._any(schema["oneOf"], budget)
            if not ("discriminator" in schema or _disjoint(schema["oneOf"])):
                options = [replace(flat, checks=(*flat.checks, schema)) for flat in options]
            factors.append(options)
        if "if" in schema:
            factors.append(self._conditional(schema, budget))
        return factors

    def _referred(self, schema: Schema, budget: int) -> list[Flat]:
        name, target = self.document.target(schema)
        if name not in self.document.recursive:
            return self.of(target, budget)
        if budget == 0:
            place = self.document.place(schema)
            self.document.problem(
                place, f"{self.document.place(target)} contains itself with no end"
            )
            return []
        return self.of(target, budget - 1)

    def _any(self, options: list[Schema], budget: int) -> list[Flat]:
        return [flat for option in options for flat in self.of(option, budget)]

    def _conditional(self, schema: Schema, budget: int) -> list[Flat]:
        made, place = self.document.made, self.document.place(schema)
        condition = schema["if"]
        other = made({"not": condition}, place)
        then, otherwise = schema.get("then", {}), schema.get("else", {})
        yes = made({"allOf": [condition, then]}, place) if then else condition
        no = made({"allOf": [otherwise, other]}, place) if otherwise else other
        return self.of(yes, budget) + self.of(no, budget)

    def _product(self, left: list[Flat], right: list[Flat], place: str) -> list[Flat]:
        if len(left) * len(right) > MOST_ALTERNATIVES:
            raise InvalidArgument(
                f"{place} combines {len(left)} with {len(right)} alternatives:"
                f" more than {MOST_ALTERNATIVES} together are not supported"
            )
        found = []
        for a in left:
            for b in right:
                try:
                    found.append(merge(self.document, a, b))
                except Contradiction as problem:
                    self.document.problem(place, str(problem))
        return found

    def _examples(self, schema: Schema, place: str, budget: int) -> list[Flat]:
        values = [*schema.get("examples", ())]
        if "default" in schema:
            values.append(schema["default"])
        values = [value for value in values if value]  # empty ones come up anyway
        if values:
            accepts = self.document.accepts(schema)
            values = [value for value in values if accepts(value)]
        if not values:
            return []
        return [Flat("values", {}, place, budget, values=tuple(values), example=True)]


def _own(schema: Schema, place: str, budget: int) -> list[Flat]:
    """Return the alternatives of a schema's own type and constraints."""
    kinds: Any = schema.get("type")
    if kinds is None:
        concerned = [kind for kind in _ANY_TYPE if not KEYWORDS[kind].isdisjoint(schema)]
        if not concerned:
            return [Flat("any", {}, place, budget)]
        kinds = [*concerned, *(kind for kind in _ANY_TYPE if kind not in concerned)]
    elif isinstance(kinds, str):
        kinds = [kinds]
    return [
        Flat(kind, {k: v for k, v in schema.items() if k in KEYWORDS[kind]}, place, budget)
        for kind in kinds
    ]


def _disjoint(options: list[Schema]) -> bool:
    """Whether the types of the options alone exclude each other."""
    seen: set[str] = set()
    for option in options:
        kinds = option.get("type")
        if not isinstance(kinds, str):
            return False
        family = "number" if kinds == "integer" else kinds
        if family in seen:
            return False
        seen.add(family)
    return True
