"""What a transport in memory promises beyond what a socket's does, and of the relay to one."""

import asyncio
import socket
import struct

import pytest

MIB = 1024 * 1024


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_streams_work_on_it(memory_pair):
    client, server = memory_pair()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    client.transport.set_protocol(protocol)
    protocol.connection_made(client.transport)
    writer = asyncio.StreamWriter(client.transport, protocol, reader, asyncio.get_running_loop())
    server.on_data = server.transport.write
    for number in range(100):
        writer.write(b"%d" % number * 10_000 + b"\n")
        await writer.drain()
        assert await reader.readline() == b"%d" % number * 10_000 + b"\n"
    writer.close()
    await writer.wait_closed()
    await server.until_told("lost")


async def test_the_writer_is_paused_beyond_64_kib_in_the_kernel_and_64_in_the_buffer(memory_pair):
    client, server = memory_pair()
    client.transport.write(b"x" * 64 * 1024)
    assert client.transport.get_write_buffer_size() == 0
    client.transport.write(b"x" * 64 * 1024)
    assert client.transport.get_write_buffer_size() == 64 * 1024
    assert not client.told
    client.transport.write(b"x")
    assert client.told == ["pause"]

    await turns(1)
    assert client.told == ["pause", "resume"]
    assert server.told == [128 * 1024 + 1]


async def test_a_writer_goes_on_at_the_low_mark(memory_pair):
    client, server = memory_pair()
    server.on_data = lambda data: server.transport.pause_reading()
    client.transport.write(b"x" * (256 + 64 + 17) * 1024)
    await turns(2)
    assert client.told == ["pause"]
    assert client.transport.get_write_buffer_size() == 17 * 1024
    server.on_data = lambda data: None
    server.transport.resume_reading()
    await turns(1)
    assert client.told == ["pause", "resume"]


async def test_all_that_one_turn_wrote_is_read_at_once(memory_pair):
    client, server = memory_pair()
    for _ in range(1000):
        client.transport.write(b"123")
    await turns(1)
    assert server.told == [3000]


async def test_who_takes_bytes_at_once_is_told_in_the_turn_that_writes_them(memory_pair):
    client, server = memory_pair()
    server.transport.write(b"x")
    client.transport.take_at_once()
    server.transport.write(b"yz")  # not before what came earlier
    assert not client.told
    await turns(1)
    assert client.told == [3]

    server.transport.write(b"")
    server.transport.write(b"1234")
    assert client.told == [3, 4]
    client.transport.pause_reading()
    server.transport.write(b"5" * 128 * 1024)
    assert not server.told
    server.transport.write(b"6")
    assert server.told == ["pause"]
    assert client.told == [3, 4]
    client.transport.resume_reading()
    await turns(1)
    assert client.told == [3, 4, 128 * 1024 + 1]
    assert server.told == ["pause", "resume"]

    server.transport.write(b"bye")
    server.transport.close()
    assert client.told[3:] == [3]
    await turns(3)
    assert client.told[3:] == [3, "eof", "lost"]


async def test_many_writes_are_read_in_pieces_that_are_whole_writes(memory_pair):
    client, server = memory_pair()
    for _ in range(30):
        client.transport.write(b"x" * 10_000)
    await turns(3)
    assert server.told == [260_000, 40_000]


async def test_bytes_and_their_end_come_in_turns_of_their_own(memory_pair):
    client, server = memory_pair()
    client.transport.write(b"x")
    client.transport.write_eof()
    await turns(1)
    assert server.told == [1]
    await turns(1)
    assert server.told == [1, "eof"]


async def test_an_abort_loses_what_the_kernel_has_not(memory_pair):
    client, server = memory_pair()
    server.transport.pause_reading()
    for number in range(10):
        client.transport.write(bytes([number]) * 10_000)
    client.transport.abort()
    await client.until_told("lost")

    server.transport.resume_reading()
    await server.until_told("lost")

    assert len(server.received) == 64 * 1024
    assert server.received[-1] == 6
    assert server.states == ["eof", "lost"]


async def test_an_abort_beyond_what_waits_loses_nothing_twice(memory_pair):
    client, server = memory_pair()
    client.transport.write(b"x" * 300_000)
    server.on_data = lambda data: client.transport.abort()
    await server.until_told("lost")
    assert len(server.received) == 300_000
    assert client.states == ["pause", "lost"]


async def test_a_writer_that_waits_learns_at_once_that_its_peer_is_gone(memory_pair):
    client, server = memory_pair()
    client.transport.pause_reading()
    server.transport.pause_reading()
    client.transport.write(b"x" * 300_000)
    assert client.told == ["pause"]
    server.transport.write(b"never read")
    server.transport.close()

    await client.until_told("lost")
    assert isinstance(client.error, ConnectionResetError)


async def test_a_close_that_waits_ends_when_the_peer_is_gone(memory_pair):
    client, server = memory_pair()
    server.transport.pause_reading()
    client.transport.write(b"x" * 300_000)
    client.transport.close()
    await turns()
    assert client.states == ["pause"]
    server.transport.abort()

    await client.until_told("lost")
    assert isinstance(client.error, ConnectionResetError)


async def test_a_transport_says_what_it_is(memory_pair):
    client, server = memory_pair()
    client.transport.add_extra_info("sockname", ("127.0.0.1", 50000))
    client.transport.add_extra_info("peername", ("127.0.0.1", 80))
    client.transport.write(b"x" * 70_000)
    where = "('127.0.0.1', 50000) to ('127.0.0.1', 80)"
    assert repr(client.transport) == f"<MemoryTransport open {where}, 4464 bytes to write>"
    client.transport.close()
    assert repr(client.transport).startswith("<MemoryTransport closing ")
    await server.until_told("lost")
    await turns()
    assert repr(client.transport).startswith("<MemoryTransport closed ")
    assert client.transport.get_extra_info("socket") is None


async def test_a_reset_breaks_both_ends(memory_pair):
    client, server = memory_pair()
    client.transport.write(b"unread")
    server.transport.reset()
    await client.until_told("lost")
    assert isinstance(client.error, ConnectionResetError)
    assert server.error is None


async def test_a_relay_may_be_reset_while_it_still_sends(pair):
    client, server = pair
    if not hasattr(client.transport, "reset"):
        pytest.skip("a socket is reset by its kernel only")
    server.transport.pause_reading()
    client.transport.write(b"x" * 16 * MIB)
    await turns(20)
    client.transport.reset()
    await client.until_told("lost")
    await turns()
    server.transport.resume_reading()
    await server.until_told("lost")
    assert isinstance(server.error, ConnectionResetError)


async def test_a_relay_may_be_reset_while_its_socket_closes(pair):
    client, server = pair
    far = getattr(client.transport, "_peer", None)
    if far is None or not hasattr(far.get_protocol(), "other"):
        pytest.skip("there is no relay")
    client.transport.reset()
    await turns(1)
    far.get_protocol().other.transport.close()
    await server.until_told("lost")
    await client.until_told("lost")


async def test_a_reset_through_the_relay_is_one(pair):
    client, server = pair
    opened = server.transport.get_extra_info("socket")
    if opened is None:
        pytest.skip("no socket to reset")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.transport.abort()
    await client.until_told("lost")
    assert isinstance(client.error, ConnectionResetError)
    assert client.states == ["lost"]
