"""What becomes of events and subscriptions when Redis or the way to it fails."""

from __future__ import annotations

import asyncio
import random

import pytest

from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    Position,
    Publisher,
    Subscribe,
    WsPathMixin,
)
from wsrpc.redis import bus, session

PROBE = 0.2


def info(broker):
    return broker.server_info()["redis"]


def kill_bus(redis_server):
    redis_server.command("CLIENT", "KILL", "TYPE", "pubsub")


async def test_events_of_a_lost_connection_come_from_history_in_order(
    make_broker, listen, until, redis_server
):
    broker, other = await make_broker(history=1000), await make_broker(history=1000)
    heard = await listen(broker, "x")
    for i in range(200):
        if i % 40 == 20:
            kill_bus(redis_server)
        await other.publish("x", "e", i)
    await until(lambda: len(heard) >= 200)
    assert heard == [("e", i) for i in range(200)]
    assert info(broker)["losses"] >= 1


async def test_without_history_a_lost_connection_is_told_as_a_gap_of_every_channel(
    make_broker, listen, until, redis_server
):
    broker = await make_broker()
    heard = [await listen(broker, channel) for channel in ("x", "y")]
    kill_bus(redis_server)
    await until(lambda: all(events.gaps == [None] for events in heard))
    await broker.publish("x", "e", 1)
    await until(lambda: heard[0].data == [1])


async def test_what_history_has_not_is_told_as_a_gap(
    make_broker, listen, until, redis_server, url, proxy
):
    broker, other = await make_broker(url, history=10), await make_broker(history=10)
    heard = await listen(broker, "x")
    await other.publish("x", "e", 0)
    await until(lambda: heard)
    proxy.cut(refuse=True)
    await asyncio.gather(*(other.publish("x", "e", i) for i in range(1, 100)))
    proxy.heal()
    await until(lambda: heard.data[-1:] == [99])
    assert len(heard.gaps) == 1
    assert heard.data == sorted(heard.data)
    assert len(heard.data) >= 11
    kinds = [event for event, _ in heard]
    assert kinds.index("wsrpc.gap") == 1


async def test_a_loss_that_no_event_follows_is_found(
    make_broker, listen, until, proxy, url, redis_server
):
    broker, other = await make_broker(url, history=10), await make_broker(history=10)
    heard = await listen(broker, "x")
    proxy.cut()
    await other.publish("x", "e", "last")
    await until(lambda: heard == [("e", "last")])


async def test_an_event_that_redis_did_not_bring_is_found_by_the_next_check(
    make_broker, listen, until, redis_server, monkeypatch
):
    broker = await make_broker(history=10, check=0.3)
    heard = await listen(broker, "x")
    deliver = broker._feed.message
    monkeypatch.setattr(broker._feed, "message", lambda name, payload: asyncio.sleep(0))
    await broker.publish("x", "e", "dropped")
    await until(lambda: info(broker)["received"] == 1)
    monkeypatch.setattr(broker._feed, "message", deliver)
    await until(lambda: heard == [("e", "dropped")])
    assert info(broker)["losses"] == 0


@pytest.mark.parametrize("through", ["freeze", "stall", "half_open"])
async def test_silence_is_noticed_within_two_probes_and_the_broker_comes_back(
    make_broker, listen, until, redis_server, proxy, url, through
):
    broker = await make_broker(url, history=10, probe=PROBE, check=60, timeout=1)
    heard = await listen(broker, "x")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    fault = redis_server.freeze if through == "freeze" else getattr(proxy, through)
    fault()
    await until(lambda: info(broker)["losses"] == 1)
    assert loop.time() - begin < 2 * PROBE + 0.3  # for a busy machine
    assert not broker.healthy
    with pytest.raises(BrokerUnavailable):
        await broker.publish("x", "e", "unknown")
    redis_server.thaw()
    proxy.heal()
    await until(lambda: broker.healthy)
    await broker.publish("x", "e", "after")
    await until(lambda: heard.data[-1:] == ["after"])
    assert heard.gaps == []


@pytest.mark.parametrize("fault", ["freeze", "restart", "restart empty", "kill connections"])
async def test_a_thousand_channels_are_subscribed_again_with_a_few_commands(
    make_broker, until, redis_server, fault
):
    broker = await make_broker(history=10, probe=0.5)
    await asyncio.gather(*(broker.subscribe(f"c{i}") for i in range(1000)))
    assert info(broker)["subscribed"] == 1000
    redis_server.command("CONFIG", "RESETSTAT")
    if fault == "freeze":
        redis_server.freeze()
        await until(lambda: info(broker)["losses"] == 1)
        redis_server.thaw()
    elif fault == "kill connections":
        kill_bus(redis_server)
    else:
        await asyncio.to_thread(redis_server.restart, empty=fault == "restart empty")
    await until(lambda: info(broker)["losses"] and info(broker)["subscribed"] == 1000)
    subscribes = redis_server.command("INFO", "commandstats")["cmdstat_subscribe"]["calls"]
    assert subscribes <= 3 * info(broker)["losses"]  # each connection that came after a loss
    channels = redis_server.command("PUBSUB", "CHANNELS", "wsrpc:c:*")
    assert len(channels) == 1000
    await until(lambda: broker.healthy)


@pytest.mark.parametrize("empty", [False, True])
async def test_a_restart_is_told_as_a_gap_in_another_epoch(
    make_broker, listen, until, redis_server, empty
):
    broker = await make_broker(history=10)
    heard = await listen(broker, "x")
    await broker.publish("x", "e", 1)
    await until(lambda: heard)
    before = broker.channels.position("x")
    redis_server.restart(empty=empty)
    await until(lambda: heard.gaps)
    [gap] = heard.gaps
    assert gap["epoch"] != before.epoch
    await broker.publish("x", "e", 2)
    await until(lambda: heard.data == [1, 2])


async def test_after_an_older_snapshot_nothing_counts_as_recovered(
    make_broker, listen, until, redis_server
):
    broker = await make_broker(history=10)
    heard = await listen(broker, "x")
    for i in range(1, 3):
        await broker.publish("x", "e", i)
    redis_server.save()
    for i in range(3, 5):
        await broker.publish("x", "e", i)
    await until(lambda: len(heard) == 4)
    since = broker.channels.position("x")
    redis_server.kill()
    redis_server.start()
    await until(lambda: heard.gaps)
    # the offsets that were given out already are given to other events
    for i in range(4):
        await broker.publish("x", "e", f"again {i}")
    past = await broker.read_history("x", since)
    assert past.after(since) is None
    await until(lambda: heard.data[4:] == [f"again {i}" for i in range(4)])


async def test_subscribing_waits_for_redis_to_come_back(make_broker, listen, until, redis_server):
    broker, other = await make_broker(timeout=5), await make_broker()
    redis_server.kill()
    await until(lambda: not broker.healthy)
    subscription = asyncio.create_task(listen(broker, "x"))
    redis_server.start()
    heard = await subscription
    await until(lambda: other.healthy)
    await other.publish("x", "e", 1)
    await until(lambda: heard.data == [1])


async def test_subscribing_fails_in_time_and_unsubscribing_succeeds(
    make_broker, listen, until, redis_server
):
    broker = await make_broker(timeout=0.3)
    await listen(broker, "x")
    redis_server.kill()
    with pytest.raises(BrokerUnavailable, match="did not confirm the subscription"):
        await broker.subscribe("y")
    await broker.unsubscribe("x")
    await broker.unsubscribe("never subscribed")
    assert info(broker)["wanted"] == 1  # for a second
    redis_server.start()
    await until(lambda: broker.healthy)
    assert redis_server.command("PUBSUB", "CHANNELS", "wsrpc:c:*") == [b"wsrpc:c:x"]


async def test_publishing_fails_in_time_and_is_counted(make_broker, redis_server):
    broker = await make_broker()
    redis_server.kill()
    with pytest.raises(BrokerUnavailable):
        await broker.publish("x", "e", 1)
    assert info(broker)["failed_publishes"] == 1


async def test_an_application_starts_without_redis_and_finds_it_later(
    make_broker, listen, until, redis_server, caplog
):
    redis_server.kill()
    broker = await make_broker(timeout=0.2)
    assert not broker.healthy
    assert "starting without Redis" in caplog.text
    redis_server.start()
    await until(lambda: broker.healthy)
    heard = await listen(broker, "x")
    await broker.publish("x", "e", 1)
    await until(lambda: heard.data == [1])


async def test_closing_during_an_outage_ends_what_waits(make_broker, redis_server, until):
    broker = await make_broker(timeout=30)
    redis_server.freeze()
    subscription = asyncio.create_task(broker.subscribe("x"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await broker.close()
        with pytest.raises(BrokerUnavailable):
            await subscription
    redis_server.thaw()


async def test_a_channel_that_is_wanted_again_in_time_was_never_unsubscribed(
    make_broker, redis_server
):
    broker = await make_broker()
    await broker.subscribe("x")
    await broker.unsubscribe("x")
    await broker.unsubscribe("x")
    await broker.subscribe("x")
    monitor = redis_server.command("PUBSUB", "NUMSUB", "wsrpc:c:x")
    assert monitor == [b"wsrpc:c:x", 1]
    assert not broker._bus._leaving


async def test_two_who_subscribe_at_once_share_one_confirmation(make_broker):
    broker = await make_broker()
    await asyncio.gather(*(broker.subscribe("x") for _ in range(5)))
    assert info(broker)["subscribed"] == 1


async def test_churn_under_kills_ends_with_what_is_wanted(
    make_broker, redis_server, until, monkeypatch
):
    monkeypatch.setattr(bus, "LINGER", 0.0)
    draw = random.Random(5)
    broker = await make_broker(timeout=10)
    names = [f"c{i}" for i in range(200)]
    wanted: set[str] = set()
    for turn in range(60):
        some = draw.sample(names, 20)
        new = [name for name in some if name not in wanted]
        for name in some:
            if name in wanted:
                wanted.remove(name)
                await broker.unsubscribe(name)
        calls = [asyncio.create_task(broker.subscribe(name)) for name in new]
        wanted.update(new)
        if turn % 5 == 0:
            kill_bus(redis_server)
        await asyncio.gather(*calls)
    await until(lambda: info(broker)["wanted"] == len(wanted))
    await until(lambda: broker.healthy and info(broker)["subscribed"] == len(wanted))
    found = redis_server.command("PUBSUB", "CHANNELS", "wsrpc:c:*")
    assert {name.decode().rpartition(":")[2] for name in found} == wanted


async def test_a_slow_reader_that_redis_throws_out_loses_nothing(
    make_broker, listen, until, redis_server, proxy, url
):
    redis_server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 100kb 100kb 1")
    broker = await make_broker(url, history=1000, probe=2)
    other = await make_broker(history=1000)
    heard = await listen(broker, "x")
    proxy.stall("down")
    for i in range(300):
        await other.publish("x", "e", [i, "x" * 2000])
    proxy.heal()
    await until(lambda: heard.data[-1:] and heard.data[-1][0] == 299)
    numbers = [data[0] for data in heard.data]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 300 or heard.gaps


async def test_what_redis_confirms_unasked_is_a_doubt(make_broker, listen, until, monkeypatch):
    broker = await make_broker()
    heard = await listen(broker, "x")
    broker._bus._session._pending.append((b"subscribe", b"another", 99))
    await broker.subscribe("y")
    assert info(broker)["losses"] == 1
    await until(lambda: heard.gaps == [None])


async def test_a_connection_on_which_probes_do_not_come_in_is_replaced(
    make_broker, until, monkeypatch
):
    broker = await make_broker(probe=0.05)
    probe = broker._feed.probe

    async def elsewhere(token):
        await probe(b"another token")

    monkeypatch.setattr(broker._feed, "probe", elsewhere)
    await until(lambda: info(broker)["losses"] >= 3)
    assert info(broker)["failed_probes"] >= 3
    assert not broker.healthy
    monkeypatch.setattr(broker._feed, "probe", probe)
    await until(lambda: broker.healthy)


@pytest.mark.parametrize(
    ("failures", "deaf", "least", "most"),
    [
        (0, 0, 0.025, 0.05),
        (1, 1, 0.05, 0.1),
        (5, 0, 0.25, 0.5),
        (10**6, 0, 0.25, 0.5),
        (2, 2, 10, 10),
        (3, 3, 20, 20),
        (5, 5, 80, 80),
        (6, 6, 100, 100),
        (10**6, 10**6, 100, 100),
    ],
)
def test_pauses_double_up_to_half_a_second_and_are_longer_where_nothing_comes_in(
    failures, deaf, least, most
):
    pauses = [bus.pause_after(failures, deaf, 10.0) for _ in range(100)]
    assert least <= min(pauses) <= max(pauses) <= most


async def test_a_mistake_in_delivery_costs_a_connection_but_never_the_subscriptions(
    make_broker, listen, until, monkeypatch, reported
):
    broker = await make_broker()
    heard = await listen(broker, "x")
    deliver = broker._feed.message
    monkeypatch.setattr(broker._feed, "message", None)
    await broker.publish("x", "e", 1)
    await until(lambda: info(broker)["losses"] == 1)
    monkeypatch.setattr(broker._feed, "message", deliver)
    await until(lambda: broker.healthy)
    await broker.publish("x", "e", 2)
    await until(lambda: heard.data == [2])
    [failure] = reported
    assert isinstance(failure.exception, TypeError)


async def test_subscriptions_go_out_in_batches(make_broker, monkeypatch):
    monkeypatch.setattr(session, "NAMES_AT_ONCE", 10)
    broker = await make_broker()
    commands = []
    send = session.Link.send

    async def watched(self, sent):
        commands.extend(len(command) - 1 for command in sent if command[0] == b"subscribe")
        await send(self, sent)

    monkeypatch.setattr(session.Link, "send", watched)
    await asyncio.gather(*(broker.subscribe(f"c{i}") for i in range(25)))
    assert sum(commands) == 25
    assert max(commands) == 10


async def test_redis_that_confirms_no_subscription_is_a_doubt(
    make_broker, until, proxy, url, redis_server
):
    broker = await make_broker(url, probe=0.1)
    proxy.latency(0.0)
    connect = broker._bus._endpoint.connect

    async def then_stall():
        link = await connect()
        proxy.stall("down")
        return link

    broker._bus._endpoint.connect = then_stall
    kill_bus(redis_server)
    await until(lambda: info(broker)["losses"] >= 2)
    assert "confirmed no subscription" in str(broker._bus._failure)
    broker._bus._endpoint.connect = connect
    proxy.heal()
    await until(lambda: broker.healthy)


async def test_a_position_ahead_of_its_history_is_never_recovered(make_broker, redis_server):
    broker = await make_broker(history=10)
    await broker.publish("x", "e", 1)
    top = (await broker.read_history("x", None)).position
    ahead = Position(top.epoch, 5)
    assert (await broker.read_history("x", ahead)).after(ahead) is None


async def test_no_client_is_told_that_it_recovered_from_an_older_snapshot(
    make_broker, serve, redis_server, until
):
    class Stream(ApiPath, WsPathMixin, Subscribe):
        pass

    broker = await make_broker(history=10)
    server = await serve(Stream, broker)
    client = await server.connect()
    await client.call("subscribe", {"channel": "x"})
    await broker.publish("x", "e", 1)
    redis_server.save()
    for i in range(2, 6):
        await broker.publish("x", "e", i)
    await until(lambda: (broker.channels.position("x") or Position("", 0)).offset == 5)
    positions = [broker.channels.position("x")]
    positions += [Position(positions[0].epoch, offset) for offset in range(5)]
    redis_server.kill()
    redis_server.start()
    told = [await client.recv() for _ in range(6)]
    assert [event["event"] for event in told] == ["e"] * 5 + ["wsrpc.gap"]
    for since in positions:
        returned = await server.connect()
        payload = {"channel": "x", "since": {"epoch": since.epoch, "offset": since.offset}}
        reply = await returned.call("subscribe", payload)
        assert reply["response"]["recovered"] is False, since
        await broker.publish("x", "e", "another")


@pytest.mark.parametrize("empty", [False, True])
async def test_no_client_is_told_that_it_recovered_before_the_process_notices_a_restart(
    make_broker, serve, redis_server, until, empty
):
    class Stream(ApiPath, WsPathMixin, Subscribe):
        pass

    broker = await make_broker(history=10)
    server = await serve(Stream, broker)
    client, returning = await server.connect(), await server.connect()
    await client.call("subscribe", {"channel": "x"})
    await broker.publish("x", "e", 1)
    redis_server.save()
    await broker.publish("x", "e", 2)
    await until(lambda: (broker.channels.position("x") or Position("", 0)).offset == 2)
    since = broker.channels.position("x")
    # nothing else runs in this process until the server is another one
    redis_server.kill()
    if empty:
        redis_server.restart(empty=True)
    else:
        redis_server.start()
    payload = {"channel": "x", "since": {"epoch": since.epoch, "offset": since.offset}}
    reply = await returning.call("subscribe", payload)
    assert reply["response"]["recovered"] is False
    events = [await client.recv() for _ in range(3)]
    assert [event["event"] for event in events] == ["e", "e", "wsrpc.gap"]


async def test_a_client_that_comes_back_to_another_process_has_missed_nothing(
    make_broker, serve, redis_server
):
    class Stream(ApiPath, WsPathMixin, Subscribe):
        pass

    first = await serve(Stream, await make_broker(history=10))
    second = await serve(Stream, await make_broker(history=10))
    client = await first.connect()
    reply = await client.call("subscribe", {"channel": "x"})
    since = reply["response"]["positions"]["x"]
    async with Publisher(redis_server.url, history=10) as publisher:
        for i in range(3):
            await publisher.publish("x", "e", i)
    returned = await second.connect()
    reply = await returned.call("subscribe", {"channel": "x", "since": since})
    assert reply["response"]["recovered"] is True
    missed = [(await returned.recv())["data"] for _ in range(3)]
    assert missed == [0, 1, 2]
