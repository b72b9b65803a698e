"""Defects that overlapping calls show, of one connection or of several."""

import pytest

# What a defect leaves behind is told here already.
pytestmark = pytest.mark.wsrpc(strict=False)

INTERNAL_ERROR = -32603


async def test_cinema(ws_client, together):
    booking = (ws_client, "book", {"row": 1, "seat": 1})
    ticket = {"place": "row 1, seat 1", "cents": 900}
    assert await together(booking, booking) == [ticket, ticket]
    assert await together(booking) == [1001]


async def test_donations(ws_client, together):
    donation = (ws_client, "donate", {"cause": "school", "cents": 100})
    totals = [total["cents"] for total in await together(donation, donation)]
    assert totals == [100, 100]


async def test_orders(ws_client, together):
    order = (ws_client, "order", {"dishes": ["pizza"]})
    assert [one["number"] for one in await together(order, order)] == [1, 1]
    assert [one["number"] for one in await together(order)] == [2]


async def test_bank(ws_connect, together):
    ada, bob = await ws_connect(), await ws_connect()
    withdrawals = [(client, "withdraw", {"euros": 60}) for client in (ada, ada)]
    assert await together(*withdrawals) == [{"euros": 40}, 1001]
    await ada.call("deposit", {"euros": 60})
    withdrawals = [(client, "withdraw", {"euros": 60}) for client in (ada, bob)]
    assert await together(*withdrawals) == [{"euros": 40}, {"euros": -20}]


async def test_harvest(ws_client, together):
    await ws_client.call("deliver", {"crates": 3})
    sale = (ws_client, "sell", {"crates": 2})
    assert await together(sale, sale) == [{"crates": 1}, INTERNAL_ERROR]


async def test_rates(ws_client, together):
    rate = (ws_client, "rate", {"currency": "chf"})
    assert await together(rate, rate) == [{"currency": "chf", "rate": 0.95}, INTERNAL_ERROR]
    assert await together(rate) == [{"currency": "chf", "rate": 0.95}]


async def test_auctions(ws_client, together):
    lot = {"name": "vase", "is_open": False}
    assert await together(
        (ws_client, "bid", {"lot": "vase", "euros": 5}),
        (ws_client, "close", {"lot": "vase"}),
    ) == [{**lot, "euros": 5}, {**lot, "euros": 0}]
    assert await together((ws_client, "bid", {"lot": "vase", "euros": 6})) == [1001]


async def test_ledger(ws_client, together):
    bookings = [
        (ws_client, "book", {"debit": "dues", "credit": "office", "euros": 1}),
        (ws_client, "book", {"debit": "office", "credit": "dues", "euros": 1}),
    ]
    assert await together(bookings[0]) == [{"debit": -1, "credit": 1}]
    ws_client.timeout = 0.2
    with pytest.raises(TimeoutError):
        await together(*bookings)


async def test_translator(ws_client, together):
    german, french = await together(
        (ws_client, "translate", {"words": ["hello", "world"], "language": "de"}),
        (ws_client, "translate", {"words": ["good"], "language": "fr"}),
    )
    assert french == {"text": "bon", "language": "fr"}
    assert german["language"] == "fr"


async def test_claims(ws_client, together, slow):
    claims = [(ws_client, "claim", {"ticket": 1, "agent": agent}) for agent in ("ada", "bob")]
    with slow("publish"):
        first, second = await together(*claims)
    assert (first["agent"], second["agent"]) == ("ada", "bob")
    assert await together(*claims) == [1001, 1001]


async def test_playlists(ws_client, together):
    assert await together((ws_client, "export", {}), (ws_client, "add", {"title": "Naima"})) == [
        INTERNAL_ERROR,
        3,
    ]
    [songs] = await together((ws_client, "export", {}))
    assert len(songs) == 3


async def test_kitchen(ws_connect):
    first = await ws_connect()
    await first.call("cook", {"name": "soup", "portions": 1})
    assert (await first.next_event("display")).data == 1
    second = await ws_connect()
    await first.call("cook", {"name": "soup", "portions": 1})
    assert (await second.next_event("display")).data == 1
    await first.no_event()


async def test_intercom(ws_connect):
    first = await ws_connect()
    assert await first.call("ring", {"flat": 9}) == {"floor": 2}
    second = await ws_connect()
    await first.send_json({"id": "first", "method": "ring", "payload": {"flat": 9}})
    assert (await second.receive())["id"] == "first"
