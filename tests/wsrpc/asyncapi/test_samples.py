"""Examples that nobody wrote are values of their type, or are not there."""

import datetime
import decimal
import uuid
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import jsonschema_rs
import msgspec
import pytest
from msgspec import Meta

from wsrpc.asyncapi.samples import NoSample, sample
from wsrpc.schema import ResponseType


class Tree(msgspec.Struct):
    name: str
    left: "Tree | None" = None
    children: "list[Tree]" = []
    leaves: "tuple[Leaf, ...]" = ()


class Leaf(msgspec.Struct):
    tree: "Tree | None" = None


class Endless(msgspec.Struct):
    more: "Endless"


class Fork(msgspec.Struct):
    way: "Fork | int"


class Chain(msgspec.Struct):
    links: "list[Chain]"


class Full(msgspec.Struct):
    links: "Annotated[list[Full], Meta(min_length=1)]"


class Secretive(TypedDict):
    a: int
    secret: NotRequired[Annotated[str, Meta(pattern="^secret-[0-9]{7}$")]]


class Named(NamedTuple):
    a: int
    b: str = "b"


class Order(msgspec.Struct):
    id: Annotated[int, Meta(examples=[7, 8])]
    side: Literal["buy", "sell"]
    note: str | None = None
    depth: int = 10


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Order, {"id": 7, "side": "buy", "depth": 10}),
        (Tree, {"name": "text", "children": [], "leaves": []}),
        (Leaf, {}),
        (Fork, {"way": 1}),
        (Chain, {"links": []}),
        (Secretive, {"a": 1}),
        (Named, [1, "b"]),
        (Any, {}),
        (None, None),
        (bool, True),
        (float, 1.5),
        (Annotated[float, Meta(ge=0, le=1)], 1),
        (list[int], [1]),
        (tuple[int, str], [1, "text"]),
        (tuple[()], []),
        (Annotated[list[int], Meta(min_length=2)], [1, 1]),
        (Annotated[list[int], Meta(max_length=0)], []),
        (dict[str, int], {}),
        (int | None, 1),
        (decimal.Decimal, "1.5"),
        (bytes, "dGV4dA=="),
        (uuid.UUID, "123e4567-e89b-42d3-a456-426614174000"),
        (datetime.date, "2030-01-31"),
        (datetime.datetime, "2030-01-31T12:00:00Z"),
        (Annotated[datetime.datetime, Meta(tz=False)], "2030-01-31T12:00:00"),
        (Annotated[int, Meta(ge=5)], 5),
        (Annotated[int, Meta(gt=5)], 6),
        (Annotated[int, Meta(le=-5)], -5),
        (Annotated[int, Meta(lt=-5)], -6),
        (Annotated[int, Meta(multiple_of=7, ge=10)], 14),
        (Annotated[int, Meta(multiple_of=7, gt=0)], 7),
        (Annotated[str, Meta(pattern="^[A-Z]{1,6}$")], "A"),
        (Annotated[str, Meta(min_length=6)], "texttext"[:6]),
        (Annotated[str, Meta(max_length=1)], "a"),
    ],
    ids=str,
)
def test_a_type_has_an_example(annotation, expected):
    assert sample(ResponseType(annotation, "here").json_schema()) == expected


@pytest.mark.parametrize(
    "annotation",
    [
        Endless,
        Full,
        Annotated[str, Meta(pattern="^secret-[0-9]{7}$")],
        Annotated[str, Meta(min_length=10**9)],
        Annotated[list[int], Meta(min_length=10**9)],
        Annotated[dict[str, int], Meta(min_length=1)],
        Annotated[frozenset[int], Meta(min_length=2)],
        Annotated[int, Meta(ge=5, extra_json_schema={"examples": [1]})],
        Annotated[str, Meta(pattern="^x$")] | Annotated[int, Meta(ge=3, multiple_of=2, le=3)],
    ],
    ids=str,
)
def test_there_is_no_example_where_none_is_easily_made(annotation):
    with pytest.raises(NoSample):
        sample(ResponseType(annotation, "here").json_schema())


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, 3),
        ({"properties": {"a": True}, "type": "object"}, {"a": {}}),
        ({"const": 5}, 5),
        ({"type": ["null", "integer"]}, None),
        ({"type": "array", "items": {"type": "null"}, "minItems": 3}, [None] * 3),
    ],
)
def test_a_schema_of_other_words_has_an_example(schema, expected):
    assert sample(schema) == expected
    assert jsonschema_rs.is_valid(schema, expected)


def test_a_method_without_an_example_is_described_without(describe):
    async def secret(self, payload) -> Annotated[str, Meta(pattern="^secret-[0-9]{7}$")]: ...

    messages = describe(secret)["channels"]["ws"]["messages"]
    assert "examples" in messages["secret.request"]
    assert "examples" not in messages["secret.response"]
