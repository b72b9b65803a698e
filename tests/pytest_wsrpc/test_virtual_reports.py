"""A test that waits for what cannot come fails at once, and its report says why."""

import re
import textwrap
import time

import pytest

APPLICATION = """
import asyncio
import contextlib
import pytest
from aiohttp import web
from application import Stream
from wsrpc import Limits, LocalBroker


class Slow(Stream):
    limits = Limits({limits})

    async def ws_rpc_never(self, payload):
        await self.ask_somebody()

    async def ask_somebody(self):
        await asyncio.Event().wait()


async def tick():
    while True:
        await asyncio.sleep(0.01)


@pytest.fixture
def ws_app():
    app = web.Application()
    app.router.add_view("/stream", Slow)
    LocalBroker.for_app(app)

    async def ticker(app):
        task = asyncio.create_task(tick(), name="ticker")
        yield
        task.cancel()

    if {ticker}:
        app.cleanup_ctx.append(ticker)
    return app
"""


def source(test, limits="heartbeat=None, call_timeout=1e9", ticker=False):
    return APPLICATION.format(limits=limits, ticker=ticker) + textwrap.dedent(test)


NEVER = """
async def test_never(ws_client, ws_clock):
    await ws_client.call("never", {}, timeout=None)
"""


@pytest.fixture
def stable(stable):
    """Leave out besides how asyncio numbers tasks, lines of aiohttp, and the conversation."""

    def clean(result):
        text = stable(result).partition("\n--- Conversation")[0]
        text = re.sub(r"Task-\d+", "Task-1", text)
        return re.sub(r"(aiohttp/\w+\.py):\d+", r"\1:0", text)

    return clean


@pytest.mark.slow
def test_the_report_of_a_handler_that_never_replies(suite, stable):
    result = suite(source(NEVER, limits="heartbeat=1, call_timeout=1e9"))
    assert stable(result) == textwrap.dedent(
        """\
        === FAILURES ===
        ___ test_never ___

        ws_client = <WsTestClient ws://localhost/stream closed 1000>, ws_clock = <VirtualClock at 5000 s>

            async def test_never(ws_client, ws_clock):
        >       await ws_client.call("never", {}, timeout=None)
        E       pytest_wsrpc.clock.Stuck: test_never waits for the reply to 'never' (id 1), which has not come in 1.389 h of virtual time (5,000 jumps).
        E           test_it.py:40 in test_never: await ws_client.call("never", {}, timeout=None)
        E
        E       Only these timers kept the clock going:
        E         every 1 s: WebSocketResponse._send_heartbeat (aiohttp/web_ws.py:0)
        E       A test that means to wait for longer goes there with `await ws_clock.advance(seconds)`.
        E
        E       Still pending:
        E         task 'Task-1' (Slow.ws_rpc_never) waits for an asyncio.Event to be set
        E             test_it.py:13 in ws_rpc_never: await self.ask_somebody()
        E             test_it.py:16 in ask_somebody: await asyncio.Event().wait()
        E         also 4 tasks that serve the connections: Connection._read, Link._read, RequestHandler._handle_request, RequestHandler.start

        test_it.py:40: Stuck"""  # noqa: E501
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heartbeat", "ticker", "timeout"),
    [
        (None, False, None),
        (None, False, 1e7),
        (1, False, 60),
        (1, False, 1e7),
        (25, False, None),
        (25, True, None),
        (1, True, 60),
        (1, True, 3600),
        (None, True, 3600 * 20),
    ],
)
def test_whatever_the_timeouts_are_it_fails_soon(suite, heartbeat, ticker, timeout):
    test = NEVER.replace("timeout=None", f"timeout={timeout}")
    started = time.monotonic()
    result = suite(source(test, f"heartbeat={heartbeat}, call_timeout=1e9", ticker))
    assert time.monotonic() - started < 20
    result.assert_outcomes(failed=1)
    assert 'await ws_client.call("never", {}, timeout=' in "".join(result.outlines)


def test_the_report_of_a_fixture_that_waits_in_vain(suite, stable):
    result = suite(
        """
        import asyncio, pytest

        @pytest.fixture
        async def database():
            await asyncio.Queue().get()

        @pytest.fixture
        async def pool():
            yield 1
            await asyncio.Queue().get()

        async def test_set_up(database, ws_clock):
            pass

        async def test_tear_down(pool, ws_clock):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=2)
    assert stable(result) == textwrap.dedent(
        """\
        === ERRORS ===
        ___ ERROR at setup of test_set_up ___

            @pytest.fixture
            async def database():
        >       await asyncio.Queue().get()
        E       pytest_wsrpc.clock.Stuck: database waits for an item in an empty asyncio.Queue, which can never come.
        E           test_it.py:5 in database: await asyncio.Queue().get()
        E
        E       At 0 s of virtual time nothing is ready to run, no timer is set, and no socket, thread or executor job is under way that could wake anything.

        test_it.py:5: Stuck
        ___ ERROR at teardown of test_tear_down ___

            @pytest.fixture
            async def pool():
                yield 1
        >       await asyncio.Queue().get()
        E       pytest_wsrpc.clock.Stuck: pool waits for an item in an empty asyncio.Queue, which can never come.
        E           test_it.py:10 in pool: await asyncio.Queue().get()
        E
        E       At 0 s of virtual time nothing is ready to run, no timer is set, and no socket, thread or executor job is under way that could wake anything.

        test_it.py:10: Stuck"""  # noqa: E501
    )


def test_the_report_of_a_test_that_catches_its_cancellation(suite, stable):
    result = suite(
        """
        import asyncio, contextlib

        async def test_catches(ws_clock):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Queue().get()
        """
    )
    assert stable(result) == textwrap.dedent(
        """\
        === FAILURES ===
        ___ test_catches ___

        ws_clock = <VirtualClock at 0 s>

            async def test_catches(ws_clock):
                with contextlib.suppress(asyncio.CancelledError):
        >           await asyncio.Queue().get()
        E           pytest_wsrpc.clock.Stuck: test_catches waits for an item in an empty asyncio.Queue, which can never come.
        E               test_it.py:5 in test_catches: await asyncio.Queue().get()
        E
        E           At 0 s of virtual time nothing is ready to run, no timer is set, and no socket, thread or executor job is under way that could wake anything.
        E           There it was cancelled, but caught the CancelledError and went on.

        test_it.py:5: Stuck"""  # noqa: E501
    )


@pytest.mark.slow
def test_the_report_of_a_task_that_cannot_be_cancelled(suite, stable):
    result = suite(
        """
        import asyncio, contextlib

        async def stubborn():
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)

        async def test_leaves(ws_clock):
            global task
            task = asyncio.create_task(stubborn(), name="stubborn")
            task._log_destroy_pending = False  # as it will be
            await ws_clock.advance(5)
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    assert "The event loop waits for task 'stubborn' to end, which has not come in" in "".join(
        result.outlines
    )


def test_the_limit_can_be_set(suite):
    result = suite(source(NEVER, "heartbeat=1"), ini="asyncio_mode = auto\nwsrpc_clock_limit = 10s")
    result.stdout.fnmatch_lines(["*which has not come in 10 s of virtual time (* jumps)."])


def test_an_expected_failure_is_one(suite):
    suite(
        """
        import asyncio, pytest

        @pytest.mark.xfail(strict=True, raises=AssertionError)
        async def test_never(ws_clock):
            await asyncio.Event().wait()
        """
    ).assert_outcomes(xfailed=1)


@pytest.mark.slow
def test_the_next_test_has_a_clock_of_its_own(suite):
    suite(
        """
        import asyncio

        async def test_never(ws_clock, ws_client):
            await asyncio.sleep(5)
            await asyncio.Event().wait()

        async def test_next(ws_clock, ws_client):
            assert ws_clock.time == 0
            await ws_client.call("echo", {})
        """
    ).assert_outcomes(failed=1, passed=1)
