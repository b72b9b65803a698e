"""Defects that one message shows: the phases accepts, refuses and protocol."""

import time

import pytest

# What a defect leaves behind is told here already.
pytestmark = pytest.mark.wsrpc(strict=False)

INTERNAL_ERROR = -32603


async def test_contacts(ws_client, code):
    assert await code(ws_client, "add", full_name="Ada Lovelace", phone="123") is None
    assert await code(ws_client, "add", full_name="Ada", phone="123") == INTERNAL_ERROR


async def test_discounts(ws_client, code):
    assert await code(ws_client, "list_price", cents=100, percent=99) is None
    assert await code(ws_client, "list_price", cents=100, percent=100) == INTERNAL_ERROR


async def test_surveys(ws_client, code):
    assert await code(ws_client, "summarize", question="", scores=[1]) is None
    assert await code(ws_client, "summarize", question="", scores=[]) == INTERNAL_ERROR


async def test_badges(ws_client, code):
    assert await code(ws_client, "print", name="José") is None
    assert await code(ws_client, "print", name="Łukasz") == INTERNAL_ERROR


async def test_sms(ws_client, code):
    message = {"to": "123456", "text": ""}
    assert await code(ws_client, "send", **message, sender="a" * 30) is None
    assert await code(ws_client, "send", **message, sender="🦊🦊") is None
    assert await code(ws_client, "send", **message, sender="🦊🦊🦊") == INTERNAL_ERROR


async def test_serials(ws_client):
    assert (await ws_client.call("next", {"serial": 2**53 - 2}))["serial"] == 2**53 - 1
    reply = await ws_client.request("next", {"serial": 2**53 - 1})
    assert reply["error"]["message"] == "Invalid response"


async def test_invoices(ws_client, code):
    assert await ws_client.call("line_total", {"text": "", "unit_price": 0.5}) == {
        "net": "0.50",
        "tax": "0.10",
    }
    assert await code(ws_client, "line_total", text="", unit_price=1e27) == INTERNAL_ERROR


async def test_thermostat(ws_client, code):
    assert await code(ws_client, "set", room="bath", celsius=21) is None
    assert await code(ws_client, "set", room="bath", celsius=21.5) == INTERNAL_ERROR


async def test_helpdesk(ws_client, code):
    assert await code(ws_client, "open", subject="fire") is None
    assert await code(ws_client, "open", subject="fire", priority="urgent", phone="112") is None
    assert await code(ws_client, "open", subject="fire", priority="urgent") == INTERNAL_ERROR


async def test_meetings(ws_client, code):
    assert await code(ws_client, "plan", title="lunch", hour=12) is None
    assert await code(ws_client, "plan", title="lunch", hour=12, room="a1") is None
    assert await code(ws_client, "plan", title="lunch", hour=12, room=None) == INTERNAL_ERROR


async def test_coupons(ws_client, code):
    assert await ws_client.call("redeem", {"coupon": "STUDENT", "cents": 100}) == {"cents": 10}
    assert await code(ws_client, "redeem", coupon="WELCOME", cents=100) == 1001
    assert await code(ws_client, "redeem", coupon="WELCOME-BACK", cents=100) == INTERNAL_ERROR


async def test_parcels(ws_client):
    await ws_client.call("advice", {"weight": 1, "state": "posted"})
    reply = await ws_client.request("advice", {"weight": 1, "state": "returned"})
    assert reply["error"]["message"] == "Invalid response"


async def test_exports(ws_client):
    assert (await ws_client.call("export", {"columns": ["id"]}))["rows"][0] == ["id"]
    reply = await ws_client.request("export", {"columns": ["salary"]})
    assert "KeyError" in reply["error"]["message"]


async def test_elevators(ws_client):
    assert await ws_client.call("call", {"floor": 7}) == {"floor": 7}
    with pytest.raises(TimeoutError):
        await ws_client.call("call", {"floor": 7}, timeout=0.2)


async def test_backups(ws_client):
    started = time.monotonic()
    await ws_client.call("estimate", {"kilobytes": 1, "level": 7})
    assert time.monotonic() - started > 0.5


async def test_shifts(ws_client, interrupting):
    reply = await ws_client.request("count", {"opens": 0, "closes": 1, "shift": 0})
    assert reply["error"]["code"] == INTERNAL_ERROR
    [entry] = [entry for entry in ws_client.transcript.entries if entry.direction == "failed"]
    assert isinstance(entry.exception, interrupting)


async def test_forum(ws_client):
    assert await ws_client.call("post", {"text": "hi", "links": ["a"] * 5}) == {"number": 1}
    with pytest.raises(ConnectionError):
        await ws_client.call("post", {"text": "hi", "links": ["a"] * 6})
    assert ws_client.close_code == 1008


async def test_reports(ws_client, code):
    assert await code(ws_client, "sales", first=3, last=3) is None
    assert await code(ws_client, "sales", first=4, last=3) == INTERNAL_ERROR


async def test_transfers(ws_client):
    await ws_client.call("move", {"source": "rent", "target": "food", "cents": 1})
    with pytest.raises(TimeoutError):
        await ws_client.call("move", {"source": "food", "target": "food", "cents": 1}, timeout=0.2)


async def test_warehouse(ws_client):
    await ws_client.call("pick", {"article": "bolt", "quantity": 60})
    reply = await ws_client.request("pick", {"article": "bolt", "quantity": 1})
    assert reply["error"]["message"] == "Invalid response"


async def test_renders(ws_client):
    await ws_client.call("render", {"width": 1, "height": 1, "preset": "draft"})
    assert (await ws_client.next_event("renders")).event == "draft"
    await ws_client.call("render", {"width": 1, "height": 1})
    assert (await ws_client.receive())["event"] is None


async def test_printing(ws_client):
    assert await ws_client.call("print", {"title": "a", "pages": 100}) == {"sheets": 50}
    request = {"id": 7, "method": "print", "payload": {"title": "a", "pages": 101}}
    await ws_client.send_json(request)
    replies = [await ws_client.receive(), await ws_client.receive()]
    assert [reply["response"]["sheets"] for reply in replies] == [0, 51]
    assert {reply["id"] for reply in replies} == {7}


async def test_lights(ws_client, code):
    assert await code(ws_client, "switch", room="hall") is None
    assert await code(ws_client, "switch") == -32600


async def test_signup(ws_client, code):
    assert await code(ws_client, "register", email="Ada@example.org") is None
    assert await code(ws_client, "register", email="ada") == -32602
    assert await code(ws_client, "register", email=5) == INTERNAL_ERROR


async def test_kiosk(ws_client, code):
    assert await code(ws_client, "order", menu="burger", count=0) == -32602
    assert await ws_client.call("order", {"menu": "burger", "count": "1"}) == {"cents": 790}


async def test_turnstile(ws_client):
    await ws_client.call("enter", {"code": "12340000", "gate": 1})
    await ws_client.send_text(b'{"id": "\xff"}')
    with pytest.raises(ConnectionError):
        await ws_client.receive()
    assert ws_client.close_code == 1007
