"""What waits for a client whose connection is compressed: counted as it is sent."""

from __future__ import annotations

import asyncio
import random
import zlib
from typing import Any, Literal

import pytest

from wsrpc import outbox
from wsrpc.compression import CompressingOutbox
from wsrpc.frames import compressed_text_frame, text_frame
from wsrpc.outbox import Message

from ..test_outbox import LIMIT, Transport, turns

THRESHOLD = 50


class Box:
    """A compressing outbox with its transport."""

    def __init__(self, policy: Literal["close", "drop"] = "close") -> None:
        self.slow = 0
        self.transport = Transport()
        self.outbox = CompressingOutbox(
            asyncio.get_running_loop(),
            LIMIT,
            policy,
            self.on_slow,
            window_bits=15,
            threshold=THRESHOLD,
        )
        self.outbox.open(self.transport)

    def on_slow(self) -> None:
        self.slow += 1


def dense(size: int) -> bytes:
    """Return text that takes about three quarters of it when it is compressed."""
    return bytes(random.Random(size).choices(range(64, 110), k=size))


def sent(data: bytes) -> list[bytes]:
    """Return the messages of what was written, whose frames are short."""
    found = []
    while data:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        payload = data[start : start + size]
        if data[0] & 0x40:
            payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
        found.append(payload)
        data = data[start + size :]
    return found


async def test_all_messages_of_one_turn_are_one_write_in_order() -> None:
    box = Box()
    messages = [b"x" * size for size in (1, 500, 49, 50, 2, 1000)]
    for n, text in enumerate(messages):
        if n % 2:
            box.outbox.put(text)
        else:
            box.outbox.put_event(Message(text))
    assert box.transport.writes == []
    await turns(1)
    (data,) = box.transport.writes
    assert sent(data) == messages
    assert len(data) < 200


async def test_replies_that_are_corked_go_out_in_one_write() -> None:
    box = Box()
    box.outbox.corked = True
    for _ in range(3):
        box.outbox.put(b"x" * 500)
    await turns(2)
    assert box.transport.writes == []
    box.outbox.uncork()
    assert [sent(data) for data in box.transport.writes] == [[b"x" * 500] * 3]


def test_a_message_is_compressed_once_for_each_window(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    deflate = outbox.deflate
    monkeypatch.setattr(outbox, "deflate", lambda *args: made.append(args[1]) or deflate(*args))
    message = Message(b"x" * 500)
    assert message.compressed(15) is message.compressed(15) is not message
    assert message.compressed(9) is message.compressed(9) is not message.compressed(15)
    assert made == [15, 9]
    assert message.frame == text_frame(b"x" * 500)
    assert message.compressed(15).frame == compressed_text_frame(message.compressed(15).text)


def test_what_gets_no_shorter_stays_as_it_is() -> None:
    message = Message(b"{}")
    assert message.compressed(15) is message


async def test_the_limit_is_in_bytes_that_are_sent() -> None:
    box = Box()
    box.transport.stalled = True
    for _ in range(10):
        box.outbox.put_event(Message(b"x" * LIMIT))
        await turns()
    assert box.slow == 0
    assert box.outbox.size < LIMIT
    size = len(Message(dense(LIMIT // 2)).compressed(15).frame)
    assert size > LIMIT // 3
    for _ in range(3):
        box.outbox.put_event(Message(dense(LIMIT // 2)))
    await turns()
    assert box.slow == 1


async def test_one_event_over_the_limit_goes_out_when_the_outbox_is_empty() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(Message(dense(5 * LIMIT)))
    await turns()
    assert (box.slow, box.outbox.size > 2 * LIMIT) == (0, True)
    box.outbox.put_event(Message(dense(2 * LIMIT)))
    await turns()
    assert box.slow == 1


async def test_replies_alone_never_make_their_reader_too_slow() -> None:
    box = Box()
    box.transport.stalled = True
    for _ in range(10):
        box.outbox.put(dense(LIMIT))
        await turns()
    box.outbox.put(dense(10))
    assert box.slow == 0


async def test_an_event_behind_large_replies_does_not_make_their_reader_too_slow() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put(dense(5 * LIMIT))
    box.outbox.put_event(Message(dense(LIMIT // 2)))
    await turns()
    assert box.slow == 0
    box.outbox.put_event(Message(dense(LIMIT)))
    await turns()
    assert box.slow == 1


async def test_replies_that_fit_when_they_are_compressed_leave_no_more_room() -> None:
    box = Box()
    box.transport.stalled = True
    for _ in range(15):
        box.outbox.put(b"x" * 2 * LIMIT)
    await turns()
    replies = box.outbox.size
    assert 200 < replies < LIMIT // 2
    event = Message(dense(LIMIT + LIMIT // 4))
    assert LIMIT - replies < len(event.compressed(15).frame) < LIMIT
    box.outbox.put_event(event)
    await turns()
    assert box.slow == 1


@pytest.mark.parametrize("size", [THRESHOLD - 1, THRESHOLD])
async def test_replies_and_events_have_one_threshold(size: int) -> None:
    box = Box()
    box.outbox.put(b"x" * size)
    box.outbox.flush()
    box.outbox.put_event(Message(b"x" * size))
    box.outbox.flush()
    assert [data[0] for data in box.transport.writes] == [0xC1 if size == THRESHOLD else 0x81] * 2


async def test_a_dropping_outbox_loses_events_and_no_replies() -> None:
    box = Box("drop")
    box.transport.stalled = True
    for _ in range(3):
        box.outbox.put_event(Message(dense(LIMIT)))
    await turns()
    assert not box.outbox.put_event(Message(dense(LIMIT)))
    box.outbox.put(b"a reply " * 20)
    await turns()
    assert sent(b"".join(box.transport.writes)) == [dense(LIMIT)] * 3 + [b"a reply " * 20]
    assert (box.slow, box.outbox.lost) == (0, 1)


async def test_a_discarded_outbox_compresses_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    box.outbox.discard()

    def never(*args: Any) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(outbox, "deflate", never)
    box.outbox.put(b"x" * 500)
    assert box.outbox.put_event(Message(b"x" * 500))
    await turns()
    assert box.transport.writes == []
