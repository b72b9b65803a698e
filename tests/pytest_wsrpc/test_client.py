"""`WsTestClient`: who gets a frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pytest_wsrpc.client import WsTestClient
from wsrpc.client import Event

PATIENCE = 5.0


def tick(data: Any = None, event: str = "tick", channel: str = "prices") -> dict[str, Any]:
    return {"channel": channel, "event": event, "data": data}


@pytest.fixture
async def client(scripted: Any) -> AsyncIterator[WsTestClient]:
    async with WsTestClient.connect(scripted.url) as client:
        yield client


@pytest.fixture
async def peer(scripted: Any, client: WsTestClient) -> Any:
    return await scripted.peer()


async def test_request_returns_the_reply_as_it_came(client: WsTestClient, peer: Any) -> None:
    request = asyncio.create_task(client.request("add", {"a": 1}))
    assert await peer.answer(3) == {"id": 1, "method": "add", "payload": {"a": 1}}
    assert await request == {"id": 1, "method": "add", "response": 3}

    error = {"code": -32603, "message": "Internal error"}
    request = asyncio.create_task(client.request("add"))
    await peer.answer(error=error)
    assert await request == {"id": 2, "method": "add", "error": error}

    request = asyncio.create_task(client.request("add"))
    await peer.answer(neither=True)
    assert await request == {"id": 3, "method": "add", "neither": True}


async def test_raw_messages_are_sent_as_they_are(client: WsTestClient, peer: Any) -> None:
    await client.send_text("no JSON é")
    await client.send_text(b'"\xff"')
    await client.send_bytes(b"\x00")
    await client.send_json([1, None])
    assert [await peer.take() for _ in range(4)] == [
        "no JSON é".encode(),
        b'"\xff"',
        b"\x00",
        [1, None],
    ]


async def test_receive_gives_what_nobody_else_waits_for_in_order(
    client: WsTestClient, peer: Any
) -> None:
    messages = [1, [], {}, {"id": 7, "response": 1}, tick(), b"\x00\xff", {"error": {"code": 1}}]
    await peer.send(*messages)
    assert [await client.receive() for _ in messages] == messages
    assert client.unread == []


async def test_a_text_frame_that_is_no_json_is_a_value_error(
    client: WsTestClient, peer: Any
) -> None:
    await peer.send("no JSON", 1)
    with pytest.raises(ValueError, match="expected JSON in a text frame, got b'no JSON'"):
        await client.receive()
    assert await client.receive() == 1


async def test_a_reply_goes_to_the_call_that_waits_for_it(client: WsTestClient, peer: Any) -> None:
    call = asyncio.create_task(client.call("any"))
    await peer.answer(1, {"id": 1, "response": "again"})
    assert await call == 1
    assert await client.receive() == {"id": 1, "response": "again"}


async def test_a_late_reply_can_be_received(client: WsTestClient, peer: Any) -> None:
    with pytest.raises(TimeoutError):
        await client.request("slow", timeout=0.01)
    await peer.answer("late")
    assert await client.receive() == {"id": 1, "method": "slow", "response": "late"}


async def test_a_call_never_has_the_id_of_a_raw_message(client: WsTestClient, peer: Any) -> None:
    for id in (1, 2, 4, "3", None):
        await client.send_json({"id": id})
        await peer.take()
    requests = [asyncio.create_task(client.request("any")) for _ in range(2)]
    assert [(await peer.answer())["id"] for _ in requests] == [3, 5]
    await asyncio.gather(*requests)


async def test_receive_and_next_event_may_wait_for_ever(client: WsTestClient, peer: Any) -> None:
    waiting = [
        asyncio.create_task(client.receive(timeout=None)),
        asyncio.create_task(client.next_event(timeout=None)),
    ]
    await peer.send(1, tick(2))
    assert await asyncio.gather(*waiting) == [1, Event("prices", "tick", 2)]


async def test_unread_messages_stay_there(client: WsTestClient, peer: Any) -> None:
    await peer.send(tick(), "no JSON", 1)
    await peer.synchronise(client)
    assert client.unread == [tick(), b"no JSON", 1]
    assert await client.receive() == tick()
    assert client.unread == [b"no JSON", 1]


async def test_the_address_is_what_the_server_sees_and_stays_known(
    client: WsTestClient, peer: Any
) -> None:
    assert client.sockname == peer.request.transport.get_extra_info("peername")
    await client.close()
    assert client.sockname[0] == "127.0.0.1"


async def test_next_event_takes_the_first_that_matches_and_leaves_the_rest(
    client: WsTestClient, peer: Any
) -> None:
    await peer.send(tick(1), "x", tick(2, "quote"), tick(3, "tick", "trades"), tick(4), 5)
    assert await client.next_event("trades") == Event("trades", "tick", 3)
    assert await client.next_event(event="q*") == Event("prices", "quote", 2)
    assert await client.next_event("p*", "t*") == Event("prices", "tick", 1)
    assert await client.next_event() == Event("prices", "tick", 4)
    assert client.unread == [b"x", 5]


async def test_next_event_waits(client: WsTestClient, peer: Any) -> None:
    waiting = asyncio.create_task(client.next_event(event="tick", timeout=PATIENCE))
    await peer.send(tick(1, "other"))
    await peer.synchronise(client)
    assert not waiting.done()
    await peer.send(tick(2))
    assert (await waiting).data == 2


async def test_several_may_wait_at_once(client: WsTestClient, peer: Any) -> None:
    ticks = asyncio.create_task(client.next_event(event="tick", timeout=PATIENCE))
    quotes = asyncio.create_task(client.next_event(event="quote", timeout=PATIENCE))
    anything = asyncio.create_task(client.receive(timeout=None))
    await peer.synchronise(client)
    await peer.send(1, tick(2, "quote"), tick(3))
    assert (await ticks).data == 3
    assert (await quotes).data == 2
    assert await anything == 1


async def test_a_message_that_came_while_the_loop_was_held_up_counts(
    client: WsTestClient, peer: Any
) -> None:
    def read() -> None:
        client.frame_received(b'{"channel": "a", "event": "b", "data": 1}', binary=False)

    waiting = asyncio.create_task(client.next_event(timeout=0))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0, read)
    assert await waiting == Event("a", "b", 1)


async def test_open_subscriptions_come_before_the_queue(client: WsTestClient, peer: Any) -> None:
    events = await peer.accept(client.subscribe("prices", "t*"))
    await peer.send(tick(1), tick(2, "quote"))
    assert (await events.get(PATIENCE)).data == 1
    assert (await client.next_event()).data == 2
    leaving = asyncio.create_task(events.__aexit__(None, None, None))
    await peer.answer({}, tick(3))
    await leaving
    assert (await client.next_event("prices", "tick")).data == 3


async def test_a_malformed_pattern_is_a_value_error(client: WsTestClient) -> None:
    with pytest.raises(ValueError, match="not closed"):
        await client.next_event(event="[")


async def test_a_name_in_the_place_of_seconds_is_told_its_own(client: WsTestClient) -> None:
    with pytest.raises(TypeError, match=r"within must be seconds, got 'tick'; .*event=\.\.\."):
        await client.no_event("tick")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="timeout must be seconds, got 'tick'"):
        await client.next_event("prices", "bid", "tick")  # type: ignore[arg-type]


async def test_seconds_in_the_place_of_a_name_are_told_their_own(client: WsTestClient) -> None:
    with pytest.raises(
        TypeError, match=r"channel must be a name or a pattern, got 0.5; .*timeout="
    ):
        await client.next_event(0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="event must be a name or a pattern, got 1"):
        await client.no_event(event=1)  # type: ignore[arg-type]


async def test_no_event_holds_while_none_comes(client: WsTestClient, peer: Any) -> None:
    await peer.send(1, tick(1))
    await peer.synchronise(client)
    await client.no_event(channel="trades")
    await client.no_event(event="quote")
    assert client.unread == [1, tick(1)]
