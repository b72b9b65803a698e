"""Clients that come back: what they missed, in order and once, or that it is not certain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import Position
from wsrpc.failures import Failure

from .scripted import Broker, Client, View, settle, told

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_the_reply_tells_the_position_after_which_events_come() -> None:
    broker = Broker()
    await broker.emit(3)
    client = Client(broker)
    client.subscribe()
    assert await client.answer() == told(3)
    await broker.emit(2)
    assert client.got == [4, 5]
    assert broker.reads == [None]
    other = Client(broker)
    other.subscribe()
    assert await other.answer() == told(5)
    assert broker.reads == [None]


async def test_a_second_pattern_is_told_its_position_too() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe("a")
    await client.answer()
    await broker.emit(3)
    assert client.got == [1, 2, 3]
    client.subscribe("b")
    assert await client.answer() == told(3, event=["a", "b"])


async def test_who_comes_back_gets_what_was_missed_in_order_and_then_the_live_events() -> None:
    broker = Broker()
    await broker.emit(5)
    client = Client(broker)
    client.subscribe(since=2)
    assert await client.answer() == told(5, True)
    await broker.emit()
    assert client.got == [3, 4, 5, 6]
    assert broker.reads == [Position("E", 2)]


async def test_who_comes_back_to_a_channel_of_others_gets_what_was_missed() -> None:
    broker = Broker()
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    await broker.emit(5)
    client.subscribe(since=2)
    assert await client.answer() == told(5, True)
    assert client.got == [3, 4, 5]
    assert broker.reads == [None, Position("E", 2)]


async def test_of_what_was_missed_only_what_matches_comes() -> None:
    broker = Broker()
    await broker.emit()
    await broker.emit(name="b")
    await broker.emit()
    client = Client(broker)
    client.subscribe("b", since=0)
    assert await client.answer() == told(3, True, event="b")
    assert client.got == [2]


async def test_who_missed_nothing_is_told_so_once_the_history_has_confirmed_it() -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    client.subscribe(since=3)
    assert await client.answer() == told(3, True)
    assert broker.reads == [None, Position("E", 3)]
    await broker.emit()
    assert client.got == [4]


async def test_who_missed_nothing_is_told_so_by_the_reading_that_opens_the_channel() -> None:
    broker = Broker()
    await broker.emit(3)
    client = Client(broker)
    client.subscribe(since=3)
    assert await client.answer() == told(3, True)
    assert broker.reads == [Position("E", 3)]


@pytest.mark.parametrize("top", [0, 2, 3, 5])
async def test_an_epoch_that_the_process_has_not_noticed_is_never_recovered(top: int) -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    broker.epoch, broker.top = "F", top
    del broker.events[top:]
    client.subscribe(since=3)
    assert await client.answer() == told(3, False)
    assert client.got == []


async def test_who_missed_nothing_is_not_recovered_where_history_cannot_be_read(
    reported: list[Failure],
) -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def fail() -> None:
        raise ConnectionError("the backend is away")

    broker.before_read = fail
    client.subscribe(since=3)
    assert await client.answer() == told(3, False)
    await broker.emit()
    assert client.got == [4]
    [failure] = reported
    assert isinstance(failure.exception, ConnectionError)


@pytest.mark.parametrize(
    "since", [{"epoch": "D", "offset": 3}, {"epoch": "D", "offset": 2}, {"epoch": "E", "offset": 4}]
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_position_that_the_channel_never_had_is_not_recovered(
    since: Any, is_first: bool
) -> None:
    broker = Broker()
    await broker.emit(3)
    if not is_first:
        other = Client(broker)
        other.subscribe()
        await other.answer()
    client = Client(broker)
    client.subscribe(since=since)
    assert await client.answer() == told(3, False)
    # one for the position of the channel, one to see whether it gets there, none for an epoch
    assert len(broker.reads) == (1 if since["epoch"] == "D" else 2)
    await broker.emit()
    assert client.got == [4]


async def test_what_history_has_forgotten_is_not_recovered() -> None:
    broker = Broker()
    await broker.emit(5)
    del broker.events[:3]
    client = Client(broker)
    client.subscribe(since=2)
    assert await client.answer() == told(5, False)
    await broker.emit()
    assert client.got == [6]


@pytest.mark.parametrize(
    ("since", "wrong"),
    [
        (3.5, "Expected `object | null`, got `float`"),
        ({}, {"epoch": "required", "offset": "required"}),
        ({"epoch": "E", "offset": -1}, {"offset": "Expected `int` >= 0"}),
        ({"epoch": 1, "offset": "1"}, None),
        ({"epoch": "E", "offset": 1, "ofset": 1}, {"ofset": "unknown field"}),
    ],
)
async def test_a_malformed_position_is_refused(since: Any, wrong: Any) -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe(since=since)
    error = await client.answer()
    assert error["code"] == -32602
    assert wrong is None or error["errors"] == {"since": wrong}
    assert set(error["errors"]) == {"since"}
    assert len(broker.channels) == 0


async def test_an_offset_beyond_all_numbers_is_only_too_large() -> None:
    client = Client(Broker())
    client.subscribe(since=2**70)
    assert await client.answer() == told(0, False)


async def test_a_position_on_a_channel_that_is_held_is_refused() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe("a")
    await client.answer()
    client.subscribe("b", since=0)
    refused = await client.answer()
    assert refused["errors"] == {"since": "the channel is subscribed already"}
    assert broker.server_info()["channels"] == {"x": {"a": 1}}


async def test_a_channel_that_a_handler_subscribes_meanwhile_is_held_too() -> None:
    broker = Broker()
    client = Client(broker)

    async def slowly() -> None:
        await asyncio.sleep(1)

    broker.before_read = slowly
    client.send("join", seconds=0)
    client.subscribe("a", since=0)
    refused = await client.answer()
    assert refused["errors"] == {"since": "the channel is subscribed already"}
    assert await client.answer() == ["b"]


async def test_live_events_that_come_while_history_is_read_come_after_it() -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def meanwhile() -> None:
        await broker.emit(2)

    broker.after_read = meanwhile
    client.subscribe(since=1)
    assert await client.answer() == told(3, True)
    assert client.got == [2, 3, 4, 5]
    assert other.got == [4, 5]


async def test_live_events_that_come_while_the_first_subscription_reads_are_not_lost() -> None:
    broker = Broker()
    await broker.emit(3)

    async def once() -> None:
        broker.after_read = None
        await broker.emit(2)

    broker.after_read = once
    client = Client(broker)
    client.subscribe(since=1)
    assert await client.answer() == told(5, True)
    assert client.got == [2, 3, 4, 5]
    assert broker.reads == [Position("E", 1), Position("E", 1)]


async def test_an_event_that_is_in_what_was_read_does_not_come_again() -> None:
    broker = Broker()
    client = Client(broker)

    async def meanwhile() -> None:
        broker.before_read = None
        await broker.emit(2)

    broker.before_read = meanwhile
    client.subscribe()
    assert await client.answer() == told(2)
    await broker.emit()
    assert client.got == [3]


async def test_too_many_live_events_while_history_is_read_are_not_recovered() -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    client.connection.outbox._limit = 500

    async def meanwhile() -> None:
        await broker.emit(20)

    broker.after_read = meanwhile
    client.subscribe(since=1)
    assert await client.answer() == told(23, False)
    await broker.emit()
    assert client.got == [24]


async def test_an_epoch_that_changes_while_history_is_read_is_not_recovered() -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def meanwhile() -> None:
        broker.before_read = None
        broker.epoch = "F"
        broker.events.clear()
        await broker.channels.gap("x")

    broker.before_read = meanwhile
    client.subscribe(since=1)
    assert await client.answer() == told(3, False)
    await broker.emit()
    await settle()
    assert client.got == ["gap F:3", 4]
    assert other.got == ["gap F:3", 4]


async def test_an_epoch_that_changes_after_history_was_read_comes_behind_it() -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def meanwhile() -> None:
        broker.after_read = None
        broker.epoch = "F"
        await broker.emit()
        await settle()

    broker.after_read = meanwhile
    client.subscribe(since=1)
    assert await client.answer() == told(3, True)
    assert client.got == [2, 3, "gap F:3", 4]


async def test_a_subscription_of_no_call_does_not_recover() -> None:
    """Its events would have to wait for a reply."""
    broker = Broker()
    await broker.emit(3)
    client = Client(broker)
    view = client.connection.view
    assert isinstance(view, View)
    payload = {"channel": "x", "since": {"epoch": "E", "offset": 1}}
    answer = await view.ws_rpc_subscribe(payload)  # type: ignore[arg-type]
    assert answer["recovered"] is False
    assert await view.subscribe("y", "b") == ["b"]
    await broker.emit()
    assert client.got == [4]


async def test_who_comes_from_a_process_that_is_ahead_waits_for_this_one() -> None:
    broker = Broker()
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    await broker.emit(3)
    await broker.emit(3, lost=True)
    assert other.got == [1, 2, 3]
    client.subscribe(since=5)
    assert await client.answer() == told(5, True)
    assert client.got == [6]
    assert other.got == [4, 5, 6]
    await broker.emit()
    assert client.got == [7]


async def test_who_comes_from_a_process_whose_events_cannot_be_read_is_not_recovered() -> None:
    broker = Broker()
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    await broker.emit(3)
    await broker.emit(3, lost=True)

    async def once() -> None:
        async def fail() -> None:
            raise ConnectionError

        broker.before_read = fail

    broker.after_read = once
    client.subscribe(since=5)
    assert await client.answer() == told(3, False)
    assert client.got == ["gap E:3"]


async def test_who_comes_from_a_process_ahead_and_leaves_is_not_waited_for() -> None:
    broker = Broker()
    await broker.emit(3)
    client = Client(broker)

    async def once() -> None:
        async def leave() -> None:
            await broker.emit(lost=True)
            client.connection.memberships.leave()
            await settle()

        broker.before_read = leave

    broker.after_read = once
    client.subscribe(since=4)
    await settle(1)
    assert len(broker.channels) == 0
    assert broker.channels.position("x") is None


async def test_a_channel_that_was_left_and_is_subscribed_again_stands_where_it_is_read() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    client.send("unsubscribe", channel="x")
    assert await client.answer() == {"subscribed": {}}
    assert broker.channels.position("x") is None
    await broker.emit(3)
    client.subscribe(since=1)
    assert await client.answer() == told(3, True)
    assert client.got == [2, 3]
