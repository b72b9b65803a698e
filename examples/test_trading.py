"""Tests of the trading floor, as a team that uses pytest_wsrpc would write them."""

from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given

from examples.trading import (
    NOT_YOUR_ORDER,
    ORDER_TOO_LARGE,
    TOO_MANY_OPEN_ORDERS,
    Floor,
    PlaceOrder,
    create_app,
)
from pytest_wsrpc import FaultPlan, VirtualClock, WsConnect, WsTestClient
from pytest_wsrpc import strategies as ws
from wsrpc import (
    SOCKETS_KEY,
    BrokerUnavailable,
    Forbidden,
    InvalidParams,
    RpcError,
    SocketsManager,
)


@pytest.fixture
def ws_app() -> web.Application:
    return create_app()


@pytest.fixture
def broker(ws_app: web.Application) -> SocketsManager:
    return ws_app[SOCKETS_KEY]


def order(
    side: str, quantity: int, price: int | None = None, symbol: str = "ACME"
) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "quantity": quantity, "price": price}


async def test_a_limit_order_waits_in_the_book(ws_client: WsTestClient) -> None:
    placed = await ws_client.call("place_order", order("sell", 250, 1_000))
    assert placed == {"order_id": 1, "filled": 0, "waiting": 250, "fee": 75}
    book = await ws_client.call("order_book", {"symbol": "ACME"})
    assert book == {"bids": [], "asks": [{"price": 1_000, "quantity": 250}]}
    assert await ws_client.call("info") == {"traders": 1, "symbols": ["ACME"]}


async def test_the_book_shows_the_best_prices_first(ws_client: WsTestClient) -> None:
    for price in (990, 1_000, 980, 1_000):
        await ws_client.call("place_order", order("buy", 10, price))
    book = await ws_client.call("order_book", {"symbol": "ACME", "depth": 2})
    assert book["bids"] == [{"price": 1_000, "quantity": 20}, {"price": 990, "quantity": 10}]


async def test_two_traders_meet_at_the_price_that_waited(
    ws_client: WsTestClient, ws_connect: WsConnect
) -> None:
    seller = await ws_connect()
    await seller.call("place_order", order("sell", 100, 1_000))
    await seller.call("place_order", order("sell", 100, 1_010))
    await ws_client.call("subscribe", {"channel": "prices", "event": "ACME"})
    placed = await ws_client.call("place_order", order("buy", 150))
    assert (placed["filled"], placed["waiting"]) == (150, 0)
    first = await ws_client.next_event("prices", "ACME")
    second = await ws_client.next_event("prices", "ACME")
    assert first.data == {"price": 1_000, "quantity": 100}
    assert second.data == {"price": 1_010, "quantity": 50}


async def test_a_sale_finds_the_bids_at_its_limit(ws_client: WsTestClient) -> None:
    await ws_client.call("place_order", order("buy", 10, 1_000))
    placed = await ws_client.call("place_order", order("sell", 10, 990))
    assert placed["filled"] == 10


@pytest.mark.wsrpc(clock="virtual")
async def test_nobody_hears_of_other_symbols(ws_client: WsTestClient) -> None:
    await ws_client.call("subscribe", {"channel": "prices", "event": "ACME"})
    await ws_client.call("place_order", order("sell", 1, 500, symbol="OTHER"))
    await ws_client.call("place_order", order("buy", 1, 500, symbol="OTHER"))
    await ws_client.no_event(within=60)


async def test_a_trader_cancels_only_own_orders(
    ws_client: WsTestClient, ws_connect: WsConnect
) -> None:
    other = await ws_connect()
    await ws_client.call("place_order", order("sell", 100, 1_000))
    with pytest.raises(RpcError) as refused:
        await other.call("cancel_order", {"order_id": 1})
    assert refused.value.code == NOT_YOUR_ORDER
    assert await ws_client.call("cancel_order", {"order_id": 1}) == {"order_id": 1, "quantity": 100}
    assert await ws_client.call("cancel_order", {"order_id": 1}) == {"order_id": 1, "quantity": 0}


async def test_orders_end_with_their_connection(
    ws_client: WsTestClient, ws_connect: WsConnect
) -> None:
    other = await ws_connect()
    await other.call("place_order", order("sell", 100, 1_000))
    await ws_client.call("subscribe", {"channel": "orders", "event": "cancelled"})
    await other.close()
    event = await ws_client.next_event("orders")
    assert event.data == {"order_id": 1, "quantity": 100}


async def test_orders_end_with_a_connection_that_has_died(
    ws_client: WsTestClient, ws_connect: WsConnect, ws_clock: VirtualClock
) -> None:
    other = await ws_connect()
    await other.call("place_order", order("sell", 100, 1_000))
    await ws_client.call("subscribe", {"channel": "orders", "event": "cancelled"})
    other.link.half_open()
    await ws_client.next_event("orders", timeout=60)
    assert ws_clock.time > 20


async def test_a_trade_counts_although_its_price_cannot_be_told(
    ws_client: WsTestClient, ws_faults: FaultPlan
) -> None:
    await ws_client.call("place_order", order("sell", 100, 1_000))
    with (
        ws_faults.error("publish", BrokerUnavailable, channel="prices"),
        pytest.raises(BrokerUnavailable),
    ):
        await ws_client.call("place_order", order("buy", 100))
    book = await ws_client.call("order_book", {"symbol": "ACME"})
    assert book == {"bids": [], "asks": []}


@pytest.mark.wsrpc(faults="deliver:latency=200ms,jitter=100ms", clock="virtual")
async def test_prices_come_in_order_from_a_slow_broker(ws_client: WsTestClient) -> None:
    await ws_client.call("subscribe", {"channel": "prices"})
    for price in (1_000, 1_010, 1_020):
        await ws_client.call("place_order", order("sell", 1, price))
        await ws_client.call("place_order", order("buy", 1, price))
    prices = [(await ws_client.next_event("prices")).data["price"] for _ in range(3)]
    assert prices == [1_000, 1_010, 1_020]


async def test_an_order_has_a_largest_value(ws_client: WsTestClient) -> None:
    reply = await ws_client.request("place_order", order("buy", 1_000_000, 10_000_000))
    assert reply["error"] == {"code": ORDER_TOO_LARGE, "message": "Order too large"}


async def test_a_trader_has_a_limited_number_of_open_orders(ws_client: WsTestClient) -> None:
    for _ in range(100):
        await ws_client.call("place_order", order("buy", 1, 1))
    reply = await ws_client.request("place_order", order("buy", 1, 1))
    assert reply["error"]["code"] == TOO_MANY_OPEN_ORDERS


async def test_a_misspelled_price_makes_no_market_order(ws_client: WsTestClient) -> None:
    with pytest.raises(InvalidParams) as refused:
        await ws_client.call("place_order", {"symbol": "acme", "side": "buy", "prize": 1_000})
    assert set(refused.value.errors or ()) == {"symbol", "quantity", "prize"}


async def test_only_the_floor_tells_prices(ws_client: WsTestClient, broker: SocketsManager) -> None:
    await ws_client.call("subscribe", {"channel": "prices"})
    with pytest.raises(Forbidden):
        await ws_client.publish("prices", "ACME", {"price": 1, "quantity": 1})
    await broker.publish("prices", "ACME", {"price": 2, "quantity": 1})
    event = await ws_client.next_event("prices")
    assert event.data["price"] == 2


@given(sell=ws.payloads(PlaceOrder), buy=ws.payloads(PlaceOrder))
def test_nothing_is_made_or_lost(sell: dict[str, Any], buy: dict[str, Any]) -> None:
    floor = Floor()
    floor.place(msgspec.convert(sell | {"symbol": "ACME", "side": "sell"}, PlaceOrder))
    order, trades = floor.place(
        msgspec.convert(buy | {"symbol": "ACME", "side": "buy"}, PlaceOrder)
    )
    assert sum(trade.quantity for trade in trades) + order.quantity == buy["quantity"]


@given(placed=ws.payloads(PlaceOrder))
async def test_an_order_on_an_empty_floor_is_not_filled(
    ws_client: WsTestClient, placed: dict[str, Any]
) -> None:
    reply = await ws_client.request("place_order", placed)
    if "error" in reply:
        assert reply["error"]["code"] == ORDER_TOO_LARGE
    else:
        assert reply["response"]["order_id"] == 1
        assert reply["response"]["filled"] == 0
