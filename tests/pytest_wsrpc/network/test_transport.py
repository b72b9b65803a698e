"""A transport in memory does what asyncio's own on a socket does; the relay's too."""

import asyncio

import pytest

MIB = 1024 * 1024


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_bytes_arrive_in_the_order_of_writing(pair):
    client, server = pair
    for number in range(500):
        client.transport.write(b"%d;" % number)
        server.transport.write(b"%d," % number)
    expected = b"".join(b"%d;" % number for number in range(500))

    await server.until_received(len(expected))
    await client.until_received(len(expected))

    assert server.received == expected
    assert client.received == expected.replace(b";", b",")


async def test_nothing_is_delivered_while_it_is_written(pair):
    client, server = pair
    server.on_data = server.transport.write

    client.transport.write(b"ping")

    assert not server.told
    await client.until_received(4)
    assert client.received == b"ping"


async def test_a_buffer_may_change_after_it_was_written(pair):
    client, server = pair
    buffer = bytearray(b"before")

    client.transport.write(buffer)
    client.transport.write(memoryview(buffer)[:3])
    buffer[:] = b"after!"
    client.transport.writelines([b"-", bytearray(b"lines"), memoryview(b"-")])

    await server.until_received(16)
    assert server.received == b"beforebef-lines-"


async def test_nothing_written_is_nothing_received(pair):
    client, server = pair
    client.transport.write(b"")
    client.transport.writelines([])
    client.transport.write(b"x")

    await server.until_received(1)
    assert server.told == [1]


async def test_a_write_of_something_else_is_refused(pair):
    with pytest.raises(TypeError, match="bytes-like object, not 'str'"):
        pair[0].transport.write("text")


async def test_much_arrives_in_pieces_of_256_kib_at_most(pair):
    client, server = pair
    sent = bytes(range(256)) * 4096 * 3
    client.transport.write(sent)

    await server.until_received(len(sent))

    assert server.received == sent
    assert max(size for size in server.told if isinstance(size, int)) <= 256 * 1024


async def test_a_close_flushes_what_was_written(pair):
    client, server = pair
    sent = bytes(range(256)) * 4096 * 3
    client.transport.write(sent)
    client.transport.close()

    assert client.transport.is_closing()
    await server.until_told("lost")
    await client.until_told("lost")

    assert server.received == sent
    assert server.states == ["eof", "lost"]
    assert client.states[-1] == "lost"
    assert client.error is server.error is None


async def test_a_close_waits_for_a_reader_that_pauses(pair):
    client, server = pair
    server.transport.pause_reading()
    client.transport.write(b"x" * 16 * MIB)
    client.transport.close()
    await turns(20)
    assert "lost" not in client.told

    server.transport.resume_reading()
    await server.until_told("lost")

    assert len(server.received) == 16 * MIB
    await client.until_told("lost")


async def test_what_is_written_after_a_close_is_ignored(pair):
    client, server = pair
    client.transport.write(b"first")
    client.transport.close()
    client.transport.write(b"second")
    client.transport.close()

    await server.until_told("lost")
    client.transport.write(b"third")
    assert server.received == b"first"
    assert client.states == ["lost"]


async def test_an_end_of_file_leaves_the_other_direction_open(pair):
    client, server = pair
    server.keeps_open = True
    client.transport.write(b"question")
    assert client.transport.can_write_eof()
    client.transport.write_eof()
    client.transport.write_eof()
    await server.until_told("eof")
    assert not server.transport.is_closing()

    server.transport.write(b"answer")
    server.transport.close()

    await client.until_told("lost")
    assert client.received == b"answer"
    assert server.received == b"question"
    assert client.states == ["eof", "lost"]


async def test_a_write_after_the_end_of_file_is_refused(pair):
    client, _ = pair
    client.transport.write_eof()
    with pytest.raises(RuntimeError, match=r"Cannot call write\(\) after write_eof\(\)"):
        client.transport.write(b"more")


async def test_both_may_end_their_direction(pair):
    client, server = pair
    client.keeps_open = server.keeps_open = True
    client.transport.write_eof()
    server.transport.write_eof()
    await client.until_told("eof")
    await server.until_told("eof")
    assert "lost" not in client.told + server.told

    client.transport.close()
    server.transport.close()
    await client.until_told("lost")
    await server.until_told("lost")
    assert client.error is server.error is None


async def test_a_protocol_that_does_not_keep_the_connection_open_sends_the_rest_and_closes(pair):
    client, server = pair
    client.keeps_open = True
    server.transport.write(b"x" * MIB)
    client.transport.write_eof()

    await client.until_received(MIB)
    await server.until_told("lost")
    assert server.states[-2:] == ["eof", "lost"] or server.states[-1] == "lost"


async def test_both_may_close_at_once(pair):
    client, server = pair
    client.transport.write(b"from the client")
    server.transport.write(b"from the server")
    client.transport.close()
    server.transport.close()

    await client.until_told("lost")
    await server.until_told("lost")
    assert client.states == server.states == ["lost"]


async def test_an_abort_is_an_end_of_file_for_a_peer_all_of_whose_bytes_were_read(pair):
    client, server = pair
    client.transport.write(b"said")
    await server.until_received(4)
    client.transport.abort()
    client.transport.abort()

    assert client.transport.is_closing()
    await server.until_told("lost")
    assert server.states == ["eof", "lost"]
    assert server.error is client.error is None
    assert client.states == ["lost"]


async def test_bytes_that_nobody_reads_any_more_reset_the_connection(pair):
    client, server = pair
    server.transport.pause_reading()
    client.transport.write(b"unread")
    await turns(20)
    server.transport.write(b"last words")
    await turns(20)
    server.transport.close()

    await client.until_told("lost")
    assert isinstance(client.error, ConnectionResetError)
    assert client.states == ["lost"]
    assert not server.received


async def test_bytes_for_a_peer_that_is_gone_reset_the_connection(pair):
    client, server = pair
    client.keeps_open = True
    server.transport.close()
    await client.until_told("eof")

    for _ in range(100):
        client.transport.write(b"")
        client.transport.write(b"anybody there?")
        await turns()
        if "lost" in client.told:
            break

    assert isinstance(client.error, ConnectionError)


async def test_a_flood_pauses_the_writer_until_the_reader_has_read(pair):
    client, server = pair
    server.transport.pause_reading()
    assert not server.transport.is_reading()
    sent = 0
    while "pause" not in client.told:
        client.transport.write(b"x" * 10_000)
        sent += 10_000
        assert sent < 64 * MIB
        await asyncio.sleep(0)
    assert client.transport.get_write_buffer_size() > 64 * 1024
    assert not server.received

    server.transport.resume_reading()
    assert server.transport.is_reading()

    await client.until_told("resume")
    await server.until_received(sent)
    assert client.states == ["pause", "resume"]
    assert client.transport.get_write_buffer_size() == 0


async def test_a_reader_may_pause_in_the_middle(pair):
    client, server = pair

    def pause(data):
        server.transport.pause_reading()
        server.transport.pause_reading()
        asyncio.get_running_loop().call_later(0.001, server.transport.resume_reading)

    server.on_data = pause
    sent = bytes(range(256)) * 4096
    client.transport.write(sent)
    client.transport.close()

    await server.until_told("lost")
    assert server.received == sent
    server.transport.resume_reading()
    server.transport.pause_reading()


async def test_pausing_and_resuming_at_once_changes_nothing(pair):
    client, server = pair
    server.transport.pause_reading()
    server.transport.resume_reading()
    client.transport.write(b"1")
    server.transport.pause_reading()
    server.transport.resume_reading()
    server.transport.resume_reading()
    client.transport.write(b"2")

    await server.until_received(2)
    assert server.received == b"12"


async def test_the_marks_of_the_buffer_can_be_set(pair):
    client, _ = pair
    transport = client.transport
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
    transport.set_write_buffer_limits(high=1000)
    assert transport.get_write_buffer_limits() == (250, 1000)
    transport.set_write_buffer_limits(low=100)
    assert transport.get_write_buffer_limits() == (100, 400)
    transport.set_write_buffer_limits(high=0)
    assert transport.get_write_buffer_limits() == (0, 0)
    transport.set_write_buffer_limits()
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
    with pytest.raises(ValueError, match="must be >= low"):
        transport.set_write_buffer_limits(high=1, low=2)


async def test_lower_marks_pause_a_writer_at_once(pair):
    client, server = pair
    server.transport.pause_reading()
    client.transport.set_write_buffer_limits(high=64 * MIB)
    while not client.transport.get_write_buffer_size():
        client.transport.write(b"x" * MIB)
        await asyncio.sleep(0)
    assert not client.told

    client.transport.set_write_buffer_limits(high=0)

    assert client.told == ["pause"]


async def test_an_exception_of_the_reader_breaks_the_connection_and_is_told(pair):
    client, server = pair
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    def fail(data):
        raise ZeroDivisionError("not mine")

    server.on_data = fail
    client.transport.write(b"x")

    await server.until_told("lost")
    await client.until_told("lost")
    assert isinstance(server.error, ZeroDivisionError)
    assert client.error is None
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]
    assert told[0]["message"] == "Fatal error: protocol.data_received() call failed."


async def test_a_connection_error_of_the_reader_is_told_to_nobody_else(pair):
    client, server = pair
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    def fail(data):
        raise ConnectionAbortedError("mine")

    server.on_data = fail
    client.transport.write(b"x")

    await server.until_told("lost")
    assert isinstance(server.error, ConnectionAbortedError)
    assert not told


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing", "eof_received"])
async def test_an_exception_of_another_callback_is_told_too(pair, monkeypatch, method):
    client, server = pair
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    def fail():
        told.append("failed")
        raise ZeroDivisionError("not mine")

    failing = server if method == "eof_received" else client
    monkeypatch.setattr(failing, method, fail)
    server.transport.pause_reading()
    while not client.transport.get_write_buffer_size() > 64 * 1024:
        client.transport.write(b"x" * 100_000)
    server.transport.resume_reading()
    client.transport.close()
    await client.until_told("lost")
    await server.until_told("lost")

    assert told[0] == "failed"
    assert method in told[1]["message"]
    assert len(told) == 2


async def test_a_reader_may_close_while_it_reads(pair):
    client, server = pair
    server.on_data = lambda data: server.transport.close()
    client.transport.write(b"x")

    await client.until_told("lost")
    assert client.states == ["eof", "lost"]
    assert server.states == ["lost"]


async def test_another_protocol_may_take_over(pair):
    client, server = pair
    other = type(client)()
    server.transport.set_protocol(other)
    assert server.transport.get_protocol() is other
    client.transport.write(b"for the other")
    client.transport.close()

    await other.until_told("lost")
    assert other.received == b"for the other"
    assert not server.told
    server.told.append("lost")
