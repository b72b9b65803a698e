"""Virtual time passes for an application that keeps the loop busy."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from types import SimpleNamespace

import pytest

from pytest_wsrpc.clock import LOOK, Stuck
from pytest_wsrpc.fuzz import spinning
from pytest_wsrpc.fuzz.spinning import FuzzLoop


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spinning, "PATIENCE", 0.05)
    monkeypatch.setattr(spinning, "PACE", 100.0)


async def spin() -> None:
    while True:  # noqa: ASYNC110
        await asyncio.sleep(0)


def test_a_timeout_ends_what_polls_for_ever() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(spin(), 5)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=FuzzLoop) as runner:
        assert runner.run(main()) >= 5


def later_by(seconds: float) -> float:
    return time.monotonic() + seconds


def test_a_short_burst_of_turns_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spinning, "PATIENCE", 60)

    async def main() -> float:
        for later in (0, 1000):  # what passed between two bursts is no part of the second
            clock = SimpleNamespace(monotonic=partial(later_by, later))
            monkeypatch.setattr(spinning, "time", clock)
            async with asyncio.timeout(1):
                for _ in range(3 * LOOK):
                    await asyncio.sleep(0)
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=FuzzLoop) as runner:
        assert runner.run(main()) == 2


def test_where_no_timer_is_to_come_the_limit_of_turns_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pytest_wsrpc.clock.TURNS", 60_000)
    monkeypatch.setattr(spinning, "PATIENCE", 0)
    with asyncio.Runner(loop_factory=FuzzLoop) as runner, pytest.raises(Stuck):
        runner.run(spin())
