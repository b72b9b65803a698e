"""A link that breaks or closes the connection, as the client and the server see it."""

import asyncio
import socket

import aiohttp
import pytest

from pytest_wsrpc.network import NetworkLink
from wsrpc.errors import ConnectionClosed

CALM = 30
"""Seconds in which whatever is awaited has happened, on a machine that does other things too."""


async def test_a_reset_ends_both_sides_with_1006_and_an_error(serve, connected):
    peer, ws, link = await connected(serve)
    waiting = asyncio.create_task(ws.receive())
    await asyncio.sleep(0)
    link.reset()

    assert (await asyncio.wait_for(waiting, CALM)).type is aiohttp.WSMsgType.CLOSED
    assert ws.close_code == 1006
    await peer.until(lambda: peer.ends)
    assert [end[:2] for end in peer.ends] == [("CLOSED", 1006)]


async def test_a_reset_is_a_connection_reset_error_for_both_ends(pair):
    client, server = pair
    if not hasattr(client.transport, "_peer"):
        pytest.skip("asyncio's own sockets have no link")
    link = NetworkLink(client.transport, client.transport._peer)
    client.transport.write(b"on its way")
    link.reset()
    link.reset()

    await client.until_told("lost")
    await server.until_told("lost")
    for end in (client, server):
        assert isinstance(end.error, ConnectionResetError)
        assert end.states == ["lost"]


async def test_a_reset_comes_through_a_stall(serve, connected):
    peer, ws, link = await connected(serve)
    link.stall()
    link.latency(60)
    await ws.send_str("never arrives")
    link.reset()
    assert (await ws.receive(CALM)).type is aiohttp.WSMsgType.CLOSED
    await peer.until(lambda: peer.ends)
    assert not peer.received
    assert link.faults == ()


async def test_an_rpc_client_learns_of_a_reset(serve, rpc_client):
    client, ended = await rpc_client(serve)
    client.link.reset()
    with pytest.raises(ConnectionClosed) as raised:
        await client.call("echo", {})
    assert raised.value.code == 1006
    await asyncio.wait_for(ended.wait(), CALM)


async def test_a_close_1006_is_an_end_of_file_for_both_sides(serve, connected):
    peer, ws, link = await connected(serve)
    await peer.sockets[0].send_str("said before")
    link.close()
    assert (await ws.receive(CALM)).data == "said before"
    assert (await ws.receive(CALM)).type is aiohttp.WSMsgType.CLOSED
    assert ws.close_code == 1006
    await peer.until(lambda: peer.ends)
    assert [end[:2] for end in peer.ends] == [("CLOSED", 1006)]


@pytest.mark.parametrize(("code", "reason"), [(1012, "restarting"), (4000, ""), (1001, "x" * 123)])
async def test_a_close_with_a_code_is_a_close_frame_for_the_client_only(
    serve, code, reason, connected
):
    peer, ws, link = await connected(serve)
    await ws.send_str("sent before")
    await peer.sockets[0].send_str("said before")
    link.close(code, reason)
    await ws.send_str("sent after")

    assert (await ws.receive(CALM)).data == "said before"
    message = await ws.receive(CALM)
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert (message.data, message.extra) == (code, reason)
    await peer.until(lambda: peer.ends)
    assert [end[:2] for end in peer.ends] == [("CLOSED", 1006)]
    assert peer.received == ["sent before"]


async def test_a_close_frame_follows_what_is_on_its_way(serve, connected):
    peer, ws, link = await connected(serve)
    sending = asyncio.create_task(peer.sockets[0].send_bytes(bytes(3_000_000)))
    await asyncio.sleep(0)
    link.close(1012)
    assert len((await ws.receive(CALM)).data) == 3_000_000
    assert (await ws.receive(CALM)).data == 1012
    await asyncio.wait([sending])


async def test_a_close_heals_what_holds_it_up(serve, connected):
    peer, ws, link = await connected(serve)
    link.stall()
    await ws.send_str("held back")
    await peer.sockets[0].send_str("held back too")
    link.close(1013)
    assert (await ws.receive(CALM)).data == "held back too"
    assert (await ws.receive(CALM)).data == 1013
    await peer.until(lambda: peer.ends)
    assert peer.received == ["held back"]


async def test_a_close_reaches_a_server_that_does_not_read(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    server.transport.pause_reading()
    client.transport.write(b"x" * 200_000)
    link.close(1012)
    await client.until_told("lost")
    assert bytes(client.received) == b"\x88\x02\x03\xf4"
    assert server.states == ["eof", "lost"]
    assert not server.received


async def test_last_words_take_the_way_of_all_bytes(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    link.close(1012)
    link.slice(1)
    stalled = link.stall()
    await server.until_told("lost")
    assert not client.told
    stalled.heal()
    await client.until_told("lost")
    assert client.told == [1, 1, 1, 1, "eof", "lost"]


async def test_an_rpc_client_learns_of_a_close(serve, rpc_client):
    client, ended = await rpc_client(serve)
    client.link.close(1012, "restarting")
    with pytest.raises(ConnectionClosed) as raised:
        await client.call("echo", {})
    assert (raised.value.code, raised.value.reason) == (1012, "restarting")
    await asyncio.wait_for(ended.wait(), CALM)


@pytest.mark.parametrize("code", [1005, 999, 1015, 5000, "1000"])
async def test_a_code_that_nobody_may_send_is_refused(memory_pair, code):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    with pytest.raises(ValueError, match="close code"):
        link.close(code)
    with pytest.raises(ValueError, match=r"link\.close\(1006\) sends no close frame"):
        link.close(1006, "why")
    assert not client.transport.is_closing()


async def test_a_reset_and_a_close_of_a_link_that_nobody_listens_to(memory_pair):
    for end in ("reset", "close"):
        client, server = memory_pair()
        getattr(NetworkLink(client.transport, server.transport), end)()
        await client.until_told("lost")
        await server.until_told("lost")


async def test_an_abort_drops_what_the_link_holds_beyond_the_kernel(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    stalled = link.stall()
    for number in range(10):
        client.transport.write(bytes([number]) * 10_000)
    client.transport.abort()
    stalled.heal()
    await server.until_told("lost")
    assert len(server.received) == 64 * 1024


async def test_an_abort_drops_what_vanished_first(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    link.stall()
    client.transport.write(b"x" * 50_000)
    gone = link.half_open()
    client.transport.write(b"y" * 50_000)
    client.transport.write_eof()
    client.transport.abort()
    gone.heal()
    link.heal()
    await server.until_told("lost")
    assert bytes(server.received) == b"x" * 50_000


async def test_an_end_before_an_abort_stays(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    link.stall()
    client.transport.write(b"x" * 100_000)
    client.transport.write_eof()
    client.transport.abort()
    link.heal()
    await server.until_told("lost")
    assert len(server.received) == 64 * 1024


async def test_bytes_that_arrive_late_at_an_end_that_is_gone_reset_the_writer(memory_pair):
    client, server = memory_pair()
    client.keeps_open = True
    link = NetworkLink(client.transport, server.transport)
    link.stall(direction="received")
    held = link.stall(direction="sent")
    client.transport.write(b"x")
    server.transport.close()
    await server.until_told("lost")
    held.heal()
    await asyncio.sleep(0)
    client.transport.write(b"y")
    client.transport.write(b"z")
    assert not client.told
    link.heal()
    await client.until_told("eof")
    client.transport.write(b"!")
    await client.until_told("lost")
    assert isinstance(client.error, BrokenPipeError)


async def test_an_end_that_comes_twice_counts_once(memory_pair):
    client, server = memory_pair()
    link = NetworkLink(client.transport, server.transport)
    link.half_open()
    client.transport.write_eof()
    client.transport.close()
    await client.until_told("lost")
    link.heal()
    await server.until_told("lost")
    assert server.states == ["eof", "lost"]


async def test_on_tcp_a_reset_closes_the_socket(serve, connected):
    peer, ws, link = await connected(serve)
    opened = ws.get_extra_info("socket")
    if opened is None:
        pytest.skip("no socket")
    assert isinstance(opened.fileno(), int)
    link.reset()
    await peer.until(lambda: peer.ends)
    assert opened.fileno() == -1
    assert opened.family is socket.AF_INET
