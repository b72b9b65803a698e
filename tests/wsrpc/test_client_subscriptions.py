"""Subscriptions of `RpcClient`: what the server is asked when they begin and end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wsrpc.client import RpcClient, Subscription
from wsrpc.errors import CannotSubscribe, ConnectionClosed, InternalError

PATIENCE = 5.0

REFUSAL = {
    "code": -32602,
    "message": "Invalid RPC parameters",
    "errors": {"channel": "Invalid channel"},
}


def tick(data: Any = None, event: str = "tick", channel: str = "prices") -> dict[str, Any]:
    return {"channel": channel, "event": event, "data": data}


def _json(message: Any) -> bytes:
    return json.dumps(message).encode()


async def read(events: Subscription, count: int) -> list[Any]:
    return [(await events.get(PATIENCE)).data for _ in range(count)]


async def left(subscription: Subscription) -> None:
    await subscription.__aexit__(None, None, None)


@pytest.fixture
async def client(scripted: Any) -> AsyncIterator[RpcClient]:
    async with RpcClient.connect(scripted.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
async def peer(scripted: Any, client: RpcClient) -> Any:
    return await scripted.peer()


@pytest.mark.parametrize(
    ("patterns", "event"),
    [
        ((), "*"),
        (("tick.*",), "tick.*"),
        (("tick.*", "trade"), ["tick.*", "trade"]),
        (("tick.*", "trade", "tick.*"), ["tick.*", "trade"]),
    ],
)
async def test_entering_subscribes_and_leaving_unsubscribes(
    client: RpcClient, peer: Any, patterns: tuple[str, ...], event: Any
) -> None:
    async def use() -> str:
        async with client.subscribe("prices", *patterns) as events:
            assert repr(events).startswith("<Subscription 'prices': ")
            return "used"

    using = asyncio.create_task(use())
    assert await peer.answer({"subscribed": {}}) == {
        "id": 1,
        "method": "subscribe",
        "payload": {"channel": "prices", "event": event},
    }
    assert await peer.answer({"subscribed": {}}) == {
        "id": 2,
        "method": "unsubscribe",
        "payload": {"channel": "prices", "event": event},
    }
    assert await using == "used"


async def test_a_refusal_is_raised_and_nothing_is_unsubscribed(
    client: RpcClient, peer: Any
) -> None:
    subscription = client.subscribe("PRICES")
    entering = asyncio.create_task(subscription.__aenter__())
    await peer.answer(error=REFUSAL)
    with pytest.raises(CannotSubscribe):
        await entering
    await peer.nothing_came()

    again = asyncio.create_task(subscription.__aenter__())
    await peer.answer({})
    assert await again is subscription


async def test_only_patterns_that_no_other_subscription_needs_are_unsubscribed(
    client: RpcClient, peer: Any
) -> None:
    first = await peer.accept(client.subscribe("prices", "a", "b", "c"))
    second = await peer.accept(client.subscribe("prices", "b"))
    leaving = asyncio.create_task(left(first))
    request = await peer.answer({})
    assert request["method"] == "unsubscribe"
    assert request["payload"] == {"channel": "prices", "event": ["a", "c"]}
    await leaving

    await peer.send(tick("still", "b"))
    assert await read(second, 1) == ["still"]
    third = await peer.accept(client.subscribe("prices", "b"))
    await left(second)
    await peer.nothing_came()
    leaving = asyncio.create_task(left(third))
    assert (await peer.answer({}))["payload"] == {"channel": "prices", "event": "b"}
    await leaving


async def test_leaving_does_not_unsubscribe_what_is_being_subscribed(
    client: RpcClient, peer: Any
) -> None:
    first = await peer.accept(client.subscribe("prices"))
    second = client.subscribe("prices")
    entering = asyncio.create_task(second.__aenter__())
    request = await peer.take()
    await left(first)
    await peer.nothing_came()
    await peer.send({"id": request["id"], "response": {}}, tick(1))
    await entering
    assert await read(second, 1) == [1]


async def test_a_refused_subscription_unsubscribes_what_it_kept_for_one_that_left(
    client: RpcClient, peer: Any
) -> None:
    first = await peer.accept(client.subscribe("prices"))
    entering = asyncio.create_task(client.subscribe("prices", "*", "tick").__aenter__())
    request = await peer.take()
    await left(first)
    await peer.send({"id": request["id"], "error": REFUSAL})
    with pytest.raises(CannotSubscribe):
        await entering
    request = await peer.answer({})
    assert request["method"] == "unsubscribe"
    assert request["payload"] == {"channel": "prices", "event": "*"}


async def test_events_on_their_way_at_leaving_are_dropped_without_a_word(
    client: RpcClient, peer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    events = await peer.accept(client.subscribe("prices"))
    leaving = asyncio.create_task(left(events))
    request = await peer.take()
    with caplog.at_level(logging.DEBUG, "wsrpc"):
        await peer.send(tick(), {"id": request["id"], "response": {}})
        await leaving
        assert caplog.messages == []
        await peer.send(tick())
        await peer.synchronise(client)
    assert caplog.messages == [
        f"ignored an event of 'prices' without a subscription from {client.url}"
    ]


async def test_leaving_a_connection_that_is_gone_is_quiet(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    await peer.ws.close()
    with pytest.raises(ConnectionClosed):
        await events.get(PATIENCE)
    await left(events)


async def test_a_connection_that_goes_while_leaving_is_quiet(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    leaving = asyncio.create_task(left(events))
    await peer.take()
    peer.abort()
    await leaving


async def test_a_failure_to_unsubscribe_is_raised(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    leaving = asyncio.create_task(left(events))
    await peer.answer(error={"code": -32603, "message": "Internal error"})
    with pytest.raises(InternalError):
        await leaving


async def test_an_exception_of_the_body_is_not_masked(
    client: RpcClient, peer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def use() -> None:
        async with client.subscribe("prices"):
            raise KeyError("of the body")

    using = asyncio.create_task(use())
    await peer.answer({})
    await peer.answer(error={"code": -32603, "message": "Internal error"})
    with pytest.raises(KeyError, match="of the body"):
        await using
    assert caplog.messages == [f"failed to unsubscribe at {client.url}: Internal error (-32603)"]


async def test_a_cancelled_body_unsubscribes_without_waiting(client: RpcClient, peer: Any) -> None:
    async def use() -> None:
        async with client.subscribe("prices") as events:
            await events.get()

    using = asyncio.create_task(use())
    await peer.answer({})
    await peer.synchronise(client)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert (await peer.take())["method"] == "unsubscribe"


async def test_a_cancelled_entering_unsubscribes(client: RpcClient, peer: Any) -> None:
    entering = asyncio.create_task(client.subscribe("prices", "tick").__aenter__())
    assert (await peer.take())["method"] == "subscribe"
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    request = await peer.answer({})
    assert request["method"] == "unsubscribe"
    assert request["payload"] == {"channel": "prices", "event": "tick"}


async def test_an_entering_cancelled_as_it_is_acknowledged_unsubscribes(
    client: RpcClient, peer: Any
) -> None:
    entering = asyncio.create_task(client.subscribe("prices").__aenter__())
    request = await peer.take()
    client.frame_received(_json({"id": request["id"], "response": {}}), binary=False)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert (await peer.answer({}))["method"] == "unsubscribe"
    await peer.nothing_came()


@pytest.mark.wsrpc(clock="virtual")
async def test_an_entering_that_times_out_unsubscribes(client: RpcClient, peer: Any) -> None:
    with pytest.raises(TimeoutError, match="no reply to 'subscribe'"):
        await client.subscribe("prices").__aenter__()
    assert (await peer.take())["method"] == "subscribe"
    assert (await peer.take())["method"] == "unsubscribe"


async def test_closing_ends_what_is_still_being_unsubscribed(scripted: Any) -> None:
    client = await RpcClient.connect(scripted.url)
    peer = await scripted.peer()
    entering = asyncio.create_task(client.subscribe("prices").__aenter__())
    await peer.take()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    await peer.take()
    leaving = [task for task in asyncio.all_tasks() if task.get_name().endswith("leaving")]
    await client.close()
    assert [task.done() for task in leaving] == [True]


async def test_entering_on_a_closed_connection_raises(client: RpcClient, peer: Any) -> None:
    await client.close()
    with pytest.raises(ConnectionClosed, match="code 1000"):
        await client.subscribe("prices").__aenter__()


async def test_a_subscription_is_entered_once(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    with pytest.raises(RuntimeError, match="entered once"):
        await events.__aenter__()


async def test_malformed_arguments_are_refused_at_once(client: RpcClient) -> None:
    with pytest.raises(ValueError, match="not closed"):
        client.subscribe("prices", "[")
    with pytest.raises(ValueError, match="max_pending must be at least 1"):
        client.subscribe("prices", max_pending=0)
    channel: Any = 1
    with pytest.raises(TypeError, match="channel must be a string"):
        client.subscribe(channel)
    with pytest.raises(TypeError, match="JSON"):
        await client.subscribe("\ud800").__aenter__()
