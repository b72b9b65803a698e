"""What the server is asked as `RpcClient` renews its subscriptions, and how often."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import Gap, RpcClient, Subscription

from .scene import UNAVAILABLE, Scene, at, read, subscribed, tick

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_subscriptions_of_a_channel_share_one_renewal(scene: Scene) -> None:
    ticks = await scene.subscribe("tick", "t*", at=at(7))
    await scene.peer.send(tick("a", 8), tick("b", 9, event="quote"))
    quotes = await scene.subscribe("quote", "tick", at=at(11))
    await scene.lose()
    request = await scene.peer.answer(subscribed(at(13), recovered=True))
    assert request["payload"] == {
        "channel": "prices",
        "event": ["quote", "t*", "tick"],
        "since": at(9),
    }
    await scene.peer.send(
        tick("c", 10), tick("d", 11, event="quote"), tick("e", 12), tick("f", 13, event="quote")
    )
    await scene.synchronise()
    assert await read(ticks) == ["a", "c", "e"]
    assert await read(quotes) == ["e", "f"]
    await scene.peer.nothing_came()
    leaving = await scene.leave(quotes)
    request = await scene.peer.answer({})
    assert request["method"] == "unsubscribe"
    assert request["payload"] == {"channel": "prices", "event": "quote"}
    await leaving


async def test_subscriptions_of_different_epochs_are_renewed_with_a_gap_for_each(
    scene: Scene,
) -> None:
    one = await scene.subscribe("tick", at=at(7))
    other = await scene.subscribe("quote", at=at(2, "f"))
    await scene.lose()
    request = await scene.peer.answer(subscribed(at(5, "f")))
    assert "since" not in request["payload"]
    await scene.synchronise()
    assert await read(one) == await read(other) == [Gap("prices", data=at(5, "f"))]


async def test_every_channel_is_renewed_a_few_at_a_time(scene: Scene) -> None:
    for n in range(20):
        await scene.subscribe(channel=f"c{n}")
    await scene.lose()
    requests = [await scene.peer.take() for _ in range(16)]
    assert {request["method"] for request in requests} == {"subscribe"}
    await scene.peer.nothing_came()
    for request in requests:
        await scene.peer.send({"id": request["id"], "response": subscribed()})
    channels = [request["payload"]["channel"] for request in requests]
    channels += [(await scene.peer.answer(subscribed()))["payload"]["channel"] for _ in range(4)]
    assert channels == [f"c{n}" for n in range(20)]


async def test_entering_waits_until_its_channel_is_renewed(scene: Scene) -> None:
    await scene.subscribe("tick", at=at(7))
    await scene.lose()
    request = await scene.peer.take()
    entering = asyncio.create_task(scene.client.subscribe("prices", "quote").__aenter__())
    await scene.peer.nothing_came()
    await scene.peer.send({"id": request["id"], "response": subscribed(at(9), recovered=True)})
    assert (await scene.peer.answer(subscribed(at(9))))["payload"]["event"] == "quote"
    await entering


async def test_a_server_that_cannot_for_now_is_asked_again(
    scene: Scene, ws_clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    start = ws_clock.time
    with caplog.at_level(logging.INFO, "wsrpc"):
        for _ in range(4):
            request = await scene.peer.answer(error=UNAVAILABLE)
            assert request["payload"]["since"] == at(7)
    call = asyncio.create_task(scene.client.call("unaffected"))
    assert (await scene.peer.answer("yes"))["method"] == "unaffected"
    assert await call == "yes"
    await asyncio.sleep(3)
    await scene.peer.answer(subscribed(at(8), recovered=True), tick("a", 8))
    await scene.synchronise()
    assert await read(events) == ["a"]
    assert ws_clock.time > start
    assert caplog.messages[-1] == (
        "failed to subscribe to 'prices' again, will try on: Service unavailable (-32004)"
    )


async def test_a_loss_while_it_waits_to_ask_again_begins_anew(scene: Scene) -> None:
    await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.answer(error=UNAVAILABLE)
    await scene.peer.synchronise(scene.client)
    await scene.lose()
    assert (await scene.peer.take())["payload"]["since"] == at(7)
    await asyncio.sleep(20)
    await scene.peer.nothing_came()


async def test_a_renewal_without_a_reply_is_tried_on_another_connection(
    scene: Scene, ws_clock: VirtualClock
) -> None:
    await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.take()
    start = ws_clock.time
    await scene.client.until("waiting")
    assert ws_clock.time == pytest.approx(start + 30)
    assert scene.client._keeper.lost.reason.startswith(
        "the subscription to 'prices' was not renewed: no reply to 'subscribe'"
    )
    peer = await scene.scripted.peer()
    assert (await peer.take())["payload"]["since"] == at(7)


async def test_what_on_connect_has_subscribed_is_not_renewed(scripted: Any) -> None:
    entered: list[Subscription] = []

    async def greet(client: RpcClient) -> None:
        entered.append(await client.subscribe("prices", "mine").__aenter__())

    opening = asyncio.ensure_future(RpcClient.connect(scripted.url, on_connect=greet)._connect())
    peer = await scripted.peer()
    await peer.answer(subscribed(at(7)))
    client = await opening
    peer.abort()
    peer = await scripted.peer()
    assert (await peer.answer(subscribed(at(9))))["payload"]["event"] == "mine"
    request = await peer.answer(subscribed(at(9)))
    assert request["payload"] == {"channel": "prices", "event": "mine"}
    await client.until("connected")
    await peer.synchronise(client)
    assert await read(entered[0]) == [Gap("prices", data=at(9))]
    assert await read(entered[1]) == []
    await peer.nothing_came()
    await client.close()


async def test_a_channel_held_already_is_renewed_without_a_position(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    refusal = {
        "code": -32602,
        "message": "Invalid RPC parameters",
        "errors": {"since": "the channel is subscribed already"},
    }
    assert (await scene.peer.answer(error=refusal))["payload"]["since"] == at(7)
    assert "since" not in (await scene.peer.answer(subscribed(at(9))))["payload"]
    await scene.synchronise()
    assert await read(events) == [Gap("prices", data=at(9))]
