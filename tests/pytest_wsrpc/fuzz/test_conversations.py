"""Conversations: how they are played, what is recorded, and what the checks make of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiohttp import web

from pytest_wsrpc import faults
from pytest_wsrpc.fuzz import target
from pytest_wsrpc.fuzz.conversation import (
    Advance,
    Connect,
    Conversation,
    Disconnect,
    Fault,
    Heal,
    Like,
    Ref,
    Settle,
    Together,
)
from pytest_wsrpc.fuzz.playing import play_on
from pytest_wsrpc.fuzz.record import Happening, Record
from pytest_wsrpc.fuzz.serving import Host
from pytest_wsrpc.fuzz.tally import Tally
from pytest_wsrpc.transcript import Transcript

from .shelves import (
    ENDPOINT,
    Play,
    call,
    create_app,
    create_rough_app,
    failed,
    players,
    rough,
    summary,
)


@pytest.fixture
def play() -> Iterator[Play]:
    yield from players()


def test_calls_are_recorded_in_order_with_what_came_back(play: Play) -> None:
    record = play(call(1, "create_item", title="a"), call(2, "delete_item", item_id="i0"))
    assert [exchange.response for exchange in record.calls] == [{"id": "i0", "title": "a"}] * 2
    assert summary(record) == [
        ("connected", 1, None),
        ("sent", 1, 0),
        ("answered", 1, 0),
        ("sent", 1, 1),
        ("answered", 1, 1),
    ]
    assert [(exchange.sent, exchange.answered) for exchange in record.calls] == [(1, 2), (3, 4)]
    assert failed(record) == []
    assert record.exception is None
    assert record.render().splitlines() == [
        '  > {"id":1,"method":"create_item","payload":{"title":"a"}}',
        '  < {"id":1,"method":"create_item","response":{"id":"i0","title":"a"}}',
        '  > {"id":2,"method":"delete_item","payload":{"item_id":"i0"}}',
        '  < {"id":2,"method":"delete_item","response":{"id":"i0","title":"a"}}',
    ]


def test_two_clients_have_connections_of_their_own(play: Play) -> None:
    record = play(
        Connect(1),
        Connect(1),
        call(1, "create_item", title="a"),
        call(1, "delete_item", 2, item_id="i0"),
        Disconnect(1),
        Disconnect(3),
        call(2, "delete_item", item_id="i0"),
    )
    assert [exchange.is_success for exchange in record.calls] == [True, False, False]
    assert [exchange.client for exchange in record.calls] == [1, 2, 1]
    assert record.conversation.clients == (1, 2, 3)
    assert failed(record) == []
    assert record.render().splitlines()[:2] == [
        '  client 1 > {"id":1,"method":"create_item","payload":{"title":"a"}}',
        '  client 1 < {"id":1,"method":"create_item","response":{"id":"i0","title":"a"}}',
    ]
    assert "  client 1 disconnected" in record.render()


def test_calls_overlap(play: Play) -> None:
    record = play(
        Connect(2),
        call(1, "wait", seconds=2, wait=False),
        Together((call(2, "wait", seconds=1), call(1, "create_item", 2, title="a"))),
        Advance(5),
    )
    assert [entry[:2] for entry in summary(record)[2:]] == [
        ("sent", 1),
        ("connected", 1),
        ("sent", 1),
        ("sent", 2),
        ("answered", 2),
        ("answered", 1),
        ("note", None),
        ("answered", 1),
    ] or [entry[0] for entry in summary(record)].count("answered") == 3
    assert record.conversation.clients == (2, 1)
    assert failed(record) == []
    assert "~ 5 s pass" in record.render()


def test_a_call_that_nobody_waits_for_is_awaited_at_the_end(play: Play) -> None:
    record = play(
        Together((call(1, "wait", seconds=2, wait=False), call(2, "create_item", title="a")))
    )
    assert [exchange.is_success for exchange in record.calls] == [True, True]


def test_a_client_that_goes_has_no_answer_to_wait_for(play: Play) -> None:
    record = play(call(1, "wait", seconds=2, wait=False), Disconnect(1))
    assert not record.calls[0].answers
    assert failed(record) == []


def test_only_calls_that_were_answered_or_should_have_been_are_counted(play: Play) -> None:
    tally = Tally("app:make", "/stream", "sequence", "/stream")
    tally.count(play(call(1, "wait", seconds=2, wait=False), Disconnect(1)))
    tally.count(play(call(1, "wait", seconds=20)))
    tally.count(play(call(1, "create_item", title="a"), call(2, "delete_item", item_id="i9")))
    waited = tally.methods["wait"]
    assert (waited.cases, waited.valid, waited.errors) == (2, 1, 1)
    assert (tally.methods["create_item"].success, tally.methods["delete_item"].refused) == (1, 1)
    assert tally.cases == 3


def test_a_call_without_an_answer_fails(play: Play) -> None:
    record = play(call(1, "wait", seconds=20), call(2, "create_item", title="a"))
    assert record.calls[0].silent
    assert failed(record) == ["one-reply-in-time"]


def test_the_server_ends_a_connection(play: Play) -> None:
    record = play(call(1, "end", seconds=0), call(2, "create_item", title="a"))
    assert record.closed == {1: 4000}
    assert len(record.calls) == 1
    assert failed(record) == ["stays-open"]
    record = play(call(1, "end", seconds=0), Connect(1), call(2, "create_item", title="a"))
    assert len(record.calls) == 2


def test_the_end_of_a_connection_is_laid_on_the_last_call(play: Play) -> None:
    record = play(Connect(1), call(1, "end_of_all", 2, seconds=0), call(2, "tell", 2, title="a"))
    assert record.closed == {1: 4001}
    assert failed(record) == ["stays-open"]


def test_events_are_kept_by_client(play: Play) -> None:
    record = play(call(1, "tell", title="a"), call(1, "create_item", 2, title="b"))
    [(place, event)] = record.events[1]
    assert event.value["event"] == "a"
    assert record.trace[place].what == "event"
    assert record.calls[0].events == [event]
    record = play(Connect(1), rough(1, "news to all", 2), app=create_rough_app)
    assert record.events.keys() == {1, 2}
    record = play(rough(1, "plain"), rough(1, "news to all", 2), app=create_rough_app)
    assert [len(exchange.events) for exchange in record.calls] == [1, 1]


def test_what_fails_outside_of_calls_is_laid_on_the_last_one(play: Play) -> None:
    record = play(call(1, "create_item", title="broken"), Disconnect(1))
    assert isinstance(record.exception, LookupError)
    assert record.calls[0].failures == record.failures
    assert failed(record) == ["no-internal-error"]


def test_what_fails_before_any_call_is_laid_on_the_first(play: Play) -> None:
    record = play(
        Connect(1), call(1, "create_item", 2, title="a"), app=lambda: create_app(RuntimeError)
    )
    assert record.calls[0].failures == record.failures
    assert failed(record) == ["no-internal-error"]


def test_a_refused_handshake_leaves_out_the_calls(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        call(1, "create_item", 2, title="b"),
        Disconnect(2),
        app=lambda: create_app(None, web.HTTPForbidden),
    )
    assert len(record.calls) == 1
    assert ("refused", 2, None) in summary(record)
    assert failed(record) == []


def test_an_exception_at_the_handshake_is_a_failure(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a"),
        Connect(2),
        app=lambda: create_app(None, RuntimeError),
    )
    assert isinstance(record.exception, RuntimeError)
    assert failed(record) == ["no-internal-error"]


def test_two_conversations_on_one_application() -> None:
    host = Host(target.of_value(create_app, "the test"))

    async def play_twice() -> list[Record]:
        steps = (call(1, "create_item", title="broken"), Settle(), Heal())
        conversation = Conversation(ENDPOINT, steps)
        async with host.application() as server:
            return [await play_on(server, conversation, "/stream", (), 5.0) for _ in range(2)]

    records = host.run(play_twice())
    assert [failed(record) for record in records] == [["no-internal-error"]] * 2
    host.close()


def spec(text: str) -> faults.Spec:
    return faults.parse(text)[0]


def test_faults_are_in_force_until_healed(play: Play) -> None:
    record = play(
        call(1, "create_item", title="a", wait=False),
        Fault(spec("reply:drop,method=create_item")),
        call(2, "create_item", title="b"),
        Heal(),
        call(3, "create_item", title="c"),
    )
    assert [exchange.under_faults for exchange in record.calls] == [True, True, False]
    assert record.calls[1].silent
    assert failed(record) == []
    notes = [entry.text for entry in record.trace if entry.what == "note"]
    assert notes[0] == "from now on: reply:drop,method=create_item"
    assert "reply:drop,method=create_item" in notes[1]
    assert notes[-1] == "all faults end"


def test_faults_that_last_to_the_end_do_not_keep_anything_open(play: Play) -> None:
    record = play(
        Heal(), call(1, "subscribe", channel="a"), Fault(spec("unsubscribe:error=ConnectionError")),
        call(2, "unsubscribe", channel="a"),
    )  # fmt: skip
    assert record.failures == []
    assert failed(record) == []


def test_without_calls_there_is_no_method() -> None:
    conversation = Conversation(ENDPOINT, (Connect(1), Advance(1)))
    assert conversation.method is None
    assert conversation.is_valid


def test_a_conversation_reads_well_and_the_shorter_is_smaller() -> None:
    short = Conversation(ENDPOINT, (call(1, "create_item", title="x" * 1000),))
    long = Conversation(
        ENDPOINT, (call(1, "wait", seconds=1, wait=False), call(2, "delete_item", item_id=Ref(0)))
    )
    like = Conversation(ENDPOINT, (call(1, "delete_item", item_id=Like("item_id", "x")),))
    assert repr(long) == (
        "Conversation(send wait({'seconds': 1}) by 1, delete_item({'item_id': response 0}) by 1)"
    )
    assert "like 'item_id', else 'x'" in repr(like)
    assert repr(Ref(1, ("a", 0))) == "response 1['a'][0]"
    assert like.size < short.size < long.size


def test_a_conversation_is_cut_after_a_call() -> None:
    first, second = call(1, "create_item", title="a"), call(2, "wait", seconds=1)
    third = call(3, "delete_item", item_id=Ref(0))
    whole = Conversation(ENDPOINT, (Connect(1), first, Together((second, third)), Settle()))
    assert whole.until(0).steps == (Connect(1), first)
    assert whole.until(1).steps == whole.until(2).steps == whole.steps[:3]


def test_a_long_conversation_of_several_loses_its_middle() -> None:
    record = Record(Conversation(ENDPOINT, ()), 1.0)
    record.transcripts = {1: Transcript(), 2: Transcript()}
    record.trace = [Happening("event", 0.0, 1, text=f"{number}") for number in range(100)]
    lines = record.render().splitlines()
    assert len(lines) == 61
    assert lines[15] == "  ... 40 entries left out ..."
