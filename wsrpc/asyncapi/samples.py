"""An example value for a type, where one is easily made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import jsonschema_rs

from ..schema.document import JsonSchema

_FORMATS: Final = {
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "date-time-local": "2030-01-31T12:00:00",
    "decimal": "1.5",
    "duration": "PT1H",
    "email": "ada@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "time-local": "12:00:00",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_TEXTS: Final = ("text", "a", "A", "1", "a1", "A1", "a-b", "12:00", "2030-01-31", "a@example.com")
_LONGEST: Final = 1000
"""Characters or items of an example: one that is longer tells nothing."""


class NoSample(Exception):
    """No example comes to mind."""


def sample(schema: JsonSchema) -> Any:
    """Return a JSON value that a self-contained schema accepts, always the same one.

    What the type itself gives as examples and defaults comes first. Raises `NoSample` where the
    schema asks for what is not easily made, such as a text for an intricate regular expression.
    """
    value = _Sampler(schema.get("$defs", {})).value(schema, ())
    if not jsonschema_rs.Draft202012Validator(schema).is_valid(value):
        raise NoSample
    return value


class _Sampler:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions

    def value(self, schema: Any, inside: tuple[str, ...]) -> Any:
        """Return a value for a part of the schema; `inside` are the definitions around it."""
        if not isinstance(schema, dict):
            return {}
        for keyword in ("examples", "enum"):
            if schema.get(keyword):
                return schema[keyword][0]
        for keyword in ("default", "const"):
            if keyword in schema:
                return schema[keyword]
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            if name in inside:
                raise NoSample
            return self.value(self._definitions[name], (*inside, name))
        if "allOf" in schema:
            return self.value(
                {key: part for branch in schema["allOf"] for key, part in branch.items()}, inside
            )
        branches = schema.get("anyOf") or schema.get("oneOf")
        return self._any(branches, inside) if branches else self._plain(schema, inside)

    def _any(self, branches: list[Any], inside: tuple[str, ...]) -> Any:
        for branch in sorted(branches, key=lambda branch: branch == {"type": "null"}):
            try:
                return self.value(branch, inside)
            except NoSample:
                continue
        raise NoSample

    def _plain(self, schema: JsonSchema, inside: tuple[str, ...]) -> Any:
        kind = schema.get("type")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                return self._object(schema, inside)
            case "array":
                return self._array(schema, inside)
            case "string":
                return _first_of(_texts(schema), schema)
            case "integer":
                return _first_of(_numbers(schema), schema)
            case "number":
                return _first_of((1.5, *_numbers(schema)), schema)
            case "boolean":
                return True
            case "null":
                return None
        return {}

    def _object(self, schema: JsonSchema, inside: tuple[str, ...]) -> Any:
        value = {}
        required = schema.get("required", ())
        for name, part in schema.get("properties", {}).items():
            try:
                member = self.value(part, inside)
            except NoSample:
                if name in required:
                    raise
            else:
                if name in required or member is not None:
                    value[name] = member
        return value

    def _array(self, schema: JsonSchema, inside: tuple[str, ...]) -> Any:
        value = [self.value(part, inside) for part in schema.get("prefixItems", ())]
        least = schema.get("minItems", 0)
        if least > _LONGEST:
            raise NoSample
        if schema.get("items") and schema.get("maxItems", 1) > len(value):
            try:
                item = self.value(schema["items"], inside)
            except NoSample:
                if least > len(value):
                    raise
            else:
                value += [item] * max(1, least - len(value))
        return value


def _first_of(candidates: Iterable[Any], schema: JsonSchema) -> Any:
    accepts = jsonschema_rs.Draft202012Validator(schema).is_valid
    for candidate in candidates:
        if accepts(candidate):
            return candidate
    raise NoSample


def _texts(schema: JsonSchema) -> Iterator[str]:
    if schema.get("format") in _FORMATS:
        yield _FORMATS[schema["format"]]
    if "contentEncoding" in schema:
        yield "dGV4dA=="
    least = schema.get("minLength", 0)
    if least <= _LONGEST:
        for text in _TEXTS:
            yield text if len(text) >= least else (text * least)[:least]


def _numbers(schema: JsonSchema) -> Iterator[int | float]:
    yield from (1, 0)
    for keyword, step in (
        ("minimum", 0),
        ("maximum", 0),
        ("exclusiveMinimum", 1),
        ("exclusiveMaximum", -1),
        ("multipleOf", 0),
    ):
        if keyword in schema:
            yield schema[keyword] + step
    multiple = schema.get("multipleOf")
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    if multiple and least is not None:
        yield (least // multiple + 1) * multiple
