"""Values of earlier responses in later calls: which fit, and where none does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_wsrpc.fuzz.conversation import (
    Call,
    Like,
    Ref,
)
from pytest_wsrpc.fuzz.references import candidates
from pytest_wsrpc.strategies.schema.field_names import words

from .shelves import (
    METHODS,
    NAMES,
    RESPONSES,
    Play,
    call,
    failed,
    players,
)


@pytest.fixture
def play() -> Iterator[Play]:
    yield from players()


def test_a_reference_stands_for_a_value_of_an_earlier_response(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        call(2, "delete_item", item_id=Ref(0, ("id",))),
        call(3, "any", titles=[Ref(1, ("title",))]),
    )
    assert record.calls[1].payload == {"item_id": "i0"}
    assert record.calls[1].origins == {("item_id",): (0, ("id",))}
    assert record.calls[2].response == {"titles": ["a"]}


@pytest.mark.parametrize("ref", [Ref(0, ("no",)), Ref(0, ("id", "no")), Ref(3)])
def test_a_call_whose_reference_leads_nowhere_is_left_out(play: Play, ref: Ref) -> None:
    record = play(call(1, "create_item", title="a"), call(2, "delete_item", item_id=ref))
    assert [exchange.call for exchange in record.calls] == [0]
    assert record.of(1) is None


def test_a_value_that_fits_by_its_name_is_taken_from_a_response(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        call(2, "create_item", title="b"),
        call(3, "delete_item", item_id=Like("item_id", "x", back=1)),
        call(4, "delete_item", item_id=Like("item_id", "x", back=9)),
    )
    assert record.calls[2].response == {"id": "i0", "title": "a"}
    assert record.calls[3].payload == {"item_id": "i0"}


def test_a_value_of_any_name_is_taken_by_its_type_and_the_numbers_next_to_it(play: Play) -> None:
    told = {"found": {"total": 37, "free": True}, "of": ["a", "b"]}
    record = play(
        call(1, "any", **told),
        call(2, "any", seat=Like("seat", 5, step=0)),
        call(3, "any", seat=Like("seat", 5, step=-1)),
        call(4, "any", which=Like("which", "x", back=1, step=0)),
        call(5, "any", which=Like("which", None, step=1)),
    )
    taken = [one.payload for one in record.calls[1:]]
    assert taken == [{"seat": 37}, {"seat": 36}, {"which": "b"}, {"which": None}]
    assert [one.origins for one in record.calls[1:]] == [
        {("seat",): (0, ("found", "total"))},
        {},
        {("which",): (0, ("of", 1))},
        {},
    ]


def test_what_fits_by_its_name_comes_before_what_does_by_its_type(play: Play) -> None:
    record = play(
        call(1, "any", names=["a", "b"], old="c"),
        call(2, "any", old=Like("old", "x", elsewhere=1), new=Like("new", "y", elsewhere=1)),
        call(3, "any", new=Like("new", "y"), free=Like("free", True, elsewhere=1)),
    )
    assert record.calls[1].payload == {"old": "c", "new": "b"}
    assert record.calls[2].payload == {"new": "b", "free": True}


def test_a_value_of_any_name_has_to_be_of_the_type(play: Play) -> None:
    record = play(
        call(1, "wait", seconds=0.5),
        call(2, "delete_item", item_id=Like("item_id", "x", step=0)),
        call(3, "any", most=2**63 - 1),
        call(4, "seat", number=Like("number", 7, step=1)),
    )
    assert record.calls[1].payload == {"item_id": "x"}
    assert record.calls[3].payload == {"number": 7}


def test_where_nothing_fits_the_value_that_was_drawn_is_sent(play: Play) -> None:
    record = play(
        call(1, "delete_item", item_id=Like("item_id", "x")),
        call(2, "wait", seconds=0.5),
        call(3, "delete_item", item_id=Like("item_id", "y")),
    )
    assert record.calls[0].payload == {"item_id": "x"}
    # the only value of the response, but the type takes four characters
    assert record.calls[2].payload == {"item_id": "y"}
    assert record.calls[2].origins == {}
    assert failed(record) == []


def test_what_the_type_is_to_refuse_may_have_any_value_of_a_response(play: Play) -> None:
    refused = Call(
        1, 2, METHODS["delete_item"], {"item_id": Like("item_id", "y")}, code=-32602,
        path=("item_id",), why="too long",
    )  # fmt: skip
    record = play(call(1, "wait", seconds=0.5), refused)
    assert record.calls[1].payload == {"item_id": "waited for long"}
    assert failed(record) == []


@pytest.mark.parametrize(
    ("name", "drawn", "values"),
    [
        ("id", "", ["i2", "i0", "o0", "only"]),
        ("item_id", "", ["i2", "i0", "o0", "only"]),
        ("ownerId", "", ["o0", "i2", "i0", "only"]),
        ("order_id", 0, [7, 8]),
        ("count", 0, [3]),
        ("price", 0.5, [1.5]),
        ("amount", True, []),
        ("unit_price", None, [1.5, "only"]),
    ],
)
def test_values_of_responses_fit_by_name_and_type(
    name: str, drawn: object, values: list[object]
) -> None:
    assert [value for _, value in candidates(name, drawn, RESPONSES, NAMES)] == values


def test_words_of_a_name() -> None:
    assert words("orderIds") == words("order_id") == ("order", "id")


def test_a_deep_response_is_looked_at_to_some_depth() -> None:
    deep: Any = {"id": "deep"}
    for _ in range(50):
        deep = [deep]
    assert candidates("id", "", {0: deep}, {}) == []
