"""Each kind of wait is told in words, at the line of the application, on any event loop."""

# ruff: noqa: ASYNC110 -- a subprocess that has started sets no event

import asyncio
import contextlib
import sys

import pytest

from pytest_wsrpc.clock import VirtualLoop
from pytest_wsrpc.clock.waiting import awaited, describe_tasks, trace_of


async def nothing():
    await asyncio.get_running_loop().create_future()


class Waits:
    """One coroutine for each kind of wait."""

    async def future(self):
        await asyncio.get_running_loop().create_future()

    async def event(self):
        await asyncio.Event().wait()

    async def queue_get(self):
        await asyncio.Queue().get()

    async def queue_put(self):
        queue = asyncio.LifoQueue(1)
        queue.put_nowait(1)
        await queue.put(2)

    async def queue_join(self):
        queue = asyncio.Queue()
        queue.put_nowait(1)
        await queue.join()

    async def lock(self):
        lock = asyncio.Lock()
        async with lock:
            await lock.acquire()

    async def semaphore(self):
        async with asyncio.Semaphore(0):
            pass

    async def notification(self):
        condition = asyncio.Condition()
        async with condition:
            await condition.wait()

    async def barrier(self):
        await asyncio.Barrier(2).wait()

    async def sleep(self):
        await asyncio.sleep(60)

    async def timeout(self):
        async with asyncio.timeout(30):
            await asyncio.Event().wait()

    async def task(self):
        await asyncio.create_task(nothing(), name="other")

    async def gather(self):
        await asyncio.gather(*(asyncio.create_task(nothing(), name=f"t{i}") for i in range(5)))

    async def gathered_futures(self):
        await asyncio.gather(asyncio.get_running_loop().create_future())

    async def group(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(nothing(), name="other")

    async def wait(self):
        await asyncio.wait([asyncio.create_task(nothing(), name="other")])

    async def wait_for_a_task(self):
        await asyncio.wait_for(asyncio.create_task(nothing(), name="other"), 30)

    async def stream(self):
        await asyncio.StreamReader().readline()


WORDS = {
    "future": "a Future that nobody has resolved",
    "event": "an asyncio.Event to be set",
    "queue_get": "an item in an empty asyncio.Queue",
    "queue_put": "room in a full asyncio.LifoQueue",
    "queue_join": "task_done() for every item of an asyncio.Queue",
    "lock": "an asyncio.Lock that another holds",
    "semaphore": "an asyncio.Semaphore that others hold",
    "notification": "a notification of an asyncio.Condition",
    "barrier": "others to come to an asyncio.Barrier",
    "sleep": "asyncio.sleep(60) to end at 60 s",
    "timeout": "an asyncio.Event to be set, at most until 30 s",
    "task": "task 'other' to end",
    "gather": "task 't0', task 't1', task 't2' and 2 more to end",
    "gathered_futures": "futures that nobody has resolved",
    "group": "task 'other' to end",
    "wait": "task 'other' to end",
    "wait_for_a_task": "task 'other' to end, at most until 30 s",
    "stream": "data on a stream",
}


@contextlib.asynccontextmanager
async def started(*coroutines, name="waiting"):
    """Start tasks, let them come to where they wait, and end all of them in the end."""
    before = asyncio.all_tasks()
    tasks = [asyncio.create_task(coroutine, name=name) for coroutine in coroutines]
    for _ in range(10):
        await asyncio.sleep(0)
    yield tasks
    others = asyncio.all_tasks() - before
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def run(main, loop_factory=VirtualLoop):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


@pytest.mark.parametrize("kind", WORDS)
def test_each_kind_of_wait_has_its_words(kind):
    async def main():
        async with started(getattr(Waits(), kind)()) as tasks:
            return describe_tasks(tasks)

    lines = run(main)
    assert lines[0] == f"task 'waiting' waits for {WORDS[kind]}"
    assert f" in {kind}: " in lines[1]
    assert len(lines) == 2


def test_any_loop_will_do():
    async def main():
        async with started(Waits().event(), Waits().timeout(), Waits().task()) as tasks:
            return describe_tasks(tasks)

    lines = run(main, asyncio.new_event_loop)
    assert lines[0] == "task 'waiting' waits for an asyncio.Event to be set"
    assert lines[2] == "task 'waiting' waits for an asyncio.Event to be set"


def test_a_loop_that_does_not_run_will_do_and_tasks_that_are_done_are_left_out():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def main():
            tasks.append(asyncio.create_task(Waits().event(), name="pending"))
            tasks.append(asyncio.create_task(asyncio.sleep(0)))
            await asyncio.sleep(1)

        tasks = []
        runner.run(main())
        lines = describe_tasks(tasks)
    assert lines[0] == "task 'pending' waits for an asyncio.Event to be set"
    assert len(lines) == 2


def test_nothing_to_describe_is_nothing():
    assert describe_tasks([]) == []


def test_a_task_about_to_run_waits_for_its_turn():
    async def main():
        task = asyncio.create_task(Waits().event(), name="new")
        lines = describe_tasks([task])
        task.cancel()
        return lines

    assert run(main)[0] == "task 'new' waits for its turn: it is ready to run"


def test_a_coroutine_that_was_closed_is_nowhere():
    async def main():
        task = asyncio.create_task(Waits().event(), name="closed")
        await asyncio.sleep(0)
        task.get_coro().close()
        lines = describe_tasks([task])
        task.cancel()
        await asyncio.wait([task])
        return lines

    assert run(main) == ["task 'closed' waits for a Future that nobody has resolved"]


def test_the_lines_of_the_application_are_shown_the_outer_one_first():
    async def inner():
        await asyncio.Event().wait()

    async def outer():
        await inner()

    async def main():
        async with started(outer()) as tasks:
            return describe_tasks(tasks)

    _, *places = run(main)
    assert [place.split(" in ")[1] for place in places] == [
        "outer: await inner()",
        "inner: await asyncio.Event().wait()",
    ]
    assert all(place.startswith("    ") for place in places)


def test_what_stands_between_coroutines_is_looked_through():
    class Awaitable:
        def __await__(self):
            return nothing().__await__()

    async def generate():
        await Awaitable()
        yield

    async def by_generator():
        async for _ in generate():
            pass

    async def by_anext():
        await anext(generate(), None)

    async def main():
        async with started(by_generator(), by_anext()) as tasks:
            return describe_tasks(tasks)

    places = [line.split(" in ")[1].split(":")[0] for line in run(main) if " in " in line]
    assert places == ["by_generator", "generate", "nothing", "by_anext", "generate", "nothing"]


def test_what_is_no_coroutine_ends_the_look():
    class Bare:
        def __init__(self, future):
            self.future = future

        def __await__(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            return self.send(None)

        def send(self, value):
            self.future._asyncio_future_blocking = True
            return self.future

    async def bare():
        await Bare(asyncio.get_running_loop().create_future())

    async def main():
        async with started(bare()) as tasks:
            return describe_tasks(tasks)

    assert run(main)[0] == "task 'waiting' waits for a Future that nobody has resolved"


def test_tasks_that_wait_alike_are_told_together():
    async def main():
        async with started(*(Waits().event() for _ in range(5))) as tasks:
            return describe_tasks(tasks)

    first, _ = run(main)
    assert first == (
        "tasks 'waiting', 'waiting', 'waiting', ... (5 in all) wait for an asyncio.Event to be set"
    )


def test_tasks_that_asyncio_named_say_what_they_run_and_come_in_order():
    async def main():
        async with started(*(Waits().event() for _ in range(3)), name=None) as tasks:
            return describe_tasks(reversed(tasks)), [task.get_name() for task in tasks]

    (first, _), names = run(main)
    assert first == (
        f"tasks {', '.join(f'{name!r} (Waits.event)' for name in names)} wait for an "
        "asyncio.Event to be set"
    )


def test_of_very_many_tasks_there_is_a_number():
    async def main():
        namespaces = []
        for number in range(30):
            source = f"async def wait{number}(event):\n    await event.wait()"
            exec(compile(source, f"app{number}.py", "exec"), namespace := {})
            namespaces.append(namespace[f"wait{number}"])
        async with started(*(wait(asyncio.Event()) for wait in namespaces)) as tasks:
            return describe_tasks(tasks)

    lines = run(main)
    assert len(lines) == 41
    assert lines[-1] == "and 10 more tasks"


async def test_tasks_that_serve_connections_are_one_line(ws_client):
    lines = describe_tasks(asyncio.all_tasks() - {asyncio.current_task()})
    assert len(lines) == 1
    assert "tasks that serve the connections: " in lines[0]
    assert "Link._read" in lines[0]


async def test_a_call_says_what_it_calls_and_an_event_which_one(ws_client):
    async def events():
        await ws_client.next_event("news", timeout=None)

    async def any_event():
        await ws_client.next_event(timeout=None)

    async def message():
        await ws_client.receive(timeout=None)

    async with started(events(), any_event(), message()) as tasks:
        lines = describe_tasks(tasks)
    assert lines[::2] == [
        "task 'waiting' waits for an event (channel='news')",
        "task 'waiting' waits for an event",
        "task 'waiting' waits for a message from the server",
    ]


def test_whom_a_task_awaits_is_followed_to_the_end():
    async def main():
        waits = Waits()
        async with started(waits.task(), waits.gather(), waits.group(), waits.wait()) as tasks:
            return [len(awaited(task)) for task in tasks], len(awaited(tasks[0]) & {None})

    # With each, the future or futures at its end.
    counts, _ = run(main)
    assert counts == [3, 12, 4, 4]


def test_a_traceback_leads_to_where_a_task_waits():
    async def main():
        async with started(Waits().event()) as tasks:
            trace = trace_of(tasks[0])
            library = trace_of(asyncio.create_task(asyncio.sleep(1)))
            return trace, library

    trace, library = run(main)
    assert trace.tb_frame.f_code is Waits.event.__code__
    assert trace.tb_next is None
    assert library is None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_a_subprocess_is_waited_for_by_that_name():
    async def child():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
        processes.append(process)
        await process.wait()

    async def main():
        task = asyncio.create_task(child(), name="waiting")
        while not processes:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        lines = describe_tasks([task])
        processes[0].stdin.close()
        await task
        return lines

    processes = []
    assert run(main)[0] == "task 'waiting' waits for a subprocess to end"
