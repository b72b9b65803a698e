"""The search of an item for what conversations show, and leaving out what they do not need."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st

from pytest_wsrpc.fuzz import judging
from pytest_wsrpc.fuzz.budget import Budget
from pytest_wsrpc.fuzz.case import Exchange, parse, request
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Call,
    Connect,
    Conversation,
    Ref,
    Together,
)
from pytest_wsrpc.fuzz.failure import CheckFailure, Finding
from pytest_wsrpc.fuzz.item import HELD_TIME, Job, Run
from pytest_wsrpc.fuzz.phases import Phase, Subject
from pytest_wsrpc.fuzz.record import Record
from pytest_wsrpc.fuzz.settings import Settings
from pytest_wsrpc.seeds import Seed
from pytest_wsrpc.transcript import Transcript

from .bidding import BID, ENDPOINT, ask, bid


def answered(call: int, code: int | None = None, **outcome: Any) -> Exchange:
    case = request(ENDPOINT, BID, call, bid())
    exchange = Exchange(case, Transcript(), 1.0, call=call, client=1, **outcome)
    reply: dict[str, Any] = {"id": call, "method": "bid", "response": bid()}
    if code is not None:
        reply = {"id": call, "method": "bid", "error": {"code": code, "message": "no"}}
    if not exchange.silent:
        exchange.answers.append(parse(json.dumps(reply)))
    return exchange


def run_with(play: Callable[[Conversation], Record], cases: Any = None) -> Run:
    async def played(host: object, case: Conversation, *_: object) -> Record:
        return play(case)

    phase = Phase("sequence", "endpoint", lambda _: row_or(cases), play=played)
    settings = Settings((), Seed(1, ""), max_examples=5, case_timeout=1.0)
    job = Job("name", "t", Subject(ENDPOINT), phase, "/stream", settings, Path.cwd(), Budget())
    return Run(job, SimpleNamespace(run=run_now, held=None))  # type: ignore[arg-type]


def row_or(cases: st.SearchStrategy[Conversation] | None) -> st.SearchStrategy[Conversation]:
    row = Conversation(ENDPOINT, tuple(Call(1, id, BID, bid()) for id in (1, 2)))
    return st.just(row) if cases is None else cases


def run_now(coroutine: Any) -> Any:
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


def record_of(case: Conversation, *exchanges: Exchange) -> Record:
    return Record(case, 1.0, calls=list(exchanges))


def test_silence_of_a_method_that_never_answers_is_no_finding() -> None:
    run = run_with(lambda case: record_of(case, answered(0, silent=True)))
    assert run.findings() == []
    assert run.tally.warnings == ["no call was answered within 1 s: it waits for something"]


def test_silence_that_one_call_shows_is_no_finding_of_a_conversation() -> None:
    def play(case: Conversation) -> Record:
        if len(case.calls) == 1:
            return record_of(case, answered(0, silent=True))
        return record_of(case, answered(0), answered(1, silent=True))

    run = run_with(play)
    assert run.findings() == []
    assert run.tally.warnings == []


def test_silence_before_any_answer_is_looked_at_again() -> None:
    cases = st.integers(1, 3).map(
        lambda n: Conversation(ENDPOINT, tuple(Call(1, id, BID, bid()) for id in range(n + 1)))
    )

    def play(case: Conversation) -> Record:
        silent = len(case.calls) == 2
        return record_of(case, *[] if silent else [answered(0)], answered(9, silent=silent))

    findings = run_with(play, cases).findings()
    assert [finding.failure.check for finding in findings] == ["one-reply-in-time"]


def test_a_loop_that_is_held_is_enough_for_the_shortening_too() -> None:
    run = run_with(lambda case: record_of(case, answered(0, -32603)))
    run._held_for = HELD_TIME
    row = Conversation(ENDPOINT, tuple(Call(1, id, BID, bid()) for id in (1, 2)))
    played = record_of(row, answered(0, -32603))
    finding = Finding(row, played, judging.judge(played, frozenset(), Path.cwd())[0])
    assert run._shortened(finding) is finding
    run._held_for = 0.0
    assert len(run._shortened(finding).case.calls) < 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("check", "shows", "is_confirmed"),
    [
        ("loop-not-blocked", (True, False, True), True),
        ("loop-not-blocked", (False, True, False), False),
        ("no-internal-error", (True, False, True), False),
        ("no-internal-error", (True, True), True),
    ],
)
def test_what_a_busy_machine_may_hide_is_looked_at_once_more(
    check: str, shows: tuple[bool, ...], is_confirmed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_with(lambda case: record_of(case, answered(0)))
    shown = CheckFailure(check, "/stream", "bid", expected="", got="", key="", call=0)
    left = iter(shows)
    row = Conversation(ENDPOINT, (Call(1, 1, BID, bid()),))
    played = record_of(row, answered(0))
    monkeypatch.setattr(run, "_play", lambda case: (played, [shown] if next(left) else []))
    assert (run._again(Finding(row, played, shown)) is not None) == is_confirmed


def test_what_one_call_shows_while_shrinking_is_kept_as_that() -> None:
    played: list[Conversation] = []

    def play(case: Conversation) -> Record:
        played.append(case)
        if not case.calls or (len(case.calls) == 1 and len(played) < 4):
            return record_of(case, answered(0))
        return record_of(case, answered(0, -32603))

    [finding] = run_with(play).findings()
    assert len(finding.case.calls) == 1  # type: ignore[union-attr]


def test_checks_of_conversations_are_made_once_for_each() -> None:
    case = Conversation(ENDPOINT, (Connect(1),))
    record = record_of(case, answered(0, under_faults=True, silent=True))
    record.strays.append((2, parse("{}")))
    [failure] = judging.judge(record, frozenset(), Path.cwd())
    assert failure.check == "right-connection"
    assert failure.call is None
    assert failure.test == ("assert client_2.unread == []",)
    assert judging.judge(record, frozenset({"right-connection"}), Path.cwd()) == []


def test_a_failure_of_a_whole_conversation_is_not_looked_for_in_one_call() -> None:
    def play(case: Conversation) -> Record:
        record = record_of(case, answered(0))
        record.strays.append((2, parse("{}")))
        return record

    [finding] = run_with(play).findings()
    assert finding.failure.check == "right-connection"


def test_a_conversation_is_shortened_by_steps_and_by_calls() -> None:
    together = Together((ask(1), ask(2)))
    case = Conversation(ENDPOINT, (Connect(1), together, Advance(1)))
    assert [shorter.steps for shorter in case.shorter()] == [
        (Connect(1), together),
        (Connect(1), Together((ask(1),)), Advance(1)),
        (Connect(1), Together((ask(2),)), Advance(1)),
        (Connect(1), Advance(1)),
        (together, Advance(1)),
    ]


def test_references_lead_to_the_same_calls_in_a_shorter_conversation() -> None:
    referring = Call(1, 4, BID, {"a": [Ref(0), Ref(1), 5], "b": Ref(2)})
    case = Conversation(ENDPOINT, (ask(1), ask(2), ask(3), Together((referring, ask(5)))))
    without = [shorter.calls[-2].payload for shorter in case.shorter()][-2]
    assert without == {"a": [Ref(0), Ref(-1), 5], "b": Ref(1)}


def test_what_a_failure_does_not_need_is_left_out() -> None:
    five = Conversation(ENDPOINT, tuple(ask(id) for id in range(5)))

    def play(case: Conversation) -> Record:
        ids = [call.id for call in case.calls]
        is_wrong = 1 in ids and 3 in ids
        return record_of(
            case, *(answered(0) for _ in ids), answered(9, -32603 if is_wrong else None)
        )

    [finding] = run_with(play, st.just(five)).findings()
    assert [call.id for call in finding.case.calls] == [1, 3]  # type: ignore[union-attr]


def test_another_search_follows_where_nothing_was_found() -> None:
    def play(case: Conversation) -> Record:
        return record_of(case, answered(0, -32603 if len(case.steps) == 3 else None))

    run = run_with(play)
    cases = st.just(Conversation(ENDPOINT, (Connect(1), ask(1), ask(2))))
    then = replace(run._phase, cases=lambda _: cases, effort=0.01)
    run._phase = replace(run._phase, then=then)
    [finding] = run.findings()
    assert finding.failure.check == "no-internal-error"
