"""Types of which nothing is known but a JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.described import DescribedPayload, DescribedResponse
from wsrpc.errors import InvalidParams
from wsrpc.schema.document import INT_KEY

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "symbol": {"type": "string", "pattern": r"^[A-Z\$]{1,6}$"},
        "day": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"count": {"type": "integer"}, "uniqueItems": {"enum": [1]}},
                "required": ["count"],
                "minProperties": 1,
            },
        },
        "by_number": {"propertyNames": {"pattern": INT_KEY}},
        "one": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "exact": {"const": {"uniqueItems": 1}},
    },
    "required": ["symbol"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("payload", "errors"),
    [
        ({}, {"symbol": "refused"}),
        ({"symbol": 1, "more": 1}, {"symbol": "refused", "more": "refused"}),
        ({"symbol": "a"}, {"symbol": "refused"}),
        ({"symbol": "A\n\n"}, {"symbol": "refused"}),
        ({"symbol": "A", "lines": [{}]}, {"lines": {"0": {"": "refused", "count": "refused"}}}),
        ({"symbol": "A", "lines": [{"count": 1.5}]}, {"lines": {"0": {"count": "refused"}}}),
        ({"symbol": "A", "lines": [{"count": 1, "uniqueItems": 2}]},
         {"lines": {"0": {"uniqueItems": "refused"}}}),
        ({"symbol": "A", "one": 1}, {"one": "refused"}),
        ({"symbol": "A", "exact": {"uniqueItems": 2}}, {"exact": "refused"}),
        ([], {"": "refused"}),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_is_told_by_field(payload: Any, errors: Any) -> None:
    with pytest.raises(InvalidParams) as refused:
        DescribedPayload(ORDER, "order").validate(payload)
    assert refused.value.errors == errors


@pytest.mark.parametrize("rule", [{"maxProperties": 0}, {"not": {"required": ["b"]}}])
def test_what_is_wrong_with_a_value_stays_beside_what_is_wrong_with_its_parts(rule: Any) -> None:
    schema = {"properties": {"o": {"properties": {"a": {"type": "string"}}, **rule}}}
    with pytest.raises(InvalidParams) as refused:
        DescribedPayload(schema, "x").validate({"o": {"a": 1, "b": 1}})
    assert refused.value.errors == {"o": {"": "refused", "a": "refused"}}


@pytest.mark.parametrize(
    "more",
    [
        {"symbol": "A\n"},
        {"day": "no day"},
        {"tags": ["a", "a"]},
        {"by_number": {"1" * 30: 0}},
        {"lines": [{"count": 1.0}]},
        {"lines": [{"count": 1, "uniqueItems": 1}], "exact": {"uniqueItems": 1}},
    ],
)
def test_what_servers_read_in_different_ways_is_not_refused(more: dict[str, Any]) -> None:
    payload = {"symbol": "A$", **more}
    assert DescribedPayload(ORDER, "order").validate(payload) == payload


def test_a_schema_that_is_none_is_a_value_error() -> None:
    for kind in (DescribedPayload, DescribedResponse):
        with pytest.raises(ValueError, match="is not valid under any"):
            kind({"type": "nothing"}, "x")
        with pytest.raises(ValueError, match="nowhere"):
            kind({"$ref": "#/$defs/nowhere"}, "x")


def test_the_schema_is_given_as_it_was() -> None:
    for kind in (DescribedPayload, DescribedResponse):
        made = kind(ORDER, "order")
        made.json_schema().clear()
        assert made.json_schema() == ORDER
        assert made.annotation == "order"


@settings(max_examples=10)
@given(st.data())
def test_payloads_are_valid_and_have_no_floats_for_integers(data: st.DataObject) -> None:
    order = DescribedPayload(ORDER, "order")
    payload = data.draw(ws.payloads(order))
    order.validate(payload)
    assert all(type(line["count"]) is int for line in payload.get("lines", ()))


@settings(max_examples=10)
@given(st.data())
def test_invalid_payloads_are_refused_however_the_schema_is_read(data: st.DataObject) -> None:
    order = DescribedPayload(ORDER, "order")
    invalid = data.draw(ws.invalid_payloads(order))
    with pytest.raises(InvalidParams) as refused:
        order.validate(invalid.payload)
    assert ws.names_field(refused.value.errors or {}, invalid.path)
