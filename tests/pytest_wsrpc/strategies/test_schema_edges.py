"""Edges of what a schema allows come up often, and failures shrink to the simplest value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.schema.build import Builder
from pytest_wsrpc.strategies.schema.document import Document

QUICK = settings(
    max_examples=40, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1500, phases=[Phase.generate, Phase.shrink])

INT, TEXT = {"type": "integer"}, {"type": "string"}
NODE = {"type": "object", "properties": {"v": INT, "next": {"$ref": "#"}}, "required": ["v"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (INT, [2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63)]),
        ({"type": "integer", "minimum": 5, "maximum": 2000}, [5, 6, 1999, 2000]),
        ({"type": "integer", "minimum": 5, "maximum": 2000, "multipleOf": 3}, [6, 9, 1995, 1998]),
        ({"type": "number", "minimum": 0.5, "maximum": 7.5}, [0.5, 7.5]),
        ({"type": "number", "exclusiveMinimum": 1}, [math.nextafter(1, 2)]),
        ({"type": "number"}, [-0.0, 5e-324, 1.7976931348623157e308, 2**53]),
        (TEXT, ["", " ", "💩", "\x00", "x" * 1024]),
        ({"type": "string", "minLength": 2, "maxLength": 300}, ["aa", "é" * 300, "a" * 299]),
        ({"type": "integer", "default": 77, "examples": [99]}, [77, 99]),
        ({"type": "array", "items": {"enum": [1]}, "maxItems": 200}, [[], [1], [1] * 200]),
        ({"type": "array", "items": {"enum": [1]}}, [[], [1] * 64]),
        (
            {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}},
            [{}, {"a": None}, {"a": 0}, {"unknown": None}],
        ),
        ({"type": "array", "prefixItems": [INT, {"const": 7}]}, [[], [0], [0, 7]]),
    ],
)
def test_edges_come_up(schema: Any, wanted: list[Any]) -> None:
    often = settings(QUICK, max_examples=3000)
    for value in wanted:
        find(ws.from_schema(schema), lambda drawn: repr(drawn) == repr(value), settings=often)  # noqa: B023


@pytest.mark.parametrize(
    ("schema", "simplest"),
    [
        (INT, 0),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "maximum": -5}, -5),
        ({"type": "number", "exclusiveMinimum": 0.5}, 1),
        (TEXT, ""),
        ({"type": "string", "pattern": "^[a-c]{2}$"}, "aa"),
        ({"type": "string", "format": "date-time"}, "1970-01-01T00:00:00Z"),
        ({"type": "object", "properties": {"a": INT, "b": TEXT}, "required": ["a"]}, {"a": 0}),
        (NODE, {"v": 0}),
        ({"type": "array", "items": {"$ref": "#"}}, []),
        ({"type": "array", "prefixItems": [INT, TEXT], "minItems": 2}, [0, ""]),
        ({"type": "object", "additionalProperties": INT, "minProperties": 1}, {"": 0}),
    ],
)
def test_values_shrink_to_the_simplest(schema: Any, simplest: Any) -> None:
    assert find(ws.from_schema(schema), lambda value: True, settings=THOROUGH) == simplest


def test_a_failing_value_shrinks_to_what_makes_it_fail() -> None:
    schema = {"type": "object", "properties": {"a": INT, "b": {"type": "array", "items": INT}}}
    found = find(
        ws.from_schema(schema),
        lambda value: any(item > 100 for item in value.get("b", [])),
        settings=THOROUGH,
    )
    [(name, items)] = found.items()
    assert name == "b"
    assert len(items) == 1  # 101, or where an older hypothesis stops: 255, 2**64 - 1


def test_of_what_is_large_already_no_recursive_reference_is_followed() -> None:
    members = {f"n{index}": INT for index in range(200)}
    large = {"type": "object", "properties": {"next": {"$ref": "#"}, **members}}
    assert Builder(Document(NODE)).budget == 3
    assert Builder(Document(large)).budget == 0
