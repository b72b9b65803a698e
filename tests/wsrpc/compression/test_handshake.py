"""What a connection agrees on, and what it does where nothing is agreed on."""

from __future__ import annotations

import json

import pytest

from wsrpc import ApiPath, WsPathMixin, internals
from wsrpc.outbox import Message, Outbox

from .by_hand import COMPRESSED, OFFER, TEXT, Stream, compressed, read

LONG = {"x": "long " * 100}


async def test_nobody_keeps_a_context_and_the_window_is_the_clients(serve):
    server = await serve(Stream)
    client = await server.connect_raw(extensions=OFFER)
    assert client.extensions == (
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    )
    small = await server.connect_raw(extensions="permessage-deflate; server_max_window_bits=9")
    assert small.extensions is not None
    assert small.extensions.endswith("; server_max_window_bits=9")
    text = "".join(map(chr, range(32, 127))) * 20  # repeats itself within 512 bytes
    far = "".join(f"{n:04}" for n in range(1000)) * 2  # and only beyond that
    small.call("echo", [text, far])
    first, payload = await small.frame()
    assert first == COMPRESSED
    assert read((first, payload), window_bits=9)["error"]["code"] == -32602
    small.call("echo", {"x": text, "y": far})
    assert read(await small.frame(), window_bits=9)["response"] == {"x": text, "y": far}


@pytest.mark.parametrize(
    "offer",
    [None, "x-other", "permessage-deflate; server_max_window_bits=8", "permessage-deflate; a=b"],
)
async def test_a_connection_without_a_fitting_offer_goes_on_uncompressed(serve, offer):
    client = await (await serve(Stream)).connect_raw(extensions=offer)
    assert client.extensions is None
    client.call("echo", LONG)
    first, payload = await client.frame()
    assert first == TEXT
    assert json.loads(payload)["response"] == LONG
    client.send(compressed({"id": 1, "method": "echo"}), first=0xC0)
    assert await client.recv() == (8, b"\x03\xea")


async def test_a_plain_connection_has_nothing_of_it(serve):
    server = await serve(Stream)
    await server.connect_raw()
    connection = (await server.view())._wsrpc
    assert type(connection._outbox) is Outbox
    assert type(connection._socket) is internals.Socket
    message = Message(b"x" * 1000)
    connection._outbox.put_event(message)
    assert not hasattr(message, "_compressed")


async def test_the_reader_lives_as_long_as_what_it_has_read(serve):
    server = await serve(Stream)
    await server.connect_raw(extensions=OFFER)
    view = await server.view()
    reader = view.request.protocol._payload_parser
    assert type(reader) is internals.InflatingReader
    assert view._wsrpc._socket._parser is reader


async def test_offers_may_come_in_headers_of_their_own(serve):
    client = await (await serve(Stream)).connect_raw(
        extensions=f"x-other\r\nSec-WebSocket-Extensions: {OFFER}"
    )
    assert client.extensions is not None


async def test_a_view_compresses_only_if_its_limits_say_so(serve):
    class Plain(ApiPath, WsPathMixin):
        pass

    client = await (await serve(Plain)).connect_raw(extensions=OFFER)
    assert client.extensions is None


async def test_nothing_is_compressed_with_an_aiohttp_of_another_make(serve, monkeypatch):
    monkeypatch.setattr(internals, "can_inflate", lambda protocol: False)
    client = await (await serve(Stream)).connect_raw(extensions=OFFER)
    assert client.extensions is None
    client.call("echo", LONG)
    assert (await client.frame())[0] == TEXT


@pytest.mark.parametrize("cut", [0, 1, 3, 20, None])
async def test_what_comes_with_the_handshake_may_be_compressed(serve, cut):
    call = compressed({"id": 1, "method": "echo", "payload": LONG})
    whole = bytes([0xC1, 0x80 | len(call)]) + bytes(4) + call
    assert len(call) < 126
    early = whole[:cut]
    client = await (await serve(Stream)).connect_raw(extensions=OFFER, early=early)
    client.writer.write(whole[len(early) :])
    assert read(await client.frame())["response"] == LONG
