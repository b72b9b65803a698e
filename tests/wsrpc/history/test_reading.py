"""History that cannot be read, is slow to read, or is read no longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsrpc import (
    BrokerUnavailable,
    Limits,
    LocalBroker,
    Position,
    SocketsManager,
)
from wsrpc.failures import Failure

from .scripted import Broker, Client, View, settle, told

pytestmark = pytest.mark.wsrpc(clock="virtual")


async def test_history_that_cannot_be_read_is_not_recovered(reported: list[Failure]) -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def fail() -> None:
        raise LookupError

    broker.before_read = fail
    client.subscribe(since=1)
    assert await client.answer() == told(3, False)
    await broker.emit()
    assert client.got == [4]
    [failure] = reported
    assert isinstance(failure.exception, LookupError)
    assert failure.where == "hook read_history of channel x"


async def test_history_that_is_slow_to_read_is_not_recovered(reported: list[Failure]) -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def hang() -> None:
        await asyncio.sleep(3600)

    broker.before_read = hang
    client.subscribe(since=1)
    began = asyncio.get_running_loop().time()
    await settle(1)
    await broker.emit()
    assert await client.answer() == told(3, False)
    assert 5 <= asyncio.get_running_loop().time() - began < 5.1
    assert client.got == [4]
    assert isinstance(reported[0].exception, TimeoutError)


async def test_a_hook_that_is_cancelled_by_itself_is_a_failure(reported: list[Failure]) -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def cancel() -> None:
        raise asyncio.CancelledError

    broker.before_read = cancel
    client.subscribe(since=1)
    assert await client.answer() == told(3, False)
    assert isinstance(reported[0].exception, asyncio.CancelledError)


async def test_a_hook_that_returns_no_past_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, reported: list[Failure]
) -> None:
    broker = Broker()
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()
    await broker.emit()

    async def wrong(channel: str, since: Position | None) -> Any:
        return []

    monkeypatch.setattr(broker, "read_history", wrong)
    client.subscribe(since=0)
    assert await client.answer() == told(1, False)
    assert str(reported[0].exception) == "read_history must return a Past, got []"


async def test_a_history_without_its_hook_is_a_failure(reported: list[Failure]) -> None:
    class Forgetful(LocalBroker):
        read_history = SocketsManager.read_history

    client = Client(Forgetful(history=5))
    client.subscribe()
    assert (await client.answer())["code"] == -32603
    [failure] = reported
    assert str(failure.exception).endswith("Forgetful has a history: define read_history")


@pytest.mark.parametrize(
    ("error", "code"), [(ConnectionError, -32004), (BrokerUnavailable, -32004), (OSError, -32603)]
)
async def test_without_the_position_there_is_no_first_subscription(
    error: type[Exception], code: int
) -> None:
    broker = Broker()

    async def fail() -> None:
        raise error

    broker.before_read = fail
    client = Client(broker)
    client.subscribe()
    assert (await client.answer())["code"] == code
    await settle()
    assert broker.unsubscribed == 1
    assert broker.channels.position("x") is None
    broker.before_read = None
    client.subscribe()
    assert await client.answer() == told(0)


async def test_a_first_subscription_whose_position_is_slow_to_read_is_refused() -> None:
    broker = Broker()

    async def hang() -> None:
        await asyncio.sleep(3600)

    broker.before_read = hang
    client = Client(broker)
    client.subscribe()
    assert (await client.answer())["code"] == -32004


async def test_a_first_subscription_that_failed_leaves_the_next_one_to_read() -> None:
    broker = Broker()
    await broker.emit()

    async def fail() -> None:
        broker.before_read = None
        other.subscribe()
        await settle()
        raise ConnectionError

    broker.before_read = fail
    client, other = Client(broker), Client(broker)
    client.subscribe()
    assert (await client.answer())["code"] == -32004
    assert await other.answer() == told(1)
    assert broker.unsubscribed == 0


async def test_a_call_that_ends_while_history_is_read_undoes_the_subscription() -> None:
    class Hasty(View):
        limits = Limits(call_timeout=1)

    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker, Hasty())
    other.subscribe()
    await other.answer()

    async def hang() -> None:
        await asyncio.sleep(3)

    broker.before_read = hang
    client.subscribe(since=1)
    assert (await client.answer())["code"] == -32001
    await broker.emit()
    await settle(5)
    assert client.got == []
    assert broker.server_info()["channels"] == {"x": {"*": 1}}


async def test_a_connection_that_ends_while_history_is_read_leaves_nothing() -> None:
    broker = Broker()
    await broker.emit(3)
    other, client = Client(broker), Client(broker)
    other.subscribe()
    await other.answer()

    async def meanwhile() -> None:
        client.connection.close()
        await settle()

    broker.before_read = meanwhile
    client.subscribe(since=1)
    await settle(1)
    assert broker.server_info()["channels"] == {"x": {"*": 1}}


async def test_history_that_could_not_be_read_is_read_again_until_it_can() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    await broker.emit(2, lost=True)

    async def fail() -> None:
        raise ConnectionError

    broker.before_read = fail
    await broker.channels.gap("x")
    await settle(1)
    assert client.got == ["gap E:0"]
    assert len(broker.reads) == 5
    broker.before_read = None
    await settle(60)
    assert client.got == [1, 2]
    assert len(broker.reads) == 6


async def test_nobody_reads_for_a_channel_that_has_no_subscribers() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()

    async def fail() -> None:
        raise ConnectionError

    broker.before_read = fail
    await broker.channels.gap("x")
    await settle()
    client.connection.close()
    await settle()
    reads = len(broker.reads)
    await broker.channels.gap("x")
    await settle(60)
    assert len(broker.reads) == reads


async def test_a_read_ends_with_its_channel() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(3)
        finally:
            ended.append("read")

    broker.before_read = hang
    await broker.channels.gap("x")
    await settle()
    client.connection.close()
    await settle()
    assert ended == ["read"]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("is_missed", [True, False])
async def test_an_event_that_ends_the_last_subscription_ends_all_that_follows(
    reported: list[Failure], is_missed: bool
) -> None:
    class Forgetful(Broker):
        unsubscribe = SocketsManager.unsubscribe  # type: ignore[assignment]

    class Leaving(View):
        def _close(self, code: int, reason: str = "") -> None:
            client.connection.memberships.leave()

    def data() -> Any:
        raise LookupError

    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    broker = Forgetful()
    client = Client(broker, Leaving())
    client.subscribe()
    await client.answer()
    await broker.emit(lost=is_missed)
    for offset in (2, 3):
        message = {"event": "a", "data": data, "epoch": "E", "offset": offset}
        await broker.channels("x", message)
    await settle()
    assert client.got == [1]
    assert [type(failure.exception) for failure in reported] == [LookupError]
    assert problems == []
    assert len(broker.channels) == 0
    assert len(asyncio.all_tasks()) == 1


async def test_closing_the_channels_ends_the_reads() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(3)
        finally:
            ended.append("read")

    broker.before_read = hang
    await broker.channels.gap("x")
    await settle()
    await broker.channels.close(1)
    assert ended == ["read"]


async def test_closing_the_channels_ends_the_retries() -> None:
    broker = Broker()
    client = Client(broker)
    client.subscribe()
    await client.answer()

    async def fail() -> None:
        raise ConnectionError

    broker.before_read = fail
    await broker.channels.gap("x")
    await settle()
    await broker.channels.close(1)
    reads = len(broker.reads)
    await settle(60)
    assert len(broker.reads) == reads
