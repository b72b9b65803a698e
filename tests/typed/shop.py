"""A shop on websockets, as somebody who has types checked writes it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Any, Literal, assert_type

from aiohttp import web
from msgspec import Meta

from wsrpc import (
    SOCKETS_KEY,
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    CannotSubscribe,
    Channel,
    ChannelCallbackError,
    Channels,
    CloseCode,
    Forbidden,
    History,
    InvalidParams,
    Limits,
    LocalBroker,
    Publish,
    RedisBroker,
    RpcError,
    ServerInfo,
    SocketsManager,
    Subscribe,
    Websocket,
    WsPathMixin,
    ws_rpc,
)
from wsrpc.asyncapi import Document, add_asyncapi, document, to_html, to_json
from wsrpc.pubsub import Published, PublishPayload, Subscribed, SubscribePayload
from wsrpc.redis import RedisCounters, RedisInfo

STOCK: web.AppKey[dict[str, int]] = web.AppKey("STOCK", dict[str, int])
logger = logging.getLogger("shop")


@dataclass
class Login:
    token: str


@dataclass
class Order:
    item: Annotated[str, Meta(min_length=1, max_length=20)]
    count: Annotated[int, Meta(ge=1, le=10)] = 1


@dataclass
class Receipt:
    item: str
    left: int


class Shop(ApiPath, WsPathMixin, Subscribe, Publish):
    """What customers connect to."""

    limits = Limits(call_timeout=20, slow_consumer="drop")
    allowed_origins = ("https://shop.example",)
    user: str | None = None

    async def on_connect(self) -> None:
        assert_type(self.request, web.Request)
        if self.request.headers.get("Authorization", "Bearer abc") != "Bearer abc":
            raise web.HTTPUnauthorized

    async def on_disconnect(self) -> None:
        logger.debug("%s is gone: %s", self.user, self.closed)

    async def authorize(
        self, action: Literal["subscribe", "publish"], channel: str, event: str
    ) -> bool:
        return action == "subscribe" or channel != "stock"

    def can_receive(self, channel: str, event: str) -> bool:
        return event != "secret"

    def get_publish_message(self, data: Any) -> Any:
        return data

    async def ws_rpc_login(self, payload: Login) -> bool:
        """Say who you are"""
        if payload.token != "let me in":
            raise Forbidden("wrong token")
        self.user = payload.token
        return True

    async def ws_rpc_order(self, payload: Order) -> Receipt:
        """Take something home"""
        stock = self.request.app[STOCK]
        if payload.item not in stock:
            raise InvalidParams({"item": "There is no such item"})
        if stock[payload.item] < payload.count:
            raise RpcError(1001, "Sold out")
        stock[payload.item] -= payload.count
        await tell(self.sockets, payload.item, stock[payload.item])
        return Receipt(payload.item, stock[payload.item])

    @ws_rpc(body_schema=Order, response_schema=int)
    async def ws_rpc_price(self, payload: Order) -> int:
        """Tell what it costs"""
        return payload.count * 3

    async def ws_rpc_watch(self, payload: Order) -> list[str]:
        """Hear of an item"""
        await self.send_event("welcome", "hello", {"you": self.socket_id})
        patterns = await self.subscribe("stock", payload.item)
        assert_type(patterns, list[str])
        return patterns

    async def ws_rpc_info(self, payload: dict[str, Any]) -> ServerInfo:
        """Server information"""
        info = self.sockets.server_info()
        assert_type(info, ServerInfo)
        return info

    async def ws_rpc_leave(self, payload: dict[str, Any]) -> None:
        """Hang up"""
        await self.unsubscribe("stock")
        await self.close(CloseCode.OK, "bye")

    async def ws_rpc_publish(self, payload: PublishPayload) -> Published:
        published = await super().ws_rpc_publish(payload)
        assert_type(published["channel"], str)
        return published

    async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
        subscribed = await super().ws_rpc_subscribe(payload)
        assert_type(subscribed["subscribed"], dict[str, list[str]])
        return subscribed


async def tell(sockets: SocketsManager, item: str, left: int) -> None:
    try:
        await sockets.publish("stock", item, left)
    except (BrokerUnavailable, CannotPublish, CannotSubscribe) as error:
        assert_type(error.code, int)
        logger.warning("nobody hears of %s: %s", item, error)


class StockReader(WsPathMixin, Subscribe, web.View):
    """Base classes in another order, with the manager under a key of its own."""

    SOCKETS_KEY = SOCKETS_KEY
    allowed_origins = None


class Alerts:
    """Hears of what is sold out, beside all connections."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.heard: list[str] = []

    async def start(self, app: web.Application) -> None:
        await self.channels.register("stock", "*", self.sold)

    async def sold(self, channel: str, event: str, data: Any) -> None:
        if data == "stop":
            raise ChannelCallbackError
        self.heard.append(event)

    async def stop(self, app: web.Application) -> None:
        await self.channels.unregister("stock", "*", self.sold)

    def subscribers(self) -> dict[str, int]:
        channel = self.channels.get("stock")
        assert_type(channel, Channel | None)
        return {} if channel is None else channel.info()


def create_app(stock: dict[str, int] | None = None) -> web.Application:
    """Make the shop, in one process."""
    app = web.Application()
    app[STOCK] = {"tea": 10, "cup": 2} if stock is None else stock
    app.router.add_view("/shop", Shop)
    app.router.add_view("/stock", StockReader)
    broker = LocalBroker.for_app(app, latency=0.0, history=History(size=100))
    assert_type(broker, LocalBroker)
    alerts = Alerts(broker.channels)
    app.on_startup.append(alerts.start)
    app.on_shutdown.append(alerts.stop)
    add_asyncapi(app, title="Shop", servers={"production": "wss://shop.example"})
    return app


def create_cluster(url: str) -> web.Application:
    """Make the shop, as one of many processes."""
    app = web.Application()
    app[STOCK] = {"tea": 10}
    app.router.add_view("/shop", Shop)
    broker = RedisBroker.for_app(app, url, history=100, timeout=2.0)
    assert_type(broker, RedisBroker)
    return app


def is_well(broker: RedisBroker) -> bool:
    info = broker.server_info()
    assert_type(info, RedisInfo)
    assert_type(info["redis"], RedisCounters)
    assert_type(info["channels"], dict[str, dict[str, int]])
    return broker.healthy and info["redis"]["healthy"]


def describe(app: web.Application) -> tuple[bytes, str]:
    made = document(app, title="Shop")
    assert_type(made, Document)
    return to_json(made), to_html(made)


def connected(sockets: SocketsManager) -> list[str]:
    for socket in sockets.sockets:
        assert_type(socket, Websocket)
    return [socket.socket_id for socket in sockets.sockets]
