"""What decompression touches of aiohttp: both of its readers of frames, and others to come."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from aiohttp import WebSocketError, web, web_ws
from aiohttp._websocket import reader_py
from aiohttp.web_protocol import RequestHandler

from wsrpc import internals

from .by_hand import compressed


@pytest.fixture(autouse=True)
def forgotten():
    """Let each test find out anew what this aiohttp does."""
    internals._reads_compressed_frames.cache_clear()
    yield
    internals._reads_compressed_frames.cache_clear()


@pytest.fixture
async def handler():
    """Give what aiohttp has for each connection."""
    return RequestHandler(web.Server(None), loop=asyncio.get_running_loop())


class PythonReader(internals.Inflating, reader_py.WebSocketReader):
    """That of an aiohttp that was installed without its extensions."""


@pytest.mark.parametrize(
    ("reader", "queue"),
    [
        (internals.InflatingReader, web_ws.WebSocketDataQueue),
        (PythonReader, reader_py.WebSocketDataQueue),
    ],
    ids=["as installed", "Python"],
)
def test_each_reader_of_aiohttp_gives_messages_that_are_decompressed(reader, queue):
    received = queue(None, 2**16, loop=None)
    read = reader(received, 1000)
    one, two = compressed(b"first"), compressed(b"second")
    frames = [
        bytes([0xC1, len(one)]) + one,
        bytes([0x41, 3]) + two[:3],
        b"\x89\x00",
        bytes([0x80, len(two) - 3]) + two[3:],
        b"\x01\x02pl\x80\x03ain",
    ]
    for byte in b"".join(frames):
        assert read.feed_data(bytes([byte])) == (False, b"")
    assert [(message.type, message.data) for message, _ in received._buffer] == [
        (1, b"first"),
        (9, b""),
        (1, b"second"),
        (1, b"plain"),
    ]
    assert read.feed_data(b"\xc1\x02\xff\xff")[0]
    assert isinstance(received.exception(), WebSocketError)


class Paused:
    """The part of a connection that the queue of what was read knows."""

    _reading_paused = False

    def pause_reading(self):
        self._reading_paused = True

    def resume_reading(self):
        self._reading_paused = False


async def test_what_grows_when_it_is_decompressed_is_read_piece_by_piece():
    queue = web_ws.WebSocketDataQueue(Paused(), 2**16, loop=asyncio.get_running_loop())
    reader = internals.InflatingReader(queue, 100_001)
    data = compressed(bytes(100_000))
    assert len(data) < 1000
    reader.feed_data((bytes([0xC1, 126]) + len(data).to_bytes(2) + data) * 500)
    assert len(queue._buffer) == 2
    for _ in range(500):
        assert len((await queue.read()).data) == 100_000
        assert len(queue._buffer) < 3
    assert not queue._buffer


async def test_an_aiohttp_that_reads_so_is_known_by_a_frame(handler):
    assert internals.can_inflate(handler)


@pytest.mark.parametrize("name", ["_message_tail", "_payload_parser"])
def test_a_connection_that_lacks_something_is_not_compressed(name):
    class Handler:
        _message_tail = b""
        _payload_parser = None

    assert internals.can_inflate(Handler())
    delattr(Handler, name)
    assert not internals.can_inflate(Handler())


async def test_a_response_that_begins_otherwise_is_not_compressed(handler, monkeypatch):
    monkeypatch.delattr(web.WebSocketResponse, "_post_start")
    assert not internals.can_inflate(handler)


class Otherwise:
    """A reader that hands out what it got."""

    def __init__(self, queue, *args, **options):
        self.queue = queue

    def feed_data(self, data):
        self.queue._buffer = deque([(web_ws.WSMessage(1, data, ""), len(data))])


@pytest.mark.parametrize("base", [Otherwise, object])
async def test_an_aiohttp_that_reads_otherwise_is_known_by_a_frame(
    handler, monkeypatch, caplog, base
):
    class Reader(internals.Inflating, base):
        pass

    monkeypatch.setattr(internals, "InflatingReader", Reader)
    for _ in range(2):
        assert not internals.can_inflate(handler)
    told = [message for message in caplog.messages if "no connection is compressed" in message]
    assert len(told) == 1
