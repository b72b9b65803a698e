"""What only Python understands of a schema, in words that everybody understands."""

from __future__ import annotations

import re
from typing import Any, Final

import jsonschema_rs

from ..schema.document import JsonSchema
from .draft07 import with_parts

_PYTHONS_OWN: Final = re.compile(r"\\(.)|\(\?P<(\w+)>", re.DOTALL)
_ANCHORS: Final = {"A": "^", "Z": "$"}


def portable(schema: JsonSchema, where: str) -> JsonSchema:
    """Return a schema whose regular expressions are ECMAScript's, as JSON Schema has them.

    One that cannot be said so stands as ``x-python-pattern``. Raises `TypeError`, naming `where`,
    for a schema that is none, as additions of the application's own can make it.
    """
    made: JsonSchema = _portable(schema)
    try:
        jsonschema_rs.Draft202012Validator(made)
    except jsonschema_rs.ValidationError as error:
        raise TypeError(
            f"{where}: its type has no valid JSON Schema: {error.message}; "
            "look at what json_schema_extra or extra_json_schema add to it"
        ) from None
    return made


def _portable(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = with_parts(schema, _portable)
    if isinstance(made.get("pattern"), str):
        pattern = made.pop("pattern")
        translated = _translated(pattern)
        made |= {"x-python-pattern": pattern} if translated is None else {"pattern": translated}
    if "patternProperties" in made:
        parts = {_translated(name): part for name, part in made["patternProperties"].items()}
        made["patternProperties"] = {name: part for name, part in parts.items() if name is not None}
    if not isinstance(made.get("examples", []), list):
        del made["examples"]  # OpenAPI's, by name
    return made


def _translated(pattern: str) -> str | None:
    """Return a regular expression in ECMAScript's words, None where it has none."""

    def replace(found: re.Match[str]) -> str:
        escaped, group = found.groups()
        return f"(?<{group}>" if escaped is None else _ANCHORS.get(escaped, found[0])

    translated = _PYTHONS_OWN.sub(replace, pattern)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": translated})
    except jsonschema_rs.ValidationError:
        return None
    return translated
