"""A small trading floor: place and cancel orders, look at the book, watch orders and prices.

Each connection to ``/stream`` is a trader. An order that finds a counterparty trades at once, at
the price of the order that waited; the rest of a limit order waits in the book, the rest of a
market order lapses. The channel ``orders`` tells of every order, ``prices`` of every trade, with
the symbol as the event's name.

Serve it with ``python examples/trading.py``.
"""

import itertools
import math
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct, to_builtins

from wsrpc import ApiPath, LocalBroker, Publish, RpcError, Subscribe, WsPathMixin

LOT = 100
FEE_PER_LOT = 25
MAX_VALUE = 1_000_000_000_000
MAX_OPEN_ORDERS = 100

# The floor's own refusals; the codes below -32000 are the protocol's.
ORDER_TOO_LARGE = 1001
NOT_YOUR_ORDER = 1002
TOO_MANY_OPEN_ORDERS = 1003

Symbol = Annotated[str, Meta(pattern="^[A-Z]{1,6}$")]
Side = Literal["buy", "sell"]
Cents = Annotated[int, Meta(ge=1, le=10_000_000)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
OrderId = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class PlaceOrder(Struct, forbid_unknown_fields=True):
    """A new order. Without a price it is a market order, so a misspelled price must not pass."""

    symbol: Symbol
    side: Side
    quantity: Quantity
    price: Cents | None = None


class Placed(Struct):
    order_id: OrderId
    filled: int
    waiting: int
    fee: int


class CancelOrder(Struct):
    order_id: OrderId


class Cancelled(Struct):
    order_id: OrderId
    quantity: int


class BookQuery(Struct):
    symbol: Symbol
    depth: Annotated[int, Meta(ge=0, le=50)] = 10


class Level(Struct):
    price: Cents
    quantity: int


class OrderBook(Struct):
    bids: list[Level]
    asks: list[Level]


class Info(Struct):
    traders: int
    symbols: list[Symbol]


class Order(Struct):
    order_id: OrderId
    symbol: Symbol
    side: Side
    quantity: int
    price: Cents | None


class Trade(Struct):
    price: Cents
    quantity: int


class Floor:
    """The orders that wait for a counterparty, matched by price, then by age."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self._ids = itertools.count(1)

    def place(self, new: PlaceOrder) -> tuple[Order, list[Trade]]:
        """Match an order; return what is left of it, and its trades."""
        order = Order(next(self._ids), new.symbol, new.side, new.quantity, new.price)
        trades: list[Trade] = []
        for other in self._counterparties(order):
            quantity = min(order.quantity, other.quantity)
            trades.append(Trade(_price(other), quantity))
            order.quantity -= quantity
            other.quantity -= quantity
            if other.quantity == 0:
                del self.orders[other.order_id]
            if order.quantity == 0:
                break
        if order.quantity and order.price is not None:
            self.orders[order.order_id] = order
        return order, trades

    def withdraw(self, order_id: int) -> int:
        """Take an order off the floor; return how much of it was waiting."""
        order = self.orders.pop(order_id, None)
        return 0 if order is None else order.quantity

    def levels(self, symbol: str, side: Side) -> list[Level]:
        """Return what is offered on one side of a symbol's book, the best price first."""
        quantities: dict[int, int] = {}
        for order in self._waiting(symbol, side):
            quantities[_price(order)] = quantities.get(_price(order), 0) + order.quantity
        return [Level(price, quantity) for price, quantity in quantities.items()]

    def _counterparties(self, order: Order) -> list[Order]:
        if order.side == "buy":
            asks = self._waiting(order.symbol, "sell")
            return [ask for ask in asks if order.price is None or _price(ask) <= order.price]
        bids = self._waiting(order.symbol, "buy")
        return [bid for bid in bids if order.price is None or _price(bid) >= order.price]

    def _waiting(self, symbol: str, side: Side) -> list[Order]:
        orders = [o for o in self.orders.values() if o.symbol == symbol and o.side == side]
        return sorted(orders, key=_price, reverse=side == "buy")


def _price(waiting: Order) -> int:
    assert waiting.price is not None, "a market order never waits"
    return waiting.price


FLOOR = web.AppKey("FLOOR", Floor)


class Desk(ApiPath, WsPathMixin, Subscribe, Publish):
    """One trader's connection. Its orders end with it."""

    orders: set[int]

    @property
    def floor(self) -> Floor:
        return self.request.app[FLOOR]

    async def on_connect(self) -> None:
        self.orders = set()

    async def on_disconnect(self) -> None:
        for order_id in self.orders:
            await self.withdraw(order_id)

    async def authorize(self, action: str, channel: str, event: str) -> bool:
        """Let traders publish where they like, but for what only the floor may tell."""
        return action == "subscribe" or channel not in ("orders", "prices")

    async def ws_rpc_info(self, payload: dict[str, object]) -> Info:
        """How many traders are here, and what they trade"""
        symbols = sorted({order.symbol for order in self.floor.orders.values()})
        return Info(self.sockets.server_info()["connections"], symbols)

    async def ws_rpc_place_order(self, payload: PlaceOrder) -> Placed:
        """Buy or sell at a limit, or at any price"""
        if payload.price is not None and payload.quantity * payload.price > MAX_VALUE:
            raise RpcError(ORDER_TOO_LARGE, "Order too large")
        if len(self.orders & self.floor.orders.keys()) >= MAX_OPEN_ORDERS:
            raise RpcError(TOO_MANY_OPEN_ORDERS, "Too many open orders")
        fee = self.fee(payload.quantity)
        order, trades = self.floor.place(payload)
        if order.order_id in self.floor.orders:
            self.orders.add(order.order_id)
        placed = Placed(order.order_id, payload.quantity - order.quantity, order.quantity, fee)
        await self.sockets.publish("orders", "placed", to_builtins(order))
        for trade in trades:
            await self.sockets.publish("prices", order.symbol, to_builtins(trade))
        return placed

    async def ws_rpc_cancel_order(self, payload: CancelOrder) -> Cancelled:
        """Withdraw an order of this connection; 0 is left of one that traded before"""
        if payload.order_id in self.floor.orders and payload.order_id not in self.orders:
            raise RpcError(NOT_YOUR_ORDER, "Not your order")
        self.orders.discard(payload.order_id)
        return await self.withdraw(payload.order_id)

    async def ws_rpc_order_book(self, payload: BookQuery) -> OrderBook:
        """The best prices of a symbol, `depth` of them on each side"""
        bids = self.floor.levels(payload.symbol, "buy")
        asks = self.floor.levels(payload.symbol, "sell")
        return OrderBook(bids[: payload.depth], asks[: payload.depth])

    def fee(self, quantity: int) -> int:
        """Return the fee in cents; a lot that is begun counts whole."""
        return FEE_PER_LOT * math.ceil(quantity / LOT)

    async def withdraw(self, order_id: int) -> Cancelled:
        cancelled = Cancelled(order_id, self.floor.withdraw(order_id))
        if cancelled.quantity:
            await self.sockets.publish("orders", "cancelled", to_builtins(cancelled))
        return cancelled


def create_app() -> web.Application:
    app = web.Application()
    app[FLOOR] = Floor()
    app.router.add_view("/stream", Desk)
    LocalBroker.for_app(app)
    return app


if __name__ == "__main__":
    web.run_app(create_app())
