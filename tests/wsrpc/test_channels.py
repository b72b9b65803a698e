"""The channels of a process: who is told of an event, and what is no event."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from wsrpc import ChannelCallbackError, SocketsManager
from wsrpc.channel import GAP, Channel, ChannelEvent
from wsrpc.failures import Failure
from wsrpc.patterns import Pattern


class Backend(SocketsManager):
    """Takes every channel."""

    async def subscribe(self, channel: str) -> None:
        pass


class Member:
    """A subscriber that notes what it is told."""

    def __init__(self, size: int = 0) -> None:
        self.told: list[Any] = []
        self.size = size

    def deliver(self, event: ChannelEvent) -> int:
        _ = event.message
        self.told.append((event.name, event.data))
        return self.size

    def tell_gap(self, event: ChannelEvent) -> None:
        self.told.append(event.name)

    def fail(self, event: ChannelEvent, reason: str) -> None:
        self.told.append(reason)


async def join(backend: Backend, name: str, *patterns: str, member: Member | None = None) -> Member:
    found = member or Member()

    def register(channel: Channel) -> None:
        for pattern in patterns:
            channel.add(found, Pattern(pattern))

    await backend.channels.join(name, [Pattern(pattern) for pattern in patterns], register)
    return found


async def leave(backend: Backend, name: str, member: Member, *patterns: str) -> None:
    channel = backend.channels.get(name)
    assert channel is not None
    for pattern in patterns:
        channel.remove(member, pattern)
    backend.channels.release(channel)
    await backend.channels.released(channel)


async def test_each_member_with_a_pattern_that_matches_gets_an_event_once() -> None:
    backend = Backend()
    every = await join(backend, "x", "*", "foo", "f*")
    one = await join(backend, "x", "foo")
    other = await join(backend, "x", "bar")
    elsewhere = await join(backend, "y", "*")
    await backend.channels("x", {"event": "foo", "data": 1})
    assert every.told == one.told == [("foo", 1)]
    assert other.told == elsewhere.told == []
    await backend.channels("nobody", {"event": "foo", "data": 1})


async def test_who_gets_an_event_follows_each_change_of_the_subscriptions() -> None:
    backend = Backend()
    first = await join(backend, "x", "*")
    await backend.channels("x", {"event": "a"})
    second = await join(backend, "x", "a")
    await backend.channels("x", {"event": "a"})
    await leave(backend, "x", first, "*")
    await backend.channels("x", {"event": "a"})
    assert (len(first.told), len(second.told)) == (2, 2)


async def test_many_different_names_are_all_delivered() -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    for index in range(600):
        await backend.channels("x", {"event": str(index)})
    assert [name for name, _ in member.told] == list(map(str, range(600)))


async def test_an_event_without_a_name_or_data_has_an_empty_name_and_null() -> None:
    backend = Backend()
    member = await join(backend, "x", "", "*")
    await backend.channels("x", {})
    await backend.channels("x", {"event": None, "data": None})
    assert member.told == [("", None), ("", None)]


async def test_the_subscribers_are_told_by_pattern() -> None:
    backend = Backend()
    await join(backend, "x", "b", "a")
    await join(backend, "x", "a")
    await join(backend, "y", "*")
    assert backend.channels.info() == {"x": {"a": 2, "b": 1}, "y": {"*": 1}}
    assert list(backend.channels.info()["x"]) == ["a", "b"]
    assert "x" in backend.channels
    assert "z" not in backend.channels
    assert 1 not in backend.channels
    assert len(backend.channels) == 2
    assert [channel.name for channel in backend.channels] == ["x", "y"]


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("x", {"event": 1, "data": None}),
        ("x", {"event": ["a"]}),
        ("x", []),
        ("x", None),
        ("x", "text"),
        ("x", b"bytes"),
        (["x"], {"event": "a"}),
        ({}, {"event": "a"}),
        (None, {"event": "a"}),
        (1, {"event": "a"}),
        ("nobody", 5),
    ],
)
async def test_what_is_no_event_is_logged_counted_and_ignored(
    channel: Any, message: Any, reported: list[Failure]
) -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    await backend.channels(channel, message)
    await backend.channels("x", {"event": "a"})
    assert member.told == [("a", None)]
    assert backend.channels.ignored == 1
    (failure,) = reported
    assert failure.where.startswith("message from the backend on channel ")


async def test_callable_data_is_called_once_at_delivery() -> None:
    backend = Backend()
    calls = []

    def data() -> int:
        calls.append(None)
        return len(calls)

    members = [await join(backend, "x", "*", "a") for _ in range(3)]
    await backend.channels("x", {"event": "a", "data": data})
    assert [member.told for member in members] == [[("a", 1)]] * 3


@pytest.mark.parametrize(
    "error", [ValueError(), RuntimeError(), asyncio.CancelledError(), SystemExit(), BaseException()]
)
async def test_callable_data_that_raises_fails_only_those_whom_it_would_have_reached(
    error: BaseException, reported: list[Failure]
) -> None:
    backend = Backend()

    def data() -> None:
        raise error

    reached = await join(backend, "x", "*")
    other = await join(backend, "x", "b")
    await backend.channels("x", {"event": "a", "data": data})
    await backend.channels("x", {"event": "b", "data": 1})
    assert reached.told == ["the data of an event could not be made", ("b", 1)]
    assert other.told == [("b", 1)]
    assert [failure.exception for failure in reported] == [error]


async def test_an_interrupt_from_the_keyboard_is_not_held_up_by_data() -> None:
    backend = Backend()

    def data() -> None:
        raise KeyboardInterrupt

    await join(backend, "x", "*")
    with pytest.raises(KeyboardInterrupt):
        await backend.channels("x", {"event": "a", "data": data})


def _cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "data",
    [object(), "\ud800", _cycle(), _deep(), {1: object()}, 1 << 20_000],
    ids=["object", "surrogate", "cycle", "deep", "inside", "integer"],
)
async def test_data_without_a_json_form_is_logged_once_and_delivery_goes_on(
    data: Any, reported: list[Failure]
) -> None:
    backend = Backend()
    members = [await join(backend, "x", "*") for _ in range(2)]
    await backend.channels("x", {"event": "a", "data": data})
    await backend.channels("x", {"event": "b", "data": 1})
    for member in members:
        assert member.told == ["the data of an event has no JSON form", ("b", 1)]
    assert len(reported) == 1


async def test_delivery_happens_before_its_first_wait() -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    delivery = backend.channels("x", {"event": "a"})
    assert member.told == []
    with pytest.raises(StopIteration):
        delivery.send(None)
    assert member.told == [("a", None)]


async def test_the_loop_gets_a_turn_after_each_256_kilobytes_put_out() -> None:
    backend = Backend()
    await join(backend, "x", "*", member=Member(100 * 1024))
    ran: list[int] = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    for _ in range(2):
        await backend.channels("x", {"event": "a"})
    assert ran == []
    await backend.channels("x", {"event": "a"})
    assert ran == [1]
    asyncio.get_running_loop().call_soon(ran.append, 2)
    for _ in range(2):
        await backend.channels("x", {"event": "a"})
    assert ran == [1], "a new turn, a new count"


async def test_a_gap_is_told_to_every_member_once() -> None:
    backend = Backend()
    member = await join(backend, "x", "a", "b")
    elsewhere = await join(backend, "y", "*")
    await backend.channels.gap("x")
    await backend.channels.gap("nobody")
    assert member.told == [GAP]
    assert elsewhere.told == []


async def test_a_channel_ends_without_looking_at_the_others() -> None:
    backend = Backend()
    count = 20_000

    def callback(channel: str, event: str, data: Any) -> None:
        raise ChannelCallbackError

    for index in range(count):
        await backend.channels.register(str(index), "*", callback)
    start = time.process_time()
    for index in range(0, count, 10):
        await backend.channels.unregister(str(index), "*", callback)
    assert time.process_time() - start < 5, "a look at every channel takes twenty times as long"
    assert len(backend.channels) == count - count // 10
