"""Virtual time: exact jumps, the order of timers, and all of asyncio on top of it."""

# ruff: noqa: ASYNC110 -- sleeping in a loop is what these tests are about

import asyncio
import contextvars
import heapq
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wsrpc.clock import Stuck, VirtualClock, VirtualLoop


def run(main, **options):
    """Run a coroutine function on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(**options)) as runner:
        return runner.run(main())


def now():
    return asyncio.get_running_loop().time()


def clock():
    return VirtualClock(asyncio.get_running_loop())


def test_time_begins_at_zero_and_jumps_exactly():
    async def main():
        times = [now()]
        for seconds in (0.1, 0.2, 3600, 1e-9, 86_400 * 365):
            await asyncio.sleep(seconds)
            times.append(now())
        return times

    started = time.monotonic()
    times = run(main)
    assert time.monotonic() - started < 5
    expected = [0.0]
    for seconds in (0.1, 0.2, 3600, 1e-9, 86_400 * 365):
        expected.append(expected[-1] + seconds)
    assert times == expected


def test_time_stands_still_while_something_is_ready():
    async def main():
        for _ in range(2_000):
            await asyncio.sleep(0)
        return now()

    assert run(main) == 0


def test_nothing_fires_before_its_time_however_close():
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1000)
        fired = []
        first, second = loop.time() + 1, math.nextafter(loop.time() + 1, math.inf)
        loop.call_at(second, lambda: fired.append(loop.time()))
        loop.call_at(first, lambda: fired.append(loop.time()))
        await asyncio.sleep(2)
        assert first < second
        assert fired == [first, second]

    run(main)


def test_timers_for_one_instant_fire_in_the_order_in_which_they_were_set():
    async def main():
        loop = asyncio.get_running_loop()
        fired = []
        for number in range(200):
            loop.call_at(5, fired.append, number)
        await asyncio.sleep(6)
        assert fired == list(range(200))

    run(main)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),  # when it is due, after that which sets it
            st.one_of(st.none(), st.integers(0, 30)),  # which timer it cancels
            st.integers(0, 3),  # how many of the following it sets
        ),
        max_size=30,
    )
)
def test_any_schedule_runs_as_a_model_does(schedule):
    def model():
        heap, fired, cancelled, todo = [], [], set(), list(enumerate(schedule))

        def set_some(at, count):
            for _ in range(min(count, len(todo))):
                number, step = todo.pop(0)
                heapq.heappush(heap, (at + step[0], number, step))

        set_some(0, 3)
        while heap:
            at, number, (_, victim, count) = heapq.heappop(heap)
            if number not in cancelled:
                fired.append((at, number))
                cancelled.add(victim)
                set_some(at, count)
        return fired

    async def main():
        loop = asyncio.get_running_loop()
        fired, handles, todo = [], {}, list(enumerate(schedule))

        def set_some(count):
            for _ in range(min(count, len(todo))):
                number, step = todo.pop(0)
                handles[number] = loop.call_later(step[0], fire, number, step)

        def fire(number, step):
            _, victim, count = step
            fired.append((loop.time(), number))
            if victim in handles:
                handles[victim].cancel()
            forbidden.add(victim)
            set_some(count)
            for other in list(handles):
                if other in forbidden:
                    handles[other].cancel()

        forbidden = set()
        set_some(3)
        await asyncio.sleep(1000)
        return fired

    assert run(main) == model()


def test_timeouts_fire_at_their_time():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
        assert now() == 60
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        assert now() == 65
        done, pending = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(9))], timeout=3)
        assert (len(done), len(pending), now()) == (0, 1, 68)
        assert await asyncio.wait_for(asyncio.sleep(1, "in time"), 2) == "in time"
        assert now() == 69
        async with asyncio.timeout(10) as timeout:
            timeout.reschedule(now() + 30)
            await asyncio.sleep(29)
        assert now() == 98

    run(main)


def test_cancelled_timers_do_not_move_the_clock():
    async def main():
        loop = asyncio.get_running_loop()
        handles = [loop.call_later(second, pytest.fail) for second in range(1, 500)]
        for handle in handles:
            handle.cancel()
        await asyncio.sleep(1000)
        assert now() == 1000
        assert clock().jumps == 1

    run(main)


def test_timers_of_the_past_and_of_now_fire_at_once():
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(10)
        fired = []
        loop.call_at(3, lambda: fired.append(now()))
        loop.call_later(0, lambda: fired.append(now()))
        loop.call_later(-1, lambda: fired.append(now()))
        await asyncio.sleep(1)
        assert fired == [10, 10, 10]

    run(main)


def test_a_timer_at_infinity_never_fires():
    async def main():
        asyncio.get_running_loop().call_at(math.inf, pytest.fail)
        await asyncio.sleep(5)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run(main)


def test_a_timer_needs_a_time():
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(TypeError):
            loop.call_at(None, print)
        with pytest.raises(TypeError):
            loop.call_later(None, print)

    run(main)


def test_the_clock_goes_on_from_run_to_run():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.sleep(5))
        assert runner.get_loop().time() == 5
        runner.run(asyncio.sleep(5))
        assert runner.get_loop().time() == 10


def test_callbacks_keep_their_context():
    variable = contextvars.ContextVar("variable", default="none")

    async def main():
        loop = asyncio.get_running_loop()
        seen = []
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        loop.call_later(1, lambda: seen.append(variable.get()), context=context)
        variable.set("of the task")
        loop.call_later(2, lambda: seen.append(variable.get()))
        loop.call_soon_threadsafe(lambda: seen.append(variable.get()), context=context)
        await asyncio.sleep(3)
        assert seen == ["given", "given", "of the task"]

    run(main)


def test_debug_mode_tells_where_a_timer_was_set():
    contexts = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: contexts.append(context))
        loop.call_later(1, lambda: 1 / 0)
        loop.call_at(1, lambda: 1 / 0)
        loop.call_soon_threadsafe(lambda: 1 / 0)
        await loop.run_in_executor(None, time.sleep, 0)
        await asyncio.sleep(2)

    with asyncio.Runner(loop_factory=VirtualLoop, debug=True) as runner:
        runner.run(main())
    files = [context["source_traceback"][-1].filename for context in contexts]
    assert files == [__file__] * 3


def test_advance_runs_all_that_is_due_and_what_that_started():
    async def main():
        loop, fired = asyncio.get_running_loop(), []

        async def ticker():
            while True:
                await asyncio.sleep(1)
                fired.append(now())

        task = asyncio.create_task(ticker())
        loop.call_at(3, lambda: loop.call_soon(loop.call_soon, fired.append, "started"))
        await clock().advance(3)
        assert now() == clock().time == 3
        assert fired == [1, 2, 3, "started"]
        await clock().advance(0)
        assert now() == 3
        await clock().advance(0.5)
        assert (now(), len(fired)) == (3.5, 4)
        assert clock().jumps == 4
        task.cancel()

    run(main)


def test_advance_has_no_horizon():
    async def main():
        async def ticker():
            while True:
                await asyncio.sleep(1)

        task = asyncio.create_task(ticker())
        await clock().advance(11_000)
        assert now() == 11_000
        task.cancel()

    run(main, limit=5)


def test_an_advance_that_is_cancelled_leaves_no_timer():
    async def main():
        task = asyncio.create_task(clock().advance(100))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        assert task.cancelled()
        assert asyncio.get_running_loop().advancing == 0
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run(main)


def test_many_advance_side_by_side():
    async def main():
        times = []

        async def go(seconds):
            await clock().advance(seconds)
            times.append(now())

        await asyncio.gather(go(2), go(1), go(3))
        assert times == [1, 2, 3]

    run(main)


def test_settle_runs_what_is_ready_and_lets_no_time_pass():
    async def main():
        done = []

        async def deep(levels):
            if levels:
                await asyncio.create_task(deep(levels - 1))
            done.append(levels)

        asyncio.get_running_loop().call_later(1, pytest.fail).cancel()
        asyncio.get_running_loop().call_later(1, done.append, "timer")
        task = asyncio.create_task(deep(50))
        await clock().settle()
        assert task.done()
        assert done == list(range(51))
        assert now() == 0

    run(main)


def test_a_settle_that_was_cancelled_disturbs_no_other():
    async def main():
        first, second = (asyncio.create_task(clock().settle()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()

    run(main)


@pytest.mark.parametrize("seconds", [-1, -0.001, math.inf, math.nan])
def test_time_only_goes_forwards(seconds):
    async def main():
        with pytest.raises(ValueError, match=r"advance\(\) takes seconds from 0 on, got"):
            await clock().advance(seconds)

    run(main)


@pytest.mark.parametrize("seconds", ["5", None, True])
def test_time_is_a_number(seconds):
    async def main():
        with pytest.raises(TypeError, match=r"advance\(\) takes a number of seconds, got"):
            await clock().advance(seconds)

    run(main)


def test_a_clock_belongs_to_its_loop():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        foreign = VirtualClock(runner.get_loop())

        async def main():
            with pytest.raises(RuntimeError, match="belongs to the event loop of the test"):
                await foreign.advance(1)

        run(main)
        assert repr(foreign) == "<VirtualClock at 0 s>"


def test_a_closed_loop_says_so():
    loop = VirtualLoop()
    loop.close()
    coroutine = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_until_complete(coroutine)
    coroutine.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_in_executor(None, print)
    loop.close()


def test_a_running_loop_cannot_be_run():
    async def main():
        coroutine = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already running"):
            asyncio.get_running_loop().run_until_complete(coroutine)
        coroutine.close()
        await asyncio.sleep(5)

    run(main)


def test_a_running_loop_cannot_be_closed():
    async def main():
        with pytest.raises(RuntimeError, match="running"):
            asyncio.get_running_loop().close()
        await asyncio.to_thread(time.sleep, 0)

    run(main)
