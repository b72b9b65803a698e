"""The contract with the private names of asyncio and pytest-asyncio that virtual time rests on."""

import asyncio
import concurrent.futures
import threading

import pytest

from pytest_wsrpc import internals
from pytest_wsrpc.clock import VirtualLoop


@pytest.fixture
def letter():
    return "a"


@pytest.fixture
def loop():
    loop = asyncio.SelectorEventLoop()
    yield loop
    loop.close()


def test_an_event_loop_keeps_its_timers_in_a_heap(loop):
    internals.check_event_loop(loop)
    assert internals.next_timer(loop) is None
    later, sooner = loop.call_at(20, print), loop.call_at(10, print)
    assert internals.next_timer(loop) is sooner
    assert set(internals.timers(loop)) == {later, sooner}
    later.cancel()
    assert internals.timers(loop) == [sooner]
    assert internals.timers(object()) == []


def test_the_resolution_of_the_clock_decides_what_is_due():
    """Else timers would fire up to a nanosecond early, or never."""
    loop = VirtualLoop()
    try:
        fired = []
        loop.call_at(1.0, fired.append, 1)
        loop.call_at(1.0 + 1e-12, fired.append, 2)
        loop.call_at(1.0, loop.stop)
        loop.run_forever()
        assert fired == [1]
    finally:
        loop.close()


def test_a_loop_waits_by_the_method_of_its_selector(loop):
    """Which is where virtual time decides."""
    virtual, asked = VirtualLoop(), []
    try:
        select = virtual._selector.select
        virtual._selector.select = lambda timeout: asked.append(timeout) or select(timeout)
        virtual.run_until_complete(asyncio.sleep(5))
        assert 5 in asked
    finally:
        virtual.close()


def test_a_handle_knows_what_it_calls(loop):
    handle = loop.call_later(1, print, "a", "b")
    assert internals.callback_of(handle) == (print, ("a", "b"))
    handle.cancel()
    assert internals.callback_of(handle) == (None, ())


def test_a_handle_knows_in_debug_mode_where_it_was_made(loop):
    internals.forget_frame(loop.call_soon(print))
    loop.set_debug(True)
    handle = loop.call_soon(print)
    frames = list(handle._source_traceback)
    internals.forget_frame(handle)
    assert list(handle._source_traceback) == frames[:-1]


async def test_a_task_knows_what_it_waits_for():
    future = asyncio.get_running_loop().create_future()

    async def wait():
        await future

    task = asyncio.create_task(wait())
    assert internals.waiter_of(task) is None
    await asyncio.sleep(0)
    assert internals.waiter_of(task) is future
    future.set_result(None)
    await task


async def test_gathered_futures_are_known():
    futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
    gathered = asyncio.gather(*futures)
    assert internals.gathered(gathered) == futures
    assert internals.gathered(futures[0]) == []
    gathered.cancel()


async def test_a_group_knows_its_tasks():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asyncio.sleep(0))
        assert internals.tasks_of_group(group) == {task}


def test_a_worker_of_a_pool_is_known_and_whether_it_is_idle():
    assert internals.pool_threads(object()) is None
    begun, end = threading.Event(), threading.Event()

    def work():
        begun.set()
        end.wait()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert internals.pool_threads(pool) == set()
        job = pool.submit(work)
        (worker,) = internals.pool_threads(pool)
        begun.wait()
        assert not internals.is_idle_worker(worker)
        end.set()
        job.result()
        for _ in range(10_000):
            if internals.is_idle_worker(worker):
                break
            threading.Event().wait(0.001)
        else:
            pytest.fail("a worker that has nothing to do is not told from one that has")
    assert not internals.is_idle_worker(threading.Thread())


def test_the_fixture_that_a_test_will_use_is_known(request, letter):
    definition = internals.fixture_of(request.node, "letter")
    assert definition.argname == "letter"
    assert internals.fixture_of(request.node, "no_such_fixture") is None


async def test_pytest_asyncio_makes_the_loop_in_a_fixture_with_a_factory(request):
    runner = internals.fixture_in_use(request, internals.RUNNER)
    made = runner.func
    with internals.loop_factory(runner, VirtualLoop):
        assert runner.func is not made
    assert runner.func is made


class Without:
    """A version of anything that renamed everything."""

    argnames = ("request",)


@pytest.mark.parametrize(
    ("use", "missing"),
    [
        (lambda: internals.check_event_loop(Without()), "asyncio's Without._scheduled,"),
        (lambda: internals.waiter_of(Without()), "asyncio's Task._fut_waiter,"),
        (
            lambda: internals.fixture_of(Without(), "letter"),
            "does not have Function._fixtureinfo.name2fixturedefs,",
        ),
        (
            lambda: internals.loop_factory(Without(), VirtualLoop).__enter__(),
            "does not have the argument _asyncio_loop_factory of the fixture "
            "_function_scoped_runner,",
        ),
    ],
)
def test_a_version_without_a_name_is_told_by_that_name(use, missing):
    with pytest.raises(pytest.UsageError) as caught:
        use()
    assert missing in str(caught.value)
