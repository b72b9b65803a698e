"""What lies in Redis: offsets, epochs, and the history of a channel."""

from __future__ import annotations

import asyncio

import pytest

from wsrpc import History, Position, Publisher


async def past(broker, since=0, channel="x"):
    """Return the history behind an offset, in the epoch that the channel is in."""
    top = (await broker.read_history(channel, None)).position
    return await broker.read_history(channel, Position(top.epoch, since))


async def fill(broker, count, data=None, channel="x"):
    await asyncio.gather(*(broker.publish(channel, "e", data or i) for i in range(1, count + 1)))


async def test_a_channel_without_events_has_an_epoch_that_stays(make_broker):
    broker = await make_broker(history=10)
    first = (await broker.read_history("x", None)).position
    assert first.offset == 0
    assert (await broker.read_history("x", None)).position == first
    await broker.publish("x", "e", 1)
    assert (await broker.read_history("x", None)).position == Position(first.epoch, 1)


async def test_offsets_count_up_over_all_who_publish(make_broker, redis_server):
    first, second = await make_broker(history=10), await make_broker(history=10)
    async with Publisher(redis_server.url, history=10) as third:
        for publisher in (first, second, third):
            await publisher.publish("x", "e", 1)
    found = await past(first)
    assert [event.offset for event in found.events] == [1, 2, 3]
    assert found.position.offset == 3


async def test_the_events_after_an_offset_are_read_in_order(make_broker):
    broker = await make_broker(history=10)
    await fill(broker, 5)
    assert (await past(broker, 2)).events == [(3, "e", b"3"), (4, "e", b"4"), (5, "e", b"5")]
    assert (await past(broker, 5)).events == []
    assert (await past(broker, 99)).events == []
    assert (await past(broker, 2**60)).events == []


@pytest.mark.parametrize(("size", "most"), [(1, 1), (10, 11), (100, 112)])
async def test_the_history_is_limited_in_size(make_broker, size, most):
    broker = await make_broker(history=size)
    await fill(broker, 300)
    offsets = [event.offset for event in (await past(broker)).events]
    assert size <= len(offsets) <= most
    assert offsets == list(range(301 - len(offsets), 301))


async def test_the_history_is_limited_in_bytes(make_broker):
    broker = await make_broker(history=History(bytes=10_000))
    await fill(broker, 100, "x" * 1000)
    assert len((await past(broker)).events) == 9
    await broker.publish("x", "e", "x" * 20_000)
    assert (await past(broker)).events == []
    await broker.publish("x", "e", "small again")
    assert [event.offset for event in (await past(broker)).events] == [102]


async def test_the_history_is_limited_in_age(make_broker, redis_server):
    broker = await make_broker(history=History(age=0.2))
    await fill(broker, 20)
    await asyncio.sleep(0.25)
    assert (await past(broker)).events == []
    await fill(broker, 16)
    assert [event.offset for event in (await past(broker)).events] == list(range(21, 37))
    assert redis_server.command("XLEN", "wsrpc:h:x") == 16


async def test_old_events_are_not_read_though_they_are_still_there(make_broker):
    lasting = await make_broker(history=10)
    brief = await make_broker(history=History(age=0.1))
    await lasting.publish("x", "e", 1)
    await asyncio.sleep(0.15)
    assert (await past(brief)).events == []
    assert len((await past(lasting)).events) == 1


async def test_an_unused_history_expires_and_the_offset_stays(make_broker, redis_server):
    broker = await make_broker(history=History(age=0.1))
    await broker.publish("x", "e", 1)
    await asyncio.sleep(0.15)
    assert redis_server.command("EXISTS", "wsrpc:h:x") == 0
    assert (await past(broker)).position.offset == 1
    assert redis_server.command("PTTL", "wsrpc:p:x") > 3_600_000


async def test_an_event_that_was_not_kept_leaves_a_hole(make_broker):
    keeping, forgetting = await make_broker(history=10), await make_broker()
    for broker in (keeping, forgetting, keeping):
        await broker.publish("x", "e", 1)
    found = await past(keeping)
    assert [event.offset for event in found.events] == [1, 3]
    assert found.after(Position(found.position.epoch, 0)) is None


async def test_what_is_no_event_in_a_history_leaves_a_hole(make_broker, redis_server):
    broker = await make_broker(history=10)
    await fill(broker, 1)
    redis_server.command("XADD", "wsrpc:h:x", "2-99999999999999", "b", "nonsense")
    assert [event.offset for event in (await past(broker)).events] == [1]
    assert broker.server_info()["redis"]["ignored"] == 1


@pytest.mark.parametrize("keys", [["wsrpc:p:x"], ["wsrpc:p:x", "wsrpc:h:x"]])
async def test_lost_keys_begin_another_epoch(make_broker, redis_server, keys):
    broker = await make_broker(history=10)
    await fill(broker, 3)
    before = (await past(broker)).position
    redis_server.command("DEL", *keys)
    await fill(broker, 1)
    found = await past(broker)
    assert found.position.epoch != before.epoch
    assert [event.offset for event in found.events] == [1]


async def test_a_lost_history_leaves_the_epoch_and_a_hole(make_broker, redis_server):
    broker = await make_broker(history=10)
    await fill(broker, 3)
    before = (await past(broker)).position
    redis_server.command("DEL", "wsrpc:h:x")
    await fill(broker, 1)
    found = await past(broker)
    assert found.position == Position(before.epoch, 4)
    assert [event.offset for event in found.events] == [4]


@pytest.mark.parametrize("empty", [False, True])
async def test_a_restarted_server_begins_another_epoch(make_broker, redis_server, empty):
    broker = await make_broker(history=10)
    await fill(broker, 3)
    before = (await past(broker)).position
    redis_server.restart(empty=empty)
    found = await past(broker)
    assert found.position.epoch != before.epoch
    assert found.position.offset == 0
    assert found.events == []
    run_id = redis_server.command("INFO", "server")["run_id"]
    assert found.position.epoch.startswith(run_id)


async def test_a_server_that_becomes_the_master_again_begins_another_epoch(
    make_broker, redis_server
):
    broker = await make_broker(history=10)
    await fill(broker, 3)
    before = (await past(broker)).position
    redis_server.command("REPLICAOF", "127.0.0.1", "1")
    redis_server.command("REPLICAOF", "NO", "ONE")
    found = await past(broker)
    assert found.position.epoch != before.epoch
    assert found.events == []


async def test_no_name_in_redis_is_without_the_prefix(make_broker, redis_server, listen):
    broker = await make_broker(prefix="mine:", history=10)
    await listen(broker, "x")
    await fill(broker, 1)
    keys = redis_server.command("KEYS", "*") + redis_server.command("PUBSUB", "CHANNELS")
    assert keys
    assert all(key.startswith(b"mine:") for key in keys)


async def test_the_prefix_may_stand_in_the_url(make_broker, redis_server):
    broker = await make_broker(f"{redis_server.url}?prefix=mine:")
    await fill(broker, 1)
    assert redis_server.command("KEYS", "*") == [b"mine:p:x"]


async def test_two_prefixes_do_not_meet(make_broker, listen, until):
    first, second = await make_broker(prefix="a:"), await make_broker(prefix="b:")
    heard = await listen(first, "x")
    await second.publish("x", "e", 1)
    await first.publish("x", "e", 2)
    await until(lambda: heard)
    assert heard == [("e", 2)]
