"""Where Redis is, as url and options say."""

from __future__ import annotations

import asyncio

import pytest
import redis
from redis.asyncio.connection import SSLConnection

from pytest_wsrpc import RedisServer
from pytest_wsrpc.redis_server import find_server
from wsrpc import BrokerUnavailable, Publisher, RedisBroker
from wsrpc.redis.endpoint import Endpoint


def endpoint(url, timeout=2.0, **options):
    return Endpoint(url, options, name="test", timeout=timeout)


def test_tls_is_a_scheme_and_its_files_are_options():
    found = endpoint("rediss://:secret@redis.example:6380/3", ssl_ca_certs="ca.pem")
    assert found._class is SSLConnection
    connection = found._class(**found._options)
    assert (connection.host, connection.port, connection.db) == ("redis.example", 6380, 3)
    assert (connection.password, connection.ca_certs) == ("secret", "ca.pem")


def test_the_url_goes_before_options_and_both_behind_what_the_broker_needs():
    found = endpoint("redis://localhost?db=1&protocol=3&decode_responses=true", db=2)
    assert found._options["db"] == 1
    assert found._options["protocol"] == 2
    assert found._options["decode_responses"] is False


@pytest.mark.parametrize("make", [Publisher, RedisBroker])
def test_a_wrong_url_or_option_is_told_at_once(make):
    with pytest.raises(ValueError, match="redis://, rediss://, unix://"):
        make("http://localhost")
    with pytest.raises(TypeError, match="colour"):
        make("redis://localhost", colour="red")


async def test_a_broken_connection_does_not_become_another_one(redis_server):
    link = await endpoint(redis_server.url).connect()
    await link.send([("PING",)])
    assert await link.read() == b"PONG"
    assert await link.is_usable()
    redis_server.command("CLIENT", "KILL", "TYPE", "normal")
    with pytest.raises(redis.ConnectionError):
        await link.read()
    assert not await link.is_usable()
    with pytest.raises(ConnectionError, match="closed"):
        await link.send([("PING",)])


async def test_a_connection_with_an_answer_that_nobody_read_is_not_usable(redis_server, until):
    link = await endpoint(redis_server.url).connect()
    await link.send([("PING",)])
    usable = True
    async with asyncio.timeout(5):
        while usable:
            await asyncio.sleep(0.001)
            usable = await link.is_usable()
    await link.close()


async def test_a_connection_whose_state_cannot_be_told_is_not_usable(redis_server, monkeypatch):
    link = await endpoint(redis_server.url).connect()

    async def fail():
        raise redis.ConnectionError

    monkeypatch.setattr(link._connection, "can_read", fail)
    assert not await link.is_usable()
    await link.close()


@pytest.fixture
def locked():
    with RedisServer(find_server(), "--requirepass", "secret") as server:
        yield server


async def test_a_password_opens(locked):
    broker = RedisBroker(f"unix://:secret@{locked.path}")
    await broker.start()
    await broker.publish("x", "e", 1)
    assert broker.healthy
    await broker.close()


async def test_a_password_may_be_an_option(locked):
    async with Publisher(locked.url, password="secret") as publisher:
        await publisher.publish("x")


async def test_a_wrong_password_stops_the_start(locked):
    broker = RedisBroker(f"unix://:wrong@{locked.path}", timeout=0.3)
    with pytest.raises(redis.RedisError, match="invalid username-password pair"):
        await broker.start()
    with pytest.raises(BrokerUnavailable):
        await broker.subscribe("x")
    await broker.close()
