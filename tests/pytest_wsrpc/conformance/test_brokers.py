"""The project's own brokers keep the contract."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from pytest_wsrpc import FaultProxy
from pytest_wsrpc.conformance import BrokerConformance
from wsrpc import LocalBroker, RedisBroker

QUICK = {"probe": 0.3, "check": 0.5, "timeout": 1.0}
"""How soon an outage is noticed, so that a test can wait for it."""


@pytest.mark.wsrpc(clock="virtual")
class TestLocalBroker(BrokerConformance):
    refused = ("UPPER",)

    @pytest.fixture(params=[0.0, 0.01], ids=["at-once", "latency"])
    def make_broker(self, request):
        return lambda: LocalBroker(latency=request.param)


@pytest.mark.wsrpc(clock="virtual")
class TestLocalBrokerWithHistory(BrokerConformance):
    refused = ("UPPER",)

    @pytest.fixture(params=[(0.0, 50), (0.01, 5)], ids=["at-once", "latency-and-few-events"])
    def make_broker(self, request):
        latency, history = request.param
        return lambda: LocalBroker(latency=latency, history=history)


@pytest.mark.slow
class TestRedisBroker(BrokerConformance):
    processes = 2
    refused = ("UPPER",)
    history = 0

    @pytest.fixture
    async def proxy(self, redis_server):
        async with FaultProxy(redis_server.path) as proxy:
            yield proxy

    @pytest.fixture
    def make_broker(self, request, proxy):
        url = f"redis://{proxy.host}:{proxy.port}"
        times = QUICK if "outages" in request.fixturenames else {}
        return lambda: RedisBroker(url, history=self.history, **times)

    @pytest.fixture
    def outages(self, redis_server, proxy):
        def outage(begin, end):
            @asynccontextmanager
            async def lasting():
                await asyncio.to_thread(begin)
                yield
                await asyncio.to_thread(end)

            return lasting

        @asynccontextmanager
        async def cut():
            proxy.cut(refuse=True)
            yield
            proxy.heal()

        return {
            "frozen": outage(redis_server.freeze, redis_server.thaw),
            "killed, and back without its data": outage(redis_server.kill, redis_server.start),
            "cut off": cut,
        }


@pytest.mark.slow
@pytest.mark.slow
class TestRedisBrokerWithHistory(TestRedisBroker):
    history = 50
