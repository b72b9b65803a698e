"""Every pair of loop scopes of a test and of the fixtures that it is built on.

Each works, or fails when it is set up with an error that names the setting to change; with that
setting it works.
"""

import itertools

import pytest

SCOPES = ["function", "module", "session"]
PAIRS = list(itertools.product(SCOPES, SCOPES))

pairs = pytest.mark.parametrize(("test", "fixture"), PAIRS)
modes = pytest.mark.parametrize("mode", ["auto", pytest.param("strict", marks=pytest.mark.slow)])

TESTS = """
@pytest.mark.asyncio(loop_scope="{test}")
class TestGreet:
    async def test_first(self, ws_client):
        assert await ws_client.call("greet", {{"name": "you"}}) == "hello you"

    async def test_second(self, ws_client, ws_connect):
        other = await ws_connect()
        async with other.subscribe("news") as events:
            await ws_client.publish("news", "hello", 1)
            assert (await anext(events)).data == 1
"""


@pytest.fixture
def scoped(suite):
    """Run tests of a loop scope with the fixtures of `source`."""

    def run(source, test, mode="auto", tests=TESTS, ini=""):
        source = (
            "import pytest\nimport pytest_asyncio\nfrom application import create_app\n\n"
            + source
            + tests.format(test=test)
        )
        return suite(source, ini=f"asyncio_mode = {mode}\n{ini}")

    return run


def is_wider(one, other):
    return SCOPES.index(one) > SCOPES.index(other)


def widen_fixture(name, scope):
    """Match the advice to give a fixture the loop of the test."""
    return (
        f'Set up `{name}` on the loop of the test: @pytest_asyncio.fixture(loop_scope="{scope}"), '
        f"or for all fixtures asyncio_default_fixture_loop_scope = {scope} in the ini file."
    )


def widen_test(name, scope):
    """Match the advice to give a test the loop of a fixture."""
    return (
        f'Run the test on the loop of `{name}`: @pytest.mark.asyncio(loop_scope="{scope}"), or for '
        f"all tests asyncio_default_test_loop_scope = {scope} in the ini file. Or make `{name}` "
        f'anew for each test: leave scope="{scope}" out.'
    )


ASYNC_APP = """
@pytest_asyncio.fixture({settings})
async def ws_app():
    {gives} create_app()
"""


@pytest.mark.slow
@modes
@pairs
@pytest.mark.parametrize("gives", ["return", "yield"])
def test_an_application_made_on_a_loop(scoped, test, fixture, mode, gives):
    source = ASYNC_APP.format(settings=f'loop_scope="{fixture}"', gives=gives)
    result = scoped(source, test, mode)
    if test == fixture:
        result.assert_outcomes(passed=2)
        return
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            f"`ws_app` (test_it.py:*) was set up on the event loop of the {fixture}, but "
            f"test_first runs on the event loop of the {test}, *",
            widen_fixture("ws_app", test),
        ]
    )
    advised = ASYNC_APP.format(settings=f'loop_scope="{test}"', gives=gives)
    scoped(advised, test, mode).assert_outcomes(passed=2)


@pytest.mark.slow
@modes
@pairs
def test_an_application_of_a_scope_made_on_its_loop(scoped, test, fixture, mode):
    source = ASYNC_APP.format(settings=f'scope="{fixture}", loop_scope="{fixture}"', gives="yield")
    result = scoped(source, test, mode)
    if test == fixture:
        result.assert_outcomes(passed=2)
        return
    result.assert_outcomes(errors=2)
    if is_wider(fixture, test):
        result.stdout.fnmatch_lines([widen_test("ws_app", fixture)])
        scoped(source, fixture, mode).assert_outcomes(passed=2)
    else:
        result.stdout.fnmatch_lines([widen_fixture("ws_app", test)])
        advised = f'scope="{fixture}", loop_scope="{test}"'
        scoped(ASYNC_APP.format(settings=advised, gives="yield"), test, mode).assert_outcomes(
            passed=2
        )


@pytest.mark.slow
@modes
@pairs
def test_the_scopes_of_all_by_the_ini_file(scoped, test, fixture, mode):
    ini = (
        f"asyncio_default_test_loop_scope = {test}\nasyncio_default_fixture_loop_scope = {fixture}"
    )
    tests = TESTS.replace('(loop_scope="{test}")', "")
    source = ASYNC_APP.format(settings="", gives="yield")
    result = scoped(source, test, mode, tests, ini)
    if test == fixture:
        result.assert_outcomes(passed=2)
        return
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([widen_fixture("ws_app", test)])


@pytest.mark.slow
@modes
@pairs
def test_a_plain_application_of_a_scope(scoped, test, fixture, mode):
    source = f"""
@pytest.fixture(scope="{fixture}")
def ws_app():
    return create_app()
"""
    result = scoped(source, test, mode)
    # Two tests of one module are on one loop, whether it is the module's or the session's.
    if test != "function" or fixture == "function":
        result.assert_outcomes(passed=2)
        return
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "`ws_app` (test_it.py:*) was served on another event loop before, *",
            widen_test("ws_app", fixture),
        ]
    )
    scoped(source, fixture, mode).assert_outcomes(passed=2)


def test_a_plain_application_of_the_session_in_two_modules(suite, pytester):
    tests = TESTS.format(test="module")
    pytester.makepyfile(test_another=f"import pytest\n{tests}")
    conftest = """
        import pytest
        from application import create_app

        @pytest.fixture(scope="session")
        def ws_app():
            return create_app()
        """
    result = suite(f"import pytest\n{tests}", conftest=conftest)
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "`ws_app` (conftest.py:4) was served on another event loop before, *",
            widen_test("ws_app", "session"),
        ]
    )
    result.stdout.no_fnmatch_line("*During handling of*")


USER = """
@pytest_asyncio.fixture(loop_scope="{fixture}")
async def user({asks}):
    {uses}
    return 1
"""

USES = {
    "ws_client": 'await ws_client.call("echo", {})',
    "ws_connect": "await ws_connect()",
    "broker": 'await broker.publish("news", "hello", {})',
}

USER_TESTS = """
@pytest.mark.asyncio(loop_scope="{test}")
async def test_user(user, ws_client):
    assert user == 1
"""


@pytest.mark.slow
@modes
@pairs
@pytest.mark.parametrize("asks", USES)
def test_a_fixture_that_uses_ours_on_a_loop(scoped, test, fixture, mode, asks):
    def run(scope):
        source = USER.format(fixture=scope, asks=asks, uses=USES[asks])
        return scoped(source, test, mode, USER_TESTS)

    result = run(fixture)
    if test == fixture:
        result.assert_outcomes(passed=1)
        return
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"`user` (test_it.py:*) uses `{asks}` on the event loop of the {fixture}, but "
            f"test_user runs on the event loop of the {test}, and what belongs to one loop fails "
            "on another.",
            widen_fixture("user", test),
        ]
    )
    run(test).assert_outcomes(passed=1)


def test_a_fixture_may_use_ours_by_way_of_another(scoped):
    source = """
@pytest.fixture
def client(ws_client):
    return ws_client

@pytest_asyncio.fixture(loop_scope="session")
async def user(client):
    await client.call("echo", {})
"""
    tests = "\n\nasync def test_user(user):\n    pass\n"
    result = scoped(source, "function", tests=tests)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["`user` (test_it.py:*) uses `client` on the event loop of the *"])


def test_the_broker_of_an_own_application_is_on_the_loop_of_the_test(scoped):
    source = """
from wsrpc import SOCKETS_KEY

@pytest.fixture
def ws_app():
    return create_app()

@pytest.fixture
def broker(ws_app):
    return ws_app[SOCKETS_KEY]

@pytest_asyncio.fixture(loop_scope="session")
async def user(broker):
    await broker.publish("news", "hello", {})
"""
    tests = "\n\nasync def test_user(ws_client, user):\n    pass\n"
    result = scoped(source, "function", tests=tests)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["`user` (test_it.py:*) uses `broker` on the event loop of the *"])


DATABASE = """
import asyncio

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database():
    yield {{"loop": asyncio.get_running_loop(), "rows": []}}

@pytest.fixture
def ws_app(database):
    database["rows"].append(1)
    return create_app()

@pytest_asyncio.fixture(loop_scope="{fixture}")
async def rows(database):
    return database["rows"]
"""

DATABASE_TESTS = """
@pytest.mark.asyncio(loop_scope="{test}")
@pytest.mark.parametrize("number", [1, 2])
async def test_rows(ws_client, database, rows, number):
    assert len(rows) == number
    assert (database["loop"] is asyncio.get_running_loop()) == ("{test}" == "session")
"""


@pytest.mark.slow
@modes
@pairs
def test_a_database_of_the_session_stands_beside(scoped, test, fixture, mode):
    source = DATABASE.format(fixture=fixture)
    scoped(source, test, mode, DATABASE_TESTS).assert_outcomes(passed=2)


GIVEN = """
from hypothesis import given, settings, strategies as st

@pytest.mark.asyncio(loop_scope="{test}")
@settings(max_examples=3)
@given(number=st.integers())
async def test_given(ws_client, number):
    await ws_client.call("greet", {{"name": "you"}})
"""


@pytest.mark.slow
@modes
@pairs
def test_examples_of_hypothesis(scoped, test, fixture, mode):
    def run(scope):
        source = ASYNC_APP.format(settings=f'loop_scope="{scope}"', gives="yield")
        return scoped(source, test, mode, GIVEN)

    result = run(fixture)
    if test == fixture:
        result.assert_outcomes(passed=1)
        return
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([widen_fixture("ws_app", test)])
    run(test).assert_outcomes(passed=1)
