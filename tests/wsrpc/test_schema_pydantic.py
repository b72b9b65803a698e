"""Pydantic models as types, and what contains them."""

import dataclasses
import datetime
import decimal
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import jsonschema_rs
import msgspec
import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import Url
from typing_extensions import TypedDict

from wsrpc.errors import InvalidParams
from wsrpc.schema import PayloadType, ResponseType

INT = "Input should be a valid integer, unable to parse string as an integer"
NONE_FITS = "Input should be one of several alternatives, and fits none"


class Cat(BaseModel):
    type: Literal["cat"]
    lives: int


class Dog(BaseModel):
    type: Literal["dog"]
    tricks: list[str]


def _kind(value: Any) -> str:
    return "cat" if isinstance(value, dict) and "lives" in value else "other"


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: int
    first_name: str = Field("", alias="firstName")
    pet: Annotated[Cat | Dog, Field(discriminator="type")] | None = None
    by_function: (
        Annotated[
            Annotated[Cat, pydantic.Tag("cat")] | Annotated[int, pydantic.Tag("int")],
            pydantic.Discriminator(_kind),
        ]
        | None
    ) = None
    either: Cat | Dog | None = None
    some: int | list[int] | None = None
    levels: dict[int, int] = {}
    few: Annotated[list[int], Field(max_length=2)] = []
    pair: tuple[int, str] | None = None
    even: int = 0
    orders: "list[Order]" = []

    @pydantic.field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value == 5:
            raise KeyError("a defect")
        if value == 3:
            raise ValueError
        if value % 2:
            raise AssertionError("an even number, please")
        return value

    @pydantic.model_validator(mode="after")
    def _check(self) -> "Order":
        if self.id == self.even:
            raise ValueError("id and even must differ")
        return self


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    at: datetime.datetime


@pydantic.dataclasses.dataclass
class Point:
    x: int

    def __post_init__(self) -> None:
        if self.x == 13:
            raise ValueError("unlucky")


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Counts(pydantic.RootModel[dict[str, int]]):
    pass


@dataclasses.dataclass
class Holder:
    cat: Cat


class HolderDict(TypedDict):
    cat: Cat


class HolderTuple(NamedTuple):
    cat: Cat
    tags: list[str] = []


class HolderStruct(msgspec.Struct):
    cat: Cat


def errors_of(annotation: Any, payload: Any) -> Any:
    with pytest.raises(InvalidParams) as caught:
        PayloadType(annotation, "here").validate(payload)
    return caught.value.errors


CAT = {"type": "cat", "lives": 9}


@pytest.mark.parametrize(
    ("annotation", "payload", "instance"),
    [
        (Cat, CAT, Cat(type="cat", lives=9)),
        (Order, {"id": "1", "firstName": "Ada"}, Order(id=1, firstName="Ada")),
        (Strict, {"at": "2020-01-02T00:00:00"}, Strict(at=datetime.datetime(2020, 1, 2))),
        (Point, {"x": 1}, Point(1)),
        (Holder, {"cat": CAT}, Holder(Cat(type="cat", lives=9))),
        (HolderDict, {"cat": CAT}, {"cat": Cat(type="cat", lives=9)}),
        (HolderTuple, {"cat": CAT}, HolderTuple(Cat(type="cat", lives=9), [])),
        (dict[str, Cat], {"cat": CAT}, {"cat": Cat(type="cat", lives=9)}),
        (Counts, {"a": 1}, Counts({"a": 1})),
        (dict[str, pydantic.PositiveInt] | Cat, {"a": 1}, {"a": 1}),
        (int | Cat, CAT, Cat(type="cat", lives=9)),
        (dict[str, Annotated[int, Field(gt=0)]], {"a": 1}, {"a": 1}),
        (dict[str, pydantic.AnyUrl], {"a": "http://b/"}, {"a": pydantic.AnyUrl("http://b/")}),
        (dict[str, Url], {"a": "http://b/"}, {"a": Url("http://b/")}),
    ],
)  # fmt: skip
def test_a_payload_becomes_an_instance(annotation: Any, payload: Any, instance: Any) -> None:
    assert PayloadType(annotation, "here").validate(payload) == instance


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"id": "x"}, {"id": INT}),
        ({"zip": 1, "firstName": 1}, {
            "zip": "unknown field", "firstName": "Input should be a valid string",
        }),
        ({"pet": {"type": "cat"}}, {"pet": {"lives": "required"}}),
        ({"pet": {"type": "dog", "tricks": [1]}}, {
            "pet": {"tricks": {"0": "Input should be a valid string"}},
        }),
        ({"pet": {"type": "cow"}}, {"pet": {"type": "Input should be 'cat', 'dog'"}}),
        ({"pet": {}}, {"pet": {"type": "required"}}),
        ({"pet": 5}, {"pet": "Input should be an object"}),
        ({"by_function": {"lives": 1}}, {"by_function": {"type": "required"}}),
        ({"by_function": {}}, {"by_function": "Input should be 'cat', 'int'"}),
        ({"either": {}}, {"either": NONE_FITS}),
        ({"either": 5}, {"either": "Input should be an object"}),
        ({"some": "x"}, {"some": f"{INT}; Input should be a valid array"}),
        ({"some": ["x"]}, {"some": {"0": INT}}),
        ({"levels": {"x": 1, "1": "y"}}, {"levels": {"x": f"invalid key: {INT}", "1": INT}}),
        ({"few": [1, 2, 3]}, {"few": "List should have at most 2 items after validation, not 3"}),
        ({"pair": [1]}, {"pair": {"1": "required"}}),
        ({"even": 1}, {"even": "an even number, please"}),
        ({"even": 3}, {"even": "invalid"}),
        ({"id": 2, "even": 2}, {"": "id and even must differ"}),
        ({"orders": [{"id": 1}, {"id": 2, "even": 2}, {"even": "x", "orders": [{}]}]}, {
            "orders": {
                "1": "id and even must differ",
                "2": {"id": "required", "even": INT, "orders": {"0": {"id": "required"}}},
            },
        }),
    ],
)  # fmt: skip
def test_the_errors_are_nested_like_the_payload(fields: Any, errors: Any) -> None:
    assert errors_of(Order, {"id": 1, **fields}) == errors


@pytest.mark.parametrize(
    ("annotation", "payload", "errors"),
    [
        (Order, {}, {"id": "required"}),
        (Order, [], {"": "Input should be an object"}),
        (Point, {}, {"x": "required"}),
        (Point, {"x": 13}, {"": "unlucky"}),
        (dict[str, Point], {"a": {"x": "x"}, "b": {}}, {"a": {"x": INT}, "b": {"x": "required"}}),
        (HolderTuple, {"cat": {}}, {"cat": {"type": "required", "lives": "required"}}),
        (Annotated[dict[str, Cat], Field(min_length=2)], {}, {
            "": "Dictionary should have at least 2 items after validation, not 0",
        }),
        (Cat, {"type": "cat", "lives": "\ud800"}, {"": "text with a lone surrogate"}),
    ],
)  # fmt: skip
def test_errors_of_other_types(annotation: Any, payload: Any, errors: Any) -> None:
    assert errors_of(annotation, payload) == errors


def test_a_whole_and_its_parts_may_both_be_wrong() -> None:
    class Both(BaseModel):
        values: Annotated[list[int], Field(max_length=1)] | dict[str, int]

        @pydantic.model_validator(mode="wrap")
        @classmethod
        def _both(cls, value: Any, handler: Callable[[Any], Any]) -> Any:
            try:
                return handler(value)
            except pydantic.ValidationError as error:
                details: Any = [
                    {"type": detail["type"], "loc": detail["loc"], "input": detail["input"]}
                    for detail in error.errors()
                ]
                whole: Any = {"type": "value_error", "ctx": {"error": ValueError("whole")}}
                raise pydantic.ValidationError.from_exception_data(
                    "Both", [*details, whole]
                ) from None

    assert errors_of(Both, {"values": ["x"]}) == {"": "whole", "values": {"0": INT}}


def test_a_payload_nested_too_deeply_is_refused() -> None:
    payload: Any = {"id": 1}
    for _ in range(300):
        payload = {"id": 1, "orders": [payload]}
    assert errors_of(Order, payload)[""].startswith("Invalid JSON: recursion limit exceeded")

    for _ in range(100_000):
        payload = {"id": 1, "orders": [payload]}
    assert errors_of(Order, payload) == {"": "nested too deeply"}


def test_the_number_of_errors_is_bounded() -> None:
    errors = errors_of(dict[str, Cat], {str(i): i for i in range(3000)})

    assert len(errors) == 1001
    assert errors[""] == "more may be wrong: too much is, to tell all"


def test_a_defect_of_the_application_goes_through() -> None:
    with pytest.raises(KeyError, match="a defect"):
        PayloadType(Order, "here").validate({"id": 1, "even": 5})


@pytest.mark.parametrize("annotation", [Numbers, list[Cat], int | list[Point]])
def test_a_model_that_no_object_satisfies_is_no_payload_type(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"here: .* a payload is always a JSON object"):
        PayloadType(annotation, "here")


class WithFunction(BaseModel):
    function: Callable[[], int]


class Reasonless:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise ValueError


@pytest.mark.parametrize("make", [PayloadType, ResponseType])
@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (HolderStruct, "HolderStruct cannot be .* Unable to generate pydantic-core schema"),
        (dict[str, Annotated[Cat, msgspec.Meta(title="x")]], r"pydantic.Field\(...\) instead"),
        (WithFunction, "Cannot generate"),
        (dict[str, Reasonless], ": ValueError; write a dataclass"),
    ],
)
def test_what_pydantic_cannot_check_is_no_type(make: Any, annotation: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        make(annotation, "here")
    assert "\n" not in str(caught.value)


def test_a_name_that_is_not_defined_yet_is_left_to_the_caller() -> None:
    class Node(BaseModel):
        next: "DefinedLater"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match=r"DefinedLater|not fully defined"):
        PayloadType(Node, "here")


class Moment(BaseModel):
    """A moment."""

    at: pydantic.NaiveDatetime
    until: datetime.datetime
    price: decimal.Decimal = Field(description="in euros")
    by_id: dict[int, dict[float, str]] = {}
    names: dict[str, int] = {}
    plain: dict = {}  # type: ignore[type-arg]
    odd: Any = print
    mixed: set[int | str] = {3, "b", 1, "a"}


def test_the_schema_says_what_is_needed_to_make_values() -> None:
    schema = PayloadType(Moment, "here").json_schema()

    jsonschema_rs.meta.validate(schema)
    assert schema["description"] == "A moment."
    properties = schema["properties"]
    assert properties["at"]["format"] == "date-time-local"
    assert properties["until"]["format"] == "date-time"
    assert properties["price"]["description"] == "in euros"
    assert [option.get("format") for option in properties["price"]["anyOf"]] == [None, "decimal"]
    by_id = properties["by_id"]
    assert "^" in by_id["propertyNames"]["pattern"]
    assert r"\." in by_id["additionalProperties"]["propertyNames"]["pattern"]
    assert "propertyNames" not in properties["names"]
    assert properties["mixed"]["default"] == ["a", "b", 1, 3]
    response = ResponseType(Moment, "here").json_schema()["properties"]
    assert response["price"]["format"] == "decimal"
