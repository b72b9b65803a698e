"""Publishing from a process without websockets."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from wsrpc import BrokerUnavailable, CannotPublish, Publisher


async def test_what_it_publishes_reaches_subscribers_in_order(
    make_broker, listen, until, redis_server
):
    broker = await make_broker()
    heard = await listen(broker, "x")
    async with Publisher(redis_server.url) as publisher:
        await asyncio.gather(*(publisher.publish("x", "e", i) for i in range(100)))
    await until(lambda: len(heard) == 100)
    assert heard == [("e", i) for i in range(100)]


async def test_event_and_data_may_be_left_out(make_broker, listen, until, redis_server):
    broker = await make_broker()
    heard = await listen(broker, "x")
    async with Publisher(redis_server.url) as publisher:
        await publisher.publish("x")
    await until(lambda: heard == [("", None)])


async def test_what_it_publishes_is_in_the_history(make_broker, redis_server):
    broker = await make_broker(history=10)
    async with Publisher(redis_server.url, history=10) as publisher:
        await publisher.publish("x", "e", {"a": 1})
    position = (await broker.read_history("x", None)).position
    assert position.offset == 1


async def test_it_needs_no_block(redis_server):
    publisher = Publisher(redis_server.url)
    await publisher.publish("x")
    await publisher.close()
    with pytest.raises(BrokerUnavailable, match="closed"):
        await publisher.publish("x")
    async with publisher:
        await publisher.publish("x")


async def test_what_cannot_be_published_is_told(redis_server):
    async with Publisher(redis_server.url) as publisher:
        with pytest.raises(CannotPublish):
            await publisher.publish("Upper")
        with pytest.raises(ValueError, match=r"must not begin with 'wsrpc\.'.*choose another"):
            await publisher.publish("x", "wsrpc.gap")
        with pytest.raises(TypeError, match="event must be a string, got 1"):
            await publisher.publish("x", 1)
        with pytest.raises(TypeError):
            await publisher.publish("x", "e", object())


async def test_without_redis_it_fails_in_time(redis_server):
    redis_server.kill()
    async with Publisher(redis_server.url, timeout=0.5) as publisher:
        with pytest.raises(BrokerUnavailable):
            await publisher.publish("x")


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_redis_py_is_imported_only_when_it_is_asked_for():
    assert python("import sys, wsrpc; print('redis' in sys.modules)") == "False\n"
    assert python("import sys; from wsrpc import RedisBroker; print('redis' in sys.modules)") == (
        "True\n"
    )


def test_without_redis_py_it_is_told_what_to_install():
    output = python(
        "import sys; sys.modules['redis'] = None\n"
        "import wsrpc\n"
        "try: wsrpc.RedisBroker\n"
        "except ImportError as error: print(error)\n"
    )
    assert "pip install 'pytest-wsrpc[redis]'" in output


def test_other_names_are_not_there():
    import wsrpc

    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        wsrpc.Nonsense  # noqa: B018
