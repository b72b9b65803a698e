"""The short version of ``benchmarks/torture.py``, and that it counts what it is there to find."""

from __future__ import annotations

import pytest

from benchmarks.torture import Heard, Published, Report, Torture


def heard(*items, offsets=None, confirmed=range(10)):
    channel = Published("x", set(confirmed))
    return Heard(channel, list(items), list(offsets or items))


@pytest.mark.parametrize(
    ("items", "told", "silent"),
    [
        (range(10), 0, 0),
        ([*range(4), *range(5, 10)], 0, 1),
        ([*range(4), None, *range(6, 10)], 2, 0),
        ([*range(4), None, 4, *range(6, 10)], 0, 1),
        ([*range(4), 5, None, *range(6, 10)], 0, 1),
        ([0, 1, 2, 3, None], 6, 0),
        ([None, 9], 9, 0),
        (range(9), 0, 1),
        ([], 0, 10),
    ],
)
def test_a_loss_is_silent_unless_a_gap_was_told_in_its_place(items, told, silent):
    assert heard(*items).losses() == (told, silent)


def test_what_was_not_confirmed_may_be_missing():
    assert heard(0, 1, 3, confirmed=[0, 1, 3]).losses() == (0, 0)


def test_what_comes_twice_or_in_another_order_is_counted():
    assert heard(0, 1, 1, 2).duplicates() == 1
    assert heard(0, 1, 2).duplicates() == 0
    assert heard(0, 2, 1).disorders() == 2
    assert heard(0, 1, None, 7, 8).disorders() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"silent_losses": 1},
        {"duplicates": 1},
        {"disorders": 1},
        {"unsettled": 1},
        {"failures": ["x"]},
        {"delivered": 0},
    ],
)
def test_a_report_with_anything_wrong_is_not_good(wrong):
    assert Report(delivered=1).is_good
    assert not Report(**{"delivered": 1, **wrong}).is_good


async def test_nothing_is_lost_in_silence_or_doubled_whatever_fails():
    torture = Torture(rate=300, clients=6, seed=1, pause=0.5)
    report = await torture.run(8.0)
    assert report.is_good, report
    # how many there are depends on the machine: it may be slow, and busy with other things
    assert sum(report.faults.values()) >= 2
    assert report.confirmed > 50
