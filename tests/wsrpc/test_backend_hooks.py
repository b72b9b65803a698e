"""The hooks of a backend: when they are called, and what becomes of their failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc import CannotSubscribe, SocketsManager, channels
from wsrpc.channel import Channel, ChannelEvent
from wsrpc.failures import Failure
from wsrpc.patterns import Pattern


class Backend(SocketsManager):
    """Notes the calls of its hooks, each of which may be made to wait or to fail."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.waits: dict[str, asyncio.Future[None]] = {}
        self.errors: dict[str, list[BaseException]] = {}

    async def _hook(self, name: str) -> None:
        self.calls.append(name)
        if name in self.waits:
            await self.waits[name]
        if self.errors.get(name):
            raise self.errors[name].pop(0)

    async def subscribe(self, channel: str) -> None:
        await self._hook(f"subscribe {channel}")

    async def subscribe_to_event(self, channel: str, event: str) -> None:
        await self._hook(f"event {channel} {event}")

    async def unsubscribe(self, channel: str) -> None:
        await self._hook(f"unsubscribe {channel}")

    def hold(self, name: str) -> asyncio.Future[None]:
        self.waits[name] = asyncio.get_running_loop().create_future()
        return self.waits[name]


class Member:
    """A subscriber that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def deliver(self, event: ChannelEvent) -> int:
        self.told.append((event.name, event.data))
        return 0

    def tell_gap(self, event: ChannelEvent) -> None:
        raise NotImplementedError

    def fail(self, event: ChannelEvent, reason: str) -> None:
        raise NotImplementedError


async def join(backend: Backend, name: str, *patterns: str) -> Member:
    found = Member()

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


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_hooks_run_for_the_first_subscriber_each_new_pattern_and_the_last() -> None:
    backend = Backend()
    first = await join(backend, "x", "a", "b")
    assert backend.calls == ["subscribe x", "event x a", "event x b"]
    second = await join(backend, "x", "b", "c")
    assert backend.calls[3:] == ["event x c"]
    third = await join(backend, "x", "a")
    await leave(backend, "x", first, "a", "b")
    await leave(backend, "x", second, "b", "c")
    assert backend.calls[4:] == []
    await leave(backend, "x", third, "a")
    assert backend.calls[4:] == ["unsubscribe x"]
    assert len(backend.channels) == 0
    await join(backend, "x", "a")
    assert backend.calls[5:] == ["subscribe x", "event x a"]


async def test_a_refused_channel_leaves_nothing() -> None:
    backend = Backend()
    backend.errors["subscribe x"] = [CannotSubscribe()]
    with pytest.raises(CannotSubscribe):
        await join(backend, "x", "*")
    assert "x" not in backend.channels
    assert backend.channels.get("x") is None
    assert backend.calls == ["subscribe x"]
    member = await join(backend, "x", "*")
    await backend.channels("x", {"event": "a"})
    assert member.told == [("a", None)]


@pytest.mark.parametrize("error", [CannotSubscribe(), ValueError(), ConnectionError()])
async def test_a_refused_pattern_leaves_nothing(error: Exception) -> None:
    backend = Backend()
    backend.errors["event x b"] = [error]
    with pytest.raises(type(error)):
        await join(backend, "x", "a", "b")
    await turns()
    assert backend.channels.info() == {}
    assert backend.calls == ["subscribe x", "event x a", "event x b", "unsubscribe x"]


async def test_a_refused_pattern_leaves_the_others_of_the_channel() -> None:
    backend = Backend()
    member = await join(backend, "x", "a")
    backend.errors["event x b"] = [CannotSubscribe()]
    with pytest.raises(CannotSubscribe):
        await join(backend, "x", "a", "b")
    assert backend.channels.info() == {"x": {"a": 1}}
    await backend.channels("x", {"event": "a"})
    assert member.told == [("a", None)]


async def test_two_that_subscribe_at_once_share_one_subscription() -> None:
    backend = Backend()
    gate = backend.hold("subscribe x")
    joins = [asyncio.create_task(join(backend, "x", "*")) for _ in range(3)]
    await turns()
    assert backend.calls == ["subscribe x"]
    gate.set_result(None)
    members = await asyncio.gather(*joins)
    assert backend.calls == ["subscribe x", "event x *"]
    await backend.channels("x", {"event": "a"})
    assert [member.told for member in members] == [[("a", None)]] * 3


async def test_one_that_waits_behind_a_refusal_asks_again() -> None:
    backend = Backend()
    gate = backend.hold("subscribe x")
    backend.errors["subscribe x"] = [CannotSubscribe()]
    joins = [asyncio.create_task(join(backend, "x", "*")) for _ in range(2)]
    await turns()
    gate.set_result(None)
    refused, member = await asyncio.gather(*joins, return_exceptions=True)
    assert isinstance(refused, CannotSubscribe)
    assert isinstance(member, Member)
    assert backend.calls == ["subscribe x", "subscribe x", "event x *"]


async def test_a_hook_that_is_interrupted_leaves_no_subscription_behind() -> None:
    backend = Backend()
    backend.hold("subscribe x")
    task = asyncio.create_task(join(backend, "x", "*"))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert backend.calls == ["subscribe x", "unsubscribe x"]
    assert backend.channels.get("x") is None


async def test_whoever_subscribes_after_an_interrupted_hook_has_the_channel_subscribed() -> None:
    backend = Backend()
    gate = backend.hold("subscribe x")
    first = asyncio.create_task(join(backend, "x", "*"))
    await turns()
    second = asyncio.create_task(join(backend, "x", "*"))
    await turns()
    del backend.waits["subscribe x"]
    first.cancel()
    await second
    assert gate.cancelled()
    assert backend.calls == ["subscribe x", "subscribe x", "event x *"]


async def test_a_subscriber_that_comes_while_the_channel_is_unsubscribed_gets_events() -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    gate = backend.hold("unsubscribe x")
    leaving = asyncio.create_task(leave(backend, "x", member, "*"))
    await turns()
    joining = asyncio.create_task(join(backend, "x", "*"))
    await turns()
    assert not joining.done()
    gate.set_result(None)
    second = await joining
    await leaving
    assert backend.calls[2:] == ["unsubscribe x", "subscribe x", "event x *"]
    await backend.channels("x", {"event": "a"})
    assert second.told == [("a", None)]


async def test_a_subscriber_that_gives_up_while_the_channel_is_unsubscribed_leaves_nothing() -> (
    None
):
    backend = Backend()
    member = await join(backend, "x", "*")
    gate = backend.hold("unsubscribe x")
    leaving = asyncio.create_task(leave(backend, "x", member, "*"))
    await turns()
    joining = asyncio.create_task(join(backend, "x", "*"))
    await turns()
    joining.cancel()
    await turns()
    gate.set_result(None)
    await leaving
    assert backend.calls[2:] == ["unsubscribe x"]
    assert backend.channels._channels == {}


async def test_a_subscriber_that_comes_before_the_channel_is_unsubscribed_keeps_it() -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    channel = backend.channels.get("x")
    assert channel is not None
    channel.remove(member, "*")
    backend.channels.release(channel)
    second = await join(backend, "x", "*")
    await backend.channels.released(channel)
    await turns()
    assert "unsubscribe x" not in backend.calls
    await backend.channels("x", {"event": "a"})
    assert second.told == [("a", None)]


@pytest.mark.parametrize("error", [ConnectionError(), ValueError(), asyncio.CancelledError()])
async def test_a_failing_unsubscription_is_logged_and_tried_again(
    error: BaseException,
    reported: list[Failure],
    until: Callable[..., Any],
    ws_clock: VirtualClock,
) -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    backend.errors["unsubscribe x"] = [error, error, error]
    await leave(backend, "x", member, "*")
    assert "x" not in backend.channels
    await until(lambda: not backend.channels._channels)
    assert ws_clock.time == pytest.approx((1 + 2 + 4) * channels._FIRST_RETRY)
    assert backend.calls[2:] == ["unsubscribe x"] * 4
    assert [failure.exception for failure in reported] == [error] * 3
    assert {failure.where for failure in reported} == {"hook unsubscribe"}


async def test_whoever_subscribes_after_a_failed_unsubscription_has_the_channel_subscribed(
    reported: list[Failure],
) -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    backend.errors["unsubscribe x"] = [ConnectionError()]
    await leave(backend, "x", member, "*")
    await join(backend, "x", "*")
    assert backend.calls[2:] == ["unsubscribe x", "subscribe x", "event x *"]
    assert len(reported) == 1


async def test_closing_waits_for_the_hooks_and_tries_a_failing_one_no_more(
    reported: list[Failure],
) -> None:
    backend = Backend()
    members = {name: await join(backend, name, "*") for name in "xyz"}
    gate = backend.hold("unsubscribe x")
    backend.errors["unsubscribe y"] = [ConnectionError()] * 9
    leaving = [asyncio.create_task(leave(backend, name, members[name], "*")) for name in members]
    await turns()
    closing = asyncio.create_task(backend.channels.close(60.0))
    await turns()
    assert not closing.done()
    gate.set_result(None)
    await closing
    await asyncio.gather(*leaving)
    assert sorted(backend.calls[6:]) == ["unsubscribe x", "unsubscribe y", "unsubscribe z"]
    assert backend.channels._releases == {}
    assert len(reported) == 1


async def test_closing_gives_up_on_a_hook_that_hangs(ws_clock: VirtualClock) -> None:
    backend = Backend()
    member = await join(backend, "x", "*")
    backend.hold("unsubscribe x")
    leaving = asyncio.create_task(leave(backend, "x", member, "*"))
    await turns()
    await backend.channels.close(60.0)
    assert ws_clock.time == 60
    await leaving
    assert backend.channels._releases == {}
    del backend.waits["unsubscribe x"]
    second = await join(backend, "x", "*")
    assert backend.calls[3:] == ["subscribe x", "event x *"]
    await backend.channels("x", {"event": "a"})
    assert second.told == [("a", None)]


async def test_a_backend_without_an_unsubscribe_hook_costs_no_task() -> None:
    class Plain(Backend):
        unsubscribe = SocketsManager.unsubscribe  # type: ignore[assignment]

    backend = Plain()
    before = asyncio.all_tasks()
    member = await join(backend, "x", "*")
    await leave(backend, "x", member, "*")
    assert asyncio.all_tasks() == before
    assert backend.channels._channels == {}
    await backend.channels.close(1.0)
