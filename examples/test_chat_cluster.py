"""Tests of the chat: one server in memory, and the whole demonstration."""

import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from examples.chat_cluster import create_app
from pytest_wsrpc import RedisServer, Serve, WsConnect, WsTestClient
from wsrpc import InvalidParams


@pytest.fixture
def ws_app(redis_server: RedisServer) -> web.Application:
    return create_app(redis_server.url)


async def test_what_one_says_the_other_hears(
    ws_client: WsTestClient, ws_connect: WsConnect
) -> None:
    other = await ws_connect()
    async with other.subscribe("room") as events:
        await ws_client.call("say", {"name": "ann", "text": "hello"})
        assert (await anext(events)).data == {"name": "ann", "text": "hello"}


async def test_nobody_says_nothing(ws_client: WsTestClient) -> None:
    with pytest.raises(InvalidParams):
        await ws_client.call("say", {"name": "ann", "text": ""})


async def test_two_servers_share_what_is_said(
    ws_client: WsTestClient, ws_serve: Serve, redis_server: RedisServer
) -> None:
    async with ws_serve(create_app(redis_server.url)) as connect:
        other = await connect()
        async with other.subscribe("room") as events:
            await ws_client.call("say", {"name": "ann", "text": "hello"})
            assert (await anext(events)).data["text"] == "hello"


def test_the_demonstration_misses_nothing() -> None:
    script = Path(__file__).with_name("chat_cluster.py")
    run = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=script.parents[1],
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "-- nothing was missed"
    assert "are you there?" in run.stdout
