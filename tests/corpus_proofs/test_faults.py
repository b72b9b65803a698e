"""Defects that only a broker in trouble shows, or a client that goes away: the phase faults."""

import asyncio

import pytest

from wsrpc import BrokerUnavailable, CannotPublish

# What a defect leaves behind is told here already.
pytestmark = pytest.mark.wsrpc(strict=False)

INTERNAL_ERROR = -32603
UNAVAILABLE = -32004


async def test_deliveries(ws_client, code, failing):
    assert await code(ws_client, "stop", street="Elm", parcels=1) is None
    with failing("publish", ConnectionError(111, "Refused")):
        assert await code(ws_client, "stop", street="Elm", parcels=1) is None
    with failing("publish", ConnectionError()):
        assert await code(ws_client, "stop", street="Elm", parcels=1) == INTERNAL_ERROR


async def test_refunds(ws_client, code, failing):
    assert await code(ws_client, "refund", branch="NORTH", cents=1) is None
    with failing("publish", CannotPublish()):
        assert await code(ws_client, "refund", branch="north", cents=1) is None
    with failing("publish", BrokerUnavailable()):
        assert await code(ws_client, "refund", branch="north", cents=1) == INTERNAL_ERROR


async def test_checkout(ws_client, code, failing):
    assert await code(ws_client, "pay", cents=1) is None
    with failing("publish", ConnectionError()):
        assert await code(ws_client, "pay", cents=1) == UNAVAILABLE
    with pytest.raises(TimeoutError):
        await ws_client.call("pay", {"cents": 1}, timeout=0.2)


async def test_incidents(ws_client, code, failing):
    assert await code(ws_client, "resolve", number=1) is None
    assert await code(ws_client, "resolve", number=1) == 1001
    with failing("publish", BrokerUnavailable()):
        assert await code(ws_client, "resolve", number=2) == UNAVAILABLE
    assert await code(ws_client, "resolve", number=2) == INTERNAL_ERROR


async def test_lounges(ws_client, code, failing):
    with failing("subscribe", ConnectionError()):
        assert await code(ws_client, "sit", number=1) == UNAVAILABLE
    assert await code(ws_client, "sit", number=1) == INTERNAL_ERROR
    assert await ws_client.call("sit", {"number": 2}) == {"number": 2, "free": [3, 4]}
    assert await code(ws_client, "sit", number=3) == 1002


async def test_notices(ws_client, code, failing):
    assert await code(ws_client, "post", text="hi") is None
    with failing("publish", ConnectionError()):
        assert await code(ws_client, "post", text="hi") == UNAVAILABLE
    assert await code(ws_client, "post", text="hi") == UNAVAILABLE


async def test_mailouts(ws_client, failing):
    assert await ws_client.call("send", {"group": "board", "subject": "a"}) == {"group": "board"}
    with failing("publish", ConnectionResetError("to redis-7")):
        reply = await ws_client.request("send", {"group": "board", "subject": "a"})
    assert "ConnectionResetError('to redis-7')" in reply["error"]["message"]


async def test_metrics(ws_client, failing):
    metric = {"machine": "saw", "watts": 1}
    assert await ws_client.call("record", metric) is True
    with failing("publish", ConnectionError()), pytest.raises(TimeoutError):
        await ws_client.call("record", metric, timeout=0.1)
    with pytest.raises(TimeoutError):
        await ws_client.call("record", metric, timeout=0.2)


async def test_sensors(ws_connect, broker, settle):
    before = asyncio.all_tasks()
    client = await ws_connect()
    assert await client.call("stream", {"sensor": "heat", "samples": 1}) == {"samples": 1}
    series = {"sensor": "heat", "samples": 5}
    await client.send_json({"id": 7, "method": "stream", "payload": series})
    await client.next_event("samples")
    [view] = broker.sockets
    calls = {task for task in asyncio.all_tasks() - before if "Connection" in repr(task)}
    await client.close()
    try:
        await settle()
        left = {task for task in calls if not task.done()}
        for task in left:
            task.cancel()
        await settle()
        assert [task for task in left if not task.done()]
    finally:

        async def sent(*args):
            """Let the call come to its end, or the test would never end."""

        view.send_event = sent
        await asyncio.wait(calls)
