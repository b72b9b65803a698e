"""A line for each case: what was called, how it was answered, how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_wsrpc.fuzz.case import Exchange, Message, request
from pytest_wsrpc.fuzz.caselog import CaseLog
from pytest_wsrpc.fuzz.conversation import Conversation
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.record import Record
from pytest_wsrpc.fuzz.tally import answer_of
from pytest_wsrpc.transcript import Transcript

from .bidding import ENDPOINT, METHODS

ROOT = Path(__file__).parent
NAME, METHOD = next(iter(METHODS.items()))


def exchange(reply: dict[str, Any] | None = None, **fields: Any) -> Exchange:
    made = Exchange(request(ENDPOINT, METHOD, 0, {}), Transcript(clock=lambda: 0.0), 5.0)
    if reply is not None:
        made.answers.append(Message("", reply, True))
    vars(made).update(fields)
    return made


@pytest.mark.parametrize(
    ("played", "answer"),
    [
        (exchange({"response": 1}), "success"),
        (exchange({"error": {"code": 7}}), "refused"),
        (exchange({"error": {"code": -32603}}), "error"),
        (exchange({"error": {"code": -32001}}), "error"),
        (exchange({"odd": 1}), "error"),
        (exchange(silent=True), "error"),
        (exchange(close_code=1011), "error"),
        (exchange(), "none"),
    ],
)
def test_answers_are_told_by_whether_a_client_can_do_anything(
    played: Exchange, answer: str
) -> None:
    assert answer_of(played) == answer


def test_a_case_has_its_calls_its_outcome_and_its_time() -> None:
    log = CaseLog(ROOT, with_messages=False)
    log.add(exchange({"response": 1}), None, 0.12345678)
    calls = [exchange({"response": 1}), exchange({"error": {"code": 7}}), exchange()]
    failure = CheckFailure("serial", "/", NAME, expected="", got="", key="")
    log.add(Record(Conversation(ENDPOINT, ()), 5.0, calls=calls), failure, 1.0)
    assert log.lines == [
        {
            "number": 0,
            "methods": [NAME],
            "valid": True,
            "outcome": "passed",
            "check": None,
            "answers": {"success": 1},
            "seconds": 0.123457,
        },
        {
            "number": 1,
            "methods": [NAME],
            "valid": True,
            "outcome": "failed",
            "check": "serial",
            "answers": {"none": 1, "refused": 1, "success": 1},
            "seconds": 1.0,
        },
    ]


def test_messages_are_kept_where_they_are_wanted() -> None:
    log = CaseLog(ROOT, with_messages=True)
    log.add(exchange(), None, 0.0)
    assert log.lines[0]["story"] == {"clients": ["client"], "steps": []}
