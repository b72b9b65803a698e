"""Values changed in shape, and fields set in relation to each other."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import Phase, find, given, seed, settings
from hypothesis.errors import NoSuchExample

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.schema import relations
from pytest_wsrpc.strategies.schema.field_names import texts_for, words
from pytest_wsrpc.strategies.schema.numbers import integers, numbers
from pytest_wsrpc.strategies.schema.plan import Plan, joined
from pytest_wsrpc.strategies.schema.records import _rows
from pytest_wsrpc.strategies.schema.shapes import (
    alike,
    backwards,
    deeper,
    nesting,
    of_length,
    twice,
)
from pytest_wsrpc.strategies.schema.strings import strings


@pytest.mark.parametrize(
    ("value", "length", "wanted"),
    [
        ("abc", 2, "ab"),
        ("abc", 5, "abccc"),
        ("", 2, "aa"),
        ([1, 2], 1, [1]),
        ([1, 2], 5, [1, 2, 1, 2, 1]),
        ([], 3, []),
        ({"a": 1, "b": 2}, 1, {"a": 1}),
        (7, 3, 7),
    ],
)
def test_values_are_cut_and_repeated_to_a_length(value: Any, length: int, wanted: Any) -> None:
    assert of_length(value, length) == wanted


def test_repeated_items_are_not_the_same_object() -> None:
    items: list[Any] = [{"a": []}]
    longer = of_length(items, 2)
    longer[1]["a"].append(1)
    assert items == [{"a": []}]
    assert twice(items)[1] is not items[0]


@pytest.mark.parametrize(
    ("change", "items", "wanted"),
    [
        (twice, [], []),
        (twice, [1, 2], [1, 2, 1]),
        (alike, [], []),
        (alike, [1, 2], [1, 1]),
        (alike, [{}, {"a": 1}], [{}, {}]),
        (alike, [{"a": 1, "b": 2}, {"a": 3, "b": 4}], [{"a": 1, "b": 2}, {"a": 1, "b": 4}]),
        (alike, [{"t": "cat"}, {"t": "dog", "bark": 1}, 5], [{"t": "cat"},
                                                             {"t": "dog", "bark": 1}, 5]),
        (backwards, [1, 3, 2], [3, 2, 1]),
        (backwards, [1, "a"], ["a", 1]),
    ],
)  # fmt: skip
def test_lists_with_like_items_and_out_of_order(change: Any, items: Any, wanted: Any) -> None:
    assert change(items) == wanted


def test_nesting_counts_lists_and_objects() -> None:
    assert [nesting(value) for value in (7, [], {"a": [{}]}, [[], [[1]]])] == [0, 1, 3, 3]


def is_tree(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_tree, value["kids"]))


@pytest.mark.parametrize(
    ("value", "levels", "wanted"),
    [
        ({"v": 0, "kids": []}, 10, 12),
        ({"v": 0, "kids": [{"v": 1, "kids": []}]}, 10, 14),
        ({"v": 0, "kids": []}, 1, 2),
    ],
)
def test_recursive_values_are_nested_in_themselves(value: Any, levels: int, wanted: int) -> None:
    nested = deeper(value, levels, is_tree)
    assert is_tree(nested)
    assert nesting(nested) == wanted


def test_what_cannot_be_nested_stays_as_it_is() -> None:
    assert deeper(7, 50, lambda _: True) == 7
    flat = {"a": [1], "b": {"c": 2}}
    assert deeper(flat, 50, lambda value: value == flat) == flat
    once = {"a": {"b": 1}}  # one level is fine, many are not
    assert deeper(once, 50, lambda value: nesting(value) < 4) == once
    large = {"a": {}, "b": "x" * 20_000}
    assert deeper(large, 50, lambda _: True) == large


@pytest.mark.parametrize(
    ("relate", "first", "second", "wanted"),
    [
        (relations.equal, 1, 2, (1, 1)),
        (relations.rising, 2, 1, (1, 2)),
        (relations.rising, 1, 2, (1, 2)),
        (relations.falling, 1, 2, (2, 1)),
        (relations.falling, 2, 1, (2, 1)),
        (relations.falling, 1, "a", (1, "a")),
        (relations.next_to, 1, 7, (1, 2)),
        (relations.next_to, 0.5, 7, (0.5, 1.5)),
        (relations.next_to, "ab", "x", ("ab", "aba")),
        (relations.next_to, "2024-02-28", "", ("2024-02-28", "2024-02-29")),
        (relations.next_to, "2024-12-31T10:00:00Z", "", ("2024-12-31T10:00:00Z",
                                                         "2025-01-01T10:00:00Z")),
        (relations.next_to, "9999-12-31", "x", ("9999-12-31", "9999-12-31a")),
        (relations.next_to, True, False, (True, False)),
        (relations.next_to, None, 3, (None, 3)),
        (relations.member, [1, 2], 7, ([1, 2], 2)),
        (relations.member, [], 7, ([], 7)),
        (relations.member, None, 7, (None, 7)),
        (relations.length, [1, 2], 7, ([1, 2], 2)),
        (relations.length, None, 7, (None, 7)),
        (relations.named, {"a": 1, "b": 2}, "", ({"a": 1, "b": 2}, "b")),
        (relations.named, {}, "x", ({}, "x")),
        (relations.named, None, "x", (None, "x")),
    ],
)  # fmt: skip
def test_relations(relate: Any, first: Any, second: Any, wanted: Any) -> None:
    assert relate(first, second) == wanted


def test_the_date_and_the_text_before() -> None:
    assert relations.next_to("2024-03-01", "", step=-1) == ("2024-03-01", "2024-02-29")
    assert relations.next_to("ab", "", step=-1) == ("ab", "a")


def related(*kinds: set[str]) -> set[tuple[int, int]]:
    return {(i, j) for i, j, _ in relations.relations([frozenset(kind) for kind in kinds])}


def test_fields_are_related_where_their_types_make_sense() -> None:
    assert related({"integer"}, {"number", "null"}) == {(0, 1)}
    assert related({"string"}, {"string", "null"}) == {(0, 1)}
    assert related({"string date"}, {"string"}) == set()
    assert related({"string date"}, {"string date"}) == {(0, 1)}
    assert related({"boolean"}, {"boolean"}) == set()
    assert related({"array"}, {"integer"}, {"null"}) == {(0, 1)}
    assert related({"string"}, {"object"}) == {(0, 1)}
    assert related({"array"}, {"array"}) == {(0, 1)}
    assert related() == set()


def test_of_a_large_object_fields_side_by_side_are_related() -> None:
    found = relations.relations([frozenset({"integer"})] * 50)
    assert len(found) == relations.MOST
    assert all(j - i == 1 for i, j, _ in found)


def test_a_relation_finds_the_list_on_either_side() -> None:
    ways = [
        relate(first, second)
        for kinds, first, second in (
            ([{"array"}, {"integer"}], [5, 6, 7], 1), ([{"integer"}, {"array"}], 1, [5, 6, 7]),
        )
        for _, _, relate in relations.relations([frozenset(kind) for kind in kinds])
    ]  # fmt: skip
    numbers = [next(part for part in pair if isinstance(part, int)) for pair in ways]
    assert numbers == [7, 3, 4, 2] * 2


@pytest.mark.parametrize("count", [2, 3, 4, 5, 12, 13])
def test_any_two_members_come_in_all_combinations_of_ways(count: int) -> None:
    rows = _rows([[0, 1, 2, 3]] * count)
    assert rows[0] == (0,) * count
    for i, j in itertools.combinations(range(count), 2):
        assert {(row[i], row[j]) for row in rows} >= set(itertools.product(range(3), repeat=2))
    if count <= 12:
        assert {(0,) * i + (way,) + (0,) * (count - i - 1) for i in range(count)
                for way in (1, 2, 3)} <= {*rows}  # fmt: skip
    assert {(way,) * count for way in range(4)} <= {*rows}


@pytest.mark.parametrize(
    ("plan", "ends"),
    [
        (integers({"minimum": 1, "maximum": 2**53 - 1}), {2**53 - 1}),
        (integers({"exclusiveMinimum": -8, "maximum": 50, "multipleOf": 5}), {-5, 50}),
        (numbers({"minimum": -2.5, "exclusiveMaximum": 4}), {-2.5, math.nextafter(4, 0)}),
        (strings({"minLength": 1, "maxLength": 3}), {"aaa", "ééé", "💩💩💩"}),
    ],
)
def test_the_ends_of_a_range_are_drawn_on_their_own(plan: Plan, ends: set[Any]) -> None:
    assert plan.ends is not None
    assert {find(plan.ends, lambda n, end=end: n == end) for end in ends} == ends
    with pytest.raises(NoSuchExample):
        find(plan.ends, lambda n: n not in ends)
    assert plan.ways[3] is plan.ends


@pytest.mark.parametrize(
    "plan",
    [integers({"minimum": 0}), numbers({"maximum": 1}), strings({}), strings({"maxLength": 1})],
)
def test_an_end_that_comes_up_anyway_takes_no_row(plan: Plan) -> None:
    assert plan.ends is None
    assert plan.ways[3] is plan.plain


def test_a_filter_and_an_alternative_leave_the_ends_that_are_accepted() -> None:
    plan = integers({"minimum": 5, "maximum": 50})
    fewer = plan.filtered(lambda number: number != 50)
    assert fewer.ends is not None
    assert find(fewer.ends, lambda number: True) == 5
    with pytest.raises(NoSuchExample):
        find(fewer.ends, lambda number: number == 50)
    either = joined([plan, strings({})], [])
    assert either is not None
    assert either.ends is not None
    assert find(either.ends, lambda number: number == 50) == 50


@pytest.mark.parametrize("of_run", range(4))
def test_the_ends_of_wide_ranges_come_up_within_a_hundred_payloads(of_run: int) -> None:
    largest = 2**53 - 1
    serial = {"type": "integer", "minimum": 0, "maximum": largest}
    label = {"type": "string", "maxLength": 40}
    properties = {"serial": serial, "label": label, "line": {"enum": ["a", "b"]}}
    schema = {"type": "object", "properties": properties}
    drawn = []

    @seed(of_run)
    @settings(max_examples=100, database=None, phases=[Phase.generate])
    @given(ws.from_schema(schema))
    def draw(value: Any) -> None:
        drawn.append(value)

    draw()
    assert sum(value.get("serial") == largest for value in drawn) >= 3
    assert sum(len(value.get("label", "")) == 40 for value in drawn) >= 3


def test_members_without_other_ways_take_no_rows() -> None:
    assert _rows([[0, 0, 0, 0]] * 5) == [(0,) * 5]
    assert _rows([]) == [()]
    assert len(_rows([[0, 1, 1, 0]] * 2)) == 4
    assert len(_rows([[0, 1, 2, 3]] * 40)) <= 31


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("orderIds", ("order", "id")),
        ("order_id", ("order", "id")),
        ("HTTPServer2", ("http", "server", "2")),
        ("companies", ("company",)),
        ("status", ("statu",)),
        ("address", ("address",)),
        ("ties", ("tie",)),
        ("größe", ("größe",)),
        ("_", ()),
    ],
)
def test_words_of_a_name(name: str, wanted: Any) -> None:
    assert words(name) == wanted


def test_names_tell_what_text_is_wanted() -> None:
    assert "2024-02-29" in texts_for("startDate")
    assert "2023-02-29" in texts_for("since")
    assert "a@example.com" in texts_for("emails")
    assert texts_for("colour_scheme")[0] == "red"
    assert texts_for("product") == ()
