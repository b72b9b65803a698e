"""One channel's events in their order: live ones, those from history, and gaps."""

from __future__ import annotations

from typing import Any

import pytest

from wsrpc import History, Position
from wsrpc.stream import Stream

from .streams import Counts, Log


def test_live_events_in_their_order_go_on_at_once() -> None:
    log = Log(offset=4)
    log.live(5)
    log.live(6)
    assert log.out == [5, 6]
    assert log.stream.position == Position("E", 6)
    assert not log.stream.is_behind


def test_an_event_that_came_before_goes_no_further() -> None:
    log = Log(offset=4)
    log.live(4)
    log.live(5)
    log.live(5)
    assert log.out == [5]
    assert log.counts.duplicates == 2


def test_a_missing_event_is_filled_in_from_history() -> None:
    log = Log()
    log.live(3)
    log.live(4)
    assert log.out == []
    assert log.stream.is_behind
    assert log.stream.ask() == Position("E", 0)
    log.get(3, 1, 2, 3)
    assert log.out == [1, 2, 3, 4]
    assert not log.stream.is_behind
    assert log.counts.filled == 3


def test_what_history_has_forgotten_is_told() -> None:
    log = Log()
    log.live(8)
    log.read(7, 5, 6, 7)
    assert log.out == [("E", 4), 5, 6, 7, 8]


def test_where_history_has_forgotten_all_the_live_events_go_on() -> None:
    log = Log()
    log.live(8)
    log.live(9)
    log.read(9)
    assert log.out == [("E", 7), 8, 9]


def test_live_events_lead_up_to_what_history_has() -> None:
    log = Log()
    log.live(4)
    log.live(5)
    log.read(7, 6, 7)
    assert log.out == [("E", 3), 4, 5, 6, 7]


def test_a_top_that_history_has_not_is_told() -> None:
    log = Log()
    log.stream.doubt()
    log.read(7, 5, 6)
    assert log.out == [("E", 7)]
    log.live(8)
    assert log.out == [("E", 7), 8]


def test_a_hole_behind_what_was_read_is_read_for_again() -> None:
    log = Log()
    log.live(2)
    log.stream.ask()
    log.live(5)
    log.get(2, 1, 2)
    assert log.out == [1, 2]
    assert log.stream.is_behind
    log.read(5, 3, 4, 5)
    assert log.out == [1, 2, 3, 4, 5]


def test_history_that_never_leads_up_to_an_event_is_asked_once() -> None:
    log = Log()
    log.live(5)
    log.read(2, 1, 2)
    assert log.out == [1, 2, ("E", 4), 5]
    assert not log.stream.is_behind


def test_another_epoch_is_a_gap_before_its_first_event() -> None:
    log = Log(offset=7)
    log.live(3, "F")
    log.live(4, "F")
    log.read(4, 1, 2, 3, 4, epoch="F")
    assert log.out == [("F", 2), 3, 4]
    assert log.stream.position == Position("F", 4)


def test_a_first_event_of_an_epoch_has_position_zero_before_it() -> None:
    log = Log(offset=7)
    log.live(0, "F")
    log.read(0, epoch="F")
    assert log.out == [("F", 0)]


def test_an_epoch_that_only_history_knows_is_a_gap_up_to_its_top() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.read(4, 1, 2, 3, 4, epoch="F")
    assert log.out == [("F", 4)]
    log.live(5, "F")
    assert log.out == [("F", 4), 5]


def test_history_goes_on_behind_the_live_events_of_a_new_epoch() -> None:
    log = Log(offset=7)
    log.live(1, "F")
    log.read(3, 1, 2, 3, epoch="F")
    assert log.out == [("F", 0), 1, 2, 3]


def test_the_last_events_of_an_old_epoch_still_come() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.live(8)
    log.live(1, "F")
    log.read(1, 1, epoch="F")
    assert log.out == [8, ("F", 0), 1]


def test_an_event_left_over_from_an_old_epoch_is_a_gap() -> None:
    log = Log(offset=7)
    log.live(9, "D")
    log.read(7)
    assert log.out == [("E", 7)]
    assert not log.stream.is_behind
    log.live(8)
    assert log.out == [("E", 7), 8]


def test_an_event_of_another_epoch_that_came_while_reading_is_read_for() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.stream.ask()
    log.live(1, "F")
    log.get(7)
    assert log.out == []
    log.read(1, 1, epoch="F")
    assert log.out == [("F", 0), 1]


def test_without_history_the_gap_is_told_and_the_live_events_go_on() -> None:
    log = Log()
    log.live(5)
    log.fail()
    assert log.out == [("E", 4), 5]
    assert not log.stream.is_behind


def test_a_history_behind_what_went_on_already_is_a_gap() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.live(8)
    log.read(5, 4, 5)
    assert log.out == [8, ("E", 8)]


def test_a_doubt_that_history_removes_is_not_told() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.live(8)
    assert log.out == []
    log.read(8, 8)
    assert log.out == [8]
    assert log.counts.filled == 0


def test_a_doubt_while_history_is_read_is_a_reason_to_read_again() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.stream.ask()
    log.stream.doubt()
    log.get(7)
    assert log.stream.is_behind
    log.read(8, 8)
    assert log.out == [8]
    assert not log.stream.is_behind


def test_a_failure_is_told_once_and_a_later_success_fills() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.fail()
    assert log.stream.is_unsure
    log.stream.retry()
    log.fail()
    assert log.out == [("E", 7)]
    log.stream.retry()
    log.live(9)
    log.read(9, 8, 9)
    assert log.out == [("E", 7), 8, 9]
    assert not log.stream.is_unsure


def test_a_hole_at_a_failed_retry_is_told() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.fail()
    log.stream.retry()
    log.live(9)
    log.fail()
    assert log.out == [("E", 7), ("E", 8), 9]


def test_a_new_doubt_after_a_failure_is_told_again() -> None:
    log = Log(offset=7)
    for _ in range(2):
        log.stream.doubt()
        log.fail()
    assert log.out == [("E", 7), ("E", 7)]


@pytest.mark.parametrize("history", [History(size=3), History(bytes=3 * 65)])
def test_of_too_many_held_back_the_newest_stay(history: History) -> None:
    log = Log(history=history)
    for offset in range(2, 9):
        log.live(offset)
    log.read(5, 3, 4, 5)
    assert log.out == [("E", 2), 3, 4, 5, 6, 7, 8]


def test_more_held_back_than_history_leads_up_to_is_read_for_again() -> None:
    log = Log(history=History(size=3))
    log.live(2)
    log.stream.ask()
    for offset in range(3, 9):
        log.live(offset)
    log.get(2, 1, 2)
    assert log.stream.is_behind
    log.read(8, 6, 7, 8)
    assert log.out == [1, 2, ("E", 5), 6, 7, 8]


def test_an_event_without_a_position_keeps_its_place() -> None:
    log = Log()
    assert log.stream.receive({"event": "own", "offset": None})
    log.live(2)
    assert not log.stream.receive({"event": "own", "offset": None})
    log.read(2, 1, 2)
    assert log.out == [1, 2, None]


@pytest.mark.parametrize(
    "position",
    [{"offset": 1}, {"epoch": "E"}, {"epoch": 1, "offset": 1}, {"epoch": "E", "offset": True}],
)
def test_a_position_that_is_none_is_no_event(position: dict[str, Any]) -> None:
    log = Log()
    with pytest.raises(TypeError, match="expected an epoch"):
        log.stream.receive({"event": "a", **position})


def test_before_it_is_open_events_are_held_back() -> None:
    log = Log()
    stream = Stream(History(), Counts(), log.stream._emit, log.stream._lose)
    assert not stream.is_open
    for offset in (3, 4, 5, 7):
        assert not stream.receive({"epoch": "E", "offset": offset, "json": b"1"})
    stream.open(Position("E", 4))
    assert log.out == [5]
    assert stream.is_behind
    assert stream.position == Position("E", 5)


def test_an_event_that_came_before_the_position_of_another_epoch_is_looked_into() -> None:
    """Nobody knows which of the two is older."""
    log = Log()
    stream = Stream(History(), Counts(), log.stream._emit, log.stream._lose)
    assert not stream.receive({"epoch": "D", "offset": 3, "json": b"1"})
    stream.open(Position("E", 4))
    assert stream.is_behind
    log.stream = stream
    log.fail()
    assert log.out == [("E", 4)]
    log.live(5)
    assert log.out == [("E", 4), 5]


def test_an_event_that_came_before_the_position_of_an_older_epoch_is_lost() -> None:
    log = Log()
    log.stream = Stream(History(), Counts(), log.stream._emit, log.stream._lose)
    assert not log.stream.receive({"epoch": "F", "offset": 3, "json": b"1"})
    log.stream.open(Position("E", 4))
    log.read(3, 1, 2, 3, epoch="F")
    assert log.out == [("F", 3)]


def test_an_event_of_another_epoch_is_not_given_on_by_guessing_which_one_is_over() -> None:
    log = Log(offset=7)
    log.stream.doubt()
    log.read(4, epoch="F")
    log.live(8)
    log.live(9)
    log.fail()
    assert log.out == [("F", 4), ("F", 4)]
    log.stream.retry()
    log.read(4, epoch="F")
    log.live(5, "F")
    assert log.out == [("F", 4), ("F", 4), 5]


def test_a_live_epoch_gives_way_to_the_next_one_though_history_cannot_be_read() -> None:
    log = Log(offset=7)
    log.live(8)
    log.live(1, "F")
    log.fail()
    assert log.out == [8, ("F", 0), 1]


def test_a_doubt_before_it_is_open_is_kept() -> None:
    stream = Stream(History(), Counts(), print, print)
    stream.doubt()
    stream.open(Position("E", 4))
    assert stream.is_behind
