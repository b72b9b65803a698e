"""A race is reported once, whatever its wrong answers lead to."""

from __future__ import annotations

from pathlib import Path

from pytest_wsrpc.fuzz.budget import Budget
from pytest_wsrpc.fuzz.conversation import Call, Conversation, Together
from pytest_wsrpc.fuzz.failure import CheckFailure, Finding
from pytest_wsrpc.fuzz.folding import Shown, folded
from pytest_wsrpc.fuzz.item import Job
from pytest_wsrpc.fuzz.phases import Subject, concurrent
from pytest_wsrpc.fuzz.races import by_race
from pytest_wsrpc.fuzz.record import Record
from pytest_wsrpc.fuzz.report import Evidence
from pytest_wsrpc.fuzz.settings import Settings
from pytest_wsrpc.seeds import Seed

from .bidding import ENDPOINT, METHODS, bid

JOB = Job(
    "name",
    "target",
    Subject(ENDPOINT),
    concurrent.PHASE,
    "/stream",
    Settings((), Seed(1, ""), max_examples=5, case_timeout=1.0),
    Path.cwd(),
    Budget(),
)


def finding(*methods: str, check: str = "serial", method: str = "bid", before: int = 0) -> Finding:
    """Return what these calls have shown that overlap, with others before them."""
    calls = tuple(Call(1, id, METHODS[name], bid()) for id, name in enumerate(methods))
    case = Conversation(ENDPOINT, (*calls[:1] * before, Together(calls)))
    failure = CheckFailure(check, "/stream", method, expected="", got=method, key=method, call=0)
    return Finding(case, Record(case, 1.0), failure)


def reports(*findings: Finding) -> list[list[str]]:
    """Return the methods of each report: the one it is about, then those where it shows, too."""
    shown = [Shown.of(one, JOB, "", Evidence()) for one in by_race(findings)]
    return [[first.method, *(one.method for one in others)] for first, others in folded(shown)]


def test_what_follows_from_a_race_is_reported_with_it() -> None:
    longer = finding("bid", "enter", "bid", method="enter")
    assert reports(longer, finding("bid", "bid")) == [["bid", "enter"]]


def test_of_calls_that_overlap_alike_the_shortest_conversation_is_shown() -> None:
    longer = finding("bid", "bid", method="enter", before=2)
    assert reports(longer, finding("bid", "bid")) == [["bid", "enter"]]


def test_calls_that_came_before_a_race_have_no_part_in_it() -> None:
    longer = finding("bid", "bid", *["enter"] * 6, method="enter")
    assert reports(longer, finding("bid", "bid", before=2)) == [["bid", "enter"]]


def test_races_of_other_calls_are_reported_apart() -> None:
    others = [finding("enter", "enter", method="enter"), finding("enter", "bid", method="rename")]
    assert sorted(reports(finding("bid", "bid"), *others)) == [["bid"], ["enter"], ["rename"]]


def test_what_breaks_another_check_is_reported_apart() -> None:
    crash = finding("bid", "bid", "bid", check="no-internal-error", method="enter")
    assert reports(finding("bid", "bid"), crash) == [["enter"], ["bid"]]
