"""A link that stalls or is half-open, as the client and the server see it."""

import asyncio

import pytest
from aiohttp import web

from pytest_wsrpc.network import NetworkLink

CALM = 30
"""Seconds in which whatever is awaited has happened, on a machine that does other things too."""


def now():
    return asyncio.get_running_loop().time()


async def test_a_stall_holds_both_directions_until_it_is_healed(serve, connected, nothing):
    peer, ws, link = await connected(serve)
    with link.stall() as stalled:
        for number in range(3):
            await ws.send_str(f"there {number}")
            await peer.sockets[0].send_str(f"back {number}")
        await nothing(ws.receive())
        assert not peer.received
        assert link.faults == (stalled,)

    await peer.until(lambda: len(peer.received) == 3)
    assert peer.received == ["there 0", "there 1", "there 2"]
    assert [(await ws.receive(CALM)).data for _ in range(3)] == ["back 0", "back 1", "back 2"]
    assert link.faults == ()


@pytest.mark.parametrize("direction", ["sent", "received"])
async def test_a_stall_of_one_direction_leaves_the_other(serve, direction, connected, nothing):
    peer, ws, link = await connected(serve)
    link.stall(direction=direction)
    await ws.send_str("there")
    await peer.sockets[0].send_str("back")
    if direction == "sent":
        assert (await ws.receive(CALM)).data == "back"
        assert not peer.received
    else:
        await peer.until(lambda: peer.received)
        await nothing(ws.receive())


async def test_a_stalled_link_pauses_a_writer_until_it_is_healed(serve, connected, nothing):
    peer, ws, link = await connected(serve)
    stalled = link.stall()
    sent = 0

    async def send():
        nonlocal sent
        for _ in range(100):
            await ws.send_bytes(bytes(10_000))
            sent += 1

    sending = asyncio.create_task(send())
    await nothing(asyncio.shield(sending))
    assert 6 < sent < 40

    stalled.heal()
    await asyncio.wait_for(sending, CALM)
    await peer.until(lambda: len(peer.received) == 100)


async def test_an_end_waits_behind_what_is_stalled(serve, connected, nothing):
    peer, ws, link = await connected(serve)
    with link.stall():
        await ws.send_str("last")
        closing = asyncio.create_task(ws.close())
        await nothing(asyncio.shield(closing))
        assert not peer.ends
    await asyncio.wait_for(closing, CALM)
    await peer.until(lambda: peer.ends)
    assert peer.received == ["last"]
    assert peer.ends == [("CLOSE", 1000, None)]


def test_a_stalled_client_is_noticed_by_the_heartbeat_of_the_server(virtually):
    async def test(serve):
        ended = []

        async def handler(request):
            ws = web.WebSocketResponse(heartbeat=10)
            await ws.prepare(request)
            async for _ in ws:
                pass
            ended.append((now(), ws.close_code))
            return ws

        app = web.Application()
        app.router.add_get("/", handler)
        served = await serve(app)
        _, link = await served.linked()
        link.stall()
        await asyncio.sleep(60)
        assert [code for _, code in ended] == [1006]
        assert 10 <= ended[0][0] <= 20

    virtually(test)


async def test_on_a_half_open_link_everything_vanishes_and_nobody_is_told(
    serve, connected, nothing
):
    peer, ws, link = await connected(serve)
    gone = link.half_open()
    await ws.send_str("there")
    await peer.sockets[0].send_str("back")
    await nothing(ws.receive())
    assert not peer.received
    assert not peer.ends
    assert not ws.closed

    gone.heal()
    await ws.send_str("there again")
    await peer.sockets[0].send_str("back again")
    await peer.until(lambda: peer.received)
    assert peer.received == ["there again"]
    assert (await ws.receive(CALM)).data == "back again"


async def test_nobody_is_told_of_the_end_of_a_half_open_connection_until_it_heals(
    serve, connected, nothing
):
    peer, ws, link = await connected(serve)
    with link.half_open():
        ws._response.connection.transport.abort()
        await nothing(peer.until(lambda: peer.ends))
    await peer.until(lambda: peer.ends)


async def test_what_nobody_acknowledges_pauses_its_writer(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    fault = link.half_open()
    client.transport.write(b"")
    client.transport.write(b"x" * 150_000)
    assert client.told == ["pause"]
    assert client.transport.get_write_buffer_size() == 150_000 - 64 * 1024
    fault.heal()
    assert client.told == ["pause", "resume"]
    client.transport.write(b"later")
    await server.until_received(5)
    assert server.received == b"later"


async def test_a_server_that_keeps_half_open_connections_still_ends_the_client(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    server.keeps_open = True
    link.close(1012)
    await server.until_told("eof")
    server.transport.write(b"rest")
    server.transport.write_eof()
    await client.until_told("lost")
    assert client.received == b"rest\x88\x02\x03\xf4"
