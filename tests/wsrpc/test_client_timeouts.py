"""Calls of `RpcClient` that get no reply in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pytest_wsrpc.clock import VirtualClock
from wsrpc.client import RpcClient

pytestmark = pytest.mark.wsrpc(clock="virtual")

PATIENCE = 5.0


@pytest.fixture
async def client(scripted: Any) -> AsyncIterator[RpcClient]:
    async with RpcClient.connect(scripted.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
async def peer(scripted: Any, client: RpcClient) -> Any:
    return await scripted.peer()


async def test_a_call_without_a_reply_times_out_naming_method_id_and_seconds(
    client: RpcClient, ws_clock: VirtualClock
) -> None:
    with pytest.raises(TimeoutError, match=r"no reply to 'slow' \(id 1\) came within 0.5 s"):
        await client.call("slow", timeout=0.5)
    assert ws_clock.time == 0.5


async def test_the_timeout_of_the_client_is_the_default_of_its_calls(
    scripted: Any, ws_clock: VirtualClock
) -> None:
    async with RpcClient.connect(scripted.url, timeout=PATIENCE) as client:
        client.timeout = 20
        with pytest.raises(TimeoutError, match=r"within 20 s"):
            await client.call("slow")
    assert ws_clock.time == 20


async def test_a_call_without_timeout_waits_on(scripted: Any, ws_clock: VirtualClock) -> None:
    async with RpcClient.connect(scripted.url, timeout=PATIENCE) as client:
        client.timeout = 0.0
        peer = await scripted.peer()
        call = asyncio.create_task(client.call("slow", timeout=None))
        await ws_clock.advance(3600)
        await peer.answer("late")
        assert await call == "late"


async def test_a_late_reply_is_no_news(
    client: RpcClient, peer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TimeoutError):
        await client.call("slow", timeout=10)
    with caplog.at_level(logging.DEBUG, "wsrpc"):
        late = {"id": (await peer.take())["id"], "response": 1}
        await peer.send(late, late)
        call = asyncio.create_task(client.call("any"))
        await peer.answer(2)
        assert await call == 2
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", f"ignored a late reply to id 1 from {client.url}"),
        ("WARNING", f"ignored a reply to id 1 from {client.url}"),
    ]
