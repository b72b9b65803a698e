"""The JSON form of values, and what has none."""

from __future__ import annotations

import dataclasses
import datetime
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrpc.protocol import decode, encode_json


@dataclasses.dataclass
class Point:
    x: Any


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "null"),
        ({"a": [math.inf, -math.inf, 1.5]}, '{"a":[null,null,1.5]}'),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        ((1, (2,)), "[1,[2]]"),
        ({1: 2}, '{"1":2}'),
        (Point(math.nan), '{"x":null}'),
        ({"when": datetime.date(2026, 1, 2)}, '{"when":"2026-01-02"}'),
        ("\x00é😀", '"\\u0000é😀"'),
    ],
    ids=repr,
)
def test_a_value_becomes_json(value, text):
    assert encode_json(value).decode() == text


def looped_list() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def looped_dict() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = [value]
    return value


class Keys(dict):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    "value",
    [
        b"x",
        bytearray(b"x"),
        memoryview(b"x"),
        [b"x"],
        (1, (b"x",)),
        {"a": {"b": [b"x"]}},
        {b"x": 1},
        {"a": {b"x": 1}},
        {1, b"x"},
        [frozenset([b"x"])],
        Keys(a=b"x"),
        Keys({b"x": 1}),
        object(),
        {"a": object()},
        1j,
        print,
        {(1, 2): 3},
        {None: 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_json_form_is_a_type_error(value):
    with pytest.raises(TypeError):
        encode_json(value)


@pytest.mark.parametrize(
    "value",
    ["\ud800", {"a": ["\udc00"]}, {"\ud800": 1}, 10**4300, looped_list(), looped_dict()],
    ids=["surrogate", "nested surrogate", "key", "integer", "list", "dict"],
)
def test_what_json_cannot_hold_is_a_value_error(value):
    with pytest.raises(ValueError):
        encode_json(value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_encoding_and_decoding_is_the_identity(value):
    assert repr(decode(encode_json(value))) == repr(value)


class Text(str):
    """As markupsafe's Markup."""

    def __str__(self):
        return self


class Number(float):
    """As numpy's float64."""


class Count(int):
    """An integer that is more than one."""


def test_strings_and_numbers_of_derived_classes_are_encoded_as_their_bases():
    value = [Text("a"), Number(1.5), Count(2), {Text("key"): Number(float("nan"))}]

    assert encode_json(value) == b'["a",1.5,2,{"key":null}]'
    with pytest.raises(TypeError, match=r"^object has no JSON form$"):
        encode_json([object()])


def test_a_value_whose_own_code_fails_has_no_json_form():
    class Unset(msgspec.Struct):
        a: int

    value = Unset(1)
    del value.a

    with pytest.raises(TypeError, match="Unset has no JSON form"):
        encode_json(value)
