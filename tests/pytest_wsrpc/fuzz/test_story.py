"""What the fuzzer has played, as a story."""

from __future__ import annotations

from pathlib import Path

from pytest_wsrpc.fuzz.case import Exchange, Message, request
from pytest_wsrpc.fuzz.conversation import Conversation
from pytest_wsrpc.fuzz.record import Happening, Record
from pytest_wsrpc.fuzz.story import story_of
from pytest_wsrpc.report.story import Step
from pytest_wsrpc.transcript import Transcript
from wsrpc.failures import Failure

from .bidding import ENDPOINT, METHODS

ROOT = Path(__file__).parent


def exchange(number: int, **fields: object) -> Exchange:
    case = request(ENDPOINT, next(iter(METHODS.values())), number, {})
    made = Exchange(case, Transcript(clock=lambda: 0.0), 5.0, call=number)
    vars(made).update(fields)
    return made


def failure() -> Failure:
    try:
        raise KeyError("here")
    except KeyError as error:
        return Failure(error, "call x")


def test_the_exception_stands_between_a_message_and_its_answer() -> None:
    played = exchange(0, failures=[failure(), Failure(ValueError("elsewhere"), "call x")])
    for direction, text in (("sent", "a"), ("received", "b"), ("closed", "1011")):
        played.transcript.record(direction, text)  # type: ignore[arg-type]
    steps = story_of(played, ROOT).steps
    assert [step.what for step in steps] == ["sent", "failed", "failed", "received", "closed"]
    error, place = steps[1].text.splitlines()
    assert error == "KeyError: 'here'"
    assert place.startswith("test_story.py:")
    assert place.endswith(" in failure")
    assert steps[2].text == "ValueError: elsewhere"
    assert steps[-1].text == "1011 by the server"


def test_a_message_without_an_answer_says_how_long_was_waited() -> None:
    played = exchange(0, silent=True)
    played.transcript.record("sent", "a")
    assert story_of(played, ROOT).steps[-1] == Step(5.0, "missing", 0, "no reply within 5 s")


def record() -> Record:
    answered = exchange(0, client=3, sent=1, answered=5, failures=[failure()])
    answered.answers.append(Message("r", None, False))
    silent = exchange(1, client=7, sent=3, silent=True, failures=[failure()])
    trace = [
        Happening("connected", 0.0, 7),
        Happening("sent", 0.0, 3, 0, text="a"),
        Happening("connected", 0.0, 7),
        Happening("sent", 0.0, 7, 1, text="b"),
        Happening("note", 0.0, text="fault: publish:drop (x)"),
        Happening("answered", 0.0, 3, 0, text="r"),
        Happening("note", 0.0, text="30 s pass"),
        Happening("closed", 30.0, 7, text="1011"),
    ]
    return Record(Conversation(ENDPOINT, ()), 5.0, calls=[answered, silent], trace=trace)


def test_all_clients_stand_in_one_order_under_their_names() -> None:
    story = story_of(record(), ROOT)
    assert story.clients == ["client 3", "client 7"]
    assert [(step.what, step.client) for step in story.steps] == [
        ("connected", 1),
        ("sent", 0),
        ("sent", 1),
        ("failed", None),
        ("fault", None),
        ("failed", None),
        ("received", 0),
        ("passed", None),
        ("closed", 1),
        ("missing", 1),
    ]
    assert story.steps[4].text == "publish:drop (x)"
    assert story.steps[-1].text == "no reply to id 1 within 5 s"


def test_who_speaks_at_once_is_not_said_to_connect_but_what_failed_meanwhile_is_told() -> None:
    played = record()
    played.calls[1].sent = 1
    assert [step.what for step in story_of(played, ROOT).steps][1:4] == ["sent", "failed", "sent"]


def test_what_comes_after_the_reply_that_fails_is_left_out() -> None:
    assert [step.what for step in story_of(record(), ROOT, 0).steps][-1] == "received"
    assert len(story_of(record(), ROOT, 1).steps) == 10


def test_an_exception_after_all_else_is_told_last() -> None:
    played = record()
    played.calls[1].sent = 7
    steps = story_of(played, ROOT).steps
    assert [step.what for step in steps][-3:] == ["closed", "failed", "missing"]


def test_one_client_needs_no_number() -> None:
    played = record()
    played.trace = played.trace[1:2]
    played.calls = []
    assert story_of(played, ROOT).clients == ["client"]


def test_clients_that_come_later_than_what_is_told_have_no_lane() -> None:
    played = record()
    played.trace.insert(0, Happening("note", 0.0, text="from now on: publish:drop"))
    played.trace[1] = Happening("note", 0.0, text="30 s pass")
    played.trace.append(Happening("connected", 30.0, 9))
    played.calls[0].answered = 6
    assert story_of(played, ROOT, 0).clients == ["client 3", "client 7"]
