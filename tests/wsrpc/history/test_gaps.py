"""Events that are missing, and what the subscribers are told."""

from __future__ import annotations

from typing import Any

import pytest

from wsrpc import (
    Position,
)
from wsrpc.failures import Failure

from .scripted import Broker, Client, View, settle, told

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_an_event_that_is_missing_is_filled_in() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    await broker.emit(lost=True)
    await broker.emit()
    await settle()
    assert client.got == [1, 2]
    assert broker.channels.filled == 2
    assert broker.channels.gaps == 0


async def test_a_gap_that_history_fills_is_not_told() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    await broker.emit(2, lost=True)
    await broker.channels.gap("x")
    await settle()
    assert client.got == [1, 2]
    await broker.channels.gap("x")
    await settle()
    assert client.got == []
    assert broker.channels.gaps == 0


async def test_a_gap_is_told_for_what_history_has_not_whatever_the_pattern() -> None:
    broker = Broker()
    client, other = Client(broker), Client(broker)
    client.subscribe("nothing")
    await client.answer()
    other.subscribe()
    await other.answer()
    await broker.emit(4, lost=True)
    del broker.events[:2]
    await broker.channels.gap("x")
    await settle()
    assert client.got == ["gap E:2"]
    assert other.got == ["gap E:2", 3, 4]
    assert broker.channels.gaps == 1
    assert broker.channels.position("x") == Position("E", 4)


async def test_a_doubt_before_the_position_is_known_is_looked_into() -> None:
    broker = Broker()

    async def once() -> None:
        broker.after_read = None
        await broker.emit(2, lost=True)
        await broker.channels.gap("x")

    broker.after_read = once
    client = Client(broker)
    client.subscribe()
    assert await client.answer() == told(0)
    await settle()
    assert client.got == [1, 2]


async def test_callbacks_get_events_and_gaps_too() -> None:
    broker = Broker()
    got: list[Any] = []
    await broker.channels.register("x", "*", lambda *event: got.append(event))
    await broker.emit(2, lost=True)
    broker.events.pop(0)
    await broker.channels.gap("x")
    await settle()
    assert got == [("x", "wsrpc.gap", {"epoch": "E", "offset": 1}), ("x", "a", 2)]


async def test_a_message_whose_position_is_none_is_ignored(reported: list[Failure]) -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    await broker.channels("x", {"event": "a", "json": b"1", "epoch": "E", "offset": "1"})
    await broker.channels("x", {"event": "a", "json": "1", "epoch": "E", "offset": 1})
    assert broker.channels.ignored == 2
    await broker.emit()
    assert client.got == [1]
    assert len(reported) == 2


async def test_who_sees_nothing_is_told_the_position() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe("b")
    await client.answer()
    await broker.emit(60)
    assert client.got == ["position E:25", "position E:50"]


async def test_a_client_that_hides_everything_is_told_the_position() -> None:
    class Blind(View):
        def can_receive(self, channel: str, event: str) -> bool:
            return False

    broker = Broker()
    client = Client(broker, Blind())
    client.subscribe(since=0)
    await client.answer()
    await broker.emit(60)
    assert client.got == ["position E:25", "position E:50"]


async def test_without_history_there_are_no_positions_on_the_wire() -> None:
    class Plain(Broker):
        history = None  # type: ignore[assignment]

    broker = Plain()
    client = Client(broker)
    client.subscribe(since=0)
    assert await client.answer() == {"subscribed": {"x": ["*"]}, "recovered": False}
    await broker.emit()
    await broker.channels.gap("x")
    assert client.connection.written() == [
        {"channel": "x", "event": "a", "data": 1},
        {"channel": "x", "event": "wsrpc.gap", "data": None},
    ]
    assert broker.channels.position("x") is None
    assert broker.channels.position("y") is None
    assert broker.reads == []
