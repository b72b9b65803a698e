"""The watch over the tasks of a loop, by itself."""

import asyncio
import contextlib
import gc

import pytest

from pytest_wsrpc.leftovers.tasks import LeftTasks, TaskWatch


@pytest.fixture
async def loop():
    loop = asyncio.get_running_loop()
    yield loop
    loop.set_exception_handler(None)
    loop.set_task_factory(None)
    vars(loop).pop("create_task", None)


async def test_factory_and_handler_of_others_go_on(loop):
    made, handled, failures = [], [], []

    def factory(loop, coroutine, **options):
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    loop.set_exception_handler(lambda loop, context: handled.append(context["message"]))
    handler = loop.get_exception_handler()
    watch = TaskWatch(loop, failures.append)
    watch.begin_call()

    async def nothing():
        pass

    with watch.starting():
        await asyncio.create_task(nothing(), name="named")
    assert made == ["nothing"]

    error = ValueError("future")
    future = loop.create_future()
    future.set_exception(error)
    del future
    loop.call_exception_handler(
        {"message": "a transport's", "exception": OSError(), "transport": 1}
    )
    loop.call_exception_handler({"message": "no exception"})
    gc.collect()
    assert [failure.exception for failure in failures] == [error]
    assert failures[0].where == "Future exception was never retrieved"
    assert handled == ["Future exception was never retrieved", "a transport's", "no exception"]

    watch.stop()
    assert loop.get_exception_handler() is handler


async def test_a_watch_within_a_watch_leaves_it_as_it_was(loop):
    outer = TaskWatch(loop, print)
    inner = TaskWatch(loop, print)
    with outer.starting(), inner.starting():
        task = asyncio.create_task(asyncio.sleep(3600), name="both")
    assert task.get_name() == "both"
    assert [left.name for left in await inner.settle()] == ["both"]
    inner.stop()
    with outer.starting():
        task = asyncio.create_task(asyncio.sleep(3600), name="outer")
    assert [left.name for left in await outer.settle()] == ["outer"]
    outer.stop()
    assert "create_task" not in vars(loop)


async def test_what_somebody_has_set_meanwhile_stays(loop):
    watch = TaskWatch(loop, print)
    create = loop.create_task

    def create_task(*args, **options):
        return create(*args, **options)

    def handler(loop, context):
        pass

    loop.create_task = create_task
    loop.set_exception_handler(handler)
    watch.stop()
    assert loop.create_task is create_task
    assert loop.get_exception_handler() is handler


async def test_a_task_that_nothing_ends_is_given_up_after_a_while(loop, monkeypatch):
    from pytest_wsrpc.leftovers import tasks

    monkeypatch.setattr(tasks, "ENDING", 0.01)
    watch = TaskWatch(loop, print)
    over = asyncio.Event()

    async def endless():
        while not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over.wait()

    with watch.starting():
        task = asyncio.create_task(endless())
    (left,) = await watch.settle()
    assert not task.done()
    assert "endless" in left.coroutine
    assert not left.was_cancelled
    watch.begin_example()
    assert await watch.settle() == []
    over.set()
    await task
    watch.stop()


async def test_a_task_that_ends_in_the_last_turn_is_not_left(loop, monkeypatch):
    from pytest_wsrpc.leftovers import tasks

    monkeypatch.setattr(tasks, "TURNS", 1)
    watch = TaskWatch(loop, print)

    async def short():
        pass

    with watch.starting():
        task = asyncio.create_task(short())
    assert await watch.settle() == []
    assert task.done()
    assert not task.cancelled()
    watch.stop()


async def test_what_any_awaitable_waits_for_is_shown_as_far_as_it_is_known(loop):
    class Own:
        def __await__(self):
            yield from asyncio.sleep(3600).__await__()

    async def numbers():
        await Own()
        yield 1

    async def iterating():
        async for _ in numbers():
            pass

    watch = TaskWatch(loop, print)
    with watch.starting():
        task = asyncio.create_task(iterating(), name="iterating")
    details = LeftTasks(await watch.settle()).details().splitlines()
    assert [line.strip().rpartition(": ")[2] for line in details[1:]] == [
        'task = asyncio.create_task(iterating(), name="iterating")',
        "waits for asyncio.sleep(3600):",
        "async for _ in numbers():",
        "await Own()",
        "yield from asyncio.sleep(3600).__await__()",
    ]
    assert task.cancelled()
    watch.stop()
