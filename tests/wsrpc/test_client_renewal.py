"""Subscriptions of `RpcClient` over a loss: what the server is asked, and what comes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import Event, Gap, Position, Reconnect, RpcClient, Subscription
from wsrpc.errors import CannotSubscribe, ConnectionClosed, Forbidden

pytestmark = pytest.mark.wsrpc(clock="virtual")

UNAVAILABLE = {"code": -32004, "message": "Service unavailable"}
FORBIDDEN = {"code": -32003, "message": "Forbidden"}


def at(offset: int, epoch: str = "e") -> dict[str, Any]:
    return {"epoch": epoch, "offset": offset}


def tick(data: Any, offset: int | None = None, event: str = "tick") -> dict[str, Any]:
    message = {"channel": "prices", "event": event, "data": data}
    return message if offset is None else message | {"offset": offset}


def subscribed(position: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    positions = {} if position is None else {"positions": {"prices": position}}
    return {"subscribed": {}} | positions | more


async def read(events: Subscription) -> list[Any]:
    """Return what waits in a subscription: the data of events, and gaps."""
    got = [await events.get() for _ in range(events.pending)]
    return [event if isinstance(event, Gap) else event.data for event in got]


class Scene:
    """One client, and the server's end of its connection."""

    def __init__(self, scripted: Any, client: RpcClient, peer: Any) -> None:
        self.scripted = scripted
        self.client = client
        self.peer = peer

    async def subscribe(self, *patterns: str, at: Any = None, channel: str = "prices") -> Any:
        """Enter a subscription that the server says begins at a position."""
        subscription = self.client.subscribe(channel, *patterns)
        entering = asyncio.create_task(subscription.__aenter__())
        await self.peer.answer(subscribed(at))
        return await entering

    async def leave(self, events: Any) -> asyncio.Task[None]:
        leaving = asyncio.create_task(events.__aexit__(None, None, None))
        await asyncio.sleep(0)
        return leaving

    async def lose(self) -> None:
        """Break the connection, and wait for the next one."""
        await self.down()
        self.peer = await self.scripted.peer()

    async def down(self) -> None:
        self.peer.abort()
        await self.client.until("waiting")

    async def synchronise(self) -> None:
        await self.client.until("connected")
        await self.peer.synchronise(self.client)


@pytest.fixture
async def scene(scripted: Any) -> AsyncIterator[Scene]:
    async with RpcClient.connect(scripted.url, reconnect=Reconnect(calls="wait")) as client:
        yield Scene(scripted, client, await scripted.peer())
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []


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


async def test_what_is_left_before_it_is_asked_for_again_is_not_asked_for(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.answer(error=UNAVAILABLE)
    await scene.peer.synchronise(scene.client)
    await (await scene.leave(events))
    await asyncio.sleep(60)
    await scene.peer.nothing_came()


async def test_a_loss_while_it_waits_to_ask_again_begins_anew(scene: Scene) -> None:
    await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.answer(error=UNAVAILABLE)
    await scene.peer.synchronise(scene.client)
    await scene.lose()
    assert (await scene.peer.take())["payload"]["since"] == at(7)
    await asyncio.sleep(20)
    await scene.peer.nothing_came()


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


async def test_closing_ends_renewals_and_subscriptions(scene: Scene) -> None:
    events = await scene.subscribe(at=at(7))
    await scene.lose()
    await scene.peer.take()
    await scene.client.close()
    assert [event async for event in events] == []
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []


async def test_a_gap_has_the_offset_and_name_of_none(scene: Scene) -> None:
    gap = Gap("prices")
    assert isinstance(gap, Event)
    assert (gap.event, gap.data, gap.offset) == ("wsrpc.gap", None, None)
    assert repr(gap) == "Gap(channel='prices', event='wsrpc.gap', data=None)"
    assert gap != Event("prices", "wsrpc.gap", None)
