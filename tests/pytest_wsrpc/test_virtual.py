"""Which tests run on virtual time, on what loop, and that no other test notices."""

import textwrap

import pytest

TIME = """
import asyncio, time

def is_virtual():
    return type(asyncio.get_running_loop()).__name__ == "VirtualLoop"
"""


@pytest.fixture
def suite(suite, pytester):
    """Run a suite that knows on which time it runs: ``from clocks import is_virtual``."""
    pytester.makepyfile(clocks=TIME)
    return suite


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_a_marker_or_the_clock_turns_virtual_time_on(suite, mode):
    suite(
        """
        import asyncio, pytest
        from clocks import is_virtual

        pytestmark = pytest.mark.asyncio

        @pytest.mark.wsrpc(clock="virtual")
        async def test_by_marker():
            assert is_virtual()
            await asyncio.sleep(3600)
            assert asyncio.get_running_loop().time() == 3600

        async def test_by_fixture(ws_clock):
            assert is_virtual()
            await ws_clock.advance(30)
            assert ws_clock.time == 30

        async def test_real():
            assert not is_virtual()

        @pytest.mark.wsrpc(clock="virtual")
        class TestInAClass:
            async def test_by_the_class(self, ws_client):
                assert is_virtual()

            @pytest.mark.wsrpc(clock="real")
            async def test_the_closest_marker_decides(self, ws_client):
                assert not is_virtual()
        """,
        ini=f"asyncio_mode = {mode}",
    ).assert_outcomes(passed=5)


def test_the_ini_file_means_tests_with_an_application_and_a_loop_of_their_own(suite):
    suite(
        """
        import asyncio, pytest
        from clocks import is_virtual

        async def test_with_application(ws_client):
            assert is_virtual()
            assert await ws_client.call("add", {"a": 1, "b": 2}) == {"sum": 3}

        async def test_with_more_clients(ws_connect):
            assert is_virtual()

        @pytest.mark.wsrpc(clock="real")
        async def test_that_says_otherwise(ws_client):
            assert not is_virtual()

        async def test_without_application():
            assert not is_virtual()

        def test_without_a_loop():
            pass

        @pytest.mark.asyncio(loop_scope="module")
        async def test_on_a_wider_loop(ws_client):
            assert not is_virtual()

        @pytest.mark.wsrpc(transport="tcp")
        async def test_on_sockets(ws_client):
            assert not is_virtual()
        """,
        ini="asyncio_mode = auto\nwsrpc_clock = virtual",
    ).assert_outcomes(passed=7)


def test_connections_are_in_memory_on_virtual_time(suite):
    suite(
        """
        import time

        async def test_time(ws_client, ws_clock):
            started = time.monotonic()
            await ws_clock.advance(3600)
            assert time.monotonic() - started < 5
        """,
        "--wsrpc-transport=tcp",
    ).assert_outcomes(passed=1)


def test_an_hour_of_heartbeats_takes_no_time(suite):
    suite(
        """
        import time
        import pytest
        from aiohttp import web
        from application import Stream
        from wsrpc import Limits, LocalBroker

        class Busy(Stream):
            limits = Limits(heartbeat=10)

        @pytest.fixture
        def ws_app():
            app = web.Application()
            app.router.add_view("/stream", Busy)
            LocalBroker.for_app(app)
            return app

        async def test_heartbeats(ws_client, ws_clock):
            started = time.monotonic()
            await ws_clock.advance(3600)
            assert await ws_client.call("greet", {"name": "you"}) == "hello you"
            assert ws_clock.jumps >= 360
            assert time.monotonic() - started < 5

        async def test_no_event(ws_client, ws_clock):
            await ws_client.no_event(within=5)
            assert ws_clock.time == 5
        """
    ).assert_outcomes(passed=2)


def test_a_call_times_out_at_its_time(suite):
    suite(
        """
        import asyncio
        import pytest
        from aiohttp import web
        from application import Stream
        from wsrpc import LocalBroker, RpcError

        class Slow(Stream):
            async def ws_rpc_never(self, payload):
                await asyncio.Event().wait()

        @pytest.fixture
        def ws_app():
            app = web.Application()
            app.router.add_view("/stream", Slow)
            LocalBroker.for_app(app)
            return app

        async def test_timeout(ws_client, ws_clock):
            with pytest.raises(TimeoutError):
                await ws_client.call("never", {}, timeout=20)
            assert ws_clock.time == 20

        async def test_timeout_of_the_server(ws_client, ws_clock):
            with pytest.raises(RpcError, match="[Tt]imed out"):
                await ws_client.call("never", {}, timeout=300)
            assert ws_clock.time == 60
        """
    ).assert_outcomes(passed=2)


def test_examples_share_one_clock(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st

        times = []

        @settings(max_examples=5, deadline=None, database=None)
        @given(seconds=st.integers(1, 100))
        async def test_examples(ws_clock, ws_client, seconds):
            before = ws_clock.time
            await ws_clock.advance(seconds)
            assert ws_clock.time == before + seconds
            times.append(before)

        def test_time_goes_on():
            assert times == sorted(times) and len(times) > 1
        """
    ).assert_outcomes(passed=2)


def test_async_fixtures_of_the_test_are_on_its_clock(suite):
    suite(
        """
        import asyncio, contextvars, pytest
        from clocks import is_virtual

        tenant = contextvars.ContextVar("tenant", default=None)

        @pytest.fixture
        async def slow_database():
            assert is_virtual()
            tenant.set("a")
            await asyncio.sleep(1000)
            yield asyncio.get_running_loop()
            await asyncio.sleep(1000)

        @pytest.fixture
        def current(slow_database):
            return asyncio.get_event_loop_policy().get_event_loop()

        async def test_fixture(slow_database, current, ws_clock):
            assert slow_database is asyncio.get_running_loop() is current
            assert tenant.get() == "a"
            assert ws_clock.time == 1000
        """
    ).assert_outcomes(passed=1)


def test_other_tests_do_not_notice(suite):
    """Session fixtures are made once, loops stay, and the names of tests too."""
    result = suite(
        """
        import asyncio, pytest, pytest_asyncio
        from clocks import is_virtual

        made = []

        @pytest.fixture(scope="session", autouse=True)
        def settings():
            made.append("settings")

        @pytest_asyncio.fixture(scope="session", loop_scope="session")
        async def database():
            made.append("database")
            yield asyncio.get_running_loop()
            made.append("closed")

        @pytest.mark.asyncio(loop_scope="session")
        async def test_before(database):
            assert database is asyncio.get_running_loop()

        @pytest.mark.parametrize("number", [1, 2])
        async def test_virtual(database, ws_clock, number):
            assert is_virtual() and database is not asyncio.get_running_loop()

        async def test_function(database):
            assert not is_virtual()

        @pytest.mark.asyncio(loop_scope="session")
        async def test_after(database):
            assert database is asyncio.get_running_loop()
            assert made == ["settings", "database"]

        def test_without_a_loop():
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
        """,
        "-v",
    )
    result.assert_outcomes(passed=6)
    names = [line.split("::")[1].split()[0] for line in result.outlines if "::" in line]
    assert names == [
        "test_before",
        "test_virtual[1]",
        "test_virtual[2]",
        "test_function",
        "test_after",
        "test_without_a_loop",
    ]


def test_the_debug_option_of_pytest_asyncio_holds(suite):
    suite(
        """
        import asyncio

        async def test_debug(ws_clock, ws_client):
            assert asyncio.get_running_loop().get_debug()
            await ws_clock.advance(5)
        """,
        ini="asyncio_mode = auto\nasyncio_debug = true",
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_a_test_on_a_wider_loop_is_refused(suite, scope):
    result = suite(
        f"""
        import pytest

        @pytest.mark.wsrpc(clock="virtual")
        @pytest.mark.asyncio(loop_scope="{scope}")
        async def test_it(ws_client):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"test_it cannot run on virtual time: its event loop is that of the {scope}, and "
            "virtual time would be that of every test on it. Give the test a loop of its own, "
            '@pytest.mark.asyncio(loop_scope="function").'
        ]
    )


def test_another_hook_that_decides_about_loops_stays_in_force_and_is_named(suite):
    result = suite(
        """
        import asyncio

        async def test_theirs(ws_client):
            assert type(asyncio.get_running_loop()).__name__ == "MyLoop"

        async def test_virtual(ws_clock):
            pass
        """,
        conftest="""
        import asyncio

        class MyLoop(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories(config, item):
            return {"mine": MyLoop}
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_virtual cannot run on virtual time: the hook pytest_asyncio_loop_factories of "
            "*conftest.py decides which loop each test has."
        ]
    )


def test_an_event_loop_policy_of_the_user_is_named(suite):
    result = suite(
        """
        async def test_virtual(ws_clock):
            pass
        """,
        "-W",
        "ignore",
        conftest="""
        import asyncio, pytest

        @pytest.fixture(scope="session")
        def event_loop_policy():
            return asyncio.DefaultEventLoopPolicy()
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_virtual cannot run on virtual time: the fixture `event_loop_policy` "
            "(conftest.py:*) decides which loop it has."
        ]
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            """
            @pytest.mark.wsrpc(clock="virtual")
            def test_it():
                pass
            """,
            "it is not async, and has no event loop. Write `async def test_it`.",
        ),
        (
            """
            @pytest.mark.wsrpc(clock="virtual")
            async def test_it():
                pass
            """,
            "pytest-asyncio does not run it. Mark it with @pytest.mark.asyncio, or set "
            "asyncio_mode = auto in the ini file.",
        ),
        (
            """
            @pytest.mark.asyncio
            @pytest.mark.wsrpc(clock="real")
            async def test_it(ws_clock):
                pass
            """,
            "its marker says clock='real', and `ws_clock` is the virtual clock.",
        ),
        (
            """
            @pytest.mark.asyncio
            @pytest.mark.wsrpc(clock="virtual", transport="tcp")
            async def test_it():
                pass
            """,
            "its marker says transport='tcp', and virtual time never passes while a real socket "
            "may speak. Leave the transport out: connections are in memory on virtual time.",
        ),
        (
            """
            @pytest.fixture
            def clock(request):
                return request.getfixturevalue("ws_clock")

            @pytest.mark.asyncio
            async def test_it(clock):
                pass
            """,
            "`ws_clock` decides the time of a test before its fixtures are made: name it among the "
            "arguments, in place of request.getfixturevalue.",
        ),
    ],
)
def test_a_contradiction_is_told(suite, source, why):
    result = suite("import pytest\n" + textwrap.dedent(source), ini="asyncio_mode = strict")
    result.assert_outcomes(errors=1)
    assert f"test_it cannot run on virtual time: {why}" in " ".join(result.outlines)


def test_a_marker_of_the_module_leaves_tests_without_a_loop_alone(suite):
    suite(
        """
        import pytest

        pytestmark = pytest.mark.wsrpc(clock="virtual")

        def test_plain():
            pass
        """
    ).assert_outcomes(passed=1)


def test_a_plain_test_cannot_have_the_clock(suite):
    result = suite("def test_it(ws_clock):\n    pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it uses `ws_clock`, which needs the event loop*"])


def test_a_test_that_real_time_held_up_is_named_at_the_end(suite):
    result = suite(
        """
        import asyncio, time

        async def test_held(ws_clock):
            await asyncio.to_thread(time.sleep, 1.1)

        async def test_held_and_failed(ws_clock):
            await asyncio.to_thread(time.sleep, 1.1)
            assert False

        async def test_free(ws_clock):
            await asyncio.to_thread(time.sleep, 0)
        """,
        "-W",
        "default::pytest_wsrpc.warning.PytestWsrpcWarning",
    )
    result.assert_outcomes(passed=2, failed=1, warnings=2)
    text = (
        "Virtual time passed no faster than real time for more than a second, because of what the "
        "clock does not control: the executor job sleep."
    )
    result.stdout.fnmatch_lines(
        ["* Virtual time was held *", text, "*warnings summary*", f"*PytestWsrpcWarning: {text}"]
    )


def test_nothing_of_it_is_imported_where_nobody_asks(suite):
    suite(
        """
        import sys

        def test_modules():
            assert not {"pytest_wsrpc.virtual", "pytest_wsrpc.clock"} & set(sys.modules)
        """,
        subprocess=True,
    ).assert_outcomes(passed=1)
