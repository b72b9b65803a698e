"""`WsTestClient`: what a person reads when something does not come."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pytest_wsrpc.client import WsTestClient
from wsrpc import failures
from wsrpc.errors import BrokerUnavailable, ConnectionClosed, InternalError
from wsrpc.failures import Failure

PATIENCE = 5.0


def tick(data: Any = None, event: str = "tick", channel: str = "prices") -> dict[str, Any]:
    return {"channel": channel, "event": event, "data": data}


def timeless(text: str) -> str:
    """Return a conversation with all its times as zero."""
    return re.sub(r"\+[0-9]+\.[0-9]{3} s", "+0.000 s", text)


def fails(client: WsTestClient, error: BaseException, id: Any = None, where: str = "") -> None:
    """Tell the client of an exception of the server, as the harness does."""
    where = where or f"call {id}"
    client.server_failed(Failure(error, where, request_id=id))


@pytest.fixture
async def client(scripted: Any) -> AsyncIterator[WsTestClient]:
    async with WsTestClient.connect(scripted.url) as client:
        yield client


@pytest.fixture
async def peer(scripted: Any, client: WsTestClient) -> Any:
    return await scripted.peer()


async def test_a_reply_that_does_not_come_shows_the_conversation(
    client: WsTestClient, peer: Any
) -> None:
    with pytest.raises(TimeoutError) as raised:
        await client.request("slow", timeout=0.01)
    assert timeless(str(raised.value)) == (
        "no reply to 'slow' (id 1) came within 0.01 s\n"
        f"ws_client  {client.url}\n"
        "  +0.000 s  connected\n"
        '  +0.000 s  > {"id":1,"method":"slow"}'
    )


async def test_a_message_that_does_not_come_shows_the_conversation(client: WsTestClient) -> None:
    with pytest.raises(TimeoutError) as raised:
        await client.receive(timeout=0.01)
    assert timeless(str(raised.value)) == (
        f"no message came within 0.01 s\nws_client  {client.url}\n  +0.000 s  connected"
    )


async def test_an_event_that_does_not_come_shows_what_came_instead(
    client: WsTestClient, peer: Any
) -> None:
    await peer.accept(client.subscribe("prices", "tick"))
    await peer.send(*range(6), tick(1, "t\x1b[0m"))
    await peer.synchronise(client)
    with pytest.raises(TimeoutError) as raised:
        await client.next_event("prices", "tick", timeout=0.01)
    assert timeless(str(raised.value)).splitlines()[:10] == [
        "the event 'tick' of channel 'prices' did not come within 0.01 s",
        "unread messages:",
        *(f"  {n}" for n in range(5)),
        "  ... and 2 more",
        "events that match go to <Subscription 'prices': 'tick', 0 pending>",
        f"ws_client  {client.url}",
    ]


@pytest.mark.parametrize(
    ("channel", "event", "awaited"),
    [
        (None, None, "an event"),
        ("prices", None, "an event of channel 'prices'"),
        (None, "tick", "the event 'tick'"),
    ],
)
async def test_an_event_that_does_not_come_is_named(
    client: WsTestClient, channel: str | None, event: str | None, awaited: str
) -> None:
    with pytest.raises(
        TimeoutError, match=f"^{awaited} did not come within 0 s\nthere is no unread message\n"
    ):
        await client.next_event(channel, event, timeout=0)


async def test_no_event_fails_with_the_event_that_came(client: WsTestClient, peer: Any) -> None:
    waiting = asyncio.create_task(client.no_event(within=PATIENCE))
    await peer.send(tick({"bid": 1}))
    with pytest.raises(AssertionError) as raised:
        await waiting
    assert timeless(str(raised.value)) == (
        "expected no event within 5 s, "
        "got Event(channel='prices', event='tick', data={'bid': 1})\n"
        f"ws_client  {client.url}\n"
        "  +0.000 s  connected\n"
        '  +0.000 s  < {"channel": "prices", "event": "tick", "data": {"bid": 1}}'
    )
    with pytest.raises(AssertionError, match="expected no event"):
        await client.no_event()


async def test_an_operation_on_a_closed_connection_raises_its_close_code(
    client: WsTestClient, peer: Any
) -> None:
    await peer.send(tick(1))
    await peer.ws.close(code=1013, message=b"too slow")
    assert (await client.next_event()).data == 1
    operations = [
        client.receive(),
        client.next_event(),
        client.no_event(),
        client.request("any"),
        client.call("any"),
        client.send_text("text"),
        client.send_json(1),
        client.send_bytes(b"bytes"),
    ]
    for operation in operations:
        with pytest.raises(ConnectionClosed, match="code 1013, too slow") as raised:
            await operation
        (note,) = raised.value.__notes__
        assert timeless(note) == (
            f"ws_client  {client.url}\n"
            "  +0.000 s  connected\n"
            '  +0.000 s  < {"channel": "prices", "event": "tick", "data": 1}\n'
            "  +0.000 s  closed 1013 by the server: too slow"
        )
    assert client.close_code == 1013


async def test_who_waits_for_a_message_learns_of_the_end(client: WsTestClient, peer: Any) -> None:
    waiting = [
        asyncio.create_task(client.receive(timeout=PATIENCE)),
        asyncio.create_task(client.next_event(timeout=PATIENCE)),
        asyncio.create_task(client.no_event(within=PATIENCE)),
    ]
    await peer.synchronise(client)
    peer.abort()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ConnectionClosed)
        assert result.code == 1006


async def test_the_transcript_has_all_that_was_said(scripted: Any) -> None:
    async with WsTestClient.connect(scripted.url, name="alice") as client:
        peer = await scripted.peer()
        call = asyncio.create_task(client.call("add", {"a": 1}))
        await peer.answer(3)
        await call
        await client.send_bytes(b"\x00")
        await client.send_text(b"\xff")
        await peer.send(b"\x01")
        await client.receive()
        fails(client, ValueError("no"), where="on_disconnect")
    assert client.transcript.name == client.name == "alice"
    assert timeless(client.transcript.render()).splitlines() == [
        f"alice  {client.url}",
        "  +0.000 s  connected",
        '  +0.000 s  > {"id":1,"method":"add","payload":{"a":1}}',
        '  +0.000 s  < {"id": 1, "method": "add", "response": 3}',
        "  +0.000 s  > 1 byte, binary: b'\\x00'",
        "  +0.000 s  > \\xff",
        "  +0.000 s  < 1 byte, binary: b'\\x01'",
        "  +0.000 s  ! ValueError: no  (on_disconnect)",
        "  +0.000 s  closed 1000",
    ]


@pytest.mark.parametrize(("code", "raises"), [(-32603, InternalError), (-32004, BrokerUnavailable)])
async def test_an_error_raised_by_a_call_carries_the_servers_exception(
    client: WsTestClient, peer: Any, code: int, raises: type[Exception]
) -> None:
    cause, other = ZeroDivisionError("division by zero"), ValueError("of another call")
    call = asyncio.create_task(client.call("div"))
    request = await peer.take()
    fails(client, other, "1")
    fails(client, cause, 1)
    assert client.server_errors == [other, cause]
    await peer.send({"id": request["id"], "error": {"code": code, "message": "no"}})
    with pytest.raises(raises) as raised:
        await call
    assert raised.value.__cause__ is cause
    assert client.server_errors == [other]
    assert "! ZeroDivisionError: division by zero  (call 1, id 1)" in client.transcript.render()


async def test_an_error_without_an_exception_has_no_cause(client: WsTestClient, peer: Any) -> None:
    call = asyncio.create_task(client.call("div"))
    await peer.answer(error={"code": -32602, "message": "no"})
    with pytest.raises(Exception, match="no") as raised:
        await call
    assert raised.value.__cause__ is None


async def test_an_exception_counts_as_shown_when_its_reply_was_read(
    client: WsTestClient, peer: Any
) -> None:
    error = {"code": -32603, "message": "Internal error"}
    request = asyncio.create_task(client.request("div"))
    await peer.take()
    fails(client, ValueError("first"), 1)
    await peer.send({"id": 1, "error": error})
    await request
    assert client.server_errors == []

    for id in ("a", "b"):
        fails(client, ValueError("second"), id)
        await peer.send({"id": id, "error": error})
    await client.receive()
    assert len(client.server_errors) == 1
    await client.receive()
    assert client.server_errors == []


async def test_an_exception_stays_where_no_error_reply_stands_for_it(
    client: WsTestClient, peer: Any
) -> None:
    hook, twin = ValueError("of a hook"), ValueError("of a hook")
    fails(client, hook, where="hook unsubscribe")
    fails(client, twin, 1)
    request = asyncio.create_task(client.request("any"))
    await peer.answer("fine", {"error": {"code": 1, "message": "no"}})
    await request
    await client.receive()
    assert client.server_errors == [hook, twin]
    client.server_errors.clear()


async def test_failures_of_the_library_are_told_by_listening(client: WsTestClient) -> None:
    error = ValueError("no")
    with failures.listen(client.server_failed):
        failures.report(logging.getLogger("wsrpc.tests"), Failure(error, "on_disconnect"))
    assert client.server_errors == [error]
