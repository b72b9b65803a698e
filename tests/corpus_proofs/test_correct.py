"""The applications without a defect, as their clients use them; any error of the server fails."""

import asyncio

import pytest

from wsrpc import BrokerUnavailable, CannotPublish, CannotSubscribe, Forbidden, InvalidParams


async def test_members(ws_client, code):
    with pytest.raises(Forbidden):
        await ws_client.call("page")
    assert await code(ws_client, "login", user="ada", password="babbage") == 4001
    assert await code(ws_client, "login", user="nobody", password="\0é") == 4001
    assert await ws_client.call("login", {"user": "ada", "password": "lovelace"}) == "ada"
    assert await ws_client.call("page") == {"title": "Welcome, ada", "visits": 1}
    await ws_client.call("logout")
    await ws_client.call("logout")
    with pytest.raises(Forbidden):
        await ws_client.call("page")


async def test_backoffice(ws_connect):
    clerk = await ws_connect(headers={"Authorization": "Bearer blue-7"})
    manager = await ws_connect(headers={"Authorization": "Bearer gold-1"})
    await clerk.call("subscribe", {"channel": "prices"})
    for method, payload in (
        ("subscribe", {"channel": "audit"}),
        ("publish", {"channel": "prices", "data": 1}),
        ("set_price", {"article": "rug", "cents": 1}),
    ):
        with pytest.raises(Forbidden):
            await clerk.call(method, payload)
    await manager.call("set_price", {"article": "rug", "cents": 1})
    assert (await clerk.next_event("prices", "rug")).data == 1
    assert (await clerk.call("prices"))["rug"] == 1


async def test_laundry(ws_client, together):
    load = (ws_client, "wash", {"machine": 1, "kilograms": 3})
    assert [clean["loads"] for clean in await together(load, load)] == [1, 2]


async def test_heartbeats(ws_connect, settle):
    tasks = asyncio.all_tasks()
    client = await ws_connect()
    await client.call("watch", {"beats": 30})
    assert (await client.next_event("alarm")).data == 60
    await client.call("watch", {"beats": 40})
    assert await client.call("stop") is True
    assert await client.call("stop") is False
    await client.call("watch", {"beats": 40})
    await client.close()
    await settle()
    assert asyncio.all_tasks() == tasks


async def test_trains(ws_client, code):
    journey = {"start": "aston", "end": "elton", "hour": 8, "seats": 6}
    assert await ws_client.call("buy", journey) == {"stops": 4, "cents": 8400, "seats_left": 4}
    assert await code(ws_client, "buy", **journey) == 1002
    assert await code(ws_client, "buy", **{**journey, "hour": 3}) == 1001
    with pytest.raises(InvalidParams):
        await ws_client.call("buy", {**journey, "end": "aston"})


async def test_hotline(ws_connect):
    client = await ws_connect()
    assert await client.call("press", {"key": "1"}) == "opening hours"
    assert (await client.request("press", {"key": "1"}))["error"]["code"] == 1001
    with pytest.raises(ConnectionError):
        await client.call("press", {"key": "9"})
    assert client.close_code == 1000


async def test_uploads(ws_client, code):
    upload = await ws_client.call("begin", {"name": "a.txt"})
    part = {"upload": upload["upload"], "text": "x" * 1000}
    assert [await ws_client.call("add", part) for _ in range(3)] == [1000, 2000, 3000]
    assert await code(ws_client, "add", **part) == 1002
    for _ in range(2):
        assert await ws_client.call("discard", {"upload": upload["upload"]}) is None
    assert await code(ws_client, "add", **part) == 1001


async def test_dice(ws_client, code):
    assert await code(ws_client, "best") == 1001
    thrown = await ws_client.call("throw", {"dice": 3})
    assert await ws_client.call("best") == sum(thrown["eyes"])


async def test_classrooms(ws_connect, code):
    here, there = await ws_connect("/rooms/5b"), await ws_connect("/rooms/6a")
    await here.call("raise_hand", {"name": "Ada", "urgent": True, "topic": "x"})
    assert await code(here, "raise_hand", name="Bob", urgent=True) == -32602
    assert await here.call("raise_hand", {"name": "ADA"}) == {"names": ["ada"]}
    assert await code(there, "answer", name="ada") == 1001
    assert await here.call("answer", {"name": "aDa"}) == {"names": []}


async def test_clearing(ws_client, together, code):
    booking = {"fromBank": "alpha", "toBank": "beta", "cents": 1_000_000}
    back = {"fromBank": "beta", "toBank": "alpha", "cents": 1}
    assert await together(
        (ws_client, "book", booking), (ws_client, "book", booking), (ws_client, "book", back)
    ) == [
        {"fromCents": 500_000, "toCents": 2_500_000},
        1001,
        {"fromCents": 2_499_999, "toCents": 500_001},
    ]
    assert await code(ws_client, "book", **{**booking, "toBank": "alpha"}) == -32602


async def test_maps(ws_client):
    drawing = await ws_client.call("tile", {"x": 1, "y": 1, "zoom": 7, "layer": "roads"})
    assert len(drawing["points"]) == 2**14


async def test_mediahub(ws_client, ws_connect):
    reader = await ws_connect()
    await reader.call("subscribe", {"channel": "photos"})
    with pytest.raises(Forbidden):
        await reader.call("subscribe", {"channel": "staff-only"})
    assert await ws_client.call("become_editor", {"name": "ada"}) is True
    await ws_client.call("subscribe", {"channel": "photos"})
    for event in ("draft.1", "photo.1"):
        await ws_client.publish("photos", event, 1)
    assert (await ws_client.next_event()).event == "draft.1"
    event = await reader.next_event()
    assert (event.event, event.data) == ("photo.1", {"by": "editor", "data": 1})
    assert await reader.call("follow", {"name": "Grace"}) == ["g-*"]


async def test_relay(ws_client, broker):
    with pytest.raises(CannotSubscribe):
        await ws_client.call("subscribe", {"channel": "_own"})
    with pytest.raises(CannotPublish):
        await ws_client.publish("_own")
    await ws_client.call("subscribe", {"channel": "News", "event": ["a*", "b*"]})
    info = await ws_client.call("info")
    assert info == {"connections": 1, "channels": {"News": {"a*": 1, "b*": 1}}}
    await asyncio.gather(*(ws_client.publish("News", "ab", number) for number in range(20)))
    assert [(await ws_client.next_event()).data for _ in range(20)] == list(range(20))
    assert await ws_client.call("unsubscribe", {"channel": "News"}) == {"subscribed": {}}


async def test_votes(ws_client, failing, together):
    vote = {"motion": "garden", "yes": True, "name": "Ada"}
    announced = {"yes": 1, "no": 0, "is_announced": True}
    assert await together(
        (ws_client, "wait", {"motion": "garden", "seconds": 0.2}), (ws_client, "vote", vote)
    ) == [1, announced]
    for error in (ConnectionError(), BrokerUnavailable()):
        with failing("publish", error):
            assert await ws_client.call("vote", vote) == {**announced, "is_announced": False}
    assert await ws_client.call("wait", {"motion": "garden", "votes": 2}) is None
