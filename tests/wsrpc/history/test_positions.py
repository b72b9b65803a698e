"""Positions, what is read of the past, and the limits of a history."""

from __future__ import annotations

from typing import Any

import pytest

from wsrpc import History, Past, PastEvent, Position


def past(top: int, *offsets: int, epoch: str = "E") -> Past:
    return Past(Position(epoch, top), [PastEvent(offset, "a", b"1") for offset in offsets])


def offsets(events: Any) -> list[int] | None:
    return None if events is None else [event.offset for event in events]


@pytest.mark.parametrize(
    ("read", "since", "upto", "expected"),
    [
        (past(5, 3, 4, 5), 2, None, [3, 4, 5]),
        (past(5, 3, 4, 5), 3, None, [4, 5]),
        (past(5, 3, 4, 5), 2, 4, [3, 4]),
        (past(5), 5, None, []),
        (past(5, 4, 5), 2, None, None),  # the oldest are forgotten
        (past(5, 3, 5), 2, None, None),
        (past(5, 3, 4), 2, None, None),  # the last one is missing
        (past(5, 3, 4), 2, 4, [3, 4]),
        (past(5, 3, 4, 5), 6, None, None),
        (past(5, 3, 4, 5), 2, 6, None),
        (past(5, 3, 4, 5), 5, 4, None),
        (past(5, 4, 3, 5), 2, None, None),  # out of order
    ],
)
def test_what_came_after_a_position_is_all_of_it_or_unknown(
    read: Past, since: int, upto: int | None, expected: list[int] | None
) -> None:
    assert offsets(read.after(Position("E", since), upto)) == expected
    assert read.after(Position("another", since), upto) is None


@pytest.mark.parametrize(
    ("read", "expected"),
    [(past(5, 3, 4, 5), [3, 4, 5]), (past(5, 2, 4, 5), [4, 5]), (past(5, 3, 4), []), (past(5), [])],
)
def test_the_tail_is_what_leads_up_to_the_top(read: Past, expected: list[int]) -> None:
    assert offsets(read.tail()) == expected


def test_positions_of_different_epochs_have_no_order() -> None:
    assert Position("E", 1).is_before(Position("E", 2))
    assert not Position("E", 2).is_before(Position("E", 2))
    assert not Position("E", 1).is_before(Position("F", 2))
    assert Position("E", 2).reaches(Position("E", 2))
    assert not Position("E", 1).reaches(Position("E", 2))
    assert not Position("E", 3).reaches(Position("F", 2))
    assert Position("E", 1).plain() == {"epoch": "E", "offset": 1}


def test_an_option_is_a_history_or_a_size_or_nothing() -> None:
    limits = History(size=3, age=1)
    assert History.of(limits) is limits
    assert History.of(7) == History(size=7)
    assert History.of(0) is None


@pytest.mark.parametrize("value", [-1, True, 1.5, "5", None])
def test_another_option_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a History or a number of events, got"):
        History.of(value)


@pytest.mark.parametrize("name", ["size", "bytes", "channels"])
@pytest.mark.parametrize("value", [0, -1, True, 1.5, "5"])
def test_a_limit_is_at_least_one(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got"):
        History(**{name: value})


@pytest.mark.parametrize("value", [0, -1, True, float("nan"), float("inf"), "5"])
def test_an_age_is_a_time(value: Any) -> None:
    with pytest.raises(ValueError, match="age must be a time in seconds above 0, got"):
        History(age=value)
