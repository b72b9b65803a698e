"""A renewal that the server refuses, and what the others are then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import Gap, RpcClient, Subscription
from wsrpc.errors import CannotSubscribe, Forbidden

from .scene import FORBIDDEN, UNAVAILABLE, Scene, at, read, subscribed, tick

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_a_refused_renewal_is_raised_behind_the_events_that_came(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.peer.send(tick("a", 8))
    await scene.lose()
    await scene.peer.answer(error=FORBIDDEN)
    await scene.synchronise()
    assert await read(events) == ["a"]
    with pytest.raises(Forbidden):
        await anext(events)
    assert caplog.messages == ["cannot subscribe to 'prices' again: Forbidden (-32003)"]
    await (await scene.leave(events))
    await scene.lose()
    await scene.peer.nothing_came()


async def test_where_one_is_refused_the_others_are_renewed_by_themselves(scene: Scene) -> None:
    refused = await scene.subscribe("secret", at=at(7))
    first = await scene.subscribe("tick", at=at(7))
    second = await scene.subscribe("quote", at=at(7))
    await scene.lose()
    refusal = {
        "code": -32602,
        "message": "Invalid RPC parameters",
        "errors": {"channel": "Invalid channel"},
    }
    assert len((await scene.peer.answer(error=refusal))["payload"]["event"]) == 3
    assert (await scene.peer.answer(error=refusal))["payload"]["event"] == "secret"
    assert (await scene.peer.answer(error=UNAVAILABLE))["payload"]["event"] == "tick"
    await asyncio.sleep(1)
    assert (await scene.peer.answer(error=refusal))["payload"]["event"] == ["quote", "tick"]
    request = await scene.peer.answer(subscribed(at(9), recovered=True), tick("a", 8))
    assert (request["payload"]["event"], request["payload"]["since"]) == ("tick", at(7))
    request = await scene.peer.answer(subscribed(at(9)))
    assert request["payload"] == {"channel": "prices", "event": "quote"}
    await scene.synchronise()
    with pytest.raises(CannotSubscribe):
        await anext(refused)
    assert await read(first) == ["a"]
    assert await read(second) == [Gap("prices", data=at(9))]


async def test_a_reply_to_a_renewal_that_is_none_of_the_protocol_is_raised(scene: Scene) -> None:
    events = await scene.subscribe()
    await scene.lose()
    request = await scene.peer.take()
    await scene.peer.send({"id": request["id"]})
    with pytest.raises(ValueError, match="expected a reply with a response or an error"):
        await anext(events)


async def test_a_renewal_that_is_refused_where_more_is_held_forgets_nothing(
    scripted: Any,
) -> None:
    mine: list[Subscription] = []

    async def greet(client: RpcClient) -> None:
        if mine:
            mine.append(await client.subscribe("prices", "other").__aenter__())

    async with RpcClient.connect(scripted.url, on_connect=greet) as client:
        peer = await scripted.peer()
        mine.append(await peer.accept(client.subscribe("prices", "mine")))
        peer.abort()
        peer = await scripted.peer()
        await peer.answer(subscribed())
        await peer.answer(error=FORBIDDEN)
        with pytest.raises(Forbidden):
            await anext(mine[0])
        leaving = asyncio.create_task(mine[1].__aexit__(None, None, None))
        assert (await peer.answer({}))["payload"]["event"] == "other"
        await leaving
