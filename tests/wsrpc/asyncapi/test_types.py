"""Every kind of type in a document: valid, and of the same meaning as where it is checked."""

import dataclasses
import enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import jsonschema_rs
import msgspec
import pydantic
import pytest
from msgspec import Meta

from wsrpc import ws_rpc
from wsrpc.schema import PayloadType

T = TypeVar("T")


class Side(enum.Enum):
    BUY = "buy"
    SELL = "sell"


@dataclasses.dataclass
class Data:
    """What it is."""

    a: Annotated[int, Meta(ge=1, description="A number", examples=[7])]
    side: Side = Side.BUY


class Typed(TypedDict):
    a: int
    b: NotRequired[str]


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    pair: tuple[int, str]
    none: tuple[()] = ()
    many: tuple[int, ...] = ()


@attrs.define
class Attrs:
    names: dict[Annotated[str, Meta(max_length=3)], int]


class Named(NamedTuple):
    a: int
    b: str = "b"


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str = ""


class Rows(msgspec.Struct):
    rows: list[Row]


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: int


class Pets(msgspec.Struct):
    pet: Cat | Dog | None = None


class Box(msgspec.Struct, Generic[T]):
    content: T


class ModelCat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class ModelDog(pydantic.BaseModel):
    kind: Literal["dog"]


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    pet: Annotated[ModelCat | ModelDog, pydantic.Field(discriminator="kind")]
    first: str = pydantic.Field("x", alias="firstName", deprecated=True)
    point: tuple[int, int] = (0, 0)


class Tree(msgspec.Struct):
    children: "list[Tree]" = []


class ModelTree(pydantic.BaseModel):
    left: "ModelTree | None" = None


@dataclasses.dataclass
class Even:
    odd: "Odd | None" = None


@dataclasses.dataclass
class Odd:
    even: Even | None = None


KINDS: list[tuple[Any, list[Any]]] = [
    (Data, [{"a": 1}, {"a": 0}, {"a": 1, "side": "buy"}, {"a": 1, "side": "no"}, {}]),
    (Typed, [{"a": 1}, {"a": 1, "b": 1}, {"b": "x"}]),
    (Struct, [{"pair": [1, "a"]}, {"pair": [1]}, {"pair": [1, "a", 2]}, {"pair": ["a", 1]}]),
    (Struct, [{"pair": [1, "a"], "none": [1]}, {"pair": [1, "a"], "none": []}]),
    (Struct, [{"pair": [1, "a"], "many": [1]}, {"pair": [1, "a"], "x": 1}]),
    (Attrs, [{"names": {"a": 1}}, {"names": {"long": 1}}, {"names": {"a": "b"}}]),
    (Named, [{"a": 1}, {"b": "x"}, {"a": 1, "b": 2}]),
    (Rows, [{"rows": [[1]]}, {"rows": [[]]}, {"rows": [[1, "x", 3]]}, {"rows": [[1, 2]]}]),
    (Pets, [{"pet": {"type": "cat", "lives": 1}}, {"pet": {"lives": 1}}, {"pet": None}]),
    (Box[int], [{"content": 1}, {"content": "x"}]),
    (Model, [{"pet": {"kind": "cat", "lives": 1}}, {"pet": {"kind": "cat"}}]),
    (Model, [{"pet": {"kind": "dog"}, "point": [1]}, {"pet": {"kind": "dog"}, "point": [1, 2]}]),
    (Tree, [{}, {"children": [{"children": []}]}, {"children": [{"children": 1}]}]),
    (ModelTree, [{}, {"left": {"left": {}}}, {"left": {"left": 1}}]),
    (Even, [{}, {"odd": {"even": {"odd": None}}}, {"odd": {"even": 1}}]),
    (dict[str, int], [{}, {"a": 1}, {"a": "b"}]),
    (dict, [{}, {"a": 1}]),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda value: str(value)[:40])
def test_a_type_accepts_in_the_document_what_it_accepts_itself(describe, accepting, kind, values):
    async def use(self, payload): ...

    described = describe(ws_rpc(body_schema=kind, response_schema=kind)(use))
    own = jsonschema_rs.Draft202012Validator(PayloadType(kind, "here").json_schema())
    verdicts = []
    for value in values:
        found = accepting(described, "ws", {"id": 1, "method": "use", "payload": value})
        verdicts.append(found == ["use.request"])
        assert verdicts[-1] == own.is_valid(value), value
    assert any(verdicts)


@pytest.mark.parametrize("kind", [None, int, list[Row], Tree, Literal["a"], Any, Row])
def test_a_response_is_of_any_type(describe, accepting, kind):
    async def use(self, payload): ...

    use.__annotations__["return"] = kind
    described = describe(use)
    response = described["channels"]["ws"]["messages"]["use.response"]
    [example] = response["examples"]
    assert accepting(described, "ws", example["payload"]) == ["use.response"]


def test_what_the_types_tell_of_their_fields_is_in_the_document(describe):
    async def use(self, payload: Data): ...

    schemas = describe(use)["components"]["schemas"]
    assert schemas["Data"] == {
        "title": "Data",
        "description": "What it is.",
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 1, "description": "A number", "examples": [7]},
            "side": {"allOf": [{"$ref": "#/components/schemas/Side"}], "default": "buy"},
        },
        "required": ["a"],
    }


def test_a_payload_of_defaults_may_be_left_out(describe, accepting):
    async def tree(self, payload: Tree): ...
    async def data(self, payload: Data): ...

    described = describe(tree, data)
    assert accepting(described, "ws", {"id": 1, "method": "tree"}) == ["tree.request"]
    assert accepting(described, "ws", {"id": 1, "method": "data"}) == []
