"""Payloads drawn for a type are what the type takes."""

# no postponed annotations: the types are declared inside of what reads them

import json
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from msgspec import Meta, Struct

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.payloads import source_of
from wsrpc.schema import PayloadType

QUICK = settings(
    max_examples=60, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
THOROUGH = settings(QUICK, max_examples=1500, phases=[Phase.generate, Phase.shrink])


class Five(Struct):
    a: Annotated[int, Meta(ge=5)]


@dataclass
class Add:
    a: int
    b: int = 0


class Tree(Struct):
    v: int
    kids: list["Tree"] = []


class Cat(Struct, tag=True):
    lives: int


class Dog(Struct, tag=True):
    bark: str


class Even(pydantic.BaseModel):
    n: int

    @pydantic.field_validator("n")
    @classmethod
    def is_even(cls, n: int) -> int:
        if n % 2:
            raise ValueError("odd")
        return n


@pytest.mark.slow
def test_generation_alone_gives_what_the_type_accepts(payload_type: Any) -> None:
    source = source_of(payload_type)
    refused = []
    drawn = 0

    @QUICK
    @given(source.builder.values())
    def look(payload: Any) -> None:
        nonlocal drawn
        drawn += 1
        if not source.accepts(payload):
            refused.append(payload)

    look()
    assert len(refused) <= drawn * 0.05, refused[0]


@pytest.mark.slow
def test_payloads_pass_the_type(payload_type: Any) -> None:
    validated = PayloadType(payload_type, "here")

    @QUICK
    @given(ws.payloads(payload_type))
    def check(payload: Any) -> None:
        validated.validate(json.loads(json.dumps(payload, allow_nan=False)))

    check()


@QUICK
@given(ws.payloads(Even))
def test_what_only_the_type_can_tell_is_asked_of_it(payload: Any) -> None:
    assert payload["n"] % 2 == 0


@pytest.mark.parametrize(
    ("type", "simplest"),
    [
        (Five, {"a": 5}),
        (Add, {"a": 0}),
        (Tree, {"v": 0}),
        (Cat | Dog, {"type": "Cat", "lives": 0}),
        (None, {}),
        (PayloadType(Five, "here"), {"a": 5}),
    ],
)
def test_payloads_shrink_to_the_simplest(type: Any, simplest: Any) -> None:
    assert find(ws.payloads(type), lambda payload: True, settings=THOROUGH) == simplest


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (3, "expected a type of payloads or a JSON Schema, got 3"),
        (int, "expected a type of payloads or a JSON Schema"),
        ({"type": "integer"}, "both of type object and of type integer"),
        (False, "accepts nothing"),
    ],
)
def test_what_is_no_type_of_payloads_is_told_so(wrong: Any, what: str) -> None:
    for strategy in (ws.payloads(wrong), ws.invalid_payloads(wrong)):
        with pytest.raises(InvalidArgument, match=what):
            find(strategy, lambda payload: True)


def test_a_type_that_cannot_be_hashed_is_drawn_for_too() -> None:
    annotated = Annotated[dict[str, int], ["a note"]]
    with pytest.raises(TypeError):
        hash(annotated)
    assert find(ws.payloads(annotated), lambda payload: True) == {}


def test_strategies_are_shown_as_they_were_written_and_compose() -> None:
    assert repr(ws.payloads(None)) == "payloads(None)"
    assert repr(ws.invalid_payloads({})) == "invalid_payloads({})"
    pairs = st.tuples(ws.payloads(Five), ws.invalid_payloads(Five))
    valid, invalid = find(pairs, lambda pair: True, settings=THOROUGH)
    assert valid == {"a": 5}
    assert "a" in invalid.path
