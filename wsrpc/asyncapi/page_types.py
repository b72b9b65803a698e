"""A type on the page: in one phrase where it is used, with its fields where it stands."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from ..schema.document import JsonSchema

_COMPONENTS: Final = "#/components/schemas/"
_BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
    "pattern": "matches {}",
    "x-python-pattern": "matches {}",
    "format": "format {}",
    "contentEncoding": "{}",
}


def phrase(schema: Any) -> str:
    """Return HTML for what a schema accepts, in a few words."""
    if schema is True or schema == {}:
        return "any value"
    if schema is False:
        return "nothing"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_COMPONENTS)
        return f'<a href="#{anchor(name)}">{escape(name)}</a>'
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            joint = " and " if keyword == "allOf" else " or "
            return joint.join(phrase(branch) for branch in schema[keyword])
    if "const" in schema:
        return _json(schema["const"])
    if "enum" in schema:
        return " or ".join(map(_json, schema["enum"]))
    kinds = schema.get("type", "any value")
    kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
    bounds = [_bound(text, schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return _inside(kind, schema) + (f" ({', '.join(bounds)})" if bounds else "")


def anchor(name: str) -> str:
    """Return the id of the type's section."""
    return f"type-{escape(name)}"


def fields(schema: JsonSchema) -> str:
    """Return HTML for the fields of an object; for anything else, what it accepts."""
    properties = schema.get("properties")
    if not properties:
        return f"<p>{phrase(schema)}</p>"
    required = schema.get("required", ())
    items = "".join(_field(name, part, name in required) for name, part in properties.items())
    closed = schema.get("additionalProperties") is False
    note = '<p class="soft">Other fields are refused.</p>' if closed else ""
    return f"<ul>{items}</ul>{note}"


def item(name: str, rest: str, text: str = "") -> str:
    """Return HTML for one line of a list; `rest` is HTML, `text` the text of a docstring."""
    below = f'<div class="text soft">{code(text)}</div>' if text else ""
    return f"<li><code>{escape(name)}</code>{rest}{below}</li>"


def code(text: str) -> str:
    """Return HTML for a text of a docstring: what stands in backticks is code."""
    parts = escape(text).replace("``", "`").split("`")
    if len(parts) % 2 == 0:  # one backtick without its counterpart
        return escape(text)
    return "".join(f"<code>{p}</code>" if odd % 2 else p for odd, p in enumerate(parts))


def _field(name: str, schema: Any, is_required: bool) -> str:
    notes = ['<span class="required">required</span>'] if is_required else []
    details = schema if isinstance(schema, dict) else {}
    if "default" in details:
        notes.append(f"default {_json(details['default'])}")
    if "examples" in details:
        notes.append(f"for example {', '.join(map(_json, details['examples']))}")
    if details.get("deprecated"):
        notes.append("deprecated")
    rest = ", ".join([phrase(schema), *notes])
    return item(name, f": {rest}", details.get("description", ""))


def _inside(kind: str, schema: JsonSchema) -> str:
    items, values = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, list):
        return f"array of {', then '.join(map(phrase, items))}"
    if items is not None:
        return f"array of {phrase(items)}"
    if schema.get("properties"):
        members = (
            f"<code>{escape(n)}</code>: {phrase(p)}" for n, p in schema["properties"].items()
        )
        return f"object of {', '.join(members)}"
    if isinstance(values, dict):
        return f"object whose values are {phrase(values)}"
    return escape(kind)


def _bound(text: str, value: Any) -> str:
    if isinstance(value, str):
        return text.format(f"<code>{escape(value)}</code>")
    return text.format(value) if value != 1 else text.format(value).removesuffix("s")


def _json(value: Any) -> str:
    return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
