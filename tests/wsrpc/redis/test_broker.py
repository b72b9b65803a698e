"""The contract of a broker, on a Redis that works."""

from __future__ import annotations

import asyncio
import json
import pickle

import pytest
from aiohttp import web

from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    CannotPublish,
    CannotSubscribe,
    RedisBroker,
    Subscribe,
    WsPathMixin,
)
from wsrpc.redis import bus, envelope


async def test_events_reach_all_processes_in_the_order_of_publishing(make_broker, listen, until):
    brokers = [await make_broker() for _ in range(3)]
    heard = [await listen(broker, "x") for broker in brokers]
    await asyncio.gather(*(brokers[0].publish("x", "e", i) for i in range(300)))
    await until(lambda: all(len(events) == 300 for events in heard))
    assert all(events.data == list(range(300)) for events in heard)


async def test_an_event_that_was_published_is_in_redis(make_broker, listen, until):
    broker, other = await make_broker(history=10), await make_broker(history=10)
    await broker.publish("x", "e", {"a": [1, None, "ü"]})
    found = await other.read_history("x", None)
    assert found.position.offset == 1


async def test_every_process_has_one_order(make_broker, listen, until):
    brokers = [await make_broker() for _ in range(2)]
    heard = [await listen(broker, "x") for broker in brokers]
    await asyncio.gather(
        *(broker.publish("x", "e", [n, i]) for n, broker in enumerate(brokers) for i in range(100))
    )
    await until(lambda: all(len(events) == 200 for events in heard))
    assert heard[0] == heard[1]
    for n in range(2):
        assert [data for data in heard[0].data if data[0] == n] == [[n, i] for i in range(100)]


async def test_an_unsubscribed_channel_brings_nothing_and_ends_at_redis(
    make_broker, listen, until, redis_server, monkeypatch
):
    monkeypatch.setattr(bus, "LINGER", 0.01)
    broker = await make_broker()
    heard = await listen(broker, "x")
    await broker.channels.unregister("x", None, broker.channels.get("x").members()[0].callback)
    await until(lambda: redis_server.command("PUBSUB", "NUMSUB", "wsrpc:c:x")[1] == 0)
    await broker.publish("x", "e", 1)
    assert heard == []
    assert broker.server_info()["redis"]["wanted"] == 0


async def test_the_names_of_channels_are_lowercase(make_broker):
    broker = await make_broker()
    for name in ("Upper", "\ud800"):
        with pytest.raises(CannotPublish):
            await broker.publish(name, "e", 1)
        with pytest.raises(CannotSubscribe):
            await broker.subscribe(name)


async def test_data_without_a_json_form_is_told_to_who_publishes(make_broker):
    broker = await make_broker()
    with pytest.raises(TypeError):
        await broker.publish("x", "e", object())
    with pytest.raises(TypeError):
        await broker.publish("x", "e", b"bytes")


async def test_nothing_on_the_bus_or_in_redis_is_pickled(make_broker, redis_server):
    broker = await make_broker(history=10)
    redis_server.command("CONFIG", "SET", "notify-keyspace-events", "")
    await broker.publish("x", "e", {"a": 1})
    [[_, fields]] = redis_server.command("XRANGE", "wsrpc:h:x", "-", "+")
    stored = fields[b"b"] if isinstance(fields, dict) else fields[1]
    assert json.loads(stored) == ["e", {"a": 1}]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(stored)


async def test_foreign_messages_are_counted_logged_once_and_ignored(
    make_broker, listen, until, redis_server, caplog
):
    broker = await make_broker()
    heard = await listen(broker, "x")
    for payload in (b"hello", b"wsrpc2 e 1\n[]", pickle.dumps({"a": 1}), b"\xff"):
        redis_server.command("PUBLISH", "wsrpc:c:x", payload)
    await broker.publish("x", "e", 1)
    await until(lambda: heard)
    assert heard == [("e", 1)]
    assert broker.server_info()["redis"]["ignored"] == 4
    assert caplog.text.count("ignoring messages") == 1
    assert "on channel 'x'" in caplog.text


async def test_a_foreign_message_on_the_control_channel_is_no_probe(make_broker, redis_server):
    broker = await make_broker()
    redis_server.command("PUBLISH", f"wsrpc:n:{broker.node}", "hello")
    await broker.publish("x", "e", 1)
    assert broker.healthy


async def test_an_event_is_encoded_once_for_all_clients(make_broker, monkeypatch, serve):
    class Stream(ApiPath, WsPathMixin, Subscribe):
        pass

    broker = await make_broker()
    server = await serve(Stream, broker)
    clients = [await server.connect() for _ in range(3)]
    for client in clients:
        await client.call("subscribe", {"channel": "x"})
    encoded = []
    encode = envelope.encode_json
    monkeypatch.setattr(envelope, "encode_json", lambda data: encoded.append(data) or encode(data))
    monkeypatch.setattr("wsrpc.protocol.encode_json", None)
    await broker.publish("x", "e", {"a": 1})
    for client in clients:
        assert await client.recv() == {"channel": "x", "event": "e", "data": {"a": 1}}
    assert encoded == [{"a": 1}]


async def test_the_numbers_tell_what_happened(make_broker, listen, until):
    broker = await make_broker(history=10)
    heard = await listen(broker, "x")
    await broker.publish("x", "e", 1)
    await until(lambda: heard)
    info = broker.server_info()
    assert info["connections"] == 0
    assert info["channels"] == {"x": {"*": 1}}
    numbers = info["redis"]
    assert numbers.pop("probes") >= 1
    assert numbers == {
        "healthy": True,
        "node": broker.node,
        "wanted": 1,
        "subscribed": 1,
        "published": 1,
        "failed_publishes": 0,
        "received": 1,
        "ignored": 0,
        "filled": 0,
        "gaps": 0,
        "losses": 0,
        "failed_connects": 0,
        "failed_probes": 0,
    }
    json.dumps(info)


async def test_an_application_starts_and_closes_it(redis_server):
    app = web.Application()
    broker = RedisBroker.for_app(app, redis_server.url)
    assert not broker.healthy
    runner = web.AppRunner(app)
    await runner.setup()
    assert broker.healthy
    await runner.cleanup()
    assert not broker.healthy
    with pytest.raises(BrokerUnavailable):
        await broker.publish("x", "e", 1)
    with pytest.raises(BrokerUnavailable):
        await broker.subscribe("x")


async def test_it_can_start_again_after_close(make_broker, listen, until, redis_server):
    broker = await make_broker()
    await broker.start()
    await broker.close()
    assert redis_server.command("PUBSUB", "CHANNELS") == []
    await broker.start()
    heard = await listen(broker, "x")
    await broker.publish("x", "e", 1)
    await until(lambda: heard == [("e", 1)])


async def test_before_the_start_nothing_can_be_subscribed(redis_server):
    broker = RedisBroker(redis_server.url)
    with pytest.raises(BrokerUnavailable, match="never started"):
        await broker.subscribe("x")


@pytest.mark.parametrize("name", ["timeout", "probe", "check"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), "1", True])
def test_times_are_seconds_above_0(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a time in seconds above 0"):
        RedisBroker("redis://localhost", **{name: value})


def test_the_history_is_checked():
    with pytest.raises(ValueError, match="history"):
        RedisBroker("redis://localhost", history=-1)


async def test_its_connections_are_named(make_broker, redis_server):
    broker = await make_broker()
    await broker.publish("x", "e", 1)
    clients = bytes(redis_server.command("CLIENT", "LIST")).decode()
    assert clients.count(f" name=wsrpc-{broker.node} ") == 3
