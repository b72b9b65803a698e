"""What is read: messages that are no calls, sizes, fragments, broken frames."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest
from aiohttp import WSMsgType

from wsrpc import Limits, protocol
from wsrpc.connection import CLOSE_TIMEOUT

BINARY = {"error": {"code": -32600, "message": "Text message expected"}}
NO_JSON = {"error": {"code": -32700, "message": "JSON string expected"}}

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


async def test_a_binary_message_is_refused_and_the_connection_lives(serve, logged):
    client = await (await serve(logged)).connect()

    for data in (b'{"id": 1, "method": "echo"}', b"", b"\xff" * 1000):
        await client.send(data)
        assert await client.recv() == BINARY
    assert (await client.call("echo"))["response"] == {}


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b'{"id": 1, "method": "echo", "more": "\xff"}', b'"\xed\xa0\x80"', b"nul"],
)
async def test_text_that_is_no_json_is_refused_and_the_connection_lives(serve, logged, data):
    client = await (await serve(logged)).connect()

    await client.ws.send_frame(data, WSMsgType.TEXT)
    assert await client.recv() == NO_JSON
    assert (await client.call("echo"))["response"] == {}


async def test_depth_is_limited(serve, logged):
    class Shallow(logged):
        limits = Limits(depth=3)

    client = await (await serve(Shallow)).connect()
    assert (await client.call("echo", {"a": [1]}))["response"] == {"a": [1]}
    await client.send({"id": 1, "method": "echo", "payload": {"a": [[1]]}})
    assert await client.recv() == NO_JSON


@pytest.fixture
def small(logged):
    class Small(logged):
        limits = Limits(message_size=1000)

    return Small


def sized(length):
    text = json.dumps({"id": 1, "method": "echo", "payload": {"x": ""}})
    return text.replace('""', '"' + "y" * (length - len(text)) + '"')


@pytest.mark.parametrize("limit", [1000, 1024 * 1024])
async def test_a_message_of_the_largest_size_is_taken_and_a_larger_one_closes(
    serve, logged, small, limit
):
    server = await serve(small if limit == 1000 else logged)
    for length in (limit + 1, limit + 2, limit * 3):
        client = await server.connect(max_msg_size=0)
        await client.send(sized(limit))
        assert "response" in await client.recv()
        await client.send(sized(length))
        assert await client.closed() == 1009
        assert not client.kept


async def test_a_message_in_fragments_counts_as_one(serve, small):
    server = await serve(small)
    client = await server.connect_raw()
    text = sized(1000).encode()

    client.send(text[:500], TEXT, first=0)
    client.send(b"between", PING)
    client.send(text[500:900], 0, first=0)
    client.send(text[900:], 0)
    assert await client.recv() == (PONG, b"between")
    opcode, reply = await client.recv()
    assert (opcode, json.loads(reply)["id"]) == (TEXT, 1)
    for _ in range(3):
        client.send(text[:400], 0 if _ else TEXT, first=0)
    assert await client.recv() == (CLOSE, struct.pack("!H", 1009))


async def test_replies_go_out_before_the_close_after_a_message_that_is_too_large(serve, small):
    client = await (await serve(small)).connect_raw()
    client.call("echo", id="first")
    client.send(sized(2000).encode())

    assert (await client.reply())["id"] == "first"
    assert await client.recv() == (CLOSE, struct.pack("!H", 1009))


@pytest.mark.parametrize(
    ("opcode", "first", "payload"),
    [
        (TEXT, 0xC0, b"reserved bit"),
        (3, 0x80, b"reserved opcode"),
        (11, 0x80, b"reserved control opcode"),
        (PING, 0x80, b"x" * 126),
        (PING, 0x00, b"fragmented"),
        (0, 0x80, b"continuation of nothing"),
        (CLOSE, 0x80, b"\x00"),
        (CLOSE, 0x80, struct.pack("!H", 999)),
        (CLOSE, 0x80, struct.pack("!H", 1000) + b"\xff"),
    ],
)
async def test_a_broken_frame_closes_as_aiohttp_does_after_the_replies(
    serve, logged, until, opcode, first, payload
):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    client.call("echo", id="first")
    client.call("wait")
    client.send(payload, opcode, first=first)

    assert (await client.reply())["id"] == "first"
    got, body = await client.recv()
    assert got == CLOSE
    assert struct.unpack("!H", body[:2])[0] in (1002, 1007)
    client.call("echo")  # dropped, and no reason to reset the connection
    client.writer.write_eof()
    assert await client.ended() == b""
    await until(lambda: view.log == ["call ended", "on_disconnect"])


@pytest.mark.wsrpc(clock="virtual")
async def test_a_client_that_stays_after_a_broken_frame_is_dropped(serve, logged, until, ws_clock):
    server = await serve(logged)
    client = await server.connect_raw()
    view = await server.view()
    client.send(b"", 3)

    assert (await client.recv())[0] == CLOSE
    assert ws_clock.time == 0
    assert await client.ended() == b""
    assert ws_clock.time == CLOSE_TIMEOUT
    await until(lambda: view.log == ["on_disconnect"])


async def test_many_messages_in_a_row_leave_the_loop_its_turns(serve, logged):
    turns = []

    class Busy(logged):
        async def ws_rpc_turns(self, payload):
            if not turns:
                turns.append(0)
                self.turn()
            return turns[0]

        def turn(self):
            turns[0] += 1
            if turns[0] < 10_000:
                asyncio.get_running_loop().call_soon(self.turn)

    client = await (await serve(Busy)).connect_raw()
    for n in range(1000):
        client.call("turns", id=n)
    replies = [await client.reply() for _ in range(1000)]

    assert [reply["id"] for reply in replies] == list(range(1000))
    longest = 0
    for before, after in zip(replies, replies[128:], strict=False):
        longest += before["response"] == after["response"]
    assert not longest


@pytest.mark.wsrpc(clock="virtual")  # the close is waited for, but not read
async def test_a_failure_of_the_library_itself_is_reported_and_closes_with_1011(
    serve, logged, reported, monkeypatch
):
    client = await (await serve(logged)).connect()

    def fail(message):
        raise RuntimeError

    monkeypatch.setattr(protocol, "parse_request", fail)
    await client.send("{}")
    assert await client.closed() == 1011
    assert [(failure.where, type(failure.exception)) for failure in reported] == [
        ("connection", RuntimeError)
    ]
