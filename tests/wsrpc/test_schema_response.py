"""What a handler returns is encoded, and checked against the type of the response."""

import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from typing import Any, NamedTuple, NotRequired, TypedDict

import attrs
import msgspec
import pytest

from wsrpc.schema import InvalidResponse, ResponseType


@dataclasses.dataclass
class Sum:
    sum: float
    note: str = ""

    def __post_init__(self) -> None:
        if self.note == "forbidden":
            raise ValueError("this note is forbidden")


class Renamed(msgspec.Struct, rename="camel", omit_defaults=True):
    first_name: str
    last_name: str = ""


class Row(NamedTuple):
    id: int
    name: str


class Options(TypedDict):
    depth: int
    note: NotRequired[str]


@attrs.define
class Point:
    x: int


@dataclasses.dataclass
class Blob:
    data: bytes
    by_hash: dict[bytes, str] = dataclasses.field(default_factory=dict)
    more: Any = None


class Side(enum.Enum):
    BUY = "buy"


def encode(annotation: Any, value: Any) -> bytes:
    return ResponseType(annotation, "Stream.ws_rpc_add").encode(value)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (None, None, None),
        (type(None), None, None),
        (Sum, Sum(3), {"sum": 3, "note": ""}),
        (Sum, {"sum": 3}, {"sum": 3}),
        (Sum, {"sum": 3, "more": [1]}, {"sum": 3, "more": [1]}),
        (Renamed, Renamed("Ada"), {"firstName": "Ada"}),
        (Renamed, {"firstName": "Ada"}, {"firstName": "Ada"}),
        (Row, Row(1, "x"), [1, "x"]),
        (Row, [1, "x"], [1, "x"]),
        (Options, {"depth": 1}, {"depth": 1}),
        (Point, Point(1), {"x": 1}),
        (list[Sum], [Sum(1), {"sum": 2}], [{"sum": 1, "note": ""}, {"sum": 2}]),
        (list[int], (1, 2), [1, 2]),
        (set[int], {1}, [1]),
        (dict[int, str], {1: "x"}, {"1": "x"}),
        (float, 1, 1),
        (Sum | None, None, None),
        (Side, Side.BUY, "buy"),
        (decimal.Decimal, decimal.Decimal("1.10"), "1.10"),
        (datetime.date, datetime.date(2020, 1, 2), "2020-01-02"),
        (uuid.UUID, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (bytes, b"\0\1", "AAE="),
        (Blob, Blob(b"", {b"\0": "x"}), {"data": "", "by_hash": {"AA==": "x"}, "more": None}),
        (Blob, {"data": memoryview(b"\0\1")}, {"data": "AAE="}),
        (dict[str, object], {"a": [None, True, 1.5]}, {"a": [None, True, 1.5]}),
        (dict[str, Any], {"a": math.nan, "b": [math.inf]}, {"a": None, "b": [None]}),
    ],
)  # fmt: skip
def test_a_response_of_the_type_is_encoded(annotation: Any, value: Any, expected: Any) -> None:
    assert json.loads(encode(annotation, value)) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (None, 1, "Expected `null`, got `int`"),
        (Sum, None, "Expected `object`, got `null`"),
        (Sum, {}, "missing required field `sum`"),
        (Sum, Sum(math.nan), "Expected `float`, got `null` - at `$.sum`"),
        (Sum, Sum(-math.inf), "Expected `float`, got `null` - at `$.sum`"),
        (Sum, Sum("3"), "Expected `float`, got `str` - at `$.sum`"),  # type: ignore[arg-type]
        (Sum, {"sum": 1, "note": "forbidden"}, "this note is forbidden"),
        (Renamed, {"first_name": "Ada"}, "missing required field `firstName`"),
        (list[Row], [Row(1, "x"), Row("2", "x")], "at `$[1][0]`"),  # type: ignore[arg-type]
        (int, 1.0, "Expected `int`, got `float`"),
        (bytes, "no base64", "Invalid base64"),
    ],
)  # fmt: skip
def test_a_response_that_is_not_of_the_type_is_invalid(
    annotation: Any, value: Any, message: str
) -> None:
    with pytest.raises(InvalidResponse) as caught:
        encode(annotation, value)

    assert str(caught.value).startswith("Stream.ws_rpc_add: ")
    assert message in str(caught.value)
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


def cycle() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, "\ud800"),
        (dict[str, int], {"\ud800": 1}),
        (dict[str, Any], {"a": object()}),
        (dict[str, Any], {"a": lambda: 1}),
        (dict[str, Any], {"a": cycle()}),
        (list[Any], cycle()),
        (dict[str, Any], {(1, 2): 3}),
        (dict[str, Any], {"a": msgspec.Raw(b"{")}),
        (dict[str, Any], {"a": msgspec.Raw(b"{}")}),
        (Sum, object()),
    ],
)
def test_what_has_no_json_form_is_refused(annotation: Any, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, b"text"),
        (Sum, Sum(1, b"text")),  # type: ignore[arg-type]
        (list[str], [b"text"]),
        (list[Any], [(b"text",)]),
        (dict[str, str], {b"key": "x"}),
        (dict[str, Any], {"a": [{"b": bytearray(b"text")}]}),
        (dict[str, Any], {"a": {memoryview(b"text")}}),
        (Blob, Blob(b"", more=b"text")),
        (Blob, Blob(b"", more=[b"text"])),
    ],
)
def test_bytes_are_refused_where_the_type_has_none(annotation: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="bytes have no JSON form"):
        encode(annotation, value)


def test_a_defect_of_the_application_goes_through() -> None:
    class Broken(msgspec.Struct):
        def __post_init__(self) -> None:
            raise KeyError("a defect")

    with pytest.raises(KeyError, match="a defect"):
        encode(Broken, {})


def test_a_number_of_a_derived_class_is_a_number() -> None:
    class Number(float):
        pass

    assert ResponseType(list[float], "here").encode([Number(1.5)]) == b"[1.5]"
