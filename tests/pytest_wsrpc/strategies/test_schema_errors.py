"""A schema without values, malformed or unsupported, is told with its place."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import InvalidArgument

from pytest_wsrpc import strategies as ws

QUICK = settings(
    max_examples=40, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1500, phases=[Phase.generate, Phase.shrink])

INT, TEXT = {"type": "integer"}, {"type": "string"}
NODE = {"type": "object", "properties": {"v": INT, "next": {"$ref": "#"}}, "required": ["v"]}


@pytest.mark.parametrize(
    ("schema", "place", "what"),
    [
        (False, "#", "accepts nothing"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "#", "the minimum 5 is above"),
        ({"type": "number", "minimum": 5, "exclusiveMaximum": 5}, "#", "between 5 and itself"),
        ({"type": "integer", "minimum": 0.2, "maximum": 0.8}, "#", "no multiple of 1"),
        (
            {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": math.nextafter(1, 2)},
            "#",
            "no double is within the bounds",
        ),
        ({"type": "string", "minLength": 5, "maxLength": 3}, "#", "minLength 5 is above"),
        ({"type": "string", "minLength": 10**7}, "#", "the longest text drawn"),
        (
            {"properties": {"a/b": {"type": "array", "minItems": 3, "maxItems": 2}},
             "required": ["a/b"], "type": "object"},
            "#/properties/a~1b",
            "at least 3 items",
        ),
        ({"type": "array", "items": INT, "minItems": 5000}, "#", "the longest list drawn"),
        (
            {"type": "array", "contains": INT, "items": TEXT}, "#", "no item can be both",
        ),
        ({"type": "array", "contains": INT, "minContains": 3, "maxItems": 2}, "#", "be contained"),
        (
            {"type": "object", "required": ["a", "b"], "maxProperties": 1},
            "#",
            "2 members are required, but only 1 allowed",
        ),
        ({"type": "object", "minProperties": 2, "maxProperties": 1}, "#", "minProperties 2 is"),
        (
            {"type": "object", "properties": {"a": INT}, "additionalProperties": False,
             "minProperties": 2},
            "#",
            "only 1 members are known",
        ),
        (
            {"type": "object", "required": ["abc"], "propertyNames": {"maxLength": 2}},
            "#",
            "the required member 'abc' can have no value",
        ),
        ({"allOf": [INT, TEXT]}, "#", "both of type integer and of type string"),
        ({"type": "string", "enum": [1, 2]}, "#", "none of the values [1, 2]"),
        ({"allOf": [{"enum": [1]}, {"enum": [2]}]}, "#", "none of [1] is allowed by #/allOf/1"),
        ({"properties": {"a": {"$ref": "#"}}, "required": ["a"], "type": "object"}, "#", "no end"),
        (
            {"type": "string", "contentMediaType": "application/json", "contentSchema": False},
            "#",
            "no JSON can be what contentSchema asks for",
        ),
        ({"type": "objekt"}, "#/type", "is no JSON Schema"),
        ({"properties": {"a": {"minimum": "1"}}}, "#/properties/a/minimum", "is no JSON Schema"),
        ({"type": "string", "pattern": r"\p{L}"}, "#", "no regular expression that Python reads"),
        ({"properties": {"a": {"$ref": "#/$defs/x"}}}, "#/properties/a/$ref", "leads nowhere"),
        ({"anyOf": [INT], "not": {"$ref": "#/anyOf/7"}}, "#/not/$ref", "leads nowhere"),
        ({"$ref": "https://example.com/schema"}, "#/$ref", "is not a place in this schema"),
        ({"$ref": "#name"}, "#/$ref", "is not a place in this schema"),
        ({"$dynamicRef": "#x"}, "#/$dynamicRef", "is not supported"),
        ({"not": {"default": math.nan}}, "", "the schema is not JSON"),
        ({"enum": [{1, 2}]}, "", "the schema is not JSON"),
        (3, "", "expected a JSON Schema as a dict, got 3"),
        (
            {"allOf": [{"anyOf": [{"type": "integer", "minimum": n} for n in range(30)]}] * 2},
            "#",
            "more than 512 together are not supported",
        ),
    ],
)  # fmt: skip
def test_a_schema_without_values_names_the_place_and_the_reason(
    schema: Any, place: str, what: str
) -> None:
    strategy = ws.from_schema(schema)  # mistakes show when it is drawn from
    with pytest.raises(InvalidArgument) as raised:
        find(strategy, lambda value: True)
    assert what in str(raised.value)
    assert place in str(raised.value)


def test_a_type_with_no_end_to_its_depth_is_refused() -> None:
    schema: Any = INT
    for _ in range(70):
        schema = {"type": "array", "items": schema, "minItems": 1}
    with pytest.raises(InvalidArgument, match="over 60"):
        find(ws.from_schema(schema), lambda value: True)
