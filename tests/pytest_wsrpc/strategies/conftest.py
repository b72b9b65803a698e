"""Types of payloads of every kind; a test that asks for ``payload_type`` runs for each."""

# no postponed annotations: the types are declared inside of what reads them

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from msgspec import Meta, Struct


class Five(Struct):
    a: Annotated[int, Meta(ge=5)]


@dataclass
class Add:
    a: int
    b: int = 0


class Options(TypedDict, total=False):
    x: Required[str]
    y: int
    z: float | None


class Partial(TypedDict):
    x: str
    y: NotRequired[int]


class Point(NamedTuple):
    x: int
    label: str = "origin"


@attrs.define
class Order:
    item: str
    counts: list[int] = attrs.field(factory=list)


class Constrained(Struct, forbid_unknown_fields=True):
    i: Annotated[int, Meta(ge=0, lt=100)]
    m: Annotated[int, Meta(multiple_of=7)]
    f: Annotated[float, Meta(gt=0, le=1)]
    t: Annotated[float, Meta(multiple_of=0.1)]
    s: Annotated[str, Meta(min_length=1, max_length=5)]
    p: Annotated[str, Meta(pattern=r"^[a-z]+-\d{2,4}$")]
    x: Annotated[str, Meta(pattern=r"x", min_length=3, max_length=4)]
    back: Annotated[str, Meta(pattern=r"\A(?P<c>[ab])-(?P=c)\Z")]
    n: Annotated[list[Annotated[int, Meta(ge=1)]], Meta(min_length=1, max_length=3)]
    d: Annotated[dict[str, int], Meta(min_length=1, max_length=3)]
    b: Annotated[bytes, Meta(min_length=4, max_length=10)]


class Formats(Struct):
    a: dt.datetime
    b: dt.date
    c: dt.time
    d: dt.timedelta
    e: uuid.UUID
    f: decimal.Decimal
    g: bytes
    h: Annotated[dt.datetime, Meta(tz=True)]
    i: Annotated[dt.datetime, Meta(tz=False)]
    j: Annotated[dt.time, Meta(tz=True)]
    k: Annotated[dt.time, Meta(tz=False)]


class Color(enum.Enum):
    RED = "r"
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Containers(Struct):
    a: dict[str, float]
    b: tuple[int, str]
    c: tuple[int, ...]
    d: set[int]
    e: frozenset[str]
    f: Point
    g: list[list[Add]]


class Keys(Struct):
    a: dict[int, int]
    b: dict[Color, int]
    c: dict[Annotated[str, Meta(min_length=3, pattern="^[a-z]+$")], int]
    d: dict[uuid.UUID, int]
    e: dict[dt.date, None]
    f: dict[float, int]


class Choices(Struct):
    a: Color
    b: Level
    c: Literal["x", "y"]
    d: Literal[1, 2]
    e: Literal["a", 1, None]
    f: bool
    g: None


class Tree(Struct):
    v: int
    kids: list["Tree"] = []


class Linked(Struct):
    v: int
    next: "Linked | None" = None


class Cat(Struct, tag=True):
    lives: int


class Dog(Struct, tag=True):
    bark: str


class Pets(Struct):
    pets: list[Cat | Dog]
    first: Cat | Dog | None = None


class Unions(Struct):
    a: int | str | None
    b: int | list[int]
    c: Any
    d: Add | None = None
    e: float | None = None


class Row(Struct, array_like=True):
    a: int
    b: str = "x"


class Table(Struct):
    rows: list[Row]


class Renamed(Struct, rename="camel"):
    first_name: str
    second_name: int


class Unset(Struct):
    a: int | msgspec.UnsetType = msgspec.UNSET


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    a: int = pydantic.Field(ge=5)
    b: str = pydantic.Field(min_length=2, max_length=4, pattern="^[a-z]*$")
    c: float | None = None
    d: Annotated[str, pydantic.Field(alias="dAlias")]


class ModelFormats(pydantic.BaseModel):
    a: dt.datetime
    b: dt.date
    c: dt.time
    d: dt.timedelta
    e: uuid.UUID
    f: decimal.Decimal
    g: bytes
    h: pydantic.AnyUrl
    i: pydantic.HttpUrl
    j: pydantic.IPvAnyAddress
    k: pydantic.UUID4
    l: pydantic.Json[list[int]]  # noqa: E741
    m: pydantic.Json[Any]
    n: pydantic.AwareDatetime
    o: pydantic.NaiveDatetime
    p: pydantic.PositiveInt
    q: pydantic.Base64Bytes
    r: dict[Annotated[str, pydantic.Field(pattern="^x[ab]?$")], int] = {}


class Question(pydantic.BaseModel):
    kind: Literal["q"]
    follow: list["Question"] = []


class Reply(pydantic.BaseModel):
    kind: Literal["r"]
    n: int


class Talk(pydantic.BaseModel):
    u: Annotated[Question | Reply, pydantic.Field(discriminator="kind")]
    v: Question | Reply | None = None
    w: set[int] = set()
    x: dict[int, str] = {}
    y: tuple[int, str] | None = None


TYPES: list[Any] = [
    Five, Add, Options, Partial, Order, Constrained, Formats, Containers, Keys, Choices, Tree,
    Linked, Cat | Dog, Pets, Unions, Table, Renamed, Unset, Model, ModelFormats, Talk,
    dict[str, int], Annotated[dict[str, Any], Meta(min_length=1, max_length=2)],
]  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "payload_type" in metafunc.fixturenames:
        names = [str(getattr(case, "__name__", case)) for case in TYPES]
        metafunc.parametrize("payload_type", TYPES, ids=names)
