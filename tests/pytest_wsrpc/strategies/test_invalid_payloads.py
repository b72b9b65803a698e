"""Invalid payloads are refused, with the broken field named."""

# no postponed annotations: the types are declared inside of what reads them

import json
from typing import Annotated, Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import InvalidArgument
from msgspec import Meta, Struct
from pydantic import BaseModel, Field, field_validator

from pytest_wsrpc import strategies as ws
from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType

QUICK = settings(
    max_examples=60, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1500, phases=[Phase.generate, Phase.shrink])


class Five(Struct):
    a: Annotated[int, Meta(ge=5)]


class Free(Struct):
    a: Any = None


def test_invalid_payloads_are_refused_with_the_field_named(payload_type: Any) -> None:
    validated = PayloadType(payload_type, "here")

    @QUICK
    @given(ws.invalid_payloads(payload_type))
    def check(invalid: ws.Invalid) -> None:
        with pytest.raises(InvalidParams) as refused:
            validated.validate(json.loads(json.dumps(invalid.payload, allow_nan=False)))
        assert ws.names_field(refused.value.errors or {}, invalid.path)
        assert invalid.why.startswith("violates ")

    assert ws.can_be_invalid(payload_type)
    check()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"a": 4}, "violates minimum at /a: 4 is less than 5"),
        ({}, "violates required at /a: it is missing"),
        ({"a": None}, "violates type at /a: null is not of type integer"),
        ({"a": True}, "violates type at /a: true is not of type integer"),
        ({"a": "1"}, 'violates type at /a: "1" is not of type integer'),
        ({"a": 1.5}, "violates type at /a: 1.5 is not of type integer"),
    ],
)
def test_invalid_payloads_say_what_is_wrong(wanted: Any, why: str) -> None:
    invalid = find(
        ws.invalid_payloads(Five), lambda invalid: invalid.payload == wanted, settings=THOROUGH
    )
    assert invalid == ws.Invalid(wanted, ("a",), why)


NESTED = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object", "required": ["price"],
                "properties": {"price": {"type": "integer", "maximum": 9}},
            },
        }
    },
}  # fmt: skip


def test_the_path_of_a_broken_field_leads_through_lists() -> None:
    invalid = find(
        ws.invalid_payloads(NESTED),
        lambda invalid: invalid.path == ("items", "0", "price") and "maximum" in invalid.why,
        settings=THOROUGH,
    )
    assert invalid.payload == {"items": [{"price": 10}]}
    assert invalid.why == "violates maximum at /items/0/price: 10 is greater than 9"
    assert repr(invalid) == (
        "Invalid(payload={'items': [{'price': 10}]}, path=('items', '0', 'price'),"
        " why='violates maximum at /items/0/price: 10 is greater than 9')"
    )


def obj(schema: Any, **more: Any) -> Any:
    return {"type": "object", "properties": {"a": schema}, "required": ["a"], **more}


BREAKABLE: dict[str, tuple[Any, set[str]]] = {
    "minimum": (obj({"type": "integer", "minimum": 3}), {"required", "type", "minimum"}),
    "exclusiveMinimum": (obj({"type": "integer", "exclusiveMinimum": 3}), {"exclusiveMinimum"}),
    "uneven ends": (
        obj({"type": "integer", "exclusiveMinimum": 0.5, "maximum": 9.5}),
        {"exclusiveMinimum", "maximum"},
    ),
    "maximum": (obj({"type": "number", "maximum": 3}), {"maximum"}),
    "exclusiveMaximum": (obj({"type": "number", "exclusiveMaximum": 3.5}), {"exclusiveMaximum"}),
    "multipleOf": (obj({"type": "integer", "multipleOf": 3}), {"multipleOf"}),
    "multipleOf a half": (obj({"type": "number", "multipleOf": 0.5}), {"multipleOf"}),
    "minLength": (obj({"type": "string", "minLength": 3}), {"minLength"}),
    "maxLength": (obj({"type": "string", "maxLength": 3}), {"maxLength"}),
    "lengths of a pattern": (
        obj({"type": "string", "pattern": "^[ab]+$", "minLength": 2, "maxLength": 5}),
        {"pattern", "maxLength", "minLength"},
    ),
    "length of a format": (
        obj({"type": "string", "format": "email", "maxLength": 80}), {"format", "maxLength"},
    ),
    "format": (obj({"type": "string", "format": "date"}), {"format"}),
    "unknown format": (obj({"type": "string", "format": "shoe size"}), {"type"}),
    "enum": (obj({"enum": ["a", "b", 1, None, True, [], 1.5]}), {"enum", "type"}),
    "const": (obj({"const": "only"}), {"const"}),
    "anyOf": (
        obj({"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}), {"minimum", "type"},
    ),
    "types": (obj({"type": ["number", "boolean"]}), {"type"}),
    "list": (
        obj({"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer"}}),
        {"minItems", "maxItems", "type"},
    ),
    "empty list": (obj({"type": "array", "maxItems": 0, "items": False}), {"type"}),
    "set": (obj({"type": "array", "uniqueItems": True}), {"uniqueItems", "type"}),
    "small set": (
        obj({"type": "array", "uniqueItems": True, "maxItems": 3, "items": {"type": "integer"}}),
        {"uniqueItems", "maxItems", "type"},
    ),
    "contains": (obj({"type": "array", "contains": {"type": "integer"}}), {"contains", "type"}),
    "tuple": (
        obj({"type": "array", "prefixItems": [{"type": "integer"}, {}], "items": False}),
        {"items", "type"},
    ),
    "short tuple": (
        obj({"type": "array", "prefixItems": [{}, {"type": "integer"}], "maxItems": 1}),
        {"maxItems", "type"},
    ),
    "strict": (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        {"additionalProperties"},
    ),
    "strict, names by pattern": (
        {
            "type": "object", "additionalProperties": False,
            "patternProperties": {"^x": {"type": "integer"}, "^y": False, "^z": {}},
        },
        {"additionalProperties", "type"},
    ),
    "dictionary": ({"type": "object", "additionalProperties": {"type": "integer"}}, {"type"}),
    "counted": (
        {
            "type": "object", "properties": {c: {"type": "integer"} for c in "abc"},
            "minProperties": 2, "maxProperties": 4,
        },
        {"minProperties", "maxProperties", "type"},
    ),
    "names": (
        {"type": "object", "propertyNames": {"maxLength": 2}, "additionalProperties": {"const": 1}},
        {"propertyNames", "const"},
    ),
    "names by reference": (
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
        {"propertyNames"},
    ),
    "names of any text": (
        {
            "type": "object", "propertyNames": {"type": "string"},
            "additionalProperties": {"type": "null"},
        },
        {"type"},
    ),
    "names by pattern and length": (
        {"type": "object", "propertyNames": {"pattern": "^a", "maxLength": 4}},
        {"propertyNames"},
    ),
    "an object among others": (
        obj({"anyOf": [obj({"type": "null"}), {"type": "object"}, {"type": "null"}]}),
        {"type", "required"},
    ),
    "an impossible option": (
        obj({"anyOf": [{"type": "integer", "minimum": 3, "maximum": 2}, {"type": "null"}]}),
        {"type"},
    ),
    "no names at all": ({"type": "object", "propertyNames": False}, {"propertyNames"}),
    "objects listed": ({"enum": [{"a": 1}, {"b": 2}]}, {"enum"}),
    "allOf": (
        {"allOf": [obj({"type": "integer"}), obj({"minimum": 3, "type": "integer"})]},
        {"minimum", "type", "required"},
    ),
    "oneOf": ({"oneOf": [obj({"type": "integer"}), obj({"type": "null"})]}, {"type", "required"}),
    "not": (obj({"not": {"type": "string"}}), {"required"}),
    "recursive": (
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": []}, {"type"},
    ),
    "examples": (obj({"type": "integer", "default": 9}), {"type"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKABLE)
def test_each_constraint_of_a_schema_can_be_broken(name: str) -> None:
    schema, keywords = BREAKABLE[name]
    valid = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid

    @QUICK
    @given(ws.invalid_payloads(schema))
    def check(invalid: ws.Invalid) -> None:
        assert isinstance(invalid.payload, dict)
        assert not valid(invalid.payload), invalid

    check()
    for keyword in sorted(keywords):
        texts = (f"violates {keyword} ", f"violates {keyword}:")
        found = find(
            ws.invalid_payloads(schema),
            lambda invalid: invalid.why.startswith(texts),  # noqa: B023
            settings=settings(QUICK, max_examples=3000),
        )
        assert not valid(found.payload)


@pytest.mark.parametrize(
    "free", [None, {}, True, {"type": "object"}, Free, {"properties": {"a": {}}}]
)
def test_what_takes_every_object_cannot_be_broken(free: Any) -> None:
    assert not ws.can_be_invalid(free)
    with pytest.raises(InvalidArgument, match="no payload is invalid for"):
        find(ws.invalid_payloads(free), lambda invalid: True)


@pytest.mark.parametrize(
    ("errors", "path", "named"),
    [
        ({"a": "required"}, ("a",), True),
        ({"a": {"0": {"b": "x"}}}, ("a", "0", "b"), True),
        ({"a": "x"}, ("a", "0", "b"), True),
        ({"": "x"}, ("a",), True),
        ({"a": {"": "x"}}, ("a", "b"), True),
        ({"a": {"b": "x"}}, ("a",), True),
        ({"b": "x"}, ("a",), False),
        ({"a": {"1": "x"}}, ("a", "0"), False),
        ({"a": "x"}, (), True),
        ({}, (), False),
        ({}, ("a",), False),
    ],
)
def test_errors_name_a_field_or_what_it_is_part_of(errors: Any, path: Any, named: bool) -> None:
    assert ws.names_field(errors, path) is named


class Lowercase(BaseModel):
    """Its validator takes for granted what it was to check."""

    email: Annotated[str, Field(max_length=5)]

    @field_validator("email", mode="before")
    @classmethod
    def lowercase(cls, value: Any) -> Any:
        return value.lower()


def test_what_a_validator_fails_on_is_drawn_as_what_is_to_be_refused() -> None:
    refused = find(
        ws.invalid_payloads(Lowercase), lambda invalid: invalid.payload.get("email", "") is None
    )
    assert refused.path == ("email",)


class Quarrelsome(BaseModel):
    """Its validator fails on what it takes."""

    number: int

    @field_validator("number")
    @classmethod
    def divided(cls, value: int) -> int:
        return 100 // value


def test_what_a_validator_fails_on_is_drawn_as_what_is_taken() -> None:
    assert find(ws.payloads(Quarrelsome), lambda payload: payload["number"] == 0) == {"number": 0}
