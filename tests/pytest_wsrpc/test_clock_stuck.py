"""What can never come is told at once: who waits for what, and what kept the clock going."""

# ruff: noqa: ASYNC110 -- sleeping in a loop is what these tests are about

import asyncio
import contextlib
import gc
import textwrap
import threading
import time
import traceback

import pytest

from pytest_wsrpc import clock
from pytest_wsrpc.clock import Stuck, VirtualLoop, horizon


@pytest.fixture(autouse=True)
def quick():
    """Hold that every diagnosis comes soon, with room for a machine that does other things."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 10


def stuck(main, **options):
    """Run a coroutine function that gets stuck; return the exception."""
    with (
        asyncio.Runner(loop_factory=lambda: VirtualLoop(**options)) as runner,
        pytest.raises(Stuck) as caught,
    ):
        runner.run(main())
    return caught.value


def text_of(error):
    """Give the message without what depends on where this file is, and on line numbers."""
    lines = str(error).splitlines()
    return "\n".join(line.replace(f"{__file__}:", "test:") for line in lines)


async def ticker(seconds):
    while True:
        await asyncio.sleep(seconds)


def line_of(function, source):
    """Give the number of a line of a function."""
    code = function.__code__
    with open(__file__) as file:
        lines = file.read().splitlines()
    return next(i for i in range(code.co_firstlineno, len(lines) + 1) if source in lines[i - 1])


def test_nothing_left_to_happen_is_told_with_who_waits_for_what():
    async def handler(answer):
        await answer.wait()

    async def main():
        task = asyncio.create_task(handler(asyncio.Event()), name="handler")
        await asyncio.sleep(3)
        await task

    error = stuck(main)
    wait, inner = line_of(main, "await task"), line_of(handler, "await answer")
    assert str(error) == textwrap.dedent(
        f"""\
        main waits for task 'handler' to end, which can never come.
            {place(wait)} in main: await task

        At 3 s of virtual time nothing is ready to run, no timer is set, and no socket, thread or \
executor job is under way that could wake anything.

        Still pending:
          task 'handler' waits for an asyncio.Event to be set
              {place(inner)} in handler: await answer.wait()"""
    )


def place(line):
    from pytest_wsrpc.traces import Place

    return Place(__file__, line, "").short()


def test_the_traceback_ends_where_the_test_waits():
    async def helper():
        await asyncio.Queue().get()

    async def main():
        await helper()

    error = stuck(main)
    frames = traceback.extract_tb(error.__traceback__)
    assert [frame.name for frame in frames[-2:]] == ["main", "helper"]
    assert frames[-1].line == "await asyncio.Queue().get()"
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("seconds", [1, 0.01, 25])
def test_a_ticker_that_keeps_the_clock_going_is_named(seconds):
    async def main():
        task = asyncio.create_task(ticker(seconds))
        with contextlib.closing(task.get_coro()):
            await asyncio.Event().wait()

    text = str(stuck(main))
    assert "waits for an asyncio.Event to be set, which has not come in " in text
    wait = line_of(ticker, "await asyncio.sleep")
    unit = "10 ms" if seconds == 0.01 else f"{seconds} s"
    assert (
        "Only these timers kept the clock going:\n"
        f"  every {unit}: ticker, {place(wait)} in ticker: await asyncio.sleep(seconds)\n"
        "A test that means to wait for longer "
    ) in text


def test_a_periodic_callback_is_named():
    async def main():
        loop = asyncio.get_running_loop()

        def beat():
            loop.call_later(10, beat)

        beat()
        await asyncio.Event().wait()

    text = str(stuck(main))
    assert "which has not come in 13.889 h of virtual time (5,000 jumps)." in text
    assert f"  every 10 s: test_a_periodic_callback_is_named.main.beat ({place(0)[:-1]}" in text


def test_timers_that_fire_unevenly_are_told_as_such_and_those_that_fired_once_are_not():
    async def uneven():
        while True:
            await asyncio.sleep(1)
            await asyncio.sleep(2)

    async def main():
        loop = asyncio.get_running_loop()
        kept.append(asyncio.create_task(uneven()))
        loop.call_later(1.5, print)
        loop.call_later(3, {}.clear)
        loop.call_later(4.5, Callback())
        await asyncio.Event().wait()

    kept = []
    text = str(stuck(main, limit=20))
    assert "  every 1 s to 3 s: test_timers_that" in text  # one was together with another timer
    assert "  once, " not in text


def test_timers_that_fired_once_are_told_where_there_is_none_else():
    async def others():
        loop = asyncio.get_running_loop()
        loop.call_later(1.5, print)
        loop.call_later(3, {}.clear)
        loop.call_later(4.5, Callback())
        loop.call_later(30, print)

    async def main():
        await asyncio.create_task(others())
        await asyncio.Event().wait()

    text = str(stuck(main, limit=20))
    assert "  once, at 1.5 s: print\n" in text
    assert "  once, at 3 s: dict.clear\n" in text
    assert "  once, at 4.5 s: <a callback>\n" in text


class Callback:
    def __call__(self):
        pass

    def __repr__(self):
        return "<a callback>"


def test_a_task_that_is_over_is_named_by_its_function():
    async def once(seconds):
        await asyncio.sleep(seconds)

    async def main():
        tasks = [asyncio.create_task(once(1))]

        def again():
            tasks.append(asyncio.create_task(once(1)))
            tasks[-1].add_done_callback(lambda task: again())

        again()
        await asyncio.Event().wait()

    assert "  every 1 s: test_a_task_that_is_over_is_named_by_its_function.once" in str(
        stuck(main, limit=100)
    )


def test_only_some_of_many_tickers_are_named():
    async def main():
        loop = asyncio.get_running_loop()

        def make(number):
            def beat():
                loop.call_later(10 + number, beat)

            beat()

        for number in range(15):
            make(number)
        await asyncio.Event().wait()

    assert "\n  and 5 more\n" in str(stuck(main, limit=1000))


def test_a_test_whose_coroutine_was_closed_is_told_as_well():
    async def main():
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        loop.call_later(1, lambda: task.get_coro().close())
        await asyncio.Event().wait()

    assert str(stuck(main)).startswith(
        "test_a_test_whose_coroutine_was_closed_is_told_as_well.main waits for a Future"
    )


def test_a_timeout_is_waited_for_however_late_it_is():
    async def main():
        task = asyncio.create_task(ticker(60))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600 * 20):
                await asyncio.Event().wait()
        await asyncio.sleep(3600 * 23)
        task.cancel()
        await asyncio.sleep(3600 * 24 * 365)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_a_timeout_beyond_all_bounds_is_not_waited_for():
    async def main():
        task = asyncio.create_task(ticker(0.01))
        with contextlib.closing(task.get_coro()):
            async with asyncio.timeout(3600 * 20):
                await asyncio.Event().wait()

    text = str(stuck(main))
    assert text.startswith(
        "main waits for an asyncio.Event to be set, at most until 72000 s, "
        "which has not come in 50 s of virtual time (5,000 jumps).\n"
    )


def test_a_ticker_that_the_test_itself_awaits_has_its_jumps(monkeypatch):
    monkeypatch.setattr(horizon, "JUMPS", 20_000)

    async def main():
        await asyncio.create_task(ticker(1), name="ticker")

    assert str(stuck(main)).startswith(
        "main waits for task 'ticker' to end, which has not come in 5.556 h of virtual time "
        "(20,000 jumps)."
    )


def test_a_single_timer_beyond_the_limit_is_not_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(5, print)
        loop.call_soon(lambda: loop.call_later(10**9, print))
        await asyncio.Event().wait()

    text = str(stuck(main))
    assert "which has not come in 24 h of virtual time (1 jump)." in text
    assert "10" + "0" * 8 not in text


def test_time_that_other_tasks_of_the_test_need_is_given():
    async def user():
        for _ in range(12_000):
            await asyncio.sleep(1)

    async def main():
        asyncio.get_running_loop().call_later(1, print).cancel()
        await asyncio.gather(user(), user())
        async with asyncio.TaskGroup() as group:
            group.create_task(user())
        await asyncio.wait([asyncio.ensure_future(user())])
        await asyncio.wait_for(asyncio.ensure_future(user()), None)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
        assert runner.get_loop().time() == 48_000


@pytest.mark.slow
def test_a_test_that_runs_again_and_again_is_not_stuck():
    async def main():
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def beat():
            changed.set()
            loop.call_later(1, beat)

        beat()
        for _ in range(30_000):
            await changed.wait()
            changed.clear()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(limit=10)) as runner:
        runner.run(main())


def test_a_library_that_looks_in_vain_for_something_again_and_again_is(monkeypatch):
    """As `next_event` does while other events come than the one that it looks for."""
    namespace = {}
    source = (
        "async def look(changed):\n  while True:\n    await changed.wait()\n    changed.clear()"
    )
    exec(compile(source, asyncio.__file__, "exec"), namespace)

    async def main():
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def beat():
            changed.set()
            loop.call_later(1, beat)

        beat()
        await namespace["look"](changed)

    assert "waits for an asyncio.Event to be set, which has not come in" in str(
        stuck(main, limit=2_000)
    )


def test_a_test_that_catches_its_cancellation_fails_all_the_same():
    async def main():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(5)

    error = stuck(main)
    assert "at 0 s of virtual time" in str(error).lower()
    assert error.__notes__ == ["There it was cancelled, but caught the CancelledError and went on."]


def test_a_test_that_catches_every_cancellation_is_left_behind():
    async def main():
        kept.append(asyncio.current_task())  # nothing else does, so that it could be collected
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    kept = []
    runner = asyncio.Runner(loop_factory=VirtualLoop)
    loop = runner.get_loop()
    loop.set_exception_handler(lambda loop, context: None)
    with pytest.raises(Stuck, match=r"main waits for an asyncio\.Event"):
        runner.run(main())
    with pytest.raises(Stuck, match=r"The event loop waits for task '.*' to end, which can never"):
        runner.close()
    assert loop.is_closed()
    gc.collect()


def test_what_the_test_makes_of_its_cancellation_is_the_cause():
    async def main():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LookupError("of the test") from None

    error = stuck(main)
    assert isinstance(error.__cause__, LookupError)


def test_an_interrupt_stays_an_interrupt():
    async def main():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    with (
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        pytest.raises(KeyboardInterrupt),
    ):
        runner.run(main())


def test_exceptions_of_the_test_stay_as_they_are():
    async def main():
        raise LookupError("of the test")

    with (
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        pytest.raises(LookupError, match="of the test"),
    ):
        runner.run(main())


def test_a_cancellation_of_the_test_by_itself_stays_one():
    async def main():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    with (
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        pytest.raises(asyncio.CancelledError),
    ):
        runner.run(main())


def test_the_clean_up_of_a_stuck_test_has_its_time():
    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(10)
            cleaned.append(asyncio.get_running_loop().time())

    cleaned = []
    stuck(main)
    assert cleaned == [10]


def test_a_loop_works_on_after_a_test_was_stuck():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        for _ in range(3):
            with pytest.raises(Stuck):
                runner.run(asyncio.Event().wait())
            runner.run(asyncio.sleep(1))
        assert runner.get_loop().time() == 3


def test_a_task_that_cannot_be_cancelled_is_told_when_the_loop_closes():
    async def stubborn():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    async def main():
        tasks.append(asyncio.create_task(stubborn(), name="stubborn"))
        await asyncio.sleep(10)

    tasks = []
    runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(limit=1000))
    runner.get_loop().set_exception_handler(lambda loop, context: None)
    runner.run(main())
    with pytest.raises(Stuck) as caught:
        runner.close()
    assert str(caught.value).startswith(
        "The event loop waits for task 'stubborn' to end, which has not come in "
    )


def test_a_loop_that_runs_for_nobody_raises_by_itself():
    loop = VirtualLoop()
    with pytest.raises(Stuck, match=r"^The event loop waits for somebody to stop it, which"):
        loop.run_forever()
    loop.close()


def test_code_that_polls_without_sleeping_is_told_that_time_stands_still(monkeypatch):
    monkeypatch.setattr(clock, "TURNS", 3_000)

    async def main():
        await asyncio.sleep(5)
        while True:
            await asyncio.sleep(0)

    text = str(stuck(main))
    assert text.startswith("main waits for asyncio.sleep(0), and time stands still at 5 s.")
    assert "polls with asyncio.sleep(0)" in text


def test_default_executor_is_shut_down_at_the_end():
    async def main():
        await asyncio.to_thread(threading.get_ident)
        await asyncio.sleep(1000)

    before = threading.active_count()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert threading.active_count() == before


def test_async_generators_are_closed_at_the_end():
    closed = []

    async def generate():
        try:
            yield 1
        finally:
            await asyncio.sleep(100)
            closed.append(True)

    async def main():
        kept.append(generate())
        await anext(kept[0])

    kept = []
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert closed == [True]
