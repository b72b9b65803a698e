"""Tests to paste: the script of a conversation, with what shows the failure at its end."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wsrpc import faults
from pytest_wsrpc.fuzz.case import Exchange, parse, request
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Connect,
    Conversation,
    Disconnect,
    Fault,
    Heal,
    Settle,
    Step,
    Together,
)
from pytest_wsrpc.fuzz.evident import last_call
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.record import Happening, Record
from pytest_wsrpc.fuzz.script import script
from pytest_wsrpc.fuzz.written import assigned
from pytest_wsrpc.transcript import Transcript

from .bidding import BID, ENDPOINT, ask


def failure(check: str, call: int | None, *test: str) -> CheckFailure:
    return CheckFailure(check, "/stream", "bid", expected="", got="", key="", call=call, test=test)


def written(record: Record, failed: CheckFailure) -> list[str]:
    return script(record, failed, ("ws_connect('/stream')", "  # fill in Token"))


def record_with(*steps: Step, **of_call: Any) -> Record:
    """The record of steps in which each call was answered."""
    record = Record(Conversation(ENDPOINT, steps), 1.0)
    for number, call in enumerate(record.conversation.calls):
        exchange = Exchange(
            request(ENDPOINT, BID, call.id, {"n": number}),
            record.transcripts.setdefault(call.client, Transcript()),
            1.0,
            client=call.client,
            call=number,
            **of_call.get(f"call_{number}", {}),
        )
        exchange.answers.append(parse('{"id": 1, "method": "bid", "response": 1}'))
        record.calls.append(exchange)
    return record


def test_a_test_has_all_that_the_conversation_did() -> None:
    record = record_with(
        Connect(2),
        Fault(faults.parse("publish:drop,nth=2")[0]),
        ask(1, wait=False),
        ask(2, 2),
        Together((ask(3), ask(4, wait=False))),
        Advance(2.5),
        Heal(),
        Disconnect(2),
        Disconnect(3),
        Settle(),
        ask(5),
        call_1={"origins": {("n",): (0, ("a", 1))}},
        call_4={"origins": {("n",): (2, ())}},
    )
    del record.calls[3]
    assert record.calls[0].case.payload is not None
    record.calls[0].case.payload["list"] = [0]
    record.logins[1] = [("log_in", {"user": "ann"})]
    lines = written(record, failure("right-connection", None, "assert client_1.unread == []"))
    connect = "await ws_connect('/stream')  # fill in Token"
    assert lines == [
        f"client_2 = {connect}",
        "ws_faults.add(*parse('publish:drop,nth=2'))",
        f"client_1 = {connect}",
        "await client_1.request('log_in', {'user': 'ann'})",
        "call_0 = asyncio.create_task(client_1.request('bid', {'n': 0, 'list': [0]}, timeout=1))",
        "await asyncio.sleep(0)  # it goes out",
        "reply_0 = await call_0",
        """await client_2.request('bid', {'n': reply_0["response"]['a'][1]}, timeout=1)""",
        "call_2 = asyncio.create_task(client_1.request('bid', {'n': 2}, timeout=1))",
        "reply_2 = await call_2",
        "await ws_clock.advance(2.5)",
        "ws_faults.heal()",
        "await client_2.close()",
        """await client_1.request('bid', {'n': reply_2["response"]}, timeout=1)""",
        "assert client_1.unread == []",
    ]


def test_a_call_that_was_left_out_is_left_out() -> None:
    record = record_with(ask(1), ask(2))
    del record.calls[1]
    assert len(written(record, failure("a-users-own", 0))) == 2


def test_calls_that_nobody_waits_for_are_awaited_before_the_end() -> None:
    record = record_with(ask(1, wait=False), Together((ask(2, wait=False),)))
    lines = written(record, failure("right-connection", None, "assert reply_1 and client_1"))
    assert lines[-3:] == ["await call_0", "reply_1 = await call_1", "assert reply_1 and client"]


@pytest.mark.parametrize(
    ("check", "lines"),
    [
        ("valid-accepted", ['assert "error" not in reply_1, reply_1']),
        ("stays-open", ["await client.request('no-such-method')"]),
        ("a-users-own", []),
    ],
)
def test_a_test_ends_with_what_the_check_says(check: str, lines: list[str]) -> None:
    written_lines = written(record_with(ask(1), ask(2)), failure(check, 1))
    assert written_lines[3:] == lines


def test_the_form_of_a_reply_is_asserted_without_its_id() -> None:
    lines = written(record_with(ask(1)), failure("well-formed", 0))
    assert any("'method'" in line for line in lines)
    assert not any("'id'" in line for line in lines)


def test_a_held_loop_is_watched_in_all_of_the_test() -> None:
    lines = written(record_with(ask(1)), failure("loop-not-blocked", 0))
    assert lines == [
        "with fuzz.loop_not_blocked():",
        "    client = await ws_connect('/stream')  # fill in Token",
        "    await client.request('bid', {'n': 0}, timeout=1)",
    ]


def test_what_is_left_is_counted_after_rounds() -> None:
    record = record_with(ask(1), Together((ask(2, 2, wait=False),)))
    lines = written(record, failure("nothing-left", None))
    assert lines[:3] == ["held = []", "for _ in range(2):", "    for _ in range(10):"]
    assert lines[-6:] == [
        "        await call_1",
        "        await client_1.close()",
        "        await client_2.close()",
        "    await ws_clock.advance(61)",
        "    held.append(fuzz.holdings(ws_app))",
        "assert not held[1] - held[0]",
    ]


def test_a_long_payload_has_a_name_until_another_one_comes() -> None:
    record = record_with(ask(1), ask(2))
    for exchange in record.calls:
        exchange.case = request(
            ENDPOINT, BID, exchange.case.id, {"texts": [f"text number {n}" for n in range(9)]}
        )
    lines = written(record, failure("serial", 0))
    assert sum(line.startswith("payload = ") for line in lines) == 1
    assert sum("request('bid', payload, timeout=1)" in line for line in lines) == 2


def test_a_call_that_needs_no_answer_and_has_none_is_to_have_none() -> None:
    record = record_with(ask(1), ask(2), call_0={"silent": True})
    lines = written(record, failure("no-internal-error", 1))
    assert lines[1:3] == [
        "with pytest.raises(TimeoutError):",
        "    await client.request('bid', {'n': 0}, timeout=1)",
    ]


def test_faults_that_were_left_out_have_no_end() -> None:
    assert "ws_faults.heal()" not in written(record_with(ask(1), Heal()), failure("serial", 0))


def test_who_leaves_ends_the_waiting_for_answers_of_its_own_only() -> None:
    record = record_with(ask(1, wait=False), ask(2, 2, wait=False), Disconnect(1), Settle())
    lines = written(record, failure("serial", 1))
    assert lines[-3:] == ["call_0.cancel()", "await client_1.close()", "await call_1"]


def test_a_connection_that_does_not_serve_is_asked_again() -> None:
    record = record_with(Connect(2), ask(1), call_0={"unserved": 2})
    record.transcripts[2] = Transcript()
    lines = written(record, failure("one-reply-in-time", 0))
    assert lines[-1] == "await client_2.request('no-such-method', timeout=1)"


@pytest.mark.parametrize(
    ("check", "test", "more", "is_cut"),
    [
        ("valid-accepted", (), {}, True),
        ("clean-under-faults", ("assert reply_0",), {}, True),
        ("clean-under-faults", ("assert client_1.unread == []",), {}, False),
        ("valid-accepted", (), {"answered": None}, False),
        ("no-internal-error", (), {}, False),
        ("one-reply-in-time", (), {}, False),
        ("serial", ("assert reply_0",), {}, False),
        ("a-users-own", (), {}, False),
    ],
)
def test_what_comes_after_the_reply_that_shows_it_is_left_out(
    check: str, test: tuple[str, ...], more: dict[str, Any], is_cut: bool
) -> None:
    steps = (ask(1), Advance(1), ask(2))
    record = record_with(*steps, call_0={"answered": 1, **more})
    record.trace = [
        Happening("sent", 0.0, 1, 0, text="first"),
        Happening("answered", 0.0, 1, 0, text="reply"),
        Happening("sent", 1.0, 1, 1, text="second"),
    ]
    failed = failure(check, 0, *test)
    assert ("await ws_clock.advance(1)" not in written(record, failed)) == is_cut
    assert ("second" not in record.render(last_call(record, failed))) == is_cut


def test_a_reply_that_nobody_waits_for_shows_nothing_at_its_call() -> None:
    record = record_with(ask(1, wait=False), ask(2), call_0={"answered": 3})
    assert last_call(record, failure("valid-accepted", 0)) is None
    together = record_with(ask(1), Together((ask(2), ask(3))), call_1={"answered": 3})
    assert last_call(together, failure("valid-accepted", 1)) == 1


def test_a_value_that_is_too_long_for_a_line_has_a_name() -> None:
    lines = assigned(
        "reply = await client.request('bid', ", {"a": str([*range(40)])}, ")", name="payload"
    )
    assert lines[-1] == "reply = await client.request('bid', payload)"
