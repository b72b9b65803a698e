"""The types that the fuzzer reads of an AsyncAPI document, and what it sends by them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from pytest_wsrpc.fuzz import pool
from pytest_wsrpc.fuzz.case import Case
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.phases import Subject, accepts, protocol, refuses
from pytest_wsrpc.fuzz.url.phases import adapted
from pytest_wsrpc.strategies import payloads
from pytest_wsrpc.strategies.schema.hints import NO_HINTS

from .documents import api, message, method, read, schema


def test_references_lead_to_definitions_also_in_other_files() -> None:
    tree = {"properties": {"parts": {"items": {"$ref": "#/Tree"}}, "leaf": {"$ref": "#/a~1b"}}}
    found = schema({"$ref": "types.json#/Tree"}, types={"Tree": tree, "a/b": {"type": "string"}})
    assert found == {
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": {
                "properties": {
                    "parts": {"items": {"$ref": "#/$defs/Tree"}},
                    "leaf": {"$ref": "#/$defs/a_1b"},
                }
            },
            "a_1b": {"type": "string"},
        },
    }


@pytest.mark.parametrize(("other", "second"), [("Y", "X_1"), ("X_1", "X_2"), ("X_2", "X_1")])
def test_two_definitions_of_one_name_are_two(other: str, second: str) -> None:
    places = {"a": "one.json#/X", "b": f"one.json#/{other}", "c": "two.json#/X"}
    found = schema(
        {"properties": {name: {"$ref": place} for name, place in places.items()}},
        one={"X": {"type": "string"}, other: {"type": "integer"}},
        two={"X": {"type": "null"}},
    )
    assert found["$defs"] == {
        "X": {"type": "string"},
        other: {"type": "integer"},
        second: {"type": "null"},
    }


def test_a_schema_may_bring_its_own_definitions() -> None:
    pair = {"properties": {"n": {"$ref": "#/$defs/N"}}}
    own = {"N": {"type": "integer"}, "Pair": pair}
    assert schema({"$defs": own, "properties": {"p": {"$ref": "#/$defs/Pair"}}})["$defs"] == own


def test_a_schema_that_is_referred_to_may_bring_its_own_definitions() -> None:
    own = {"$defs": {"N": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/N"}}}
    value = api({"$ref": "#/shared/A"})
    value["shared"] = {"A": {"properties": {"b": {"$ref": "#/shared/AB"}}}, "AB": own}
    found = method(value).payload.json_schema()
    assert found["$defs"]["N"] == {"type": "integer"}


def test_a_message_may_bring_its_own_definitions() -> None:
    own = {"definitions": {"Ask": message("do")["payload"]}, "$ref": "#/definitions/Ask"}
    (endpoint,) = read(api(messages={"r": {"payload": own}}))
    assert list(endpoint.methods) == ["do"]


def test_a_reference_may_lead_through_a_list() -> None:
    given = {"anyOf": [{"type": "object"}, {"properties": {"a": {"$ref": "#/shared/0"}}}]}
    value = api(given)
    value["shared"] = [{"type": "string"}]
    assert method(value).payload.json_schema()["$defs"] == {"0": {"type": "string"}}


def test_draft_07_is_said_in_the_words_of_2020_12() -> None:
    given = {
        "$id": "x",
        "definitions": {},
        "properties": {
            "pair": {"items": [{"type": "string"}, True], "additionalItems": False},
            "open": {"items": [{"type": "string"}]},
            "list": {"items": {"type": "string"}, "additionalItems": False},
            "one": {"const": {"$ref": "no reference"}, "not": {"type": "null"}},
            "beside": {"$ref": "#/shared", "type": "null"},
            "inside": {"contentSchema": {"$ref": "#/shared"}},
        },
        "dependencies": {"pair": ["open"], "list": {"required": ["one"]}},
    }
    value = api(given)
    value["shared"] = {"type": "string"}
    assert method(value).payload.json_schema() == {
        "properties": {
            "pair": {"prefixItems": [{"type": "string"}, True], "items": False},
            "open": {"prefixItems": [{"type": "string"}]},
            "list": {"items": {"type": "string"}},
            "one": {"const": {"$ref": "no reference"}, "not": {"type": "null"}},
            "beside": {"$ref": "#/$defs/shared"},
            "inside": {"contentSchema": {"$ref": "#/$defs/shared"}},
        },
        "dependentRequired": {"pair": ["open"]},
        "dependentSchemas": {"list": {"required": ["one"]}},
        "$defs": {"shared": {"type": "string"}},
    }


def test_a_later_draft_keeps_what_stands_beside_a_reference() -> None:
    later = {
        "schemaFormat": "application/schema+json;version=draft-2020-12",
        "schema": {
            "$ref": "#/shared",
            "properties": {"own": {"$ref": "#/$defs/own"}},
            "$defs": {"own": {"$ref": "#/shared", "maxProperties": 3}},
        },
    }
    value = api(later)
    value["shared"] = {"type": "object", "minProperties": 2}
    found = method(value).payload.json_schema()
    assert found["allOf"] == [
        {"$ref": "#/$defs/shared"},
        {"properties": {"own": {"$ref": "#/$defs/own"}}},
    ]
    assert found["$defs"]["own"] == {"allOf": [{"$ref": "#/$defs/shared"}, {"maxProperties": 3}]}


def test_a_response_that_nothing_fits_is_told_as_such() -> None:
    assert method(api(True, False)).response.json_schema() == {"not": {}}


def test_payloads_are_drawn_for_what_was_read() -> None:
    given = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 5}},
        "required": ["n"],
    }
    assert find(payloads(method(api(given)).payload), lambda _: True) == {"n": 5}


def test_no_code_is_read_for_what_payloads_may_be_compared_with() -> None:
    (endpoint,) = read(api({"type": "object", "properties": {"n": {"type": "integer"}}}))
    assert pool.hints_of(endpoint, endpoint.methods["do"]) is NO_HINTS


def messages_of(endpoint: Endpoint) -> Iterator[Case]:
    """Yield cases of all phases of one message."""
    subject = Subject(endpoint, endpoint.methods["do"])
    found: list[Case] = []
    phases = [adapted(one.PHASE) for one in (accepts, refuses, protocol)]

    @settings(max_examples=200, database=None, derandomize=True)
    @given(st.one_of(phase.cases(subject) for phase in phases))
    def draw(case: Case) -> None:
        found.append(case)

    draw()
    yield from found


def test_servers_of_all_languages_can_understand_what_is_sent() -> None:
    (endpoint,) = read(api({"type": "object", "properties": {"n": {"type": "integer"}}}))
    for case in messages_of(endpoint):
        assert not isinstance(case.id, int) or abs(case.id) < 2**53
        assert case.binary or isinstance(case.frame, str)
        assert "levels deep" not in case.why


def test_a_depth_that_is_told_is_tried() -> None:
    payload = {"type": "object", "properties": {"n": {"type": "integer"}}}
    (endpoint,) = read(api(payload, **{"x-wsrpc-limits": {"depth": 64}}))
    assert any("levels deep" in case.why for case in messages_of(endpoint))
