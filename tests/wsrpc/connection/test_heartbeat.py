"""Pings: who does not answer them is gone."""

from __future__ import annotations

import pytest

from wsrpc import Limits

TEXT, PING, PONG = 1, 9, 10


@pytest.fixture
def beating(logged):
    class Beating(logged):
        limits = Limits(heartbeat=10)

    return Beating


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_answers_no_ping_is_dropped(serve, beating, until, ws_clock):
    server = await serve(beating)
    client = await server.connect_raw()
    view = await server.view()
    client.call("wait")

    assert (await client.recv())[0] == PING
    assert ws_clock.time == 10
    await client.ended()
    assert ws_clock.time == 15
    await until(lambda: view.log == ["call ended", "on_disconnect"])


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_answers_pings_stays(serve, beating, ws_clock):
    server = await serve(beating)
    client = await server.connect_raw()
    view = await server.view()
    for n in range(360):
        opcode, data = await client.recv()
        assert (opcode, ws_clock.time) == (PING, 10 * (n + 1))
        client.send(data, PONG)
    client.call("echo")

    assert (await client.recv())[0] == TEXT
    assert not view.closed


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_sends_something_is_not_pinged_meanwhile(serve, beating, ws_clock):
    client = await (await serve(beating)).connect_raw()
    for _ in range(10):
        client.call("echo")
        assert (await client.recv())[0] == TEXT
        await ws_clock.advance(4)

    assert (await client.recv())[0] == PING
    assert ws_clock.time == 9 * 4 + 10


async def test_a_client_that_neither_reads_nor_answers_pings_is_dropped(serve, logged, until):
    class Quick(logged):
        limits = Limits(heartbeat=0.1)

    server = await serve(Quick)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    for n in range(100):
        client.call("large", {"size": 1_000_000}, id=n)

    await until(lambda: view.log == ["on_disconnect"])
    assert view.closed
    assert not server.broker.sockets
