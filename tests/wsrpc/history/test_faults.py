"""Faults of the harness on the way from a broker with history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from wsrpc import LocalBroker


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    broker = LocalBroker(history=100)
    await broker.start()
    yield broker
    await broker.close()


@pytest.mark.parametrize("effect", ["drop", "duplicate", "reorder"])
async def test_what_faults_do_to_deliveries_is_mended(
    ws_client: Any, ws_faults: Any, broker: LocalBroker, effect: str
) -> None:
    options = {"probability": 0.4} if effect != "reorder" else {"within": 0.01}
    getattr(ws_faults, effect)("deliver", **options)
    async with ws_client.subscribe("x") as events:
        for number in range(20):
            await broker.publish("x", "a", number)
        ws_faults.heal()
        await broker.publish("x", "a", 20)
        got = [await events.get(timeout=5) for _ in range(21)]
    assert [event.data for event in got if event.event == "a"] == list(range(21))
