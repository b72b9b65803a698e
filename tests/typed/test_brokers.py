"""The conformance suite for a broker of one's own, and the client that applications use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import assert_type

import pytest
from aiohttp.test_utils import TestServer
from exchange import Exchange, ExchangeBroker
from shop import create_app, describe

from pytest_wsrpc import BrokerConformance, ConformanceError, RedisServer
from pytest_wsrpc.conformance import MakeBroker, Outages
from pytest_wsrpc.model import PubSubModel
from wsrpc import (
    COME_BACK,
    BrokerUnavailable,
    CallTimeout,
    ClientState,
    ConnectionClosed,
    Event,
    Gap,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    Publisher,
    Reconnect,
    RpcClient,
    ShuttingDown,
    Subscription,
    SubscriptionOverflow,
    TooManyRequests,
)

PASSING = (BrokerUnavailable, CallTimeout, ShuttingDown, TooManyRequests)
OUR_FAULT = (InvalidRequest, MethodNotFound, ParseError)


@pytest.mark.wsrpc(clock="virtual")
class TestExchangeBroker(BrokerConformance):
    processes = 2
    refused = ("UPPER",)
    patience = 10.0

    def channel(self, name: str) -> str:
        return name.lower()

    @pytest.fixture
    def make_broker(self) -> MakeBroker:
        exchange = Exchange()
        return lambda: ExchangeBroker(exchange)

    @pytest.fixture
    def outages(self) -> Outages:
        @asynccontextmanager
        async def nothing() -> AsyncGenerator[None, None]:
            yield

        return {"nothing happens": nothing}


class Stock:
    """What is left of each item, as an application elsewhere follows it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.left: dict[str, int] = {}
        self.states: list[ClientState] = []

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer abc"}

    async def log_in(self, client: RpcClient) -> None:
        assert await client.call("login", {"token": "let me in"})

    async def follow(self, orders: int) -> None:
        again = Reconnect(calls="wait", within=60, codes=COME_BACK | {4000})
        async with RpcClient.connect(
            self.url,
            headers=self.headers,
            reconnect=again,
            on_connect=self.log_in,
            on_state_change=self.states.append,
        ) as client:
            assert_type(client, RpcClient)
            async with client.subscribe("stock", "tea", "cup") as events:
                assert_type(events, Subscription)
                for _ in range(orders):
                    await self.order(client)
                async for event in events:
                    match event:
                        case Gap():
                            self.left.clear()
                        case Event(event=item, data=left):
                            self.left[item] = left
                    if self.left.get("tea") == 10 - orders:
                        break
            assert_type(events.position is None, bool)

    async def order(self, client: RpcClient) -> None:
        try:
            await client.call("order", {"item": "tea"}, timeout=30)
        except PASSING as error:
            assert_type(error.code, int)
        except ConnectionClosed as error:
            assert_type((error.sent, error.returning), tuple[bool, bool])
        except (*OUR_FAULT, SubscriptionOverflow):
            raise


async def test_following_the_stock() -> None:
    async with TestServer(create_app()) as server:
        stock = Stock(str(server.make_url("/shop")))
        await stock.follow(2)
    assert stock.left == {"tea": 8}
    assert stock.states == [ClientState.CONNECTED, ClientState.CLOSED]


async def test_publishing_from_elsewhere(redis_server: RedisServer) -> None:
    async with Publisher(redis_server.url, history=10) as publisher:
        assert_type(publisher, Publisher)
        await publisher.publish("stock", "tea", 3)


def test_the_document() -> None:
    json, page = describe(create_app())
    assert_type(json, bytes)
    assert "Shop" in page


def test_the_model() -> None:
    model = PubSubModel()
    asked = model.subscribing("anna", "news", ["*"])
    model.answered(asked, {"response": {"subscribed": {"news": ["*"]}}})
    assert issubclass(ConformanceError, AssertionError)
