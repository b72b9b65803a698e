"""Frames of a compressed connection, those sent and those received."""

from __future__ import annotations

import json
import struct

import pytest

from wsrpc import Limits, outbox, protocol

from .by_hand import COMPRESSED, OFFER, TEXT, Stream, compressed, read

LONG = {"x": "long " * 100}
PROTOCOL_ERROR, TOO_BIG = struct.pack("!H", 1002), struct.pack("!H", 1009)


@pytest.fixture
async def client(serve):
    """Give a client that has agreed on compression."""
    return await (await serve(Stream)).connect_raw(extensions=OFFER)


async def test_a_reply_is_compressed_from_the_threshold_on(client):
    empty = len('{"id":1,"method":"echo","response":{"x":""}}')
    for size, expected in ((99, TEXT), (100, COMPRESSED), (100_000, COMPRESSED)):
        client.call("echo", {"x": "x" * (size - empty)})
        first, payload = await client.frame()
        assert first == expected
        assert len(read((first, payload))["response"]["x"]) == size - empty
        assert (len(payload) < size) is (expected == COMPRESSED)


async def test_an_event_is_encoded_once_and_compressed_once_for_each_window(serve, monkeypatch):
    server = await serve(Stream)
    offers = [OFFER, None, OFFER, "permessage-deflate; server_max_window_bits=10", None, OFFER]
    clients = [await server.connect_raw(extensions=offer) for offer in offers]
    for client in clients:
        client.call("subscribe", {"channel": "c"})
        await client.frame()
    made = {"encoded": [], "compressed": []}
    encode, deflate = protocol.event, outbox.deflate
    monkeypatch.setattr(protocol, "event", lambda *a: made["encoded"].append(a) or encode(*a))
    monkeypatch.setattr(outbox, "deflate", lambda *a: made["compressed"].append(a) or deflate(*a))

    await server.broker.publish("c", "e", LONG)
    await server.broker.publish("c", "short", 1)
    frames = [await client.frame() for client in clients]

    event = {"channel": "c", "event": "e", "data": LONG}
    assert [first == COMPRESSED for first, _ in frames] == [offer is not None for offer in offers]
    assert [
        read(frame, 10 if "10" in str(offer) else 15)
        for frame, offer in zip(frames, offers, strict=True)
    ] == [event] * 6
    assert frames[0] == frames[2] == frames[5]
    assert len(made["encoded"]) == 2
    assert sorted(bits for _, bits in made["compressed"]) == [10, 15]
    for client in clients:
        assert (await client.frame())[0] == TEXT


async def test_a_message_of_many_fragments_is_decompressed_whole(client):
    for size in (1, 3, 1000):
        data = compressed({"id": size, "method": "echo", "payload": LONG})
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        for n, piece in enumerate(pieces):
            first = 0x40 if n == 0 else 0
            if n == len(pieces) - 1:
                first |= 0x80
            client.send(piece, 0 if n else 1, first=first)
            client.send(b"in between", 9)
        seen = [await client.frame() for _ in range(len(pieces) + 1)]
        assert [first for first, _ in seen if first != 0x8A] == [COMPRESSED]
        assert [read(frame) for frame in seen if frame[0] != 0x8A] == [
            {"id": size, "method": "echo", "response": LONG}
        ]


async def test_a_client_may_leave_what_it_sends_uncompressed(client):
    call = json.dumps({"id": 1, "method": "size", "payload": LONG}).encode()
    client.send(call[:10], first=0)
    client.send(b"", 9)
    client.send(call[10:], 0)
    client.send(compressed(call), first=0xC0)
    client.send(call)
    assert await client.frame() == (0x8A, b"")
    for _ in range(3):
        assert (await client.reply())["response"] == 500


async def test_messages_may_begin_with_empty_fragments(client):
    client.send(b"", first=0x40)
    client.send(b"", 0, first=0)
    client.send(compressed({"id": 1, "method": "size", "payload": LONG}), 0)
    assert (await client.reply())["response"] == 500


async def test_a_compressed_binary_message_is_refused_as_any_other(client):
    client.send(compressed({"id": 1, "method": "echo"}), 2, first=0xC0)
    assert (await client.reply())["error"]["message"] == "Text message expected"


async def test_what_is_compressed_may_be_no_json(client):
    client.send(compressed(b"\xff"), first=0xC0)
    assert (await client.reply())["error"]["code"] == -32700


@pytest.mark.parametrize(
    "frames",
    [
        [(b"\xff\xff", 1, 0xC0)],
        [(compressed({"id": 1}), 0, 0xC0)],
        [(compressed({"id": 1}), 0, 0x40)],
        [(compressed({"id": 1})[:5], 1, 0x40), (compressed({"id": 1}), 1, 0x80)],
        [(compressed({"id": 1})[:5], 1, 0x40), (compressed({"id": 1}), 0, 0xC0)],
        [(b"", 1, 0x40), (compressed({"id": 1}), 2, 0x80)],
        [(compressed({"id": 1}), 1, 0xA0)],
    ],
    ids=[
        "no deflate",
        "no beginning",
        "no beginning and no end",
        "no end",
        "marked twice",
        "nothing and no end",
        "rsv2",
    ],
)
async def test_broken_frames_are_a_protocol_error(client, frames):
    for payload, opcode, first in frames:
        client.send(payload, opcode, first=first)
    assert await client.recv() == (8, PROTOCOL_ERROR)


LIMIT = 10_000


@pytest.fixture
async def limited(serve):
    """Give a client whose messages may have `LIMIT` bytes."""

    class Limited(Stream):
        limits = Limits(compression=True, message_size=LIMIT)

    return await (await serve(Limited)).connect_raw(extensions=OFFER)


def sized(size, id=1):
    """Return a call of so many bytes."""
    call = {"id": id, "method": "size", "payload": {"x": ""}}
    call["payload"]["x"] = "x" * (size - len(json.dumps(call)))
    return json.dumps(call).encode()


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("excess", [0, 1, 10_000_000])
async def test_the_limit_on_messages_holds_after_decompression(limited, pieces, excess):
    data = compressed(sized(LIMIT + excess))
    step = -(-len(data) // pieces)
    for n in range(pieces):
        first = (0 if n else 0x40) | (0x80 if n == pieces - 1 else 0)
        limited.send(data[n * step :][:step], 0 if n else 1, first=first)
    opcode, payload = await limited.recv()
    if excess:
        assert (opcode, payload) == (8, TOO_BIG)
    else:
        assert json.loads(payload)["response"] > 9000


async def test_the_limit_holds_for_uncompressed_messages_too(limited):
    limited.send(sized(LIMIT))
    assert (await limited.recv())[0] == 1
    limited.send(sized(LIMIT + 1))
    assert await limited.recv() == (8, TOO_BIG)


async def test_no_more_compressed_bytes_are_kept_than_a_message_may_have(limited):
    limited.send(bytes(LIMIT // 2), first=0x40)
    limited.send(bytes(LIMIT // 2), 0, first=0)
    limited.send(b"\0", 0, first=0)
    assert await limited.recv() == (8, TOO_BIG)


async def test_calls_before_a_bomb_are_answered(limited):
    for n in range(3):
        limited.send(compressed(sized(LIMIT, id=n)), first=0xC0)
    limited.send(compressed(bytes(2_000_000)), first=0xC0)
    limited.send(compressed(sized(LIMIT, id=4)), first=0xC0)
    assert [(await limited.reply())["id"] for _ in range(3)] == [0, 1, 2]
    assert await limited.recv() == (8, TOO_BIG)


async def test_the_replies_of_one_read_and_the_close_frame_are_in_order(client, serve):
    calls = b""
    for n in range(20):
        call = compressed({"id": n, "method": "echo", "payload": {"x": "y" * 40 * n}})
        calls += bytes([0xC1, 0x80 | len(call)]) + bytes(4) + call
    client.writer.write(calls + bytes([0x88, 0x82]) + bytes(4) + b"\x0f\xa0")
    replies = [read(await client.frame()) for _ in range(20)]
    assert [reply["id"] for reply in replies] == [*range(20)]
    assert await client.frame() == (0x88, b"\x0f\xa0")


@pytest.mark.wsrpc(clock="virtual")
async def test_heartbeats_are_not_compressed_and_go_on(serve, ws_clock):
    class Beating(Stream):
        limits = Limits(compression=True, heartbeat=10)

    client = await (await serve(Beating)).connect_raw(extensions=OFFER)
    assert await client.frame(timeout=60) == (0x89, b"")
    client.send(b"", 10)
    await ws_clock.advance(4)
    client.send(compressed({"id": 1, "method": "size", "payload": LONG}), first=0xC0)
    assert (await client.reply())["response"] == 500
    before = ws_clock.time
    assert await client.frame(timeout=60) == (0x89, b"")
    assert 9 < ws_clock.time - before < 12
    assert await client.ended(timeout=60) == b""
