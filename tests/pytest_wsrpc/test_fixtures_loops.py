"""The fixtures live on the loop of the test that asks, whatever its loop scope."""

import re
import types

import pytest
import pytest_asyncio

from pytest_wsrpc import internals, loops

SCOPES = ["function", "class", "module", "package", "session"]

SINCE_1_5 = pytest.mark.skipif(
    pytest_asyncio.__version__.startswith("1.4."), reason="pytest-asyncio 1.4 has no such setting"
)

LOOP_TEST = """
import asyncio
import pytest

{setup}

class TestLoop:
    {mark}
    async def test_fixtures(self, ws_app, broker, ws_client, ws_connect):
        assert await ws_client.call("add", {{"a": 1, "b": 2}}) == {{"sum": 3}}
        other = await ws_connect()
        async with other.subscribe("news") as events:
            await ws_client.publish("news", "hello", 1)
            event = await anext(events)
        assert (event.channel, event.event, event.data) == ("news", "hello", 1)

    {mark}
    async def test_a_second_time(self, ws_client):
        assert await ws_client.call("echo", {{"x": None}}) == {{"x": None}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "strict"])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_test_of_any_loop_scope_has_its_fixtures(suite, scope, mode):
    source = LOOP_TEST.format(setup="", mark=f'@pytest.mark.asyncio(loop_scope="{scope}")')
    suite(source, ini=f"asyncio_mode = {mode}").assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", SCOPES)
def test_the_scope_may_come_from_the_ini_file(suite, scope):
    source = LOOP_TEST.format(setup="", mark="")
    suite(
        source, ini=f"asyncio_mode = auto\nasyncio_default_test_loop_scope = {scope}"
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", [*SCOPES, pytest.param("fixture-scope", marks=SINCE_1_5)])
def test_the_loop_of_fixtures_does_not_matter_to_those_of_the_plugin(suite, scope):
    source = LOOP_TEST.format(setup="", mark="")
    suite(
        source, ini=f"asyncio_mode = auto\nasyncio_default_fixture_loop_scope = {scope}"
    ).assert_outcomes(passed=2)


def test_tests_of_many_loop_scopes_stand_side_by_side(suite):
    suite(
        """
        import pytest

        async def test_own(ws_client):
            await ws_client.call("echo", {})

        @pytest.mark.asyncio(loop_scope="session")
        async def test_session(ws_client):
            await ws_client.call("echo", {})

        @pytest.mark.asyncio(loop_scope="module")
        @pytest.mark.parametrize("number", [1, 2])
        async def test_module(ws_client, number):
            assert await ws_client.call("echo", {"n": number}) == {"n": number}

        @pytest.mark.asyncio(loop_scope="session")
        async def test_session_again(ws_client):
            await ws_client.call("echo", {})
        """
    ).assert_outcomes(passed=5)


def test_a_custom_loop_factory_is_used(suite):
    suite(
        """
        import asyncio

        async def test_loop(ws_client):
            assert type(asyncio.get_running_loop()).__name__ == "MyLoop"
            await ws_client.call("echo", {})
        """,
        conftest="""
        import asyncio

        class MyLoop(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories(config, item):
            return {"mine": MyLoop}
        """,
    ).assert_outcomes(passed=1)


def test_context_variables_of_async_fixtures_reach_the_server(suite):
    suite(
        """
        import contextvars
        import pytest
        from aiohttp import web
        from application import Stream
        from wsrpc import LocalBroker

        tenant = contextvars.ContextVar("tenant", default=None)

        class Tenant(Stream):
            async def ws_rpc_tenant(self, payload):
                return tenant.get()

        @pytest.fixture
        async def ws_app():
            tenant.set("acme")
            app = web.Application()
            app.router.add_view("/stream", Tenant)
            LocalBroker.for_app(app)
            return app

        async def test_tenant(ws_client):
            assert await ws_client.call("tenant") == "acme"
        """
    ).assert_outcomes(passed=1)


def test_an_application_of_the_session_serves_tests_on_the_loop_of_the_session(suite):
    suite(
        """
        import pytest
        from application import create_app

        @pytest.fixture(scope="session")
        async def ws_app():
            return create_app()

        async def test_first(ws_client):
            assert await ws_client.call("greet", {"name": "you"}) == "hello you"

        async def test_second(ws_client):
            await ws_client.publish("news", "x", 1)
        """,
        ini="asyncio_mode = auto\nasyncio_default_test_loop_scope = session",
    ).assert_outcomes(passed=2)


def test_an_async_application_of_a_wider_loop_names_the_setting_of_the_test(suite):
    result = suite(
        """
        import pytest
        from application import create_app

        @pytest.fixture(scope="session")
        async def ws_app():
            return create_app()

        async def test_greet(ws_client):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "`ws_app` (test_it.py:4) was set up on the event loop of the session, but test_greet "
            "runs on the event loop of the function, and what belongs to one loop fails on *",
            'Run the test on the loop of `ws_app`: @pytest.mark.asyncio(loop_scope="session"), or '
            "for all tests asyncio_default_test_loop_scope = session in the ini file. Or make "
            '`ws_app` anew for each test: leave scope="session" out.',
        ]
    )


@pytest.mark.parametrize("name", ["ws_app", "broker"])
def test_an_async_override_of_a_narrower_loop_names_the_setting_of_the_fixture(suite, name):
    result = suite(
        f"""
        import pytest
        from application import create_app
        from wsrpc import LocalBroker

        @pytest.fixture
        async def {name}():
            return create_app() if "{name}" == "ws_app" else LocalBroker()

        @pytest.mark.asyncio(loop_scope="module")
        async def test_greet(ws_client):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"`{name}` (test_it.py:5) was set up on the event loop of the function, but test_greet "
            "runs on the event loop of the module, *",
            f"Set up `{name}` on the loop of the test: "
            '@pytest_asyncio.fixture(loop_scope="module"), '
            "or for all fixtures asyncio_default_fixture_loop_scope = module in the ini file.",
        ]
    )


@pytest.mark.parametrize(
    ("decorator", "ini"),
    [
        ('@pytest_asyncio.fixture(loop_scope="module")', ""),
        ("@pytest_asyncio.fixture", "asyncio_default_fixture_loop_scope = module"),
    ],
)
def test_the_setting_that_the_error_names_helps(suite, decorator, ini):
    suite(
        f"""
        import pytest
        import pytest_asyncio
        from application import create_app

        {decorator}
        async def ws_app():
            return create_app()

        @pytest.mark.asyncio(loop_scope="module")
        async def test_greet(ws_client):
            await ws_client.call("greet", {{"name": "you"}})
        """,
        ini=f"asyncio_mode = strict\n{ini}",
    ).assert_outcomes(passed=1)


def test_a_plain_fixture_marked_for_asyncio_has_a_loop_too(suite):
    result = suite(
        """
        import pytest
        import pytest_asyncio
        from application import create_app

        @pytest_asyncio.fixture(loop_scope="session")
        def ws_app():
            return create_app()

        @pytest.mark.asyncio
        async def test_greet(ws_client):
            pass
        """,
        ini="asyncio_mode = strict",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["`ws_app` (test_it.py:5) was set up on the event loop of the session*"]
    )


@SINCE_1_5
def test_fixtures_on_the_loop_of_their_own_scope_are_found_out_too(suite):
    result = suite(
        """
        import pytest
        from application import create_app

        @pytest.fixture(scope="class")
        async def ws_app():
            return create_app()

        async def test_greet(ws_client):
            pass
        """,
        ini="asyncio_mode = auto\nasyncio_default_fixture_loop_scope = fixture-scope",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["`ws_app` (test_it.py:4) was set up on the event loop of the class*"]
    )


def test_an_application_that_an_earlier_loop_claimed_says_so(suite):
    result = suite(
        """
        import pytest
        from application import create_app

        @pytest.fixture(scope="module")
        def ws_app():
            return create_app()

        async def test_first(ws_client):
            pass

        async def test_second(ws_client):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "`ws_app` (test_it.py:4) was served on another event loop before, and an aiohttp "
            "application works on one loop only; test_second runs on the event loop of the *",
            'Run the test on the loop of `ws_app`: @pytest.mark.asyncio(loop_scope="module"), *',
        ]
    )


@pytest.mark.parametrize("name", ["ws_client", "ws_connect", "broker"])
def test_a_plain_test_is_told_to_be_async(suite, name):
    result = suite(
        f"""
        import pytest
        from application import create_app

        if "{name}" != "broker":
            @pytest.fixture
            def ws_app():
                return create_app()

        @pytest.mark.parametrize("number", [1])
        def test_plain({name}, number):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"test_plain[[]1[]] uses `{name}`, which needs the event loop of an async test: write "
            "`async def test_plain`."
        ]
    )


@pytest.mark.parametrize("base", ["TestCase", "IsolatedAsyncioTestCase"])
def test_a_method_of_a_test_case_is_told_to_move(suite, base):
    result = suite(
        f"""
        import unittest
        import pytest

        @pytest.mark.usefixtures("ws_client")
        class TestOld(unittest.{base}):
            def test_echo(self):
                pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_echo uses `ws_client`, which needs the event loop of an async test, and "
            "pytest-asyncio runs no method of a unittest.TestCase: write an `async def` in a plain "
            "class, or a function."
        ]
    )


def test_an_unmarked_test_in_strict_mode_is_told_to_be_marked(suite):
    result = suite("async def test_unmarked(ws_client):\n    pass", ini="asyncio_mode = strict")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_unmarked uses `ws_client`, which needs the event loop of an async test, but "
            "pytest-asyncio does not run this one: mark it with @pytest.mark.asyncio, or set "
            "asyncio_mode = auto in the ini file."
        ]
    )


def test_a_client_asked_for_by_the_running_test_is_told_to_be_an_argument(suite):
    result = suite(
        """
        async def test_late(request):
            request.getfixturevalue("ws_client")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "`broker` cannot be set up while the test runs: name it among the arguments of "
            "test_late, in place of request.getfixturevalue."
        ]
    )


def test_a_fixture_may_ask_for_the_client_dynamically(suite):
    suite(
        """
        import pytest

        @pytest.fixture
        def client(request):
            return request.getfixturevalue("ws_client")

        async def test_late(client):
            await client.call("echo", {})
        """
    ).assert_outcomes(passed=1)


class Callable:
    __name__ = "made"

    def __call__(self):
        return None

    def __repr__(self):
        return "a callable"


made = pytest.fixture(name="made")(Callable())


def test_a_fixture_is_named_by_its_file_and_line(request, tmp_path, suite, made):
    def where(name, root=None):
        config = types.SimpleNamespace(rootpath=root or request.config.rootpath)
        return loops.where_defined(internals.fixture_in_use(request, name), config)

    here = request.config.rootpath.as_posix()
    relative = r"tests/pytest_wsrpc/conftest\.py:\d+"
    assert re.fullmatch(relative, where("suite").replace("\\", "/"))
    elsewhere = where("suite", tmp_path).replace("\\", "/")
    assert re.fullmatch(f"{re.escape(here)}/{relative}", elsewhere)
    assert where("made") == "a callable"


async def test_a_fixture_of_the_plugin_is_named_as_the_default(request, ws_app):
    definition = internals.fixture_in_use(request, "ws_app")
    assert loops.where_defined(definition, request.config) == "the default of pytest-wsrpc"
