"""Scripts on their way to Redis: in order, together, at most once, and in bounded time."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from wsrpc import BrokerUnavailable
from wsrpc.redis import lane as module
from wsrpc.redis.endpoint import Endpoint
from wsrpc.redis.lane import Lane
from wsrpc.redis.scripts import Script

APPEND = Script("redis.call('RPUSH', KEYS[1], ARGV[1]) return ARGV[1]")
FAIL = Script("return redis.call('RPUSH', 'only a name')")


def lane_to(url, timeout=2.0, **options):
    return Lane(Endpoint(url, {}, name="lane", timeout=timeout), timeout, **options)


@pytest.fixture
async def lane(url):
    lane = lane_to(url)
    yield lane
    await lane.close()


def append(lane, value, **options):
    return lane.run(APPEND, [b"list"], [value], **options)


def appended(redis_server):
    return [int(value) for value in redis_server.command("LRANGE", "list", 0, -1)]


async def test_scripts_run_in_the_order_of_the_calls(lane, redis_server):
    answers = await asyncio.gather(*(append(lane, i) for i in range(1000)))
    assert [int(answer) for answer in answers] == list(range(1000))
    assert appended(redis_server) == list(range(1000))


async def test_scripts_are_sent_together_over_one_connection(lane, proxy):
    proxy.latency(0.02)
    begin = asyncio.get_running_loop().time()
    await asyncio.gather(*(append(lane, i) for i in range(100)))
    assert asyncio.get_running_loop().time() - begin < 1  # one after the other would take 4 s
    assert proxy.accepted == 1


async def test_a_script_that_fails_does_not_harm_the_others(lane, redis_server):
    answers = await asyncio.gather(
        append(lane, 1), lane.run(FAIL, [], []), append(lane, 2), return_exceptions=True
    )
    assert answers[0::2] == [b"1", b"2"]
    assert isinstance(answers[1], BrokerUnavailable)
    assert "wrong number of arg" in answers[1].message.lower()


async def test_flushed_scripts_are_sent_again(lane, redis_server):
    await append(lane, 1)
    redis_server.command("SCRIPT", "FLUSH")
    await append(lane, 2)
    assert appended(redis_server) == [1, 2]


async def test_nothing_is_sent_twice_whenever_the_connection_breaks(lane, proxy, redis_server):
    answers = []
    for i in range(200):
        call = asyncio.create_task(append(lane, i))
        for _ in range(i % 20):
            await asyncio.sleep(0)
        proxy.cut()
        answers += await asyncio.gather(call, return_exceptions=True)
    found = appended(redis_server)
    assert len(found) == len(set(found))
    confirmed = {i for i, answer in enumerate(answers) if answer == b"%d" % i}
    assert confirmed <= set(found)
    assert confirmed
    assert all(isinstance(answers[i], BrokerUnavailable) for i in set(range(200)) - confirmed)


async def test_an_idle_connection_that_broke_is_replaced_unseen(redis_server):
    lane = lane_to(redis_server.url)
    await append(lane, 1)
    redis_server.restart()
    await append(lane, 2)
    await lane.close()
    assert appended(redis_server) == [1, 2]


async def test_a_frozen_redis_fails_in_time(url, redis_server):
    lane = lane_to(url, timeout=0.2)
    await append(lane, 1)
    redis_server.freeze()
    begin = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(append(lane, i) for i in range(10)), return_exceptions=True)
    assert all("did not answer within 0.2 s" in answer.message for answer in answers)
    assert asyncio.get_running_loop().time() - begin < 2
    redis_server.thaw()
    await append(lane, 99)
    await lane.close()


async def test_what_nobody_waits_for_any_more_is_not_sent(lane, proxy, redis_server):
    await append(lane, 1)
    proxy.stall()
    first = asyncio.create_task(append(lane, 2))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(append(lane, 3))
    third = asyncio.create_task(append(lane, 4))
    await asyncio.sleep(0.01)
    first.cancel()
    second.cancel()
    proxy.heal()
    await third
    assert appended(redis_server) == [1, 2, 4]


async def test_a_redis_that_refuses_connections_fails_without_many_tries(lane, redis_server, proxy):
    redis_server.kill()
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for _ in range(3):
        answers = await asyncio.gather(
            *(append(lane, i) for i in range(10)), return_exceptions=True
        )
        assert all(isinstance(answer, BrokerUnavailable) for answer in answers)
    assert 2 * module.PAUSE <= loop.time() - begin < 2
    assert proxy.accepted == 3
    redis_server.start()
    assert await append(lane, 1) == b"1"


async def test_no_more_waits_than_there_is_room_for(lane, proxy, monkeypatch):
    monkeypatch.setattr(module, "QUEUE_BYTES", 1000)
    await append(lane, "first")
    proxy.stall()
    on_the_way = asyncio.create_task(append(lane, "x" * 900))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(append(lane, "y" * 900))
    await asyncio.sleep(0)
    with pytest.raises(BrokerUnavailable, match="more than 1000 bytes wait for Redis"):
        await append(lane, "z" * 900)
    proxy.heal()
    await asyncio.gather(on_the_way, waiting)


async def test_a_batch_has_a_limit_in_number_and_in_bytes(url, proxy, monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 3000)
    sizes = []
    send = module.Link.send

    async def watched(self, commands):
        sizes.append(len(commands))
        await send(self, commands)

    monkeypatch.setattr(module.Link, "send", watched)
    lane = lane_to(url, batch=4)
    await asyncio.gather(*(append(lane, i) for i in range(10)))
    await asyncio.gather(*(append(lane, "x" * 2000) for i in range(4)))
    await lane.close()
    assert sizes == [4, 4, 2, 2, 2]


async def test_renewing_opens_another_connection_for_what_is_not_sent_yet(lane, proxy):
    await append(lane, 1)
    lane.renew()
    assert await append(lane, 2) == b"2"
    assert await append(lane, 3) == b"3"
    assert proxy.accepted == 2


async def test_closing_fails_what_is_on_the_way_and_what_waits(lane, proxy):
    await append(lane, 1)
    proxy.stall()
    calls = [asyncio.create_task(append(lane, 2))]
    await asyncio.sleep(0.01)
    calls.append(asyncio.create_task(append(lane, 3)))
    await asyncio.sleep(0)
    await lane.close()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(answer, BrokerUnavailable) for answer in answers)
    with pytest.raises(BrokerUnavailable, match="closed"):
        await append(lane, 4)
    proxy.heal()
    lane.open()
    assert await append(lane, 5) == b"5"


async def test_a_lane_does_not_keep_the_context_of_its_first_caller(lane):
    variable = contextvars.ContextVar("variable", default="clean")
    seen = []

    class Spy(Endpoint):
        async def connect(self):
            seen.append(variable.get())
            return await super().connect()

    lane._endpoint.__class__ = Spy
    variable.set("of the caller")
    await append(lane, 1)
    assert seen == ["clean"]


async def test_a_connection_that_breaks_in_the_handshake_is_closed(lane, proxy):
    proxy.half_open()
    with pytest.raises(BrokerUnavailable):
        await append(lane, 1, timeout=0.1)
    await lane.close()
    assert not lane._queue
