"""Clients that come back: pauses as long as they can be, and nothing that is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each pause be as long as it can be."""
    monkeypatch.setattr("wsrpc.reconnect.random.uniform", lambda low, high: high)


@pytest.fixture(autouse=True)
async def nothing_is_left(scripted: Any) -> AsyncIterator[None]:
    """Hold that no task of a client outlives the test."""
    yield
    assert [task for task in asyncio.all_tasks() if "client" in task.get_name()] == []
