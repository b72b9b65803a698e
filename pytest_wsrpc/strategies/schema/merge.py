"""What remains of a schema when all references and combinations are worked out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm
from typing import Any, Final

from .document import ANYTHING, Contradiction, Document, Schema

KEYWORDS: Final[dict[str, frozenset[str]]] = {
    "number": frozenset(
        {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"}
    ),
    "string": frozenset(
        {
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
            "format",
            "maxLength",
            "minLength",
            "pattern",
        }
    ),
    "array": frozenset(
        {
            "contains",
            "items",
            "maxContains",
            "maxItems",
            "minContains",
            "minItems",
            "prefixItems",
            "uniqueItems",
        }
    ),
    "object": frozenset(
        {
            "additionalProperties",
            "maxProperties",
            "minProperties",
            "patternProperties",
            "properties",
            "propertyNames",
            "required",
        }
    ),
    "boolean": frozenset(),
    "null": frozenset(),
    "any": frozenset(),
}
KEYWORDS["integer"] = KEYWORDS["number"]


@dataclass(frozen=True)
class Flat:
    """One alternative of a schema: values of one kind, without references or combinations."""

    kind: str
    """A JSON type, ``any``, or ``values`` for the listed ones."""
    keywords: Schema
    """The constraints that concern values of this kind."""
    place: str
    budget: int
    """How many more recursive references may be followed below."""
    checks: tuple[Schema, ...] = ()
    """Schemas that values must satisfy on top, where being built to fit is not enough."""
    values: tuple[Any, ...] = ()
    example: bool = False
    """Whether the values are only examples of what another alternative covers."""

    def schema(self) -> Schema:
        """Return the alternative, unless it is ``any``, as JSON Schema."""
        if self.kind == "values":
            schema: Schema = {"enum": list(self.values)}
        else:
            schema = {"type": self.kind, **self.keywords}
        return {**schema, "allOf": list(self.checks)} if self.checks else schema


def merge(document: Document, a: Flat, b: Flat) -> Flat:
    """Return the values that are in both; raises `Contradiction` if their kinds exclude it."""
    budget = min(a.budget, b.budget)
    if a.kind == "any" or b.kind == "any":
        kept = b if a.kind == "any" else a
        return replace(
            kept, budget=budget, checks=a.checks + b.checks, example=a.example or b.example
        )
    if b.kind == "values" and a.kind != "values":
        a, b = b, a
    if a.kind == "values":
        return _among(document, replace(a, budget=budget, example=a.example or b.example), b)
    kinds = {a.kind, b.kind}
    if kinds == {"integer", "number"}:
        kind = "integer"
    elif len(kinds) == 1:
        kind = a.kind
    else:
        raise Contradiction(f"a value cannot be both of type {a.kind} and of type {b.kind}")
    keywords, leftover = _merge_keywords(document, a, b)
    checks = a.checks + b.checks
    if leftover:
        checks += (document.made(leftover, b.place),)
    return Flat(kind, keywords, a.place, budget, checks)


def _among(document: Document, a: Flat, b: Flat) -> Flat:
    accepts = document.accepts(document.made(b.schema(), b.place))
    values = tuple(value for value in a.values if accepts(value))
    if not values:
        raise Contradiction(f"none of {json.dumps(a.values)} is allowed by {b.place}")
    return replace(a, values=values)


def _merge_keywords(document: Document, a: Flat, b: Flat) -> tuple[Schema, Schema]:
    """Return the merged keywords, and those of the second that could not be merged."""
    merged, leftover = dict(a.keywords), dict[str, Any]()
    if a.kind == "object" and ("properties" in a.keywords or "properties" in b.keywords):
        merged["properties"] = _properties(document, a.keywords, b.keywords)
    if a.kind == "array" and ("prefixItems" in a.keywords or "prefixItems" in b.keywords):
        merged["prefixItems"] = _prefix(document, a.keywords, b.keywords)
    if a.kind == "object" and ("patternProperties" in {**a.keywords, **b.keywords}):
        merged["patternProperties"] = _patterns(document, a.keywords, b.keywords)
    for keyword, value in b.keywords.items():
        if keyword in ("properties", "prefixItems", "patternProperties"):
            continue
        if keyword not in merged:
            merged[keyword] = value
        elif merged[keyword] != value:
            how = _HOW.get(keyword)
            if keyword in ("items", "additionalProperties", "propertyNames"):
                merged[keyword] = document.both(merged[keyword], value)
            elif how is not None:
                merged[keyword] = how(merged[keyword], value)
            else:
                leftover[keyword] = value
    if "contains" in leftover or "minContains" in leftover or "maxContains" in leftover:
        leftover |= {k: v for k, v in b.keywords.items() if k.endswith("ontains")}
    return merged, leftover


def _multiple(a: float, b: float) -> float:
    x, y = exactly(a), exactly(b)
    both = Fraction(lcm(x.numerator, y.numerator), gcd(x.denominator, y.denominator))
    return both.numerator if both.denominator == 1 else float(both)


def exactly(number: float) -> Fraction:
    """Return a number as it is written in JSON, not as the double next to it."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _union(a: list[str], b: list[str]) -> list[str]:
    return [*a, *(name for name in b if name not in a)]


_HOW: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "required": _union,
    "multipleOf": _multiple,
    "uniqueItems": lambda a, b: a or b,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def _properties(document: Document, a: Schema, b: Schema) -> dict[str, Schema]:
    names = _union(list(a.get("properties", ())), list(b.get("properties", ())))
    return {name: document.both(property_of(a, name, document), property_of(b, name, document))
            for name in names}  # fmt: skip


def property_of(keywords: Schema, name: str, document: Document) -> Schema:
    """Return the schema of the values that an object may have under a name."""
    schemas = []
    if name in keywords.get("properties", ()):
        schemas.append(keywords["properties"][name])
    schemas += [s for p, s in keywords.get("patternProperties", {}).items() if re.search(p, name)]
    if not schemas:
        schemas.append(keywords.get("additionalProperties", ANYTHING))
    whole: Schema = schemas[0]
    for schema in schemas[1:]:
        whole = document.both(whole, schema)
    return whole


def _patterns(document: Document, a: Schema, b: Schema) -> dict[str, Schema]:
    merged = {}
    for mine, other in ((a, b), (b, a)):
        for pattern, schema in mine.get("patternProperties", {}).items():
            if pattern in merged:
                continue
            beyond = other.get("additionalProperties", ANYTHING)
            theirs = other.get("patternProperties", {}).get(pattern, beyond)
            merged[pattern] = document.both(schema, theirs)
    return merged


def _prefix(document: Document, a: Schema, b: Schema) -> list[Schema]:
    first, second = a.get("prefixItems", []), b.get("prefixItems", [])
    return [
        document.both(item_of(a, index), item_of(b, index))
        for index in range(max(len(first), len(second)))
    ]


def item_of(keywords: Schema, index: int) -> Schema:
    """Return the schema of the item that a list may have at an index."""
    prefix = keywords.get("prefixItems", [])
    schema: Schema = prefix[index] if index < len(prefix) else keywords.get("items", ANYTHING)
    return schema
