"""Subscriptions of `RpcClient` over a loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wsrpc import Reconnect, RpcClient

from .scene import Scene


@pytest.fixture
async def scene(scripted: Any) -> AsyncIterator[Scene]:
    async with RpcClient.connect(scripted.url, reconnect=Reconnect(calls="wait")) as client:
        yield Scene(scripted, client, await scripted.peer())
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []
