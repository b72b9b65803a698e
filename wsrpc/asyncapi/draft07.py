"""JSON Schema 2020-12 as draft 07, which AsyncAPI's own schemas are a superset of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..schema.document import JsonSchema

_ONE: Final = frozenset(
    {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
)
_LIST: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP: Final = frozenset({"$defs", "patternProperties", "properties"})
_REFERENCE: Final = "#/$defs/"


def with_parts(schema: JsonSchema, change: Callable[[Any], Any]) -> JsonSchema:
    """Return a schema with each schema in it changed; data that looks like one stays."""
    made: JsonSchema = {}
    for keyword, value in schema.items():
        if keyword in _ONE:
            value = change(value)
        elif keyword in _LIST:
            value = [change(part) for part in value]
        elif keyword in _MAP:
            value = {name: change(part) for name, part in value.items()}
        made[keyword] = value
    return made


def convert(schema: Any, locate: Callable[[str], str]) -> Any:
    """Return a schema in draft 07 that accepts the same values.

    `locate` tells where the definition of a name in ``$defs`` is to be found; the definitions
    themselves are left out.
    """
    if not isinstance(schema, dict):
        return schema
    own = {key: value for key, value in schema.items() if key not in ("$defs", "$schema")}
    converted = with_parts(own, lambda part: convert(part, locate))
    if not isinstance(converted.get("discriminator", ""), str):
        del converted["discriminator"]  # OpenAPI's; the branches are told apart by a constant
    if "prefixItems" in converted:
        more = converted.pop("items", True)
        converted["items"] = converted.pop("prefixItems")
        if more is not True:
            converted["additionalItems"] = more
    return _with_reference(converted, locate)


def _with_reference(schema: JsonSchema, locate: Callable[[str], str]) -> JsonSchema:
    """Move a reference into a branch of its own, as draft 07 ignores what stands beside one."""
    if "$ref" not in schema:
        return schema
    reference = {"$ref": locate(schema.pop("$ref").removeprefix(_REFERENCE))}
    if not schema:
        return reference
    return {**schema, "allOf": [reference, *schema.get("allOf", ())]}


def references(schema: Any) -> set[str]:
    """Return the names in ``$defs`` that a schema refers to, directly."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return name

    convert(schema, note)
    return found
