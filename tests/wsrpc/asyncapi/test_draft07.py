"""Schemas of draft 2020-12 in the words of draft 07."""

import pytest

from wsrpc.asyncapi.draft07 import convert, references

A, B = {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}
NEW_A, NEW_B = {"$ref": "#/new/A"}, {"$ref": "#/new/B"}


@pytest.mark.parametrize(
    ("schema", "converted"),
    [
        (True, True),
        (A, NEW_A),
        ({**A, "default": 1}, {"default": 1, "allOf": [NEW_A]}),
        ({**A, "allOf": [B]}, {"allOf": [NEW_A, NEW_B]}),
        ({**A, "$defs": {"A": {}}, "$schema": "x"}, NEW_A),
        ({"prefixItems": [A]}, {"items": [NEW_A]}),
        ({"prefixItems": [A], "items": B}, {"items": [NEW_A], "additionalItems": NEW_B}),
        ({"prefixItems": [A], "items": False}, {"items": [NEW_A], "additionalItems": False}),
        ({"items": A, "not": B}, {"items": NEW_A, "not": NEW_B}),
        ({"anyOf": [A, {"oneOf": [B]}]}, {"anyOf": [NEW_A, {"oneOf": [NEW_B]}]}),
        (
            {"properties": {"$ref": A, "items": True}},
            {"properties": {"$ref": NEW_A, "items": True}},
        ),
        ({"const": A, "default": A, "enum": [A]}, {"const": A, "default": A, "enum": [A]}),
        ({"anyOf": [], "discriminator": {"propertyName": "a"}}, {"anyOf": []}),
        ({"discriminator": "a"}, {"discriminator": "a"}),
    ],
)
def test_a_schema_is_converted(schema, converted):
    assert convert(schema, lambda name: f"#/new/{name}") == converted


def test_references_are_those_of_schemas_not_of_data():
    assert references({"properties": {"x": A}, "default": B}) == {"A"}
