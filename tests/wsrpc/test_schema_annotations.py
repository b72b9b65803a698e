"""Which annotations are payload and response types, and what is said of the others."""

import dataclasses
import datetime
import decimal
import enum
import subprocess
import sys
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import annotated_types
import attrs
import msgspec
import pytest

from wsrpc.schema import PayloadType, ResponseType

T = TypeVar("T")
WHERE = "Stream.ws_rpc_add"


@dataclasses.dataclass
class Add:
    a: int
    b: int


class AddDict(TypedDict):
    a: int
    b: int


class AddStruct(msgspec.Struct):
    a: int
    b: int


@attrs.define
class AddAttrs:
    a: int
    b: int


class AddTuple(NamedTuple):
    a: int
    b: int = 2


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


class Pair(NamedTuple, Generic[T]):
    first: T
    rest: list[T] = []


class ArrayLike(msgspec.Struct, array_like=True):
    a: int


class Number(enum.Enum):
    ONE = 1


@dataclasses.dataclass
class Later:
    node: "DefinedLater"  # noqa: F821


class Opaque:
    pass


@pytest.mark.parametrize(
    ("annotation", "instance"),
    [
        (Add, Add(1, 2)),
        (AddDict, {"a": 1, "b": 2}),
        (AddStruct, AddStruct(1, 2)),
        (AddAttrs, AddAttrs(1, 2)),
        (AddTuple, AddTuple(1, 2)),
        (Annotated[AddTuple, msgspec.Meta(title="Two numbers")], AddTuple(1, 2)),
        (dict, {"a": 1, "b": 2}),
        (dict[str, int], {"a": 1, "b": 2}),
        (Mapping[str, int], {"a": 1, "b": 2}),
        (Any, {"a": 1, "b": 2}),
        (object, {"a": 1, "b": 2}),
        (Add | None, Add(1, 2)),
        (int | Add, Add(1, 2)),
        (NewType("Plus", Add), Add(1, 2)),
    ],
)
def test_a_payload_type_gives_instances(annotation: Any, instance: Any) -> None:
    validated = PayloadType(annotation, WHERE).validate({"a": 1, "b": 2})

    assert validated == instance
    assert type(validated) is type(instance)


def test_generic_types_are_filled_in() -> None:
    assert PayloadType(Box[Add], WHERE).validate({"content": {"a": 1, "b": 2}}) == Box(Add(1, 2))
    assert PayloadType(Pair[int], WHERE).validate({"first": 1}) == Pair(1, [])
    assert PayloadType(Pair, WHERE).validate({"first": "x", "rest": [1]}) == Pair("x", [1])


def test_scalars_of_json_strings_become_python_objects() -> None:
    @dataclasses.dataclass
    class Values:
        at: datetime.datetime
        day: datetime.date
        hour: datetime.time
        span: datetime.timedelta
        id: uuid.UUID
        price: decimal.Decimal
        data: bytes
        side: Literal["buy", "sell"]
        number: Number

    payload = {
        "at": "2020-01-02T03:04:05Z",
        "day": "2020-01-02",
        "hour": "03:04:05",
        "span": "PT5S",
        "id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "price": "1.10",
        "data": "AAE=",
        "side": "buy",
        "number": 1,
    }
    assert PayloadType(Values, WHERE).validate(payload) == Values(
        datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        datetime.date(2020, 1, 2),
        datetime.time(3, 4, 5),
        datetime.timedelta(seconds=5),
        uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        decimal.Decimal("1.10"),
        b"\0\1",
        "buy",
        Number.ONE,
    )


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        str | None,
        list[int],
        tuple[int, str],
        set[str],
        Literal["a"],
        Number,
        ArrayLike,
        AddTuple | None,
        Annotated[list[Add], msgspec.Meta(max_length=3)],
        datetime.datetime,
    ],
)
def test_a_type_that_no_object_satisfies_is_no_payload_type(annotation: Any) -> None:
    with pytest.raises(TypeError) as caught:
        PayloadType(annotation, WHERE)

    message = str(caught.value)
    assert message.startswith(f"{WHERE}: ")
    assert "a payload is always a JSON object" in message
    assert "write a dataclass, TypedDict" in message
    ResponseType(annotation, WHERE)


@pytest.mark.parametrize(
    ("annotation", "named"),
    [
        (Opaque, "Opaque"),
        (dict[str, Opaque], "Opaque"),
        (Box[complex], "complex"),
        (Callable[[], int], "Callable"),
        (Add | AddDict, "dict-like"),
        (5, "5"),
        ("Add", "Add"),
        (dict[str, msgspec.Raw], "undecoded"),
        (msgspec.msgpack.Ext, "undecoded"),
        (Annotated[dict[str, int] | None, msgspec.Meta(ge=3)], "`ge`"),
        (dict[str, Annotated[int, annotated_types.Gt(0)]], "annotated_types|Gt"),
    ],
)
@pytest.mark.parametrize("make", [PayloadType, ResponseType])
def test_what_msgspec_cannot_check_is_no_type(make: Any, annotation: Any, named: str) -> None:
    with pytest.raises(TypeError, match=named) as caught:
        make(annotation, WHERE)

    assert str(caught.value).startswith(f"{WHERE}: ")
    assert "; write a dataclass, TypedDict, msgspec.Struct" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [PayloadType, ResponseType])
def test_a_name_that_is_not_defined_yet_is_left_to_the_caller(make: Any) -> None:
    with pytest.raises(NameError, match="DefinedLater"):
        make(Later, WHERE)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is new in 3.12")
def test_an_alias_stands_for_its_type() -> None:
    alias = typing.TypeAliasType("Plus", Add)  # type: ignore[attr-defined,unused-ignore]

    assert PayloadType(alias, WHERE).validate({"a": 1, "b": 2}) == Add(1, 2)


def test_the_repr_names_the_type() -> None:
    assert repr(PayloadType(Add, WHERE)) == "PayloadType(Add)"
    assert repr(PayloadType(dict[str, int], WHERE)) == "PayloadType(dict[str, int])"
    assert repr(ResponseType(Add, WHERE)) == "ResponseType(Add)"
    assert PayloadType(Add, WHERE).annotation is Add
    assert ResponseType(Add, WHERE).annotation is Add


def test_pydantic_is_not_imported_for_other_types() -> None:
    code = """
import dataclasses, sys
from wsrpc.schema import PayloadType, ResponseType
Add = dataclasses.make_dataclass("Add", [("a", int)])
assert PayloadType(Add, "here").validate({"a": 1}) == Add(1)
assert ResponseType(Add, "here").encode(Add(1)) == b'{"a":1}'
assert "pydantic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
