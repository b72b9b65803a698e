"""The library's own client, and one that is made with another library."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from websockets.asyncio.client import connect

from wsrpc import ConnectionClosed, Limits, deflate, internals, outbox

from ..conftest import patience
from .by_hand import Stream

LONG = {"x": "long " * 20_000}


@pytest.fixture
def compressed(monkeypatch):
    """Give the sizes of what the server compresses and decompresses, as it does."""
    internals._reads_compressed_frames()  # it tries a frame of its own the first time
    sizes = {"in": [], "out": []}

    def deflated(text, bits):
        sizes["out"].append(len(text))
        return deflate.deflate(text, bits)

    def inflated(data, limit):
        sizes["in"].append(len(deflate.inflate(data, limit)))
        return deflate.inflate(data, limit)

    monkeypatch.setattr(outbox, "deflate", deflated)
    monkeypatch.setattr(internals, "inflate", inflated)
    return sizes


async def test_the_client_offers_compression_if_it_is_asked_to(serve, compressed):
    server = await serve(Stream)
    async with (
        server.connect_rpc(compression=True) as one,
        server.connect_rpc(compression=True) as other,
        server.connect_rpc() as plain,
    ):
        assert await plain.call("echo", LONG) == LONG
        assert compressed == {"in": [], "out": []}
        assert await one.call("echo", LONG) == LONG
        assert [len(sizes) for sizes in compressed.values()] == [1, 1]
        async with (
            one.subscribe("c") as first,
            other.subscribe("c") as second,
            plain.subscribe("c") as third,
        ):
            compressed["out"].clear()
            await plain.publish("c", "e", LONG)
            for events in (first, second, third):
                event = await anext(events)
                assert (event.event, event.data) == ("e", LONG)
        assert len(compressed["out"]) == 1


async def test_calls_of_all_sizes_at_once_are_answered(serve):
    payloads = [{"n": n, "x": "xy" * size} for n, size in enumerate([0, 9, 60, 9000, 60_000] * 4)]
    async with (await serve(Stream)).connect_rpc(compression=True) as client:
        calls = (client.call("echo", payload) for payload in payloads)
        assert await asyncio.gather(*calls) == payloads


async def test_a_server_that_does_not_compress_serves_such_a_client(serve):
    class Plain(Stream):
        limits = Limits()

    async with (await serve(Plain)).connect_rpc(compression=True) as client:
        assert await client.call("echo", LONG) == LONG


async def test_a_message_that_is_too_large_for_the_client_when_decompressed_ends_it(serve):
    client = await (await serve(Stream)).connect_rpc(compression=True, max_message_size=50_000)
    with pytest.raises(ConnectionClosed) as closed:
        await client.call("echo", LONG)
    assert closed.value.code == 1009
    await client.close()


@pytest.mark.wsrpc(transport="tcp")
async def test_a_client_of_another_library_calls_and_listens(serve, compressed, monkeypatch):
    logging.getLogger("websockets").setLevel(logging.INFO)  # it logs each frame otherwise
    server = await serve(Stream)
    url = server.url.replace("http:", "ws:")
    async with asyncio.timeout(patience()), connect(url) as socket:
        (extension,) = socket.protocol.extensions
        assert extension.name == "permessage-deflate"
        assert extension.remote_no_context_takeover
        assert extension.local_no_context_takeover
        for n in range(3):
            call = {"id": n, "method": "echo", "payload": LONG}
            await socket.send(json.dumps(call))
            assert json.loads(await socket.recv())["response"] == LONG
        await socket.send('{"id": 3, "method": "subscribe", "payload": {"channel": "c"}}')
        assert json.loads(await socket.recv())["id"] == 3
        for n in range(3):
            await server.broker.publish("c", "e", [n, LONG])
        for n in range(3):
            assert json.loads(await socket.recv())["data"] == [n, LONG]
        await (await socket.ping())
    assert socket.close_code == 1000
    assert len(compressed["in"]) == 4
    assert len(compressed["out"]) == 6
