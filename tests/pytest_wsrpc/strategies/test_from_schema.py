"""Every value drawn from a JSON Schema is valid, and all that the schema allows comes up."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pytest_wsrpc import strategies as ws

QUICK = settings(
    max_examples=40, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1500, phases=[Phase.generate, Phase.shrink])

INT, TEXT = {"type": "integer"}, {"type": "string"}
NODE = {"type": "object", "properties": {"v": INT, "next": {"$ref": "#"}}, "required": ["v"]}

SCHEMAS: dict[str, Any] = {
    "anything": {},
    "true": True,
    "null": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "null"},
    "boolean": {"type": "boolean"},
    "integer": INT,
    "integer in a range": {"type": "integer", "minimum": -3, "exclusiveMaximum": 4},
    "one integer": {"type": "integer", "minimum": 3, "maximum": 3},
    "integer, ends not whole": {"type": "integer", "exclusiveMinimum": 0.5, "maximum": 9.5},
    "multiples": {"type": "integer", "multipleOf": 7, "minimum": 1},
    "multiples of a half": {"type": "integer", "multipleOf": 2.5, "maximum": 100},
    "number": {"type": "number"},
    "open range": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "closed range": {"type": "number", "minimum": 0.1, "maximum": 0.3},
    "both kinds of ends": {"type": "number", "minimum": 1, "exclusiveMinimum": 1, "maximum": 2},
    "no double": {"type": "number", "minimum": 2**53 + 1, "maximum": 2**53 + 1},
    "large range": {"type": "number", "minimum": 2**60 + 1},
    "multiples of a tenth": {"type": "number", "multipleOf": 0.1},
    "far multiples of a tenth": {"type": "number", "multipleOf": 0.1, "minimum": 10**8 + 0.05},
    "negative multiples": {"type": "number", "multipleOf": 0.1, "maximum": -5},
    "multiples of a quarter": {"type": "number", "multipleOf": 0.25, "exclusiveMinimum": 2},
    "text": TEXT,
    "short text": {"type": "string", "maxLength": 3},
    "text of one length": {"type": "string", "minLength": 5, "maxLength": 5},
    "long text": {"type": "string", "minLength": 5000},
    "pattern": {"type": "string", "pattern": "^[a-z]+-\\d{2}$"},
    "pattern anywhere": {"type": "string", "pattern": "b", "minLength": 3, "maxLength": 4},
    "pattern with a long minimum": {"type": "string", "pattern": "x$", "minLength": 20},
    "pattern with a short maximum": {"type": "string", "pattern": "^a{2}", "maxLength": 2},
    "pattern and format": {"type": "string", "pattern": "^[0-9-]{10}$", "format": "date"},
    "several types": {"type": ["integer", "null", "string"], "maxLength": 2, "minimum": 0},
    "no type": {"minLength": 3},
    "enum": {"enum": [1, "a", None, {"b": []}]},
    "enum of a type": {"type": "string", "enum": [1, "a", "b"]},
    "const": {"const": {"a": [1]}},
    "list": {"type": "array", "items": INT},
    "list of anything": {"type": "array"},
    "short list": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 2},
    "long list": {"type": "array", "items": {"type": "boolean"}, "minItems": 80},
    "empty list": {"type": "array", "items": False},
    "no items allowed": {"type": "array", "items": INT, "maxItems": 0},
    "list of one length": {"type": "array", "items": INT, "minItems": 2, "maxItems": 2},
    "tuple": {"type": "array", "prefixItems": [INT, TEXT], "items": False, "minItems": 2},
    "tuple and more": {"type": "array", "prefixItems": [INT], "items": TEXT, "minItems": 3},
    "tuple that ends early": {"type": "array", "prefixItems": [INT, False, TEXT]},
    "tuple cut short": {"type": "array", "prefixItems": [INT, TEXT], "maxItems": 1},
    "set": {"type": "array", "items": {"type": "number"}, "uniqueItems": True, "minItems": 2},
    "set of few": {"type": "array", "items": {"enum": [1, 1.0, True, 2]}, "uniqueItems": True},
    "set and prefix": {
        "type": "array", "prefixItems": [INT], "items": INT, "uniqueItems": True, "maxItems": 3,
    },
    "set of lists": {"type": "array", "items": {"type": "array"}, "uniqueItems": True},
    "set of objects": {
        "type": "array", "items": {"type": "object", "properties": {"a": INT}}, "uniqueItems": True,
    },
    "contains": {"type": "array", "contains": INT, "minContains": 2, "maxContains": 3},
    "contains, few": {"type": "array", "contains": {"const": 1}, "items": INT, "maxItems": 3},
    "contains, no others": {
        "type": "array", "prefixItems": [TEXT], "contains": INT, "uniqueItems": True,
    },
    "object": {"type": "object"},
    "members": {"type": "object", "properties": {"a": INT, "b": TEXT}, "required": ["a"]},
    "undeclared member": {"type": "object", "required": ["x"], "additionalProperties": INT},
    "strict": {"type": "object", "properties": {"a": INT}, "additionalProperties": False},
    "dictionary": {"type": "object", "additionalProperties": INT, "minProperties": 1},
    "small dictionary": {"type": "object", "additionalProperties": INT, "maxProperties": 1},
    "names": {"type": "object", "propertyNames": {"pattern": "^[a-c]{2}$"}},
    "names and members": {
        "type": "object", "propertyNames": {"maxLength": 1}, "properties": {"a": INT, "bb": INT},
    },
    "only false names": {"type": "object", "propertyNames": False},
    "names by pattern": {
        "type": "object",
        "patternProperties": {"^x": INT, "y$": TEXT, "^z": False},
        "additionalProperties": False,
    },
    "names by pattern and members": {
        "type": "object", "patternProperties": {"^x": INT}, "properties": {"xa": {"minimum": 3}},
    },
    "counted": {
        "type": "object", "properties": dict.fromkeys("abcd", INT), "required": ["b"],
        "minProperties": 2, "maxProperties": 3, "additionalProperties": False,
    },
    "counted dictionary": {
        "type": "object", "properties": {"a": INT}, "additionalProperties": INT, "minProperties": 3,
    },
    "counted, few members allowed": {
        "type": "object", "properties": dict.fromkeys("abcd", INT), "required": ["a"],
        "maxProperties": 1,
    },
    "no members allowed": {
        "type": "object", "properties": {"a": INT, "b": INT}, "maxProperties": 0,
    },
    "anyOf": {"anyOf": [INT, TEXT, {"type": "array", "items": INT}]},
    "anyOf beside": {"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": -5}]},
    "oneOf types": {"oneOf": [INT, TEXT]},
    "oneOf numbers": {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "number"}]},
    "oneOf ranges": {"type": "integer", "oneOf": [{"minimum": 0}, {"maximum": 10}]},
    "oneOf without type": {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"},
    "allOf": {
        "allOf": [
            {"type": "object", "properties": {"a": INT}, "required": ["a"]},
            {"properties": {"a": {"minimum": 3}, "b": TEXT}, "required": ["b", "a"]},
        ],
        "minProperties": 1,
    },
    "allOf numbers": {
        "allOf": [
            {"type": "number", "minimum": 1, "multipleOf": 2},
            {"type": "integer", "minimum": 2, "multipleOf": 3, "maximum": 60},
        ]
    },
    "allOf multiples": {
        "allOf": [{"type": "number", "multipleOf": 0.5}, {"type": "number", "multipleOf": 0.25}]
    },
    "allOf strings": {
        "allOf": [
            {"type": "string", "pattern": "^a", "minLength": 2},
            {"type": "string", "pattern": "[a-z]", "maxLength": 8},
        ]
    },
    "allOf lists": {
        "allOf": [
            {"type": "array", "prefixItems": [INT], "items": {"minimum": 1}, "contains": INT},
            {"prefixItems": [{"minimum": 3}, INT], "items": {"type": "integer"}, "minItems": 3,
             "contains": {"type": "number"}, "uniqueItems": False},
        ]
    },
    "allOf sets": {
        "allOf": [
            {"type": "array", "uniqueItems": False, "maxItems": 4, "items": INT},
            {"type": "array", "uniqueItems": True, "maxItems": 3},
        ]
    },
    "allOf dictionaries": {
        "allOf": [
            {"type": "object", "additionalProperties": INT, "patternProperties": {"^x": {}}},
            {"additionalProperties": {"minimum": 0}, "patternProperties": {"^x": INT, "^y": {}},
             "propertyNames": {"maxLength": 3}, "properties": {"q": {"maximum": 9}}},
            {"propertyNames": {"minLength": 1}},
        ]
    },
    "allOf enums": {"allOf": [{"enum": [1, 2, "x"]}, {"enum": [2, 3]}, {"type": "integer"}]},
    "allOf enum last": {"allOf": [{"type": "integer", "minimum": 2}, {"enum": [1, 2, 3]}]},
    "not": {"type": "string", "not": {"enum": ["", "0"]}},
    "not a type": {"not": {"type": "object"}},
    "if": {
        "type": "object", "properties": {"k": {"enum": ["a", "b"]}, "v": {}},
        "required": ["k", "v"], "if": {"properties": {"k": {"const": "a"}}},
        "then": {"properties": {"v": TEXT}}, "else": {"properties": {"v": INT}},
    },
    "if alone": {"type": "integer", "if": {"minimum": 5}, "then": {"multipleOf": 2}},
    "dependent": {
        "type": "object", "properties": {"a": INT, "b": INT}, "dependentRequired": {"a": ["b"]},
        "dependentSchemas": {"b": {"properties": {"a": {"minimum": 0}}}},
    },
    "unevaluated": {
        "type": "object", "allOf": [{"properties": {"a": INT}}], "unevaluatedProperties": False,
    },
    "default and examples": {"type": "integer", "default": 77, "examples": [88, "no integer", 0]},
    "reference": {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}},
    "reference beside": {"$ref": "#/definitions/n", "minimum": 3, "definitions": {"n": INT}},
    "reference into a list": {"anyOf": [INT, TEXT], "not": {"$ref": "#/anyOf/1"}},
    "linked": NODE,
    "tree": {
        "$defs": {
            "Tree": {
                "type": "object", "required": ["kids"], "properties":
                {"kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}, "maxItems": 4}},
            }
        },
        "$ref": "#/$defs/Tree",
    },
    "expression": {
        "$ref": "#/$defs/e",
        "$defs": {
            "e": {"anyOf": [
                INT,
                {"type": "array", "items": False, "minItems": 3,
                 "prefixItems": [TEXT, {"$ref": "#/$defs/e"}, {"$ref": "#/$defs/e"}]},
            ]}
        },
    },
    "wide recursion": {"type": "object", "properties": {c: {"$ref": "#"} for c in "abcdefgh"}},
    "mutual recursion": {
        "$ref": "#/$defs/a",
        "$defs": {
            "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}},
            "b": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]},
        },
    },
    "deep before it ends": {
        "$ref": "#/$defs/n0",
        "$defs": {
            **{
                f"n{i}": {"type": "object", "required": ["n"],
                          "properties": {"n": {"$ref": f"#/$defs/n{i + 1}"}}}
                for i in range(5)
            },
            "n5": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n0"}}},
        },
    },
    "recursion in a large object": {
        "type": "object",
        "properties": {"next": {"$ref": "#"}, **{f"n{i}": INT for i in range(200)}},
    },
    "Python's own regular expressions": {
        "type": "object", "patternProperties": {r"\A(?P<x>ab)\Z": INT},
        "properties": {"p": {"type": "string", "pattern": r"\A\\Z(?P<d>\d)\1\Z"},
                       "pattern": INT},
        "additionalProperties": False,
    },
    "base64": {"type": "string", "contentEncoding": "base64", "minLength": 8, "maxLength": 12},
    "little base64": {"type": "string", "contentEncoding": "base64", "maxLength": 3},
    "base64 with a pattern": {"type": "string", "contentEncoding": "base64", "pattern": "^[^ ]*$"},
    "JSON in text": {
        "type": "string", "contentMediaType": "application/json", "contentSchema": INT,
    },
    "any JSON in text": {"type": "string", "contentMediaType": "application/json"},
    "unknown format": {"type": "string", "format": "shoe size", "maxLength": 3},
}  # fmt: skip

FORMATS = [
    "date", "date-time", "time", "duration", "uuid", "email", "hostname", "uri", "uri-reference",
    "ipv4", "ipv6", "json-pointer", "regex", "idn-email", "iri", "relative-json-pointer",
]  # fmt: skip


def accepts(schema: Any) -> Any:
    spelled = json.dumps(schema).replace('\\\\Z"', '$"')
    return jsonschema_rs.Draft202012Validator(json.loads(spelled), validate_formats=True).is_valid


def nesting(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(nesting, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow)
        if name == "recursion in a large object"
        else name
        for name in SCHEMAS
    ],
)
def test_values_are_valid_json_for_their_schema(name: str) -> None:
    valid = accepts(SCHEMAS[name])

    @QUICK
    @given(ws.from_schema(SCHEMAS[name]))
    def check(value: Any) -> None:
        assert valid(value), value
        assert json.loads(json.dumps(value, allow_nan=False)) == value
        json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates
        assert nesting(value) <= 60

    check()


@pytest.mark.parametrize("format", FORMATS)
def test_formats_are_those_that_a_validator_knows(format: str) -> None:
    valid = accepts({"type": "string", "format": format})

    @QUICK
    @given(ws.from_schema({"type": "string", "format": format, "maxLength": 80}))
    def check(value: Any) -> None:
        assert valid(value), value
        assert len(value) <= 80

    check()


def test_what_nests_too_deep_is_left_out_where_it_may_be() -> None:
    schema: Any = {"type": "object", "properties": {"x": INT}}
    for _ in range(70):
        schema = {"type": "object", "properties": {"x": schema}}

    @QUICK
    @given(ws.from_schema(schema))
    def check(value: Any) -> None:
        assert nesting(value) <= 60

    check()


def test_an_impossible_optional_member_is_left_out() -> None:
    schema = {"type": "object", "properties": {"a": False, "b": {"type": "integer", "minimum": 1,
                                                                 "maximum": 0}}}  # fmt: skip

    @QUICK
    @given(ws.from_schema(schema))
    def check(value: Any) -> None:
        assert not {"a", "b"} & value.keys()

    check()


@pytest.mark.slow
def test_recursion_stays_shallow_and_small() -> None:
    sizes = []

    @settings(QUICK, max_examples=200)
    @given(ws.from_schema(SCHEMAS["wide recursion"]))
    def look(value: Any) -> None:
        sizes.append(len(json.dumps(value)))

    look()
    assert max(sizes) < 20_000


def test_a_strategy_is_shown_as_it_was_written() -> None:
    assert repr(ws.from_schema({"type": "integer"})) == "from_schema({'type': 'integer'})"
    assert repr(ws.json_values()) == "json_values()"


@QUICK
@given(ws.json_values())
def test_json_values_are_json(value: Any) -> None:
    assert json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == value
    assert nesting(value) <= 2
