"""While anything outside the loop is under way, virtual time passes as really: never faster."""

# ruff: noqa: ASYNC110 -- sleeping in a loop is what these tests are about

import asyncio
import concurrent.futures
import multiprocessing
import os
import re
import socket
import sys
import threading
import time

import pytest

from pytest_wsrpc.clock import Stuck, VirtualLoop

REAL = 0.2
"""Seconds of real time that something outside takes."""


def run(main, **options):
    """Run a coroutine function; return its result, and its loop as it was at the end."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(**options)) as runner:
        loop = runner.get_loop()
        return runner.run(main()), loop


def now():
    return asyncio.get_running_loop().time()


class Timers:
    """A timer that is due meanwhile, and one that is not."""

    def __init__(self):
        self.fired = []
        self._started = time.monotonic() - now()
        loop = asyncio.get_running_loop()
        for seconds in (0.1, 10):
            loop.call_later(seconds, self._fire, seconds, now())

    def _fire(self, seconds, since):
        assert now() == since + seconds
        self.fired.append(seconds)

    def check(self):
        """Fail if time ran faster than really."""
        assert 10 not in self.fired
        assert now() <= time.monotonic() - self._started


async def by_thread_that_wakes_the_loop():
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def work():
        time.sleep(REAL)
        loop.call_soon_threadsafe(woken.set)

    thread = threading.Thread(target=work)
    thread.start()
    await woken.wait()
    return thread.join


async def by_thread_that_runs_a_coroutine():
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    async def finish():
        done.set()

    def work():
        time.sleep(REAL)
        asyncio.run_coroutine_threadsafe(finish(), loop).result()

    thread = threading.Thread(target=work)
    thread.start()
    await done.wait()
    while thread.is_alive():  # it is told of the end by the loop
        await asyncio.sleep(0.001)


async def by_run_in_executor():
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, REAL)


async def by_to_thread():
    assert await asyncio.to_thread(lambda: time.sleep(REAL) or 5) == 5


async def by_own_pool():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(pool, time.sleep, REAL / 3) for _ in range(3)))
    return pool.shutdown


async def by_pool_of_processes():
    pool = concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    )
    await asyncio.get_running_loop().run_in_executor(pool, time.sleep, REAL)
    return pool.shutdown


async def by_job_submitted_without_the_loop():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(pool, time.sleep, 0)
    await asyncio.wrap_future(pool.submit(time.sleep, REAL))
    return pool.shutdown


async def by_socket():
    left, right = socket.socketpair()
    left.setblocking(False)
    timer = threading.Timer(REAL, right.send, [b"x"])
    threads = threading.enumerate()
    timer.start()
    # Were it not for the descriptor, the thread would hold the clock.
    hidden = next(thread for thread in threading.enumerate() if thread not in threads)
    hidden.name = "pytest_timeout of another plugin"
    assert await asyncio.get_running_loop().sock_recv(left, 1) == b"x"
    left.close()
    right.close()
    return timer.join


async def by_getaddrinfo(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: time.sleep(REAL) or [])
    assert await asyncio.get_running_loop().getaddrinfo("localhost", 80) == []


async def by_subprocess():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"import time; time.sleep({REAL})"
    )
    assert await process.wait() == 0


async def by_subprocess_with_pipes():
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"import time; time.sleep({REAL}); print('done')",
        stdout=asyncio.subprocess.PIPE,
    )
    assert (await process.communicate())[0].strip() == b"done"


@pytest.mark.slow
@pytest.mark.parametrize(
    "wait",
    [
        by_thread_that_wakes_the_loop,
        by_thread_that_runs_a_coroutine,
        by_run_in_executor,
        by_to_thread,
        by_own_pool,
        by_job_submitted_without_the_loop,
        by_socket,
        by_subprocess,
        by_subprocess_with_pipes,
    ],
)
def test_no_timer_fires_early_while_held(wait):
    async def main():
        timers = Timers()
        close = await wait()
        timers.check()
        if close:
            close()
        # What was outside is over, so the clock jumps again.
        before = time.monotonic()
        await asyncio.sleep(1000)
        assert timers.fired == [0.1, 10]
        assert time.monotonic() - before < 100

    run(main)


def test_a_name_is_looked_up_in_real_time(monkeypatch):
    async def main():
        timers = Timers()
        await by_getaddrinfo(monkeypatch)
        timers.check()

    run(main)


def test_a_pool_of_processes_holds_the_clock_until_it_is_shut_down():
    async def main():
        timers = Timers()
        close = await by_pool_of_processes()
        assert 10 not in timers.fired or now() > 10
        close()
        await asyncio.sleep(1000)

    run(main)


def test_an_idle_connection_holds_the_clock_and_is_named():
    """Such as that of a Redis client, which never ends by itself."""

    async def main():
        async def serve(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        started, before = time.monotonic(), now()
        await asyncio.sleep(1.2)
        assert 1.2 <= now() - before <= time.monotonic() - started
        writer.close()
        await writer.wait_closed()
        server.close()

    _, loop = run(main)
    assert re.fullmatch(
        r"Virtual time passed no faster than real time for more than a second, because of what the "
        r"clock does not control: the socket that listens on 127\.0\.0\.1:\d+, "
        r"the connection to 127\.0\.0\.1:\d+ \(StreamReaderProtocol\), "
        r"the connection to 127\.0\.0\.1:\d+ \(StreamReaderProtocol\)\.",
        loop.held,
    )


def test_short_holds_add_up():
    async def main():
        for _ in range(6):
            await asyncio.to_thread(time.sleep, REAL)

    _, loop = run(main)
    assert loop.held.endswith("clock does not control: the executor job sleep.")


def test_what_holds_for_less_than_a_second_is_not_told():
    async def main():
        await asyncio.to_thread(time.sleep, 0.01)

    assert run(main)[1].held is None


def test_an_idle_worker_does_not_hold_the_clock():
    async def main():
        pool = concurrent.futures.ThreadPoolExecutor(2)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(pool, time.sleep, 0)
        await loop.run_in_executor(None, time.sleep, 0)
        started = time.monotonic()
        await asyncio.sleep(3600)
        assert time.monotonic() - started < 60
        pool.shutdown()
        return pool

    pool, _ = run(main)
    assert "submit" not in vars(pool)


def test_two_loops_may_use_one_pool():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        loops = [VirtualLoop(), VirtualLoop()]
        for loop in loops * 2:
            loop.run_until_complete(loop.run_in_executor(pool, time.sleep, 0))
        for loop in loops:
            loop.close()
        assert pool.submit(abs, -1).result() == 1


def test_a_pool_older_than_the_loop_counts_by_its_jobs():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pool.submit(time.sleep, 0).result()

        async def main():
            timers = Timers()
            await asyncio.get_running_loop().run_in_executor(pool, time.sleep, REAL)
            timers.check()
            await asyncio.sleep(3600)

        run(main)


def test_a_pool_that_had_jobs_before_the_loop_knew_of_it_holds_the_clock():
    async def main():
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(time.sleep, REAL)
            timers = Timers()
            await asyncio.get_running_loop().run_in_executor(pool, time.sleep, 0)
            assert first.done()
            timers.check()

    run(main)


def test_a_job_that_nobody_awaits_any_more_still_holds_the_clock():
    async def main():
        timers, ended = Timers(), []

        def work():
            time.sleep(REAL)
            ended.append(10 in timers.fired)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(None, work), 0.05)
        await asyncio.sleep(20)
        assert ended == [False]

    run(main)


def test_what_a_worker_does_after_its_job_still_holds_the_clock():
    async def main():
        loop, told = asyncio.get_running_loop(), asyncio.Event()

        def tell(future):
            time.sleep(REAL)
            loop.call_soon_threadsafe(told.set)

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            await loop.run_in_executor(pool, time.sleep, 0)
            timers = Timers()
            pool.submit(time.sleep, 0).add_done_callback(tell)
            await told.wait()
            timers.check()

    run(main)


def test_many_short_jobs_never_let_the_clock_slip():
    async def main():
        started = time.monotonic()
        asyncio.get_running_loop().call_later(10, pytest.fail)
        for number in range(200):
            assert await asyncio.to_thread(lambda number: number, number) == number
        assert now() <= time.monotonic() - started
        return "done"

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == "done"


def test_a_thread_older_than_the_loop_counts_from_when_it_speaks():
    begin, end = threading.Event(), threading.Event()
    loops = []

    def work():
        begin.wait()
        loops[0].call_soon_threadsafe(lambda: None)
        end.wait()

    thread = threading.Thread(target=work, name="old")
    thread.start()

    async def main():
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(3600)
        begin.set()
        while not asyncio.get_running_loop()._outside.any():
            await asyncio.sleep(0)
        threading.Timer(REAL, end.set).start()
        since = now()
        timers = Timers()
        while thread.is_alive():
            await asyncio.sleep(0.01)
        assert 10 not in timers.fired
        assert now() - since < 10

    run(main)


def test_threads_of_a_test_timeout_do_not_hold_the_clock():
    timer = threading.Timer(60, print)
    timer.name = "pytest_timeout test_it.py::test_it"

    async def main():
        timer.start()
        started = time.monotonic()
        await asyncio.sleep(3600)
        assert time.monotonic() - started < 50

    try:
        run(main)
    finally:
        timer.cancel()


def test_code_that_polls_while_a_thread_works_sees_real_time():
    async def main():
        thread = threading.Thread(target=time.sleep, args=[REAL])
        thread.start()
        timers = Timers()
        while thread.is_alive():
            await asyncio.sleep(0)
        timers.check()

    run(main)


def test_nothing_is_stuck_while_a_thread_may_still_speak():
    async def main():
        loop, result = asyncio.get_running_loop(), asyncio.Event()
        threading.Timer(REAL, loop.call_soon_threadsafe, [result.set]).start()
        await result.wait()
        return "woken"

    assert run(main)[0] == "woken"


def test_waiting_for_what_is_outside_ends_at_the_limit():
    left, right = socket.socketpair()
    left.setblocking(False)

    async def main():
        await asyncio.get_running_loop().sock_recv(left, 1)

    with left, right, pytest.raises(Stuck) as caught:
        run(main, limit=0.1)
    assert "because of the connection to its other end." in str(caught.value)


def test_waiting_for_longer_than_the_limit_is_possible_where_the_test_says_how_long():
    left, right = socket.socketpair()
    left.setblocking(False)

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.get_running_loop().sock_recv(left, 1)

    with left, right:
        run(main, limit=0.1)


def test_the_default_executor_of_the_user_is_counted():
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        timers = Timers()
        await asyncio.to_thread(time.sleep, REAL)
        timers.check()
        await loop.shutdown_default_executor()

    run(main)


def test_descriptors_are_named_by_what_they_are(tmp_path):
    reading, writing = os.pipe()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    closed = os.dup(reading)
    named = socket.socket(socket.AF_UNIX)
    named.bind(str(tmp_path / "socket"))
    named.listen()

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_reader(reading, print)
        loop.add_reader(udp, print)
        loop.add_writer(named, print)
        loop.add_reader(closed, print)
        os.close(closed)
        names = loop._outside.describe()
        for descriptor in (reading, udp, named, closed):
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)
        return names

    names, _ = run(main)
    port = udp.getsockname()[1]
    assert names == [
        f"the pipe with descriptor {reading}",
        f"the socket at 127.0.0.1:{port}",
        f"the socket that listens on {tmp_path / 'socket'}",
        f"descriptor {closed}",
    ]
    udp.close()
    named.close()
    os.close(reading)
    os.close(writing)


def test_a_thread_is_named():
    async def main():
        end = threading.Event()
        thread = threading.Thread(target=end.wait, name="metrics")
        thread.start()
        names = asyncio.get_running_loop()._outside.describe()
        end.set()
        thread.join()
        return names

    assert run(main)[0] == ["the thread 'metrics'"]
