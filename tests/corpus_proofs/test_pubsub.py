"""Defects of brokers, and of subscriptions: the phase pubsub."""

import asyncio

import pytest

# What a defect leaves behind is told here already.
pytestmark = pytest.mark.wsrpc(strict=False)


async def said(client, count):
    """The names and data of the next events."""
    events = [await client.next_event() for _ in range(count)]
    await client.no_event()
    return [(event.event, event.data) for event in events]


async def test_headlines(ws_client):
    await ws_client.call("subscribe", {"channel": "news"})
    for data in (1, 2, 2, 1):
        await ws_client.publish("news", "a", data)
    assert await said(ws_client, 3) == [("a", 1), ("a", 2), ("a", 1)]


async def test_quotes(ws_client, ws_connect):
    await ws_client.call("subscribe", {"channel": "acme"})
    await ws_client.publish("acme", "bid", 100)
    assert await said(ws_client, 1) == [("bid", 100)]
    other = await ws_connect()
    await other.call("subscribe", {"channel": "acme", "event": "b*"})
    assert await said(ws_client, 1) == [("bid", 100)]


async def test_telemetry(ws_client):
    await ws_client.call("subscribe", {"channel": "van"})
    await asyncio.gather(
        ws_client.publish("van", "position", [1, 2, 3]), ws_client.publish("van", "stop", 1)
    )
    assert await said(ws_client, 2) == [("stop", 1), ("position", [1, 2, 3])]


async def test_ticker(ws_client):
    await ws_client.call("subscribe", {"channel": "news"})
    await asyncio.gather(*(ws_client.publish("news", "a", number) for number in range(5)))
    await asyncio.sleep(0.1)
    assert await said(ws_client, 4) == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]


async def test_feeds(ws_client):
    await ws_client.call("subscribe", {"channel": "blog"})
    await ws_client.publish("blog", "new", 1)
    await ws_client.call("unsubscribe", {"channel": "blog"})
    await ws_client.call("subscribe", {"channel": "blog"})
    await ws_client.publish("blog", "new", 2)
    assert await said(ws_client, 1) == [("new", 1)]


async def test_counters(ws_client):
    await ws_client.call("subscribe", {"channel": "doors"})
    await ws_client.publish("doors", "east", 0)
    await ws_client.publish("doors", "east", 1)
    assert await said(ws_client, 1) == [("east", 1)]


async def test_topics(ws_client):
    await ws_client.call("subscribe", {"channel": "lift", "event": ["t?p", "d*", "*n"]})
    for event in ("top", "down", "open"):
        await ws_client.publish("lift", event, 1)
    assert await said(ws_client, 1) == [("down", 1)]


async def test_newsletter(ws_client):
    await ws_client.call("subscribe", {"channel": "pets", "event": "c*"})
    answer = await ws_client.call("unsubscribe", {"channel": "pets"})
    assert answer == {"subscribed": {"pets": ["c*"]}}
    await ws_client.publish("pets", "cat", 1)
    assert await said(ws_client, 1) == [("cat", 1)]


async def test_scores(ws_client):
    await ws_client.send_json({"id": 7, "method": "subscribe", "payload": {"channel": "final"}})
    assert await ws_client.receive() == {"channel": "final", "event": "score", "data": 0}
    assert (await ws_client.receive())["id"] == 7


async def test_rooms(ws_connect, broker, settle):
    for _ in range(3):
        client = await ws_connect()
        await client.call("say", {"room": "hall", "text": "hello"})
        await client.close()
    await settle()
    assert broker.server_info()["connections"] == 3
