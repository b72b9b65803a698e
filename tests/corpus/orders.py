"""Orders of a restaurant: each gets the next number once the kitchen has it."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

Dish = Literal["pizza", "pasta", "salad"]


@dataclass
class Order:
    dishes: Annotated[list[Dish], Meta(min_length=1, max_length=4)]


@dataclass
class Accepted:
    number: int
    minutes: int


class Kitchen:
    last = 0

    async def take(self, dishes: list[Dish]) -> Accepted:
        number = self.last + 1
        minutes = 5 * len(dishes)
        await asyncio.sleep(minutes / 1000)  # the printer in the kitchen
        self.last = number
        return Accepted(number, minutes)


KITCHEN = web.AppKey("KITCHEN", Kitchen)


class Orders(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_order(self, payload: Order) -> Accepted:
        """Order, and hear the number to wait for"""
        accepted = await self.request.app[KITCHEN].take(payload.dishes)
        await self.sockets.publish("orders", "accepted", accepted.number)
        return accepted


def create_app() -> web.Application:
    app = web.Application()
    app[KITCHEN] = Kitchen()
    app.router.add_view("/stream", Orders)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "concurrent",
    "checks": ["serial"],
    "methods": ["order"],
    "why": "orders that come while one is printed get its number",
}
