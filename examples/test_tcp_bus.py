"""The broker keeps the contract of all brokers, also when its hub ends; and it serves clients."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from examples.tcp_bus import Hub, HubBroker, create_app
from pytest_wsrpc import BrokerConformance, Serve, WsTestClient
from pytest_wsrpc.conformance import MakeBroker, Outages


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()


class TestHubBroker(BrokerConformance):
    processes = 2
    refused = ("",)

    @pytest.fixture
    def make_broker(self, hub: Hub) -> MakeBroker:
        return lambda: HubBroker(hub.port)

    @pytest.fixture
    def outages(self, hub: Hub) -> Outages:
        @asynccontextmanager
        async def restart() -> AsyncGenerator[None, None]:
            await hub.stop()
            yield
            await hub.start()

        return {"the hub is restarted": restart}


@pytest.fixture
def ws_app(hub: Hub) -> web.Application:
    return create_app(hub.port)


async def test_two_applications_meet_at_the_hub(
    ws_client: WsTestClient, ws_serve: Serve, hub: Hub
) -> None:
    async with ws_serve(create_app(hub.port)) as connect:
        other = await connect()
        async with other.subscribe("news") as events:
            await ws_client.publish("news", "headline", "on air")
            assert (await anext(events)).data == "on air"
