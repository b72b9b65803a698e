"""Events of `RpcClient`: which subscription gets them, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc.client import Event, Gap, RpcClient, Subscription, SubscriptionOverflow
from wsrpc.errors import ConnectionClosed

PATIENCE = 5.0


def tick(data: Any = None, event: str = "tick", channel: str = "prices") -> dict[str, Any]:
    return {"channel": channel, "event": event, "data": data}


def _json(message: Any) -> bytes:
    return json.dumps(message).encode()


async def read(events: Subscription, count: int) -> list[Any]:
    return [(await events.get(PATIENCE)).data for _ in range(count)]


async def until_it_raises(events: Subscription, error: type[Exception]) -> list[Any]:
    """Return the data of the events before iteration raises."""
    got = []
    try:
        async for event in events:
            got.append(event.data)
    except error:
        return got
    raise AssertionError("iteration ended without an exception")


async def left(subscription: Subscription) -> None:
    await subscription.__aexit__(None, None, None)


@pytest.fixture
async def client(scripted: Any) -> AsyncIterator[RpcClient]:
    async with RpcClient.connect(scripted.url, timeout=PATIENCE, reconnect=False) as client:
        yield client


@pytest.fixture
async def peer(scripted: Any, client: RpcClient) -> Any:
    return await scripted.peer()


async def test_events_are_iterated_in_order(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    await peer.send(*(tick(n) for n in range(100)))
    got = []
    async for event in events:
        got.append(event)
        if len(got) == 100:
            break
    assert got == [Event("prices", "tick", n) for n in range(100)]


async def test_events_right_behind_the_acknowledgement_are_not_lost(
    client: RpcClient, peer: Any
) -> None:
    subscription = client.subscribe("prices")
    entering = asyncio.create_task(subscription.__aenter__())
    request = await peer.take()
    for message in ({"id": request["id"], "response": {}}, tick(1), tick(2)):
        client.frame_received(_json(message), binary=False)
    await entering
    assert subscription.pending == 2
    assert await read(subscription, 2) == [1, 2]


async def test_events_before_the_acknowledgement_are_not_of_the_subscription(
    client: RpcClient, peer: Any
) -> None:
    entering = asyncio.create_task(client.subscribe("prices").__aenter__())
    request = await peer.take()
    await peer.send(tick("before"), {"id": request["id"], "response": {}}, tick("after"))
    assert await read(await entering, 1) == ["after"]


async def test_each_of_two_subscriptions_gets_what_it_asked_for(
    client: RpcClient, peer: Any
) -> None:
    ticks = await peer.accept(client.subscribe("prices", "tick", "t*"))
    everything = await peer.accept(client.subscribe("prices"))
    await peer.send(
        tick(1), tick(2, "quote"), tick(3, "", "other"), tick(4, "trade"), tick(5, "t\nick")
    )
    assert await read(ticks, 3) == [1, 4, 5]
    assert await read(everything, 4) == [1, 2, 4, 5]
    assert ticks.pending == everything.pending == 0


async def test_gaps_go_to_every_subscription_of_the_channel(client: RpcClient, peer: Any) -> None:
    quotes = await peer.accept(client.subscribe("prices", "quote"))
    ticks = await peer.accept(client.subscribe("prices", "tick"))
    await peer.send(tick(None, "wsrpc.gap"), tick("other", "wsrpc.other"))
    await peer.send(tick("end", "quote"), tick("end", "tick"))
    for events, name in ((quotes, "quote"), (ticks, "tick")):
        assert await events.get(PATIENCE) == Gap("prices")
        assert await events.get(PATIENCE) == Event("prices", name, "end")


async def test_the_end_of_the_connection_is_raised_after_the_events_that_came(
    client: RpcClient, peer: Any
) -> None:
    events = await peer.accept(client.subscribe("prices"))
    await peer.send(tick(1), tick(2))
    await peer.ws.close(code=1013, message=b"too slow")
    assert await until_it_raises(events, ConnectionClosed) == [1, 2]
    with pytest.raises(ConnectionClosed, match="code 1013"):
        await anext(events)
    with pytest.raises(ConnectionClosed, match="too slow"):
        await events.get()


async def test_a_consumer_that_waits_learns_of_the_end(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    waiting = [asyncio.create_task(events.get()) for _ in range(3)]
    await peer.ws.close()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ConnectionClosed)


async def test_closing_the_client_ends_iteration_quietly(client: RpcClient, peer: Any) -> None:
    async def collect() -> list[Any]:
        return [event.data async for event in events]

    events = await peer.accept(client.subscribe("prices"))
    await peer.send(tick(1), tick(2))
    collecting = asyncio.create_task(collect())
    await peer.synchronise(client)
    await client.close()
    assert await collecting == [1, 2]
    with pytest.raises(ConnectionClosed, match="code 1000"):
        await events.get()


async def test_what_was_left_gives_the_events_that_came_and_ends(
    client: RpcClient, peer: Any
) -> None:
    events = await peer.accept(client.subscribe("prices"))
    await peer.send(tick(1))
    await peer.synchronise(client)
    leaving = asyncio.create_task(left(events))
    await peer.answer({})
    await leaving
    assert [event.data async for event in events] == [1]
    with pytest.raises(RuntimeError, match="the subscription was left"):
        await events.get()


async def test_get_times_out_naming_what_it_waited_for(
    client: RpcClient, peer: Any, ws_clock: VirtualClock
) -> None:
    events = await peer.accept(client.subscribe("prices", "tick", "trade"))
    with pytest.raises(TimeoutError, match=r"no event tick or trade of 'prices' came within 9 s"):
        await events.get(9)
    assert ws_clock.time == 9


async def test_consumers_share_the_events_of_one_subscription(client: RpcClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices"))
    waiting = [asyncio.create_task(events.get(PATIENCE)) for _ in range(3)]
    await peer.synchronise(client)
    client.frame_received(_json(tick(1)), binary=False)
    waiting.pop(0).cancel()
    await peer.send(tick(2))
    assert {event.data for event in await asyncio.gather(*waiting)} == {1, 2}


async def test_an_overflow_is_raised_after_the_events_that_were_kept(
    client: RpcClient, peer: Any
) -> None:
    events = await peer.accept(client.subscribe("prices", max_pending=2))
    await peer.send(tick(1), tick(2), tick(3), tick(4))
    await peer.synchronise(client)
    assert await until_it_raises(events, SubscriptionOverflow) == [1, 2]
    with pytest.raises(SubscriptionOverflow, match="more than 2 events of 'prices'") as raised:
        await anext(events)
    assert (raised.value.channel, raised.value.max_pending) == ("prices", 2)
    await peer.send(tick(5))
    with pytest.raises(SubscriptionOverflow):
        await events.get(PATIENCE)


async def test_a_subscription_that_was_not_entered_says_so(client: RpcClient) -> None:
    with pytest.raises(RuntimeError, match="not subscribed yet"):
        async for _ in client.subscribe("prices"):
            pass
