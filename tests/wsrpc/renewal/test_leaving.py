"""Subscriptions that are entered or left while the connection is lost or they are renewed."""

from __future__ import annotations

import asyncio

import pytest

from wsrpc import Gap
from wsrpc.errors import ConnectionClosed

from .scene import UNAVAILABLE, Scene, at, read, subscribed, tick

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_what_was_left_or_overflowed_is_not_renewed(scene: Scene) -> None:
    kept = await scene.subscribe("kept")
    left = await scene.subscribe("left")
    full = scene.client.subscribe("prices", "full", max_pending=1)
    await scene.peer.accept(full)
    await scene.peer.send(tick(1, event="full"), tick(2, event="full"))
    await scene.down()
    await (await scene.leave(left))
    scene.peer = await scene.scripted.peer()
    assert (await scene.peer.answer(subscribed()))["payload"]["event"] == "kept"
    await scene.synchronise()
    await (await scene.leave(full))
    await scene.peer.nothing_came()
    assert await read(kept) == [Gap("prices")]


async def test_what_is_left_while_it_is_renewed_is_unsubscribed(scene: Scene) -> None:
    events = await scene.subscribe("tick", at=at(7))
    await scene.lose()
    request = await scene.peer.take()
    leaving = await scene.leave(events)
    assert (await scene.peer.take())["method"] == "unsubscribe"
    await scene.peer.send({"id": request["id"], "response": subscribed(at(9))})
    await scene.peer.send({"id": request["id"] + 1, "response": {}})
    await leaving
    assert [event async for event in events] == []


async def test_leaving_that_is_cut_is_over(scene: Scene) -> None:
    events = await scene.subscribe()
    leaving = await scene.leave(events)
    await scene.peer.take()
    await scene.lose()
    await leaving
    await scene.peer.nothing_came()


async def test_a_cancelled_body_leaves_nothing_while_the_connection_is_down(scene: Scene) -> None:
    async def use() -> None:
        async with scene.client.subscribe("prices") as events:
            await events.get()

    using = asyncio.create_task(use())
    await scene.peer.answer(subscribed())
    await scene.peer.synchronise(scene.client)
    await scene.down()
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    await (await scene.scripted.peer()).nothing_came()


async def test_an_entering_that_is_cut_fails_and_is_not_repeated(scene: Scene) -> None:
    entering = asyncio.create_task(scene.client.subscribe("prices").__aenter__())
    await scene.peer.take()
    await scene.lose()
    with pytest.raises(ConnectionClosed) as raised:
        await entering
    assert raised.value.sent
    await scene.peer.nothing_came()


async def test_an_entering_cancelled_on_another_connection_unsubscribes_nothing(
    scene: Scene,
) -> None:
    await scene.down()
    entering = asyncio.create_task(scene.client.subscribe("prices").__aenter__())
    await asyncio.sleep(0)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    await (await scene.scripted.peer()).nothing_came()


async def test_what_is_left_before_it_is_asked_for_again_is_not_asked_for(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.answer(error=UNAVAILABLE)
    await scene.peer.synchronise(scene.client)
    await (await scene.leave(events))
    await asyncio.sleep(60)
    await scene.peer.nothing_came()


async def test_closing_ends_renewals_and_subscriptions(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.take()
    await scene.client.close()
    assert [event async for event in events] == []
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []
