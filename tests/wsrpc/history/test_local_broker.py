"""A LocalBroker with history, from publishing to coming back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import History, LocalBroker, Publish, Subscribe, Websocket
from wsrpc.failures import Failure

from ..simulated import SimulatedConnection

pytestmark = pytest.mark.wsrpc(clock="virtual")


class View(Subscribe, Publish, Websocket):
    """A view with what is built in."""

    closed_with: int | None = None

    def _close(self, code: int, reason: str = "") -> None:
        self.closed_with = code


def connect(broker: LocalBroker) -> SimulatedConnection:
    return SimulatedConnection(broker, View())


async def subscribe(client: SimulatedConnection, since: Any = None) -> Any:
    client.call(1, "subscribe", {"channel": "x", "since": since})
    await asyncio.sleep(0)
    [reply, *events] = client.written()
    return reply["response"], [(event["offset"], event["data"]) for event in events]


def events(client: SimulatedConnection) -> list[Any]:
    return [(message.get("offset"), message["data"]) for message in client.written()]


@pytest.mark.parametrize("history", [5, History(size=5)])
async def test_who_comes_back_gets_what_was_published_meanwhile(history: Any) -> None:
    broker = LocalBroker(history=history)
    client = connect(broker)
    response, _ = await subscribe(client)
    position = response["positions"]["x"]
    assert position["offset"] == 0
    await broker.publish("x", "a", {"n": 1})
    assert events(client) == [(1, {"n": 1})]
    client.close()
    for number in range(2, 5):
        await broker.publish("x", "a", {"n": number})
    client = connect(broker)
    response, missed = await subscribe(client, {**position, "offset": 1})
    assert response["recovered"] is True
    assert response["positions"] == {"x": {**position, "offset": 4}}
    assert missed == [(2, {"n": 2}), (3, {"n": 3}), (4, {"n": 4})]
    await broker.publish("x", "a", 5)
    assert events(client) == [(5, 5)]


async def test_what_is_too_old_is_not_recovered() -> None:
    broker = LocalBroker(history=History(age=10))
    position = (await subscribe(connect(broker)))[0]["positions"]["x"]
    await broker.publish("x", "a", 1)
    await asyncio.sleep(11)
    response, missed = await subscribe(connect(broker), position)
    assert response["recovered"] is False
    assert missed == []


async def test_a_forgotten_channel_has_another_epoch() -> None:
    broker = LocalBroker(history=History(channels=1))
    client = connect(broker)
    position = (await subscribe(client))[0]["positions"]["x"]
    client.close()
    await broker.publish("y", "a", 1)
    response, _ = await subscribe(connect(broker), position)
    assert response["recovered"] is False
    assert response["positions"]["x"]["epoch"] != position["epoch"]


async def test_a_forgotten_channel_with_subscribers_goes_on() -> None:
    broker = LocalBroker(history=History(channels=1))
    client = connect(broker)
    await subscribe(client)
    await broker.publish("x", "a", 1)
    await broker.publish("y", "a", 1)
    await broker.publish("x", "a", 2)
    assert events(client) == [(1, 1), (2, 2)]
    assert broker.channels.gaps == 0


async def test_offsets_are_in_the_order_of_delivery_under_latency() -> None:
    broker = LocalBroker(latency=0.5, history=5)
    await broker.publish("x", "a", 1)
    client = connect(broker)
    response, _ = await subscribe(client)
    assert response["positions"]["x"]["offset"] == 0
    await broker.publish("x", "a", 2)
    await asyncio.sleep(1)
    assert events(client) == [(1, 1), (2, 2)]


async def test_what_is_kept_is_what_was_published() -> None:
    broker = LocalBroker(history=5)
    position = (await subscribe(connect(broker)))[0]["positions"]["x"]
    data = [1]
    await broker.publish("x", "a", data)
    data.append(2)
    assert (await subscribe(connect(broker), position))[1] == [(1, [1])]


async def test_data_that_is_callable_is_called_once_and_kept() -> None:
    broker = LocalBroker(history=5)
    client = connect(broker)
    position = (await subscribe(client))[0]["positions"]["x"]
    calls: list[int] = []

    def data() -> int:
        calls.append(1)
        return 7

    await broker.publish("x", "a", data)
    assert events(client) == [(1, 7)]
    assert (await subscribe(connect(broker), position))[1] == [(1, 7)]
    assert calls == [1]


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_data_that_cannot_be_made_is_not_recovered(
    error: BaseException, reported: list[Failure]
) -> None:
    def data() -> Any:
        raise error

    broker = LocalBroker(history=5)
    client = connect(broker)
    position = (await subscribe(client))[0]["positions"]["x"]
    await broker.publish("x", "a", data)
    assert isinstance(client.view, View)
    assert client.view.closed_with == 1011
    await broker.publish("x", "a", 2)
    assert events(client) == [(2, 2)]
    assert [failure.exception for failure in reported] == [error]
    response, missed = await subscribe(connect(broker), position)
    assert (response["recovered"], missed) == (False, [])


async def test_an_interrupt_out_of_data_is_not_kept() -> None:
    def data() -> Any:
        raise KeyboardInterrupt

    broker = LocalBroker(history=5)
    with pytest.raises(KeyboardInterrupt):
        await broker.publish("x", "a", data)


async def test_data_without_a_json_form_reaches_callbacks_but_nobody_else(
    reported: list[Failure],
) -> None:
    broker = LocalBroker(history=5)
    client = connect(broker)
    position = (await subscribe(client))[0]["positions"]["x"]
    got: list[Any] = []
    await broker.channels.register("x", "*", lambda channel, event, data: got.append(data))
    thing = object()
    await broker.publish("x", "a", thing)
    await asyncio.sleep(0)
    assert got == [thing]
    assert isinstance(client.view, View)
    assert client.view.closed_with == 1011
    assert len(reported) == 1
    assert (await subscribe(connect(broker), position))[0]["recovered"] is False


async def test_a_broker_without_history_says_so() -> None:
    broker = LocalBroker()
    client = connect(broker)
    response, _ = await subscribe(client, {"epoch": "E", "offset": 0})
    assert response == {"subscribed": {"x": ["*"]}, "recovered": False}
    await broker.publish("x", "a", 1)
    assert client.written() == [{"channel": "x", "event": "a", "data": 1}]


@pytest.mark.parametrize("history", [-1, "many", 1.5, True])
async def test_an_option_that_is_no_history_is_refused(history: Any) -> None:
    with pytest.raises(ValueError, match="history must be a History or a number of events"):
        LocalBroker(history=history)
