"""Clients that read late, or never."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest

from wsrpc import Limits, LocalBroker, connection

TEXT, CLOSE = 1, 8


async def test_a_client_that_was_not_reading_still_gets_what_was_sent_before_the_close(
    serve, logged, until, monkeypatch
):
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.01)
    server = await serve(logged)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    await view.send_event("c", "e", "x" * 8_000_000)  # more than the kernel's buffers take
    await view.close(4000)
    await until(lambda: view.log == ["on_disconnect"])

    opcode, event = await client.recv()
    assert (opcode, len(json.loads(event)["data"])) == (TEXT, 8_000_000)
    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_does_not_read_is_no_longer_read_from_and_goes_on_when_it_reads(
    serve, logged, ws_clock
):
    class Patient(logged):
        limits = Limits(heartbeat=None)
        count = 0

        async def ws_rpc_count(self, payload):
            self.count += 1
            if payload["wait"]:
                await asyncio.sleep(0)
            return "x" * 100_000

    server = await serve(Patient)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    total = 1000
    for n in range(total):
        client.call("count", {"wait": n % 3 == 0}, id=n)
    await ws_clock.settle()
    before = view.count
    await ws_clock.advance(3600)
    assert view.count == before < total
    assert view._wsrpc._outbox.size < 4 * 1024 * 1024

    ids = [(await client.reply())["id"] for _ in range(total)]
    assert sorted(ids) == list(range(total))


async def test_a_client_that_is_too_slow_for_its_events_is_closed_with_1013(
    serve, logged, until, caplog
):
    class Small(logged):
        limits = Limits(outbox_size=10_000)

    server = await serve(Small)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    for _ in range(2):
        await view.send_event("c", "e", "x" * 8_000_000)  # more than the kernel's buffers take
    await until(lambda: view not in server.broker.sockets)

    for _ in range(2):
        assert (await client.recv())[0] == TEXT
    opcode, body = await client.recv()
    assert (opcode, body) == (CLOSE, struct.pack("!H", 1013) + b"reads too slowly")
    assert f"websocket {view.socket_id} reads too slowly: closed" in caplog.text


async def test_large_replies_and_an_event_do_not_close_a_client_that_reads(serve, logged):
    class Subscribed(logged):
        async def on_connect(self):
            await self.subscribe("c")

    server = await serve(Subscribed, LocalBroker())
    client = await server.connect(max_msg_size=0)

    for _ in range(3):
        await client.send({"id": 1, "method": "large", "payload": {"size": 20_000_000}})
        await server.broker.publish("c", "e", 1)
    replies = [await client.recv() for _ in range(6)]

    assert sorted("event" in reply for reply in replies) == [False] * 3 + [True] * 3


async def test_a_client_that_reads_nothing_gets_no_more_answered_than_its_outbox_holds(
    serve, logged, until
):
    class Counting(logged):
        answered = 0

        async def ws_rpc_large(self, payload):
            self.answered += 1
            return await super().ws_rpc_large(payload)

    server = await serve(Counting)
    client = await server.connect_raw()
    view = await server.view()
    client.writer.transport.pause_reading()
    frames = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.writer, "write", frames.append)
        for n in range(60):
            client.call("large", {"size": 500_000}, id=n)
    client.writer.write(b"".join(frames))  # so that one read finds them all

    await until(lambda: view._wsrpc._request.protocol.writing_paused)
    for _ in range(100):
        await asyncio.sleep(0)
    # what the outbox holds, and what the kernel's buffers take
    assert view.answered * 500_000 < 16 * Limits.outbox_size
    client.abort()
