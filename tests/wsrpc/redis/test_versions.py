"""The broker on every server that is installed: Redis and Valkey, old and new."""

from __future__ import annotations

import asyncio
import os

import pytest

from pytest_wsrpc import RedisServer
from pytest_wsrpc.redis_server import find_servers

# each once: a program may be found under more than one name
PROGRAMS = list({os.path.realpath(program): program for program in find_servers()}.values())


@pytest.fixture(params=PROGRAMS, ids=os.path.basename)
def redis_server(request):
    with RedisServer(request.param) as server:
        yield server


async def test_a_loss_is_filled_and_a_restart_is_told(make_broker, listen, until, redis_server):
    broker, other = await make_broker(history=100), await make_broker(history=100)
    heard = await listen(broker, "x")
    for i in range(50):
        if i == 25:
            redis_server.command("CLIENT", "KILL", "TYPE", "pubsub")
        await other.publish("x", "e", i)
    await until(lambda: heard == [("e", i) for i in range(50)])
    await asyncio.to_thread(redis_server.restart)
    await until(lambda: heard.gaps)
    await until(lambda: broker.healthy and other.healthy)
    await other.publish("x", "e", 50)
    await until(lambda: heard.data[-1] == 50)


async def test_the_rights_that_the_documentation_names_are_enough(
    make_broker, listen, until, redis_server
):
    rights = (
        ">secret ~wsrpc:* resetchannels &wsrpc:* "
        "+@read +@write +@pubsub +@scripting +@connection +info +time"
    )
    redis_server.command("ACL", "SETUSER", "wsrpc", "on", *rights.split())
    broker = await make_broker(f"unix://wsrpc:secret@{redis_server.path}", history=10, check=0.2)
    heard = await listen(broker, "x")
    await broker.publish("x", "e", 1)
    await until(lambda: heard == [("e", 1)])
    await broker.read_history("x", None)
    assert broker.healthy
