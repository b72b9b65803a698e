"""The transcripts of several clients become one story."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_wsrpc.report.spoken import story_of_clients
from pytest_wsrpc.report.story import Step
from pytest_wsrpc.transcript import KEPT_CHARACTERS, KEPT_FIRST, KEPT_TEXT, Transcript


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def client(name: str, clock: Clock, start: float | None = None) -> Any:
    return SimpleNamespace(name=name, transcript=Transcript(name, "", clock, start))


def test_what_happens_at_one_time_stays_in_its_order() -> None:
    clock = Clock()
    alice, bob = client("alice", clock, 0.0), client("bob", clock, 0.0)
    bob.transcript.record("sent", "1")
    alice.transcript.record("received", "2")
    bob.transcript.record("received", "3")
    story = story_of_clients([alice, bob])
    assert [(step.client, step.text) for step in story.steps] == [(1, "1"), (0, "2"), (1, "3")]


def test_times_count_from_the_first_of_all() -> None:
    clock = Clock()
    alice, bob = client("alice", clock), client("bob", clock)
    clock.now = 10.0
    alice.transcript.record("connected")
    clock.now = 11.5
    bob.transcript.record("connected")
    story = story_of_clients([bob, alice])
    assert [(step.client, step.time) for step in story.steps] == [(1, 0.0), (0, 1.5)]


def test_an_exception_stands_below_its_cause_with_its_place() -> None:
    alice = client("alice", Clock())
    alice.transcript.record("sent", '{"id":1,"method":"a"}')
    alice.transcript.record("sent", '{"id":2,"method":"b"}')
    alice.transcript.record("failed", "KeyError: 1", KeyError(1), 1)
    steps = story_of_clients([alice]).steps
    assert [step.what for step in steps] == ["sent", "failed", "sent"]
    assert steps[1].text == "KeyError: 1"


def test_a_fault_of_all_is_told_once_as_nobodys_and_that_of_one_as_theirs() -> None:
    clock = Clock()
    alice, bob = client("alice", clock), client("bob", clock)
    for one in (alice, bob, alice, bob):
        one.transcript.record("fault", "deliver:drop")
    alice.transcript.record("fault", "reset")
    bob.transcript.record("sent", "reset")
    assert story_of_clients([alice, bob]).steps == [
        Step(0.0, "fault", None, "deliver:drop"),
        Step(0.0, "fault", None, "deliver:drop"),
        Step(0.0, "fault", 0, "reset"),
        Step(0.0, "sent", 1, "reset"),
    ]
    assert [step.client for step in story_of_clients([alice]).steps] == [0, 0, 0]


def test_what_a_transcript_has_lost_is_told_where_it_is_missing() -> None:
    alice = client("alice", Clock())
    for _ in range(KEPT_FIRST + KEPT_CHARACTERS // KEPT_TEXT + 5):
        alice.transcript.record("sent", "x" * KEPT_TEXT)
    lost = alice.transcript.left_out
    assert lost > 0
    assert story_of_clients([alice]).steps[KEPT_FIRST] == Step(0.0, "left_out", 0, f"{lost} steps")


def test_who_has_said_nothing_is_left_out() -> None:
    assert story_of_clients([client("alice", Clock())]).clients == []
