"""What waits to be sent to one client: order, one write for each turn, who is too slow."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any, Literal
from weakref import ref

import pytest

from wsrpc import internals
from wsrpc.frames import text_frame
from wsrpc.outbox import Message, Outbox

LIMIT = 1000


class Transport(asyncio.Transport):
    """Takes what is written, at once or, while stalled, into its buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.buffered = 0
        self.stalled = False
        self.closing = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))
        if self.stalled:
            self.buffered += len(data)

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.closing


class Box:
    """An outbox with its transport."""

    def __init__(self, policy: Literal["close", "drop"] = "close", open: bool = True) -> None:
        self.slow = 0
        self.transport = Transport()
        self.outbox = Outbox(asyncio.get_running_loop(), LIMIT, policy, self.on_slow)
        if open:
            self.outbox.open(self.transport)

    def on_slow(self) -> None:
        self.slow += 1


async def turns(count: int = 4) -> None:
    """Let the loop turn; nothing here depends on how often beyond the judgement's two."""
    for _ in range(count):
        await asyncio.sleep(0)


def message(size: int) -> Message:
    return Message(b"x" * size)


def framed(size: int) -> int:
    return len(text_frame(b"x" * size))


@pytest.fixture
async def loop_errors() -> AsyncIterator[list[dict[str, Any]]]:
    """What the loop's exception handler was told."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    yield told
    loop.set_exception_handler(None)


async def test_all_messages_of_one_turn_are_one_write_in_order() -> None:
    box = Box()
    box.outbox.put(b"reply")
    box.outbox.put_event(Message(b"event"))
    box.outbox.put(b"again")
    assert box.transport.writes == []
    await turns(1)
    assert box.transport.writes == [
        text_frame(b"reply") + text_frame(b"event") + text_frame(b"again")
    ]
    box.outbox.put(b"next")
    await turns(1)
    assert box.transport.writes[1:] == [text_frame(b"next")]


async def test_an_event_is_framed_once_for_all_connections() -> None:
    event = Message(b"event")
    assert event.frame is event.frame
    first, second = Box(), Box()
    first.outbox.put_event(event)
    second.outbox.put_event(event)
    await turns(1)
    assert first.transport.writes == second.transport.writes == [event.frame]


async def test_flush_writes_at_once_and_only_once() -> None:
    box = Box()
    box.outbox.put(b"reply")
    box.outbox.flush()
    assert box.transport.writes == [text_frame(b"reply")]
    await turns()
    assert len(box.transport.writes) == 1
    box.outbox.flush()
    assert len(box.transport.writes) == 1
    box.outbox.flush()


async def test_what_is_put_before_the_connection_opens_goes_out_then() -> None:
    box = Box(open=False)
    box.outbox.put(b"early")
    box.outbox.flush()
    assert box.outbox.size == len(text_frame(b"early"))
    box.outbox.open(box.transport)
    assert box.transport.writes == [text_frame(b"early")]
    assert box.outbox.size == 0


async def test_a_client_that_takes_what_it_is_sent_is_never_too_slow() -> None:
    box = Box()
    for _ in range(50):
        for _ in range(20):
            box.outbox.put_event(message(LIMIT // 10))
        await turns(1)
    await turns()
    assert box.slow == 0
    assert sum(map(len, box.transport.writes)) == 1000 * framed(LIMIT // 10)


async def test_a_client_still_over_the_limit_after_a_poll_is_too_slow_once() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(message(LIMIT // 2))
    await turns()
    assert box.slow == 0
    box.outbox.put_event(message(LIMIT // 2))
    assert box.slow == 0
    await turns(3)
    assert box.slow == 1
    await turns()
    assert box.slow == 1


async def test_a_client_that_catches_up_by_the_poll_is_not_too_slow() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(message(LIMIT // 2))
    box.outbox.put_event(message(LIMIT))
    assert len(box.transport.writes) == 1, "the poll has all of it to offer"
    box.transport.buffered = LIMIT // 2
    await turns()
    assert box.slow == 0


async def test_nobody_is_judged_before_what_the_poll_found_has_run() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(message(LIMIT // 2))
    box.outbox.put_event(message(LIMIT))

    def write_ready() -> None:  # the loop runs this behind all that was scheduled before its poll
        box.transport.buffered = 0

    asyncio.get_running_loop().call_soon(write_ready)
    await turns()
    assert box.slow == 0


async def test_the_limit_itself_is_not_too_much() -> None:
    box = Box()
    box.transport.stalled = True
    size = LIMIT - (framed(LIMIT) - LIMIT)
    box.outbox.put_event(message(size))
    assert box.outbox.size == LIMIT
    await turns()
    assert box.slow == 0
    box.outbox.put_event(Message(b""))
    await turns()
    assert box.slow == 1


async def test_one_message_over_the_limit_goes_out_when_the_outbox_is_empty() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(message(5 * LIMIT))
    await turns()
    assert box.slow == 0
    box.outbox.put_event(message(LIMIT // 2))
    await turns()
    assert box.slow == 0, "what waits behind it has the limit's room"
    box.outbox.put_event(message(LIMIT))
    await turns()
    assert box.slow == 1


async def test_a_message_over_the_limit_behind_another_makes_its_client_too_slow() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(message(1))
    box.outbox.put_event(message(5 * LIMIT))
    await turns()
    assert box.slow == 1


async def test_the_room_for_a_large_message_ends_with_it() -> None:
    box = Box()
    box.transport.stalled = True
    box.outbox.put_event(message(5 * LIMIT))
    await turns()
    box.transport.buffered = 0
    box.outbox.put_event(message(1))
    await turns()
    box.outbox.put_event(message(2 * LIMIT))
    await turns()
    assert box.slow == 1


async def test_the_room_for_a_large_message_ends_with_it_though_nothing_of_it_waited() -> None:
    box = Box()
    box.outbox.put_event(message(5 * LIMIT))
    await turns()
    box.transport.stalled = True
    for _ in range(4):
        box.outbox.put_event(message(LIMIT // 2))
    await turns()
    assert box.slow == 1


async def test_replies_alone_never_make_their_reader_too_slow_and_are_never_dropped() -> None:
    for policy in ("close", "drop"):
        box = Box(policy)
        box.transport.stalled = True
        for _ in range(10):
            box.outbox.put(b"x" * LIMIT)
            await turns()
        assert box.slow == 0
        assert sum(map(len, box.transport.writes)) == 10 * framed(LIMIT)


async def test_an_event_behind_large_replies_does_not_make_their_reader_too_slow() -> None:
    box = Box()
    box.transport.stalled = True
    for _ in range(2):
        box.outbox.put(b"x" * 5 * LIMIT)
    box.outbox.put_event(message(LIMIT // 2))
    await turns()
    assert box.slow == 0
    box.outbox.put_event(message(LIMIT))
    await turns()
    assert box.slow == 1


async def test_events_held_back_have_room_of_their_own() -> None:
    box = Box()
    assert box.outbox.hold(LIMIT // 2)
    assert box.outbox.hold(LIMIT // 2)
    assert not box.outbox.hold(1)
    assert (box.outbox.held, box.outbox.size, box.slow) == (LIMIT, 0, 0)


async def test_a_dropping_outbox_loses_events_until_its_client_catches_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "wsrpc")
    box = Box("drop")
    box.transport.stalled = True
    box.outbox.put_event(message(LIMIT // 2))
    box.outbox.put_event(message(LIMIT // 2 + 1))
    await turns()
    before = len(box.transport.writes)
    for _ in range(3):
        box.outbox.put_event(message(10))
        await turns()
    assert len(box.transport.writes) == before
    box.outbox.put(b"a reply is not dropped")
    await turns()
    assert box.transport.writes[before:] == [text_frame(b"a reply is not dropped")]
    box.transport.buffered = 0
    box.transport.stalled = False
    box.outbox.put_event(message(10))
    await turns()
    assert box.transport.writes[before + 1 :] == [message(10).frame]
    assert box.slow == 0
    assert caplog.messages == [
        "a consumer is too slow: events for it are dropped",
        "a slow consumer caught up; 3 events were dropped",
    ]


async def test_a_dropping_outbox_warns_once_for_each_slowness(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = Box("drop")
    box.transport.stalled = True
    for lost in (4, 2):
        box.outbox.put_event(message(LIMIT))
        for _ in range(1 + lost):
            box.outbox.put_event(message(LIMIT))
            await turns()
        box.transport.buffered = LIMIT  # which is not too much
        box.outbox.put_event(message(1))
    assert caplog.messages == [
        "a consumer is too slow: events for it are dropped",
        "a slow consumer caught up; 4 events were dropped",
        "a consumer is too slow: events for it are dropped",
        "a slow consumer caught up; 2 events were dropped",
    ]


async def test_a_discarded_outbox_takes_nothing_more() -> None:
    box = Box()
    box.outbox.put_event(message(5 * LIMIT))
    box.outbox.put_event(message(5 * LIMIT))
    box.outbox.put(b"x")
    box.outbox.discard()
    box.outbox.put(b"reply")
    box.outbox.put_event(message(10))
    assert box.outbox.size == 0
    await turns()
    assert box.slow == 0
    assert box.outbox.closed
    box.outbox.discard()


async def test_nobody_is_too_slow_whose_outbox_was_discarded() -> None:
    box = Box()
    box.transport.stalled = True
    for _ in range(3):
        box.outbox.put_event(message(LIMIT))
    box.outbox.discard()
    await turns()
    assert box.outbox.size > LIMIT
    assert box.slow == 0


async def test_a_transport_that_closes_ends_the_outbox() -> None:
    box = Box()
    box.transport.closing = True
    box.outbox.put(b"reply")
    await turns()
    assert box.transport.writes == []
    assert box.outbox.closed
    assert box.outbox.size == 0


async def test_a_transport_that_fails_keeps_no_other_from_being_written(loop_errors) -> None:
    first, second = Box(), Box()

    def fail(data: Any) -> None:
        raise RuntimeError("the transport is broken")

    first.transport.write = fail  # type: ignore[method-assign]
    for box in (first, second):
        box.outbox.put(b"reply")
    await turns()
    assert second.transport.writes == [text_frame(b"reply")]
    assert [str(context["exception"]) for context in loop_errors] == ["the transport is broken"]


class Straight:
    """What sends past the transport: so many bytes at a time, or nothing but an error."""

    def __init__(self, takes: int | OSError) -> None:
        self.takes = takes
        self.sent = b""

    def send(self, data: bytes) -> int:
        if isinstance(self.takes, OSError):
            raise self.takes
        self.sent += data[: self.takes]
        return len(data[: self.takes])


@pytest.mark.parametrize("takes", [0, 3, 100, BlockingIOError(), ConnectionResetError()])
async def test_what_the_socket_does_not_take_goes_to_the_transport(
    takes: int | OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = Straight(takes)
    monkeypatch.setattr(internals, "socket_of", lambda transport: straight)
    box = Box()
    box.outbox.put_event(Message(b"event"))
    await turns()
    assert straight.sent + b"".join(box.transport.writes) == text_frame(b"event")
    box.transport.buffered = 10
    sent = straight.sent
    box.outbox.put(b"reply")
    await turns()
    assert straight.sent == sent, "nothing may overtake what waits in the transport"
    assert box.transport.writes[-1] == text_frame(b"reply")


async def test_events_that_the_socket_takes_make_nobody_too_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    straight = Straight(10**9)
    monkeypatch.setattr(internals, "socket_of", lambda transport: straight)
    box = Box()
    box.outbox.put(b"x" * LIMIT * 2)
    await turns()
    for _ in range(5):
        box.outbox.put_event(message(LIMIT * 2))
        await turns()
    assert box.slow == 0
    assert box.transport.writes == []


async def test_a_corked_outbox_schedules_nothing_and_is_written_when_uncorked() -> None:
    box = Box()
    box.outbox.corked = True
    box.outbox.put(b"one")
    box.outbox.put(b"two")
    await turns()
    assert box.transport.writes == []
    box.outbox.uncork()
    assert box.transport.writes == [text_frame(b"one") + text_frame(b"two")]
    box.outbox.put(b"three")
    await turns()
    assert box.transport.writes[1:] == [text_frame(b"three")]


async def test_a_corked_outbox_keeps_no_more_than_its_limit() -> None:
    box = Box()
    box.outbox.corked = True
    for _ in range(4):
        box.outbox.put(b"x" * (LIMIT // 2))
    assert len(box.transport.writes) == 2


async def test_what_is_uncorked_goes_behind_the_events_that_wait() -> None:
    written: list[str] = []
    subscriber, publisher = Box(), Box()
    for box, name in ((subscriber, "event"), (publisher, "reply")):
        box.transport.write = lambda data, name=name: written.append(name)  # type: ignore[misc]
    publisher.outbox.corked = True
    subscriber.outbox.put_event(Message(b"event"))
    publisher.outbox.put(b"reply")
    publisher.outbox.uncork()
    publisher.outbox.uncork()
    await turns()
    assert written == ["event", "reply"]


def test_a_loop_that_ended_before_all_was_written_is_forgotten() -> None:
    def fill() -> ref[asyncio.AbstractEventLoop]:
        loop = asyncio.new_event_loop()
        outbox = Outbox(loop, LIMIT, "close", print)
        outbox.open(Transport())
        outbox.put(b"reply")
        loop.close()
        return ref(loop)

    ended = fill()
    gc.collect()
    assert ended() is None
