"""The trading floor with two mistakes of the kind that reviews miss. Deliberately wrong.

``pytest --wsrpc-fuzz examples.trading_buggy:create_app`` finds both: the fee of an order of less
than a whole lot, and the answer to the cancellation of an order that is gone.
"""

from aiohttp import web

from examples import trading
from examples.trading import FEE_PER_LOT, FLOOR, LOT
from wsrpc import LocalBroker

HANDLING = 1_000


class Floor(trading.Floor):
    def withdraw(self, order_id: int) -> int:
        order = self.orders.pop(order_id, None)
        return order and order.quantity  # type: ignore[return-value]


class Desk(trading.Desk):
    def fee(self, quantity: int) -> int:
        """Return the fee in cents; each lot bears its share of the handling."""
        lots = quantity // LOT
        return lots * (FEE_PER_LOT + HANDLING // lots)


def create_app() -> web.Application:
    app = web.Application()
    app[FLOOR] = Floor()
    app.router.add_view("/stream", Desk)
    LocalBroker.for_app(app)
    return app
