"""The broker keeps the contract of all brokers, also when its hub ends; and it serves clients."""

from contextlib import asynccontextmanager

import pytest

from examples.tcp_bus import Hub, HubBroker, create_app
from pytest_wsrpc import BrokerConformance


@pytest.fixture
async def hub():
    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()


class TestHubBroker(BrokerConformance):
    processes = 2
    refused = ("",)

    @pytest.fixture
    def make_broker(self, hub):
        return lambda: HubBroker(hub.port)

    @pytest.fixture
    def outages(self, hub):
        @asynccontextmanager
        async def restart():
            await hub.stop()
            yield
            await hub.start()

        return {"the hub is restarted": restart}


@pytest.fixture
def ws_app(hub):
    return create_app(hub.port)


async def test_two_applications_meet_at_the_hub(ws_client, ws_serve, hub):
    async with ws_serve(create_app(hub.port)) as connect:
        other = await connect()
        async with other.subscribe("news") as events:
            await ws_client.publish("news", "headline", "on air")
            assert (await anext(events)).data == "on air"
