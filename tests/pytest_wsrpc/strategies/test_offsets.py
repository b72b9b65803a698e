"""Times with an offset from UTC and without, where a type takes both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated, Any

import pydantic
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from msgspec import Meta

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.schema.offsets import takes_both, with_both


@dataclass
class Flight:
    departure: datetime
    arrival: datetime
    stops: list[time]
    after: Flight | None = None


@dataclass
class Aware:
    at: Annotated[datetime, Meta(tz=True)]
    also: datetime


class Model(pydantic.BaseModel):
    at: datetime


@pytest.mark.parametrize(
    ("type", "expected"), [(Flight, True), (Aware, False), (Model, False), (int, False)]
)
def test_a_type_is_asked_whether_it_takes_both(type: Any, expected: bool) -> None:
    assert takes_both(type) is expected


def has_offset(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def test_one_time_has_an_offset_and_the_other_has_none() -> None:
    found = find(
        ws.payloads(Flight),
        lambda flight: has_offset(flight["departure"]) != has_offset(flight["arrival"]),
        settings=settings(database=None, derandomize=True),
    )
    with pytest.raises(TypeError):
        assert datetime.fromisoformat(found["arrival"]) > datetime.fromisoformat(found["departure"])


@given(ws.payloads(Aware) | ws.payloads(Model).filter(lambda drawn: "Z" in drawn["at"]))
def test_where_an_offset_is_required_there_is_one(payload: dict[str, Any]) -> None:
    assert has_offset(payload["at"])


@given(st.sampled_from(("date-time", "time", "date")), st.booleans())
def test_what_else_a_schema_says_of_a_time_stays(format: str, is_list: bool) -> None:
    schema: Any = {"type": "string", "format": format, "title": "when"}
    expected: Any = schema
    if format != "date":
        both = [{"type": "string", "format": name} for name in (format, f"{format}-local")]
        expected = {"title": "when", "anyOf": both}
    if is_list:
        schema, expected = {"prefixItems": [schema]}, {"prefixItems": [expected]}
    assert with_both(schema) == expected
