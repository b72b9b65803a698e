"""Responses that are pydantic models: what they serialize goes out, checked by their schema."""

import dataclasses
import datetime
import json
import math
from typing import Any

import jsonschema_rs
import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field

from wsrpc.schema import InvalidResponse, ResponseType


class Cat(BaseModel):
    type: str
    lives: int


CAT = {"type": "cat", "lives": 9}


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    at: datetime.datetime


class Numbers(pydantic.RootModel[list[int]]):
    pass


@pydantic.dataclasses.dataclass
class Point:
    x: int


@dataclasses.dataclass
class Holder:
    cat: Cat


class Outgoing(BaseModel):
    number: float = Field(serialization_alias="aNumber", validation_alias="number")
    secret: str = Field("s3cret", exclude=True)
    at: datetime.datetime = datetime.datetime(2020, 1, 2)
    anything: Any = None

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> float:
        return self.number * 2

    @pydantic.field_serializer("at")
    def _at(self, value: datetime.datetime) -> int:
        return value.year


EXPECTED = {"aNumber": 1.5, "at": 2020, "anything": None, "double": 3.0}


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Outgoing, Outgoing(number=1.5), EXPECTED),
        (Outgoing, {"number": 1.5, "unknown": 1}, EXPECTED),
        (Strict, {"at": "2020-01-02T00:00:00"}, {"at": "2020-01-02T00:00:00"}),
        (Strict, {"at": datetime.datetime(2020, 1, 2)}, {"at": "2020-01-02T00:00:00"}),
        (Numbers, Numbers([1]), [1]),
        (Numbers, [1], [1]),
        (list[Cat], [Cat(type="cat", lives=9), CAT], [CAT, CAT]),
        (Holder, Holder(Cat(type="cat", lives=9)), {"cat": CAT}),
        (Point | None, None, None),
        (Point | None, Point(1), {"x": 1}),
    ],
)
def test_a_response_is_what_the_model_serializes(
    annotation: Any, value: Any, expected: Any
) -> None:
    type = ResponseType(annotation, "here")

    assert json.loads(type.encode(value)) == expected
    assert jsonschema_rs.is_valid(type.json_schema(), expected)


def changed(**values: Any) -> Outgoing:
    model = Outgoing(number=1)
    for name, value in values.items():
        setattr(model, name, value)
    return model


class Infinite(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")

    number: float


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Outgoing, {}, r"Field required - at \$\['number'\]"),
        (Outgoing, Cat(type="cat", lives=9), "valid dictionary or instance of Outgoing"),
        (Outgoing, object(), "valid dictionary or instance of Outgoing"),
        (Outgoing, changed(number=math.nan), r"null is not of type .* - at \$\['aNumber'\]"),
        (Outgoing, changed(number="x"), "Expected `float`"),
        (Infinite, Infinite(number=math.inf), "JSON is malformed"),
        (Cat, {"type": "cat", "lives": "x"}, "valid integer"),
    ],
)
def test_a_response_that_is_not_of_the_type_is_invalid(
    annotation: Any, value: Any, message: str
) -> None:
    with pytest.raises(InvalidResponse, match=f"here: .*{message}"):
        ResponseType(annotation, "here").encode(value)


def cycle() -> Any:
    model = changed()
    model.anything = [model]
    return model


@pytest.mark.parametrize(
    "value", [changed(anything=object()), changed(anything="\ud800"), cycle(), {"number": "\ud800"}]
)
def test_what_has_no_json_form_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        ResponseType(Outgoing, "here").encode(value)
