"""The JSON Schema of a type says what validation accepts, and stands on its own."""

import copy
import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType, ResponseType

T = TypeVar("T")


class Side(enum.Enum):
    """Which way."""

    BUY = "buy"
    SELL = "sell"


@dataclasses.dataclass
class Order:
    """An order.

    It may be filled in parts.
    """

    id: Annotated[int, Meta(description="Its number", examples=[7], ge=1)]
    side: Side = Side.BUY
    tags: list[str] = dataclasses.field(default_factory=list)
    seen: datetime.date = datetime.date(2020, 1, 2)
    bound: float = math.inf
    key: Any = dataclasses.field(default_factory=object)


@dataclasses.dataclass
class Bare:
    a: int


@attrs.define
class Point:
    x: int


class Options(TypedDict):
    depth: int
    note: NotRequired[str]


class Row(NamedTuple):
    """A row."""

    id: int
    name: str = "x"
    cells: list[int] = []


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    first_name: str
    marker: Any = msgspec.field(default=lambda: 1)


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: int


class Vector(msgspec.Struct, array_like=True, tag=True):
    x: int
    y: int = 0


class Short(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    x: int


class Optional(msgspec.Struct, array_like=True):
    x: int = 0


class Tree(msgspec.Struct):
    children: "list[Tree]" = []


class Box(msgspec.Struct, Generic[T]):
    content: T


def schema_of(annotation: Any) -> dict[str, Any]:
    schema = ResponseType(annotation, "here").json_schema()
    jsonschema_rs.meta.validate(schema)
    assert json.loads(json.dumps(schema)) == schema
    return schema


def definition_of(cls: Any, name: str | None = None) -> dict[str, Any]:
    schema = schema_of(cls)
    name = name or cls.__name__
    assert schema["$ref"] == f"#/$defs/{name}"
    definition: dict[str, Any] = schema["$defs"][name]
    return definition


def test_a_class_is_described_with_its_docstring_and_the_metadata_of_its_fields() -> None:
    assert schema_of(Order) == {
        "$ref": "#/$defs/Order",
        "$defs": {
            "Order": {
                "title": "Order",
                "description": "An order.\n\nIt may be filled in parts.",
                "type": "object",
                "properties": {
                    "id": {
                        "type": "integer",
                        "minimum": 1,
                        "description": "Its number",
                        "examples": [7],
                    },
                    "side": {"$ref": "#/$defs/Side", "default": "buy"},
                    "tags": {"type": "array", "items": {"type": "string"}, "default": []},
                    "seen": {"type": "string", "format": "date", "default": "2020-01-02"},
                    "bound": {"type": "number"},
                    "key": {},
                },
                "required": ["id"],
            },
            "Side": {"title": "Side", "description": "Which way.", "enum": ["buy", "sell"]},
        },
    }


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (None, {"type": "null"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (object, {}),
        (Annotated[int, Meta(gt=1, le=9, multiple_of=2)], {
            "type": "integer", "exclusiveMinimum": 1, "maximum": 9, "multipleOf": 2,
        }),
        (Annotated[float, Meta(ge=1, lt=9)], {
            "type": "number", "minimum": 1, "exclusiveMaximum": 9,
        }),
        (Annotated[str, Meta(min_length=1, max_length=2, pattern="a")], {
            "type": "string", "minLength": 1, "maxLength": 2, "pattern": "a",
        }),
        (Annotated[bytes, Meta(max_length=4)], {
            "type": "string", "contentEncoding": "base64", "maxLength": 8,
        }),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
        (Annotated[datetime.datetime, Meta(tz=True)], {"type": "string", "format": "date-time"}),
        (Annotated[datetime.datetime, Meta(tz=False)], {
            "type": "string", "format": "date-time-local",
        }),
        (datetime.time, {"type": "string", "format": "time"}),
        (Annotated[datetime.time, Meta(tz=False)], {"type": "string", "format": "time-local"}),
        (datetime.timedelta, {"type": "string", "format": "duration"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (decimal.Decimal, {"type": ["string", "number"], "format": "decimal"}),
        (list, {"type": "array"}),
        (Annotated[list[int], Meta(min_length=1)], {
            "type": "array", "items": {"type": "integer"}, "minItems": 1,
        }),
        (set[int], {"type": "array", "items": {"type": "integer"}}),
        (Annotated[set[int], Meta(min_length=2)], {
            "type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True,
        }),
        (tuple[int, str], {
            "type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "items": False, "minItems": 2, "maxItems": 2,
        }),
        (tuple[()], {"type": "array", "items": False, "minItems": 0, "maxItems": 0}),
        (Annotated[dict[str, int], Meta(max_length=1)], {
            "type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 1,
        }),
        (dict[Annotated[str, Meta(min_length=1)], Any], {
            "type": "object", "propertyNames": {"minLength": 1},
        }),
        (dict[uuid.UUID, Any], {"type": "object", "propertyNames": {"format": "uuid"}}),
        (dict[decimal.Decimal, Any], {"type": "object", "propertyNames": {"format": "decimal"}}),
        (dict[Literal[1, "a"], Any], {"type": "object", "propertyNames": {"enum": ["1", "a"]}}),
        (dict[str | None, Any], {"type": "object"}),
        (dict[None, Any], {"type": "object", "propertyNames": False}),
        (dict[Any, Any], {"type": "object"}),
        (int | str | None, {
            "anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}],
        }),
        (Literal["a", 1, None], {"enum": [None, 1, "a"]}),
        (Annotated[Annotated[int, Meta(title="inner", description="d")], Meta(title="outer")], {
            "type": "integer", "title": "outer", "description": "d",
        }),
        (Annotated[str, Meta(extra_json_schema={"format": "email"})], {
            "type": "string", "format": "email",
        }),
    ],
)  # fmt: skip
def test_a_plain_type_is_described_in_place(annotation: Any, schema: Any) -> None:
    assert schema_of(annotation) == schema


def test_keys_of_enums_and_numbers_are_described_as_strings() -> None:
    keys = schema_of(dict[Side, int])["propertyNames"]
    assert keys == {"enum": ["buy", "sell"]}
    assert jsonschema_rs.is_valid(schema_of(dict[int, Any]), {"0": 1, "-12": 1})
    assert not jsonschema_rs.is_valid(schema_of(dict[int, Any]), {"01": 1})
    assert jsonschema_rs.is_valid(schema_of(dict[float, Any]), {"0.5": 1, "-12": 1})
    assert not jsonschema_rs.is_valid(schema_of(dict[float, Any]), {"x": 1})
    either = schema_of(dict[int | Side, Any])["propertyNames"]["anyOf"]
    assert either[1] == {"enum": ["buy", "sell"]}


@pytest.mark.parametrize("cls", [Bare, Point, Options])
def test_a_generated_docstring_is_no_description(cls: Any) -> None:
    assert "description" not in definition_of(cls)


def test_objects_say_what_is_required_and_whether_more_is_allowed() -> None:
    assert definition_of(Options)["required"] == ["depth"]
    assert definition_of(Strict) == {
        "title": "Strict",
        "type": "object",
        "properties": {"firstName": {"type": "string"}, "marker": {}},
        "required": ["firstName"],
        "additionalProperties": False,
    }
    assert definition_of(Tree)["properties"] == {
        "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}, "default": []}
    }


def test_arrays_of_fields() -> None:
    assert definition_of(Vector) == {
        "title": "Vector",
        "type": "array",
        "minItems": 2,
        "prefixItems": [
            {"const": "Vector"}, {"type": "integer"}, {"type": "integer", "default": 0},
        ],
    }  # fmt: skip
    assert definition_of(Short)["maxItems"] == 1
    assert definition_of(Optional)["minItems"] == 0
    row = definition_of(Row)
    assert (row["description"], row["minItems"], row["maxItems"]) == ("A row.", 1, 3)


def test_a_named_tuple_as_payload_is_an_object() -> None:
    schema = PayloadType(Annotated[Row, Meta(title="The row")], "here").json_schema()

    assert schema["title"] == "The row"
    assert schema["$defs"]["Row"] == {
        "title": "Row",
        "description": "A row.",
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "name": {"type": "string", "default": "x"},
            "cells": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["id"],
    }


def test_the_tag_is_required_where_a_union_needs_it() -> None:
    union = schema_of(Cat | Dog)
    assert union["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert union["$defs"]["Cat"]["required"] == ["type", "lives"]
    assert union["$defs"]["Cat"]["properties"]["type"] == {"const": "cat"}

    assert definition_of(Cat)["required"] == ["lives"]

    both = schema_of(tuple[Cat | Dog, Cat])
    assert both["$defs"]["Cat"]["required"] == ["lives"]
    assert both["prefixItems"][0]["anyOf"] == [
        {"$ref": "#/$defs/Cat", "required": ["type"]},
        {"$ref": "#/$defs/Dog"},
    ]
    check = jsonschema_rs.Draft202012Validator(both)
    assert check.is_valid([{"type": "cat", "lives": 9}, {"lives": 9}])
    assert not check.is_valid([{"lives": 9}, {"lives": 9}])


def test_generic_classes_are_named_with_their_arguments() -> None:
    schema = schema_of(dict[str, Box[int] | None] | list[Box[list[str]]])

    assert {name: part["title"] for name, part in schema["$defs"].items()} == {
        "Box_int_": "Box[int]",
        "Box_list_str__": "Box[list[str]]",
    }


def test_classes_of_the_same_name_are_told_apart() -> None:
    first = dataclasses.make_dataclass("Same", [("a", int)])
    second = dataclasses.make_dataclass("Same", [("b", int)])

    schema = schema_of(tuple[first, second, first])  # type: ignore[valid-type]

    names = [item["$ref"].removeprefix("#/$defs/") for item in schema["prefixItems"]]
    assert names[0] == names[2] != names[1]
    assert [list(schema["$defs"][name]["properties"]) for name in names[:2]] == [["a"], ["b"]]


def test_an_enum_is_defined_once() -> None:
    assert schema_of(tuple[Side, Side])["prefixItems"] == [{"$ref": "#/$defs/Side"}] * 2


@pytest.mark.parametrize(
    "extra",
    [
        {"anyOf": [True, {"type": "string"}]},
        {"allOf": [{"type": ["object", "null"]}, True]},
        {"const": {"a": 1}},
        {"$ref": "https://example.com/schema"},
    ],
)
def test_a_payload_may_have_a_schema_of_ones_own(extra: dict[str, Any]) -> None:
    annotation = Annotated[dict[str, Any], Meta(extra_json_schema=extra)]

    assert PayloadType(annotation, "here").json_schema() == {"type": "object", **extra}


@pytest.mark.parametrize("make", [PayloadType, ResponseType])
def test_the_schema_may_be_changed_by_its_receiver(make: Any) -> None:
    type = make(Order, "here")
    before = copy.deepcopy(type.json_schema())

    type.json_schema()["$defs"].clear()

    assert type.json_schema() == before


class Everything(msgspec.Struct):
    """A type of which a schema can say everything."""

    a: Annotated[int, Meta(ge=0)] | Annotated[str, Meta(min_length=1)]
    b: "list[Everything] | Cat | Dog | None" = None
    c: tuple[Options, Vector] | Strict | None = None
    d: Annotated[dict[Literal["a", "b"], Side | bool], Meta(max_length=1)] = {}
    e: Short | None = None
    f: Cat | None = None


EVERYTHING = PayloadType(Everything, "here")
SCHEMA = jsonschema_rs.Draft202012Validator(EVERYTHING.json_schema())

keys = st.sampled_from(["a", "b", "c", "d", "e", "type", "lives", "depth", "firstName"])
scalars = st.sampled_from([None, True, 0, -1, 1.5, "", "cat", "dog", "buy", "Vector"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "a": scalars,
            "b": values | st.fixed_dictionaries({"type": scalars, "lives": scalars}),
            "c": values | st.fixed_dictionaries({"firstName": scalars}),
            "d": st.dictionaries(keys, scalars, max_size=2),
            "e": values | st.lists(scalars, max_size=2),
            "f": st.fixed_dictionaries({"lives": scalars}, optional={"type": scalars}),
        },
    )
)
def test_the_schema_accepts_exactly_what_validation_accepts(payload: Any) -> None:
    try:
        EVERYTHING.validate(payload)
        accepted = True
    except InvalidParams:
        accepted = False

    assert SCHEMA.is_valid(payload) is accepted


def test_classes_whose_names_differ_in_other_letters_only_are_two_definitions() -> None:
    first = msgspec.defstruct("Größe", [("a", int)])
    second = msgspec.defstruct("Gräße", [("b", int)])
    schema = schema_of(tuple[first, second])  # type: ignore[valid-type]
    required = [definition["required"] for definition in schema["$defs"].values()]
    assert required == [["a"], ["b"]]


def test_the_default_of_a_set_is_written_in_one_order() -> None:
    words = frozenset({"some", "words", "in", "no", "order"})
    struct = msgspec.defstruct("Words", [("words", frozenset[str], words)])
    schema = definition_of(struct)
    assert schema["properties"]["words"]["default"] == sorted(words)
