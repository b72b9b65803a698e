"""What a subscription gets over a loss: what it missed, or a gap."""

from __future__ import annotations

from typing import Any

import pytest

from wsrpc import Event, Gap, Position

from .scene import Scene, at, read, subscribed, tick

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_a_subscription_is_renewed_from_the_last_event(scene: Scene) -> None:
    events = await scene.subscribe("tick", at=at(7))
    assert events.position == Position("e", 7)
    await scene.peer.send(tick("a", 8), tick("b", 11))
    await scene.lose()
    request = await scene.peer.answer(subscribed(at(14), recovered=True))
    assert request["method"] == "subscribe"
    assert request["payload"] == {"channel": "prices", "event": "tick", "since": at(11)}
    await scene.peer.send(tick("c", 12), tick("d", 14), tick("e", 15))
    await scene.synchronise()
    assert await read(events) == ["a", "b", "c", "d", "e"]


async def test_recovery_that_is_cut_goes_on_where_it_was_cut(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.answer(subscribed(at(20), recovered=True), tick("a", 8))
    await scene.lose()
    assert (await scene.peer.take())["payload"]["since"] == at(8)
    assert await read(events) == ["a"]


async def test_what_cannot_be_recovered_is_a_gap(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.peer.send(tick("a", 8))
    await scene.lose()
    await scene.peer.answer(subscribed(at(20, "f"), recovered=False), tick("b", 21))
    await scene.synchronise()
    assert await read(events) == ["a", Gap("prices", data=at(20, "f")), "b"]
    assert caplog.messages == ["events of 'prices' may be missing"]
    await scene.lose()
    assert (await scene.peer.take())["payload"]["since"] == at(21, "f")


async def test_without_a_history_each_loss_is_a_gap(scene: Scene) -> None:
    events = await scene.subscribe()
    await scene.peer.send(tick("a"))
    await scene.lose()
    request = await scene.peer.answer(subscribed(), tick("b"))
    assert request["payload"] == {"channel": "prices", "event": "*"}
    await scene.synchronise()
    assert await read(events) == ["a", Gap("prices"), "b"]
    assert events.position is None


async def test_gaps_without_an_event_between_them_are_one(scene: Scene) -> None:
    events = await scene.subscribe()
    for _ in range(3):
        await scene.lose()
        await scene.peer.answer(subscribed())
        await scene.synchronise()
    assert await read(events) == [Gap("prices")]


async def test_a_claim_to_have_recovered_what_nobody_asked_for_is_a_gap(scene: Scene) -> None:
    events = await scene.subscribe()
    await scene.lose()
    await scene.peer.answer(subscribed(at(3), recovered=True))
    await scene.synchronise()
    assert await read(events) == [Gap("prices", data=at(3))]


@pytest.mark.parametrize("answer", [None, [], {"positions": []}, {"positions": {"prices": "e"}}])
async def test_a_reply_of_another_form_is_one_without_positions(scene: Scene, answer: Any) -> None:
    events = await scene.subscribe(at=at(1))
    await scene.lose()
    await scene.peer.answer(answer)
    await scene.synchronise()
    assert await read(events) == [Gap("prices")]
    assert events.position is None


async def test_a_gap_on_the_connection_moves_the_position(scene: Scene) -> None:
    events = await scene.subscribe("tick", at=at(7))
    await scene.peer.send(tick(at(5, "f"), event="wsrpc.gap"), tick("a", 6))
    await scene.peer.synchronise(scene.client)
    assert await read(events) == [Gap("prices", data=at(5, "f")), "a"]
    assert events.position == Position("f", 6)


async def test_a_position_on_the_connection_is_no_event(scene: Scene) -> None:
    events = await scene.subscribe("tick", at=at(7))
    await scene.peer.send(
        tick(at(50), event="wsrpc.position"),
        tick(at(40), event="wsrpc.position"),
        tick(at(-1), event="wsrpc.position"),
    )
    await scene.peer.synchronise(scene.client)
    assert await read(events) == []
    assert events.position == Position("e", 50)


async def test_a_position_where_there_was_none_is_kept(scene: Scene) -> None:
    events = await scene.subscribe()
    await scene.peer.send(tick("a", 2), tick(at(2), event="wsrpc.position"), tick("b", 3))
    await scene.peer.synchronise(scene.client)
    assert await read(events) == ["a", "b"]
    assert events.position == Position("e", 3)


async def test_a_position_of_another_epoch_is_a_gap(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.peer.send(tick(at(3, "f"), event="wsrpc.position"), tick("a", 4))
    await scene.peer.synchronise(scene.client)
    assert await read(events) == [Gap("prices", data=at(3, "f")), "a"]


async def test_events_that_came_already_do_not_come_again(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.peer.send(tick("old", 7), tick("a", 8), tick("a", 8), tick("b", 9))
    await scene.peer.synchronise(scene.client)
    assert await read(events) == ["a", "b"]


async def test_a_gap_has_the_offset_and_name_of_none(scene: Scene) -> None:
    gap = Gap("prices")
    assert isinstance(gap, Event)
    assert (gap.event, gap.data, gap.offset) == ("wsrpc.gap", None, None)
    assert repr(gap) == "Gap(channel='prices', event='wsrpc.gap', data=None)"
    assert gap != Event("prices", "wsrpc.gap", None)
