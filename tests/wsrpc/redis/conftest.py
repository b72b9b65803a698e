"""Brokers on a private Redis, directly or through a network that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from pytest_wsrpc import FaultProxy, RedisServer
from wsrpc import RedisBroker

QUICK = {"probe": 0.2, "check": 0.5, "timeout": 2.0}
"""Times that a test can wait for, and that a busy machine keeps."""

MakeBroker = Callable[..., Awaitable[RedisBroker]]


@pytest.fixture
async def make_broker(redis_server: RedisServer) -> AsyncIterator[MakeBroker]:
    """Make a broker and start it: ``await make_broker(url=None, **options)``."""
    brokers: list[RedisBroker] = []

    async def make(url: str | None = None, **options: Any) -> RedisBroker:
        broker = RedisBroker(url or redis_server.url, **{**QUICK, **options})
        brokers.append(broker)
        await broker.start()
        return broker

    yield make
    for broker in brokers:
        await broker.close()


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[FaultProxy]:
    """A network in front of the Redis, that can fail; `url` leads through it."""
    async with FaultProxy(redis_server.path) as proxy:
        yield proxy


@pytest.fixture
def url(proxy: FaultProxy) -> str:
    """The url of the Redis through the proxy."""
    return f"redis://{proxy.host}:{proxy.port}"


class Heard(list[tuple[str, Any]]):
    """The events that a subscription brought: name and data."""

    @property
    def data(self) -> list[Any]:
        """The data of the events that are no gaps."""
        return [data for event, data in self if event != "wsrpc.gap"]

    @property
    def gaps(self) -> list[Any]:
        """The data of the gaps."""
        return [data for event, data in self if event == "wsrpc.gap"]


@pytest.fixture
def listen() -> Callable[[RedisBroker, str], Awaitable[Heard]]:
    """Subscribe to all events of a channel: ``heard = await listen(broker, "x")``."""

    async def listen(broker: RedisBroker, channel: str) -> Heard:
        heard = Heard()
        await broker.channels.register(
            channel, "*", lambda _, event, data: heard.append((event, data))
        )
        return heard

    return listen
