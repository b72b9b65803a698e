"""Answers of two runs: what differs, what does each time, and what a test says of it."""

from __future__ import annotations

import uuid

from pytest_wsrpc.fuzz.contradiction import Contradiction, lines_of_test
from pytest_wsrpc.fuzz.sameness import Unstable


def test_ids_of_which_no_two_tell_anything_are_only_told_of() -> None:
    unstable = Unstable(renamed={"a": {("response", "*")}})
    one = {0: {"response": ["x", "x", "y", 1], "method": "a"}}
    found = Contradiction((0,), one, (0,), (), (one,), unstable, {0: "a"})
    assert lines_of_test(found) == ("# the generated ids stand in other places than in any order",)


def test_a_mapping_by_generated_ids_is_compared_like_a_list() -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    unstable = Unstable()
    unstable.learn({0: "a"}, {0: {one: 1}}, {0: {other: 1}})
    assert unstable.renamed == {"a": {("*", "key")}}
    assert not unstable.differences({0: "a"}, {0: {one: 1}}, {0: {other: 1}})
    assert unstable.differences({0: "a"}, {0: {one: 1}}, {0: {other: 2}})


def test_texts_that_do_not_stand_for_each_other_are_left_out() -> None:
    unstable = Unstable()
    unstable.learn({0: "a"}, {0: ["morning!", "morning!"]}, {0: ["evening!", "midnight"]})
    assert unstable.masked == {"a": {("*",)}}


def test_what_differs_each_time_is_taken_out_of_an_answer() -> None:
    unstable = Unstable(
        {"create": {("response", "made")}}, {"create": {("response", "id"), ("response", "x", "*")}}
    )
    answers = {0: {"response": {"id": "abc", "made": 1, "x": ["d"]}}}
    assert unstable.without("create", answers[0]) == {
        "response": {"id": None, "made": None, "x": [None]}
    }
    assert dict(unstable.ids({0: "create"}, answers)) == {
        (0, "response", "id"): "abc",
        (0, "response", "x", 0): "d",
    }


def test_numbers_are_the_same_but_for_the_last_digits_of_fractions() -> None:
    assert Unstable().differences({0: "a"}, {0: 0.1 + 0.2}, {0: 0.3}) == []
    assert len(Unstable().differences({0: "a"}, {0: 1}, {0: True})) == 1
