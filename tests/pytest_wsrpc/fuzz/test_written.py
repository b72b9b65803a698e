"""Values as a person would write them in a test."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wsrpc.fuzz.written import Code, assigned, folded, literal


@pytest.mark.parametrize(
    "value",
    [
        "x" * 100,
        "ab" * 50 + "a",
        "x" * 41,
        "ab" + "x" * 300 + "c" + "é" * 200,
        "\n" * 150 + "end",
        "no repeats, " + "".join(map(str, range(60))),
        [1, 2, 3] * 10 + [1, 2],
        list(range(30)),
        [["a", {"b": "c" * 50}]] * 13,
        {"a": {"b": ["x" * 200, 1, None]}},
        ["short"],
        ("x" * 50, 1),
    ],
)
def test_what_is_written_is_the_value(value: Any) -> None:
    assert eval(repr(folded(value))) == value
    assert eval(literal(value, "value = ")) == value


def test_what_repeats_itself_is_written_once() -> None:
    assert repr(folded("x" * 100)) == "'x' * 100"
    assert repr(folded({"a": [0, 1] * 7 + [0]})) == "{'a': [0, 1] * 7 + [0]}"
    assert folded("x" * 40) == "x" * 40


def test_code_stands_as_it_is() -> None:
    assert assigned("f(", {"id": Code("reply_0['id']")}, ")", name="payload") == [
        "f({'id': reply_0['id']})"
    ]


def test_long_runs_within_a_text_are_products() -> None:
    assert repr(folded("ab" + "x" * 300 + "c" + "y" * 100)) == "'ab' + 'x' * 300 + 'c' + 'y' * 100"
