"""Validation agrees with msgspec's decoder on every payload, and its errors with each other."""

import dataclasses
import datetime
import enum
import json
import re
import uuid
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Meta

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType, ResponseType


class Side(enum.Enum):
    A = "a"
    B = "b"


@dataclasses.dataclass
class Point:
    a: int
    b: Annotated[float, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise ValueError("equal")


class Tree(msgspec.Struct, forbid_unknown_fields=True):
    a: int = 0
    b: "list[Tree]" = []
    c: "dict[str, Tree] | None" = None


class Left(msgspec.Struct, tag_field="a", tag="a"):
    b: "Left | Right | None"


class Right(msgspec.Struct, tag_field="a", tag="b"):
    c: list[int]


class Row(NamedTuple):
    a: int
    b: str = ""


class Options(TypedDict):
    a: Side
    b: NotRequired[Literal["a", 1]]


class Flat(msgspec.Struct, array_like=True):
    a: bool
    b: None = None


@dataclasses.dataclass
class Mixed:
    a: Point | list[Row] | str | None = None
    b: Annotated[dict[int, Options], Meta(max_length=1)] = dataclasses.field(default_factory=dict)
    c: tuple[Flat, datetime.date] | None = None
    aa: Annotated[set[int], Meta(min_length=2)] | uuid.UUID | None = None


TYPES = [
    Point,
    Tree,
    Left | Right,
    Options,
    Row,
    Mixed,
    dict[str, Mixed],
    dict[Side, list[Annotated[str, Meta(max_length=1)]]],
    Annotated[dict[Literal["a", "b"], Tree | int], Meta(min_length=1)],
]

PAYLOADS = [PayloadType(annotation, "here") for annotation in TYPES]
RESPONSES = [ResponseType(annotation, "here") for annotation in TYPES]

keys = st.sampled_from(["a", "b", "c", "aa", "1", ""])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 10**30]),
    st.sampled_from([0.0, 1.0, 1.5, 1e300]),
    st.sampled_from(["a", "b", "", "1", "2020-01-02", "\U0001f600"]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)
payloads = st.dictionaries(keys, values, max_size=4)


def decode(annotation: Any, payload: Any) -> tuple[Any, str | None]:
    """Return what msgspec makes of the JSON text, or its first complaint."""
    try:
        return msgspec.json.decode(json.dumps(payload), type=annotation), None
    except msgspec.ValidationError as refusal:
        return None, str(refusal)


def validate(type: PayloadType, payload: Any) -> tuple[Any, Any]:
    try:
        return type.validate(payload), None
    except InvalidParams as refusal:
        return None, refusal.errors


def texts(errors: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    found = []
    for name, error in errors.items():
        if isinstance(error, str):
            found.append(((*path, name), error))
        else:
            assert error
            found += texts(error, (*path, name))
    return found


@pytest.mark.parametrize("type", PAYLOADS, ids=str)
@given(payload=payloads)
@example(payload={"aa": [1, 1]})
@example(payload={"c": [[True], "x"], "b": {"1": {}, "x": 1}, "a": [[], ["a"]]})
def test_validation_agrees_with_the_decoder(type: PayloadType, payload: Any) -> None:
    annotation = type.annotation
    if annotation is Row:  # as a payload an object, which msgspec does not take
        expected, complaint = decode(
            msgspec.defstruct("Row", [("a", int), ("b", str, "")]), payload
        )
        expected = expected and Row(expected.a, expected.b)
    else:
        expected, complaint = decode(annotation, payload)

    validated, errors = validate(type, payload)
    if complaint is None:
        assert errors is None
        assert validated == expected
        assert validated.__class__ is expected.__class__
    else:
        found = texts(errors)
        assert_complaint_is_among(found, complaint)
        assert all(text and " - at `" not in text for _, text in found)


def assert_complaint_is_among(found: list[tuple[tuple[str, ...], str]], complaint: str) -> None:
    """The first fault that msgspec finds is one of those told, at the same place."""
    missing = re.search(r"(?:missing required|unknown) field `([^`]*)`", complaint)
    location = re.search(r" - at `(?:key` in `)?\$([^`]*)`$", complaint)
    steps = re.findall(r"\[(?:\d+|\.\.\.)\]|[^.\[\]]+", location[1]) if location else []
    steps = [step.strip("[]") for step in steps] + ([missing[1]] if missing else [])
    if missing is None and " - at `key` in" in complaint:
        steps.append("...")
    assert any(
        len(path) >= len(steps)
        and all(step in ("...", name) for step, name in zip(steps, path, strict=False))
        for path, _ in found
    ), (complaint, found)


@pytest.mark.parametrize(("type", "response"), list(zip(PAYLOADS, RESPONSES, strict=True)), ids=str)
@given(payload=payloads)
def test_what_is_validated_can_be_the_response(
    type: PayloadType, response: ResponseType, payload: Any
) -> None:
    instance, errors = validate(type, payload)
    if errors is None:
        encoded = response.encode(instance)
        assert msgspec.json.decode(encoded, type=type.annotation) == instance


@pytest.mark.parametrize("type", PAYLOADS, ids=str)
@given(payload=values)
def test_no_json_value_raises_anything_else(type: PayloadType, payload: Any) -> None:
    _, errors = validate(type, payload)

    assert errors is None or errors
