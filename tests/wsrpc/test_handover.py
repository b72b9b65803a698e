"""A coroutine that runs in the own task, and tells when it first waits."""

from __future__ import annotations

import asyncio

import pytest

from wsrpc.handover import noticing_wait, run_by


async def test_what_does_not_wait_is_not_noticed_and_runs_in_the_own_task() -> None:
    seen: list[object] = []

    async def run() -> None:
        seen.append(asyncio.current_task())

    await noticing_wait(run(), lambda: seen.append("waits"))
    assert seen == [asyncio.current_task()]


async def test_the_first_wait_is_noticed_before_anything_else_runs() -> None:
    seen: list[str] = []
    gate = asyncio.get_running_loop().create_future()

    async def run() -> None:
        seen.append("begins")
        await gate
        await asyncio.sleep(0)
        seen.append("ends")

    asyncio.get_running_loop().call_soon(seen.append, "another turn")
    asyncio.get_running_loop().call_soon(gate.set_result, None)
    await noticing_wait(run(), lambda: seen.append("waits"))
    assert seen == ["begins", "waits", "another turn", "ends"]


@pytest.mark.parametrize("waits_first", [False, True])
async def test_what_it_raises_is_raised(waits_first: bool) -> None:
    async def run() -> None:
        if waits_first:
            await asyncio.sleep(0)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await noticing_wait(run(), lambda: None)


async def test_a_cancellation_reaches_what_runs_which_may_go_on_and_wait_again() -> None:
    seen: list[str] = []

    async def run() -> None:
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")

    task = asyncio.ensure_future(noticing_wait(run(), lambda: seen.append("waits")))
    for _ in range(2):
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
    await task
    assert seen == ["waits", "cancelled", "cancelled"]


async def test_what_goes_on_after_a_cancellation_waits_for_what_it_awaits_then() -> None:
    gate = asyncio.Event()

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gate.wait()

    task = asyncio.ensure_future(noticing_wait(run(), lambda: None))
    await asyncio.sleep(0)
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    await task


async def test_a_cancellation_that_nobody_takes_ends_it() -> None:
    task = asyncio.ensure_future(noticing_wait(asyncio.Event().wait(), lambda: None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_what_is_left_behind_is_closed_with_it() -> None:
    closed: list[str] = []

    async def run() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            closed.append("closed")

    async def outer() -> None:
        await noticing_wait(run(), lambda: None)

    coroutine = outer()
    loop = asyncio.new_event_loop()
    try:
        asyncio.events._set_running_loop(loop)
        coroutine.send(None)
        coroutine.close()
    finally:
        asyncio.events._set_running_loop(None)
        loop.close()
    assert closed == ["closed"]


async def test_what_runs_is_known_to_those_who_look_where_a_task_is() -> None:
    running = asyncio.sleep(0)
    waiting = noticing_wait(running, lambda: None)  # type: ignore[arg-type]
    assert run_by(waiting) is None or run_by(waiting) is running
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    assert run_by(waiting) is running
    await task
    assert run_by(waiting) is None
    assert run_by(n for n in ()) is None
    assert run_by(None) is None
