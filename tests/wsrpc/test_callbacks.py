"""Callbacks of the application on channels."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Any

import pytest

from wsrpc import CannotSubscribe, ChannelCallbackError, LocalBroker, SocketsManager
from wsrpc.channel import GAP
from wsrpc.failures import Failure

KIB = 1024


class Backend(LocalBroker):
    """A broker that notes when the last subscriber of a channel left."""

    def __init__(self) -> None:
        super().__init__()
        self.unsubscribed: list[str] = []

    async def unsubscribe(self, channel: str) -> None:
        self.unsubscribed.append(channel)


@pytest.fixture
def broker() -> Backend:
    return Backend()


class Calls:
    """A callback that notes its calls, and waits while it is held."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, channel: str, event: str, data: Any) -> None:
        self.seen.append((channel, event, data))
        await self.gate.wait()


async def turns(count: int = 12) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_callback_plain_or_async_gets_channel_event_and_data(broker: Backend) -> None:
    plain: list[Any] = []
    calls = Calls()
    await broker.channels.register("x", "a*", lambda *args: plain.append(args))
    await broker.channels.register("x", None, calls)
    await broker.publish("x", "ab", {"n": 1})
    await broker.publish("x", "b", 2)
    await broker.publish("y", "ab", 3)
    await turns()
    assert plain == [("x", "ab", {"n": 1})]
    assert calls.seen == [("x", "ab", {"n": 1}), ("x", "b", 2)]
    assert broker.server_info()["channels"] == {"x": {"*": 1, "a*": 1}}


async def test_a_callback_registered_twice_is_called_once_for_each_event(broker: Backend) -> None:
    calls = Calls()
    for pattern in ("*", "a", "a"):
        await broker.channels.register("x", pattern, calls)
    await broker.publish("x", "a", 1)
    await turns()
    assert calls.seen == [("x", "a", 1)]
    assert broker.server_info()["channels"] == {"x": {"*": 1, "a": 1}}


async def test_unregister_takes_one_pattern_or_all(broker: Backend) -> None:
    calls, other = Calls(), Calls()
    for pattern in ("a", "b", "c"):
        await broker.channels.register("x", pattern, calls)
    await broker.channels.unregister("x", "a", calls)
    await broker.channels.unregister("x", "a", calls)
    await broker.channels.unregister("x", "nope", calls)
    await broker.channels.unregister("x", "b", other)
    await broker.channels.unregister("y", None, calls)
    for name in "abc":
        await broker.publish("x", name, None)
    await turns()
    assert [event for _, event, _ in calls.seen] == ["b", "c"]
    assert broker.unsubscribed == []
    await broker.channels.unregister("x", None, calls)
    assert broker.unsubscribed == ["x"]
    assert len(broker.channels) == 0


async def test_register_raises_for_a_bad_pattern_and_for_what_the_backend_refuses(
    broker: Backend,
) -> None:
    with pytest.raises(ValueError):
        await broker.channels.register("x", "[", Calls())
    with pytest.raises(CannotSubscribe):
        await broker.channels.register("X", "*", Calls())
    with pytest.raises(CannotSubscribe):
        await SocketsManager().channels.register("x", "*", Calls())
    assert broker.server_info()["channels"] == {}


async def test_events_come_one_at_a_time_in_order_and_delivery_never_waits(
    broker: Backend,
) -> None:
    calls = Calls()
    calls.gate.clear()
    await broker.channels.register("x", "*", calls)
    for index in range(3):
        await broker.publish("x", str(index), index)
    await turns()
    assert [data for *_, data in calls.seen] == [0]
    calls.gate.set()
    await turns()
    await broker.publish("x", "3", 3)
    await turns()
    assert [data for *_, data in calls.seen] == [0, 1, 2, 3]


async def test_callbacks_do_not_wait_for_each_other(broker: Backend) -> None:
    slow, quick = Calls(), Calls()
    slow.gate.clear()
    await broker.channels.register("x", "*", slow)
    await broker.channels.register("x", "*", quick)
    for index in range(3):
        await broker.publish("x", "a", index)
    await turns()
    assert (len(slow.seen), len(quick.seen)) == (1, 3)
    await broker.close()


async def test_an_exception_is_logged_and_the_next_event_comes(
    broker: Backend, reported: list[Failure]
) -> None:
    seen = []

    async def callback(channel: str, event: str, data: Any) -> None:
        seen.append(data)
        raise LookupError(data)

    await broker.channels.register("x", "*", callback)
    for index in range(3):
        await broker.publish("x", "a", index)
    await turns()
    assert seen == [0, 1, 2]
    assert [str(failure.exception) for failure in reported] == ["0", "1", "2"]
    assert {failure.where for failure in reported} == {"callback of channel x"}


async def test_a_callback_that_awaits_what_someone_else_cancelled_goes_on(
    broker: Backend, reported: list[Failure]
) -> None:
    seen = []

    async def callback(channel: str, event: str, data: Any) -> None:
        seen.append(data)
        cancelled = asyncio.get_running_loop().create_future()
        cancelled.cancel()
        await cancelled

    await broker.channels.register("x", "*", callback)
    for index in range(3):
        await broker.publish("x", "a", index)
    await turns()
    assert seen == [0, 1, 2]
    assert [type(failure.exception) for failure in reported] == [asyncio.CancelledError] * 3


async def test_a_channel_callback_error_removes_its_callback_quietly(
    broker: Backend, reported: list[Failure]
) -> None:
    seen = []

    def callback(channel: str, event: str, data: Any) -> None:
        seen.append(data)
        raise ChannelCallbackError

    await broker.channels.register("x", "*", callback)
    await broker.channels.register("x", "a", callback)
    for index in range(3):
        await broker.publish("x", "a", index)
    await turns()
    assert seen == [0]
    assert reported == []
    assert broker.unsubscribed == ["x"]
    await broker.channels.register("x", "a", callback)
    await broker.publish("x", "a", 9)
    await turns()
    assert seen == [0, 9]


async def test_unregistering_cancels_a_call_that_runs(broker: Backend) -> None:
    calls = Calls()
    calls.gate.clear()
    before = asyncio.all_tasks()
    await broker.channels.register("x", "*", calls)
    await broker.publish("x", "a", 1)
    await broker.publish("x", "a", 2)
    await turns()
    await broker.channels.unregister("x", None, calls)
    await turns()
    assert [data for *_, data in calls.seen] == [1]
    assert asyncio.all_tasks() == before


async def test_a_callback_may_unregister_and_register_itself(
    broker: Backend, reported: list[Failure]
) -> None:
    seen = []

    async def callback(channel: str, event: str, data: Any) -> None:
        seen.append(data)
        await broker.channels.unregister("x", None, callback)
        if data == 1:
            await broker.channels.register("x", "b", callback)
            raise ChannelCallbackError

    await broker.channels.register("x", "*", callback)
    await broker.publish("x", "a", 1)
    await turns()
    await broker.publish("x", "a", 2)
    await broker.publish("x", "b", 3)
    await turns()
    assert seen == [1, 3]
    assert len(broker.channels) == 0
    assert reported == []


async def test_each_event_is_handled_in_the_context_of_the_registration(broker: Backend) -> None:
    variable = contextvars.ContextVar("variable", default="")
    seen = []

    def callback(channel: str, event: str, data: Any) -> None:
        seen.append(variable.get())
        variable.set("changed")

    variable.set("registered")
    await broker.channels.register("x", "*", callback)
    variable.set("published")
    for _ in range(2):
        await broker.publish("x", "a", None)
        await turns()
    assert seen == ["registered"] * 2
    assert variable.get() == "published"


async def test_a_callback_too_slow_loses_events_and_is_told_in_their_place(
    broker: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "wsrpc")
    calls = Calls()
    calls.gate.clear()
    await broker.channels.register("x", "*", calls)
    await broker.publish("x", "running", None)
    await turns()
    for index in range(5):
        await broker.publish("x", str(index), "x" * (300 * KIB))
    await broker.channels.gap("x")
    await broker.publish("x", "small", "")
    calls.gate.set()
    await turns()
    await broker.publish("x", "after", None)
    await turns()
    assert [event for _, event, _ in calls.seen] == [
        "running", "0", "1", "2", GAP, "small", "after"
    ]  # fmt: skip
    assert len(caplog.messages) == 1
    assert "too slow" in caplog.text


async def test_one_event_over_the_limit_reaches_an_idle_callback(broker: Backend) -> None:
    calls = Calls()
    await broker.channels.register("x", "*", calls)
    await broker.publish("x", "large", "x" * (2048 * KIB))
    await turns()
    assert [event for _, event, _ in calls.seen] == ["large"]


async def test_gaps_do_not_pile_up_behind_a_slow_callback(broker: Backend) -> None:
    calls = Calls()
    calls.gate.clear()
    await broker.channels.register("x", "a", calls)
    await broker.publish("x", "a", None)
    await turns()
    for _ in range(100):
        await broker.channels.gap("x")
    calls.gate.set()
    await turns()
    assert calls.seen == [("x", "a", None), ("x", GAP, None)]


async def test_a_callback_is_told_of_an_event_whose_data_failed(
    broker: Backend, reported: list[Failure]
) -> None:
    def data() -> None:
        raise ValueError

    calls = Calls()
    await broker.channels.register("x", "*", calls)
    await broker.publish("x", "a", data)
    await turns()
    assert calls.seen == [("x", GAP, None)]
    assert len(reported) == 1


async def test_a_callback_gets_data_that_has_no_json_form(
    broker: Backend, reported: list[Failure]
) -> None:
    data = object()
    calls = Calls()
    await broker.channels.register("x", "*", calls)
    await broker.publish("x", "a", data)
    await turns()
    assert calls.seen == [("x", "a", data)]
    assert reported == []


async def test_closing_the_broker_removes_all_callbacks(broker: Backend) -> None:
    calls = Calls()
    calls.gate.clear()
    before = asyncio.all_tasks()
    for name in "xyz":
        await broker.channels.register(name, "*", calls)
        await broker.publish(name, "a", None)
    await turns()
    await broker.close()
    await turns()
    assert len(calls.seen) == 3
    assert sorted(broker.unsubscribed) == ["x", "y", "z"]
    assert len(broker.channels) == 0
    assert asyncio.all_tasks() == before
