"""No connection keeps what compresses or decompresses."""

from __future__ import annotations

import gc
import zlib
from weakref import WeakSet

import pytest

from wsrpc import deflate

from .by_hand import OFFER, Stream, compressed, read

LONG = {"x": "long " * 1000}


class Streams:
    """Counts the compressors or decompressors of zlib that are there."""

    def __init__(self, make):
        self.make = make
        self.made = 0
        self.alive = WeakSet()

    def __call__(self, *args, **options):
        self.made += 1
        stream = _Stream(self.make(*args, **options))
        self.alive.add(stream)
        return stream


class _Stream:
    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)


@pytest.fixture
def streams(monkeypatch):
    """Give what counts the streams of zlib that are made from here on: out, and in."""
    out, into = Streams(zlib.compressobj), Streams(zlib.decompressobj)
    monkeypatch.setattr(zlib, "compressobj", out)
    monkeypatch.setattr(zlib, "decompressobj", into)
    monkeypatch.setattr(deflate, "_kept", deflate._Kept())
    return out, into


async def test_connections_that_have_called_and_listened_keep_nothing_of_it(
    serve, streams, monkeypatch
):
    count = 20
    server = await serve(Stream)
    clients = [await server.connect_raw(extensions=OFFER) for _ in range(count)]
    subscribe = compressed({"id": 1, "method": "subscribe", "payload": {"channel": "c"}})
    echo = compressed({"id": 2, "method": "echo", "payload": LONG})
    monkeypatch.setattr(deflate, "_kept", deflate._Kept())
    gc.collect()
    out, into = streams
    out.made = into.made = 0
    for client in clients:
        client.send(subscribe, first=0xC0)
        client.send(echo, first=0xC0)
        await client.frame()
        await client.frame()
    assert (out.made, into.made) == (1, 2 * count)
    await server.broker.publish("c", "e", LONG)
    frames = [await client.frame() for client in clients]
    gc.collect()
    assert out.made == 1
    assert (len(out.alive), len(into.alive)) == (1, 0)
    assert [read(frame)["data"] for frame in frames] == [LONG] * count
