"""Every field that is wrong is told at once, nested like the payload."""

import dataclasses
import datetime
import enum
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import attrs
import msgspec
import pytest
from msgspec import Meta

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType


class Side(enum.Enum):
    BUY = "buy"
    SELL = "sell"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0

    def __post_init__(self) -> None:
        if self.x == self.y:
            raise ValueError("x and y must differ")
        if self.x < 0:
            raise TypeError
        if self.x == 99:
            raise KeyError("a defect")


class Options(TypedDict):
    depth: int
    note: NotRequired[str]


class Row(NamedTuple):
    id: int
    name: str = ""


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    first_name: str = ""
    age: int


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class One(msgspec.Struct, tag_field="version", tag=1):
    a: int


class Two(msgspec.Struct, tag_field="version", tag=2):
    b: int


class Vector(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    x: int
    y: int = 0


class Circle(msgspec.Struct, array_like=True, tag=True):
    radius: int


class Square(msgspec.Struct, array_like=True, tag=True):
    side: int


@attrs.define
class Even:
    number: int = attrs.field()

    @number.validator
    def _even(self, attribute: Any, value: int) -> None:
        if value % 2:
            raise ValueError("an even number, please")


class Tree(msgspec.Struct):
    value: int
    children: "list[Tree]" = []


@dataclasses.dataclass
class Order:
    """All that can go wrong, in one type."""

    id: int
    price: Annotated[float, Meta(gt=0)] = 1.0
    code: Annotated[str, Meta(pattern="^[A-Z]+$", max_length=3)] = "A"
    at: datetime.datetime | None = None
    side: Side = Side.BUY
    kind: Literal["limit", "market"] | None = None
    point: Point | None = None
    points: list[Point] = dataclasses.field(default_factory=list)
    options: Options | None = None
    row: Row | None = None
    pair: tuple[int, str] = (1, "")
    pet: Cat | Dog | None = None
    version: One | Two | None = None
    cat: Cat | None = None
    strict: Strict | None = None
    vector: Vector | None = None
    shape: Circle | Square | None = None
    even: Even | None = None
    tree: Tree | None = None
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    levels: dict[Level, int] = dataclasses.field(default_factory=dict)
    few: Annotated[list[int], Meta(min_length=1, max_length=2)] = dataclasses.field(
        default_factory=lambda: [1]
    )
    some: Annotated[dict[str, int], Meta(max_length=1)] = dataclasses.field(default_factory=dict)
    many: Annotated[list[int], Meta(min_length=2)] | None = None
    pairs: Annotated[set[int], Meta(min_length=2)] | None = None
    either: int | list[int] | dict[str, int] | None = None
    rest: Annotated[tuple[int, ...], Meta(max_length=1)] = ()
    known: Annotated[Point, Meta(description="described")] | None = None


def errors_of(annotation: Any, payload: Any) -> Any:
    with pytest.raises(InvalidParams) as caught:
        PayloadType(annotation, "here").validate(payload)
    return caught.value.errors


INT = "Expected `int`, got `str`"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("id", "x", INT),
        ("price", 0, "Expected `float` > 0.0"),
        ("code", "abcd", "Expected `str` of length <= 3"),
        ("code", "a", "Expected `str` matching regex '^[A-Z]+$'"),
        ("at", "now", "Invalid RFC3339 encoded datetime"),
        ("at", 5, "Expected `datetime | null`, got `int`"),
        ("side", "Buy", 'Expected one of "buy", "sell"'),
        ("side", [], "Expected `str`, got `array`"),
        ("kind", "Buy", 'Expected one of "limit", "market"'),
        ("point", {}, {"x": "required"}),
        ("point", {"x": "x", "y": "y"}, {"x": INT, "y": INT}),
        ("point", [], "Expected `object | null`, got `array`"),
        ("point", {"x": 1, "y": 1}, "x and y must differ"),
        ("point", {"x": -1}, "invalid"),
        ("points", {}, "Expected `array`, got `object`"),
        ("points", [{"x": 1}, {}, {"x": 0}], {"1": {"x": "required"}, "2": "x and y must differ"}),
        ("options", {"note": 1}, {"depth": "required", "note": "Expected `str`, got `int`"}),
        ("row", [], "Expected `array` of length 1 to 2"),
        ("row", ["x", 1], {"0": INT, "1": "Expected `str`, got `int`"}),
        ("row", ["x", "", 3], {"": "Expected `array` of length 1 to 2", "0": INT}),
        ("pair", [1], "Expected `array` of length 2"),
        ("pair", ["x", 1, 2], {
            "": "Expected `array` of length 2", "0": INT, "1": "Expected `str`, got `int`",
        }),
        ("pet", {}, {"type": "required"}),
        ("pet", {"type": "cow"}, {"type": 'Expected one of "cat", "dog"'}),
        ("pet", {"type": 1}, {"type": 'Expected one of "cat", "dog"'}),
        ("pet", {"type": "dog", "tricks": [1]}, {"tricks": {"0": "Expected `str`, got `int`"}}),
        ("pet", 5, "Expected `object | null`, got `int`"),
        ("version", {"version": 2}, {"b": "required"}),
        ("version", {"version": True, "a": 1}, {"version": "Expected one of 1, 2"}),
        ("version", {"version": 1.0, "a": 1}, {"version": "Expected one of 1, 2"}),
        ("cat", {"lives": "x"}, {"lives": INT}),
        ("cat", {"type": "dog"}, {"type": 'Expected "cat"', "lives": "required"}),
        ("strict", {"firstName": 1, "first_name": "", "age": 1}, {
            "firstName": "Expected `str`, got `int`", "first_name": "unknown field",
        }),
        ("strict", {"a": 1, "b": 2}, {
            "age": "required", "a": "unknown field", "b": "unknown field",
        }),
        ("vector", [], "Expected `array` of length 1 to 2"),
        ("vector", [1, "x", 3], {"": "Expected `array` of length 1 to 2", "1": INT}),
        ("shape", [], "Expected `array` of at least length 1, got 0"),
        ("shape", ["Circle"], "Expected `array` of length >= 2"),
        ("shape", ["Circle", "x"], {"1": INT}),
        ("shape", ["Cube", "x"], {"0": 'Expected one of "Circle", "Square"'}),
        ("even", {"number": 3}, "an even number, please"),
        ("tree", {"value": 1, "children": [{"value": 1, "children": [{}, {"value": ""}]}]}, {
            "children": {"0": {"children": {"0": {"value": "required"}, "1": {"value": INT}}}},
        }),
        ("counts", {"a": "x", "b": 1, "": "y"}, {"a": INT, "": INT}),
        ("levels", {"1": 1, "2": 2, "x": "x"}, {
            "2": "invalid key: Expected 1", "x": "invalid key: Expected `int`, got `str`",
        }),
        ("few", [], "Expected `array` of length 1 to 2"),
        ("few", [1, "x", 3], {"": "Expected `array` of length 1 to 2", "1": INT}),
        ("some", {"a": 1, "b": "x"}, {"": "Expected `object` of length <= 1", "b": INT}),
        ("many", [1], "Expected `array` of length >= 2"),
        ("pairs", [1, 1], "Expected `array` of length >= 2"),
        ("pairs", ["x"], {"0": INT}),
        ("either", "x", "Expected `int | object | array | null`, got `str`"),
        ("either", ["x"], {"0": INT}),
        ("either", {"a": "x"}, {"a": INT}),
        ("rest", ["x", 1], {"": "Expected `array` of length <= 1", "0": INT}),
        ("known", {"x": "x"}, {"x": INT}),
    ],
)  # fmt: skip
def test_the_error_of_a_field(field: str, value: Any, error: Any) -> None:
    assert errors_of(Order, {"id": 1, field: value}) == {field: error}


def test_all_failing_fields_are_told_at_once() -> None:
    payload = {
        "price": "x",
        "points": [{"x": "a"}, {"y": "b"}],
        "pet": {"type": "cat", "lives": "nine"},
        "counts": {"a": "x"},
        "pair": [],
    }
    assert errors_of(Order, payload) == {
        "id": "required",
        "price": "Expected `float`, got `str`",
        "points": {"0": {"x": INT}, "1": {"x": "required", "y": INT}},
        "pet": {"lives": INT},
        "counts": {"a": INT},
        "pair": "Expected `array` of length 2",
    }


@pytest.mark.parametrize(
    ("annotation", "payload", "errors"),
    [
        (Point, {"x": 3, "y": 3}, {"": "x and y must differ"}),
        (Point, [], {"": "Expected `object`, got `array`"}),
        (Row, {"name": 1}, {"id": "required", "name": "Expected `str`, got `int`"}),
        (Cat | Dog, {}, {"type": "required"}),
        (Annotated[dict[str, int], Meta(min_length=2)], {"a": "x"}, {
            "": "Expected `object` of length >= 2", "a": INT,
        }),
        (Annotated[dict[str, int], Meta(min_length=2)], {}, {
            "": "Expected `object` of length >= 2",
        }),
    ],
)  # fmt: skip
def test_an_error_of_the_payload_as_a_whole_has_an_empty_name(
    annotation: Any, payload: Any, errors: Any
) -> None:
    assert errors_of(annotation, payload) == errors


def test_many_choices_are_cut_short() -> None:
    error = errors_of(dict[str, Literal[tuple(range(30))]], {"a": 99})["a"]

    assert error.startswith("Expected one of 0, 1, ")
    assert error.endswith("19, ...")


def test_choices_of_several_kinds_are_all_told() -> None:
    assert errors_of(dict[str, Side | Level], {"a": "x"}) == {
        "a": 'Expected one of "buy", "sell", 1'
    }
    assert errors_of(dict[Literal["a", "b"], int], {"c": 1}) == {
        "c": 'invalid key: Expected one of "a", "b"'
    }


def test_a_text_of_the_application_may_look_like_a_path() -> None:
    @dataclasses.dataclass
    class Chosen:
        a: int

        def __post_init__(self) -> None:
            raise ValueError("Invalid enum value at `$.a`")

    assert errors_of(Chosen, {"a": 1}) == {"": "Invalid enum value at `$.a`"}
    assert errors_of(dict[str, Chosen], {"b": {"a": 1}}) == {"b": "Invalid enum value at `$.a`"}


@pytest.mark.parametrize("payload", [{"x": 99}, {"x": 99, "y": 1}])
def test_another_exception_of_the_application_goes_through(payload: Any) -> None:
    with pytest.raises(KeyError, match="a defect"):
        PayloadType(Point, "here").validate(payload)


def test_a_recursion_in_the_application_is_not_the_payloads_fault() -> None:
    class Endless(msgspec.Struct):
        def __post_init__(self) -> None:
            self.__post_init__()

    with pytest.raises(RecursionError):
        PayloadType(Endless, "here").validate({})


def test_a_lone_surrogate_is_an_error_of_the_payload() -> None:
    assert errors_of(Point, {"x": 1, "\ud800": 1}) == {"": "text with a lone surrogate"}


def nested(levels: int, leaf: Any) -> Any:
    value: Any = {"value": leaf}
    for _ in range(levels):
        value = {"value": 1, "children": [value]}
    return value


def test_a_payload_nested_too_deeply_is_refused() -> None:
    assert errors_of(Tree, nested(100_000, 1)) == {"": "nested too deeply"}


def test_an_error_at_the_usual_limit_of_nesting_is_found() -> None:
    errors = errors_of(Tree, nested(31, "x"))
    for _ in range(31):
        errors = errors["children"]["0"]
    assert errors == {"value": INT}


def test_an_error_nested_too_deeply_to_search_has_its_path_in_the_text() -> None:
    errors = errors_of(Tree, nested(150, "x"))

    assert errors.keys() == {""}
    assert errors[""].startswith("Expected `int`, got `str` - at `$.children[0].children[0]")


def test_the_number_of_errors_is_bounded() -> None:
    errors = errors_of(dict[str, list[int]], {"a": ["x"] * 100_000, "b": ["x"]})

    assert 900 < len(errors["a"]) < 1100
    assert errors["a"][""] == "more may be wrong: too much is, to tell all"
    assert errors["a"]["0"] == INT
    assert errors.keys() == {"a"}


def test_the_search_is_bounded_and_the_first_error_told_all_the_same() -> None:
    payload = {"a": [*[1] * 200_000, "x", *[1] * 200_000]}

    errors = errors_of(dict[str, list[int]], payload)

    assert errors == {
        "": "more may be wrong: too much is, to tell all",
        "a": "Expected `int`, got `str` - at `$[200000]`",
    }
