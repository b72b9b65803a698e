"""Fixtures of the user beside and in place of ours, in ``@given`` tests."""

import pytest

from pytest_wsrpc import internals

APPLICATIONS = {
    "a function": """
    @pytest.fixture
    def ws_app():
        made.append(1)
        return create_app()
    """,
    "a generator": """
    @pytest.fixture
    def ws_app():
        made.append(1)
        yield create_app()
        ended.append(1)
    """,
    "a coroutine": """
    @{asynchronous}
    async def ws_app():
        await asyncio.sleep(0)
        made.append(asyncio.get_running_loop())
        return create_app()
    """,
    "an async generator": """
    @{asynchronous}
    async def ws_app():
        made.append(asyncio.get_running_loop())
        yield create_app()
        await asyncio.sleep(0)
        ended.append(asyncio.get_running_loop())
    """,
}
"""Overrides of ``ws_app``: what they are, and their source."""

SCOPES = ["function", "class", "module", "package", "session"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "strict"])
@pytest.mark.parametrize("kind", APPLICATIONS)
def test_an_override_runs_for_every_example(suite, kind, mode):
    override = APPLICATIONS[kind].format(
        asynchronous="pytest.fixture" if mode == "auto" else "pytest_asyncio.fixture"
    )
    suite(
        f"""
    import asyncio
    import pytest
    import pytest_asyncio
    from hypothesis import given, settings, strategies as st
    from application import create_app

    made, ended = [], []
    {override}
    @pytest.mark.asyncio
    @settings(max_examples=5)
    @given(name=st.text())
    async def test_greet(ws_client, name):
        assert await ws_client.call("greet", {{"name": name}}) == f"hello {{name}}"

    def test_made():
        assert len(made) == 5 and len(set(made)) == 1
        assert ended in ([], made)
    """,
        ini=f"asyncio_mode = {mode}",
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", SCOPES)
def test_all_examples_run_on_the_loop_of_the_test(suite, scope):
    suite(
        f"""
        import asyncio
        import pytest
        import pytest_asyncio
        from hypothesis import given, settings, strategies as st
        from application import create_app

        loops = []

        @pytest_asyncio.fixture(loop_scope="{scope}")
        async def ws_app():
            loops.append(asyncio.get_running_loop())
            yield create_app()
            loops.append(asyncio.get_running_loop())

        @pytest.mark.asyncio(loop_scope="{scope}")
        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_loop(ws_client, number):
            loops.append(asyncio.get_running_loop())
            await ws_client.call("greet", {{"name": "you"}})

        def test_loops():
            assert len(loops) == 15 and len(set(loops)) == 1
        """
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_an_application_of_a_wider_scope_is_kept(suite, scope):
    suite(
        f"""
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        apps, clients = [], []

        @pytest.fixture(scope="{scope}")
        def ws_app():
            return create_app()

        @pytest.mark.asyncio(loop_scope="{scope}")
        class TestWide:
            @settings(max_examples=5)
            @given(number=st.integers())
            async def test_kept(self, ws_client, ws_app, number):
                apps.append(ws_app)
                clients.append(ws_client)
                await ws_client.call("greet", {{"name": "you"}})

            async def test_seen(self, ws_client):
                await ws_client.call("greet", {{"name": "you"}})
                assert len(set(map(id, apps))) == 1
                assert len(set(clients)) == 5
        """
    ).assert_outcomes(passed=2)


def test_an_override_may_ask_for_what_it_overrides(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        apps = []

        @pytest.fixture
        def ws_app(ws_app):
            apps.append(("module", ws_app))
            return ws_app

        class TestOverride:
            @pytest.fixture
            def ws_app(self, ws_app):
                apps.append(("class", ws_app))
                return ws_app

            @settings(max_examples=5, database=None)
            @given(number=st.integers())
            async def test_echo(self, ws_client, ws_app, number):
                assert apps[-2:] == [("module", ws_app), ("class", ws_app)]
                assert await ws_client.call("echo", {"n": number}) == {"n": number}

        def test_apps():
            assert len(apps) == 10
            assert len({id(app) for _, app in apps}) == 5
        """,
    ).assert_outcomes(passed=2)


def test_a_fresh_fixture_may_override_one_that_is_kept(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        seen = []

        class TestRoom:
            @pytest.fixture
            def room(self, room, ws_client):
                return [*room, ws_client]

            @settings(max_examples=5, database=None)
            @given(number=st.integers())
            async def test_room(self, room, ws_client, number):
                assert room[-1] is ws_client
                seen.append(room)

        def test_seen(made):
            assert made == [1]
            assert [room[:-1] for room in seen] == [[1]] * 5
            assert len({id(room[-1]) for room in seen}) == 5
        """,
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def made():
            return []

        @pytest.fixture
        def room(made):
            made.append(1)
            return tuple(made)
        """,
    ).assert_outcomes(passed=2)


def test_the_broker_of_an_own_application_is_that_of_the_example(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app
        from wsrpc import SOCKETS_KEY

        @pytest.fixture
        def ws_app():
            return create_app()

        @pytest.fixture
        def broker(ws_app):
            return ws_app[SOCKETS_KEY]

        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_news(broker, ws_client, number):
            async with ws_client.subscribe("news") as events:
                await broker.publish("news", "count", number)
                assert (await anext(events)).data == number
        """
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("decorator", ["@pytest.fixture", '@pytest.fixture(scope="session")'])
def test_a_database_beside_the_application_is_kept(suite, decorator):
    suite(
        f"""
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        log = []

        {decorator}
        async def database():
            log.append("+database")
            yield {{}}
            log.append("-database")

        @pytest.fixture
        async def ws_app(database):
            log.append("+app")
            yield create_app()
            log.append("-app")

        @pytest.mark.asyncio(loop_scope="session")
        @settings(max_examples=3, database=None)
        @given(number=st.integers())
        async def test_rows(ws_client, number):
            log.append("test")

        def test_log():
            assert log[:10] == ["+database", *["+app", "test", "-app"] * 3]
        """,
        ini="asyncio_mode = auto\nasyncio_default_fixture_loop_scope = session",
    ).assert_outcomes(passed=2)


def test_a_parametrized_application_has_examples_for_each_parameter(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        paths = []

        @pytest.fixture(params=["/a", "/b"])
        def ws_app(request):
            paths.append(request.param)
            return create_app(request.param)

        @pytest.fixture
        def own(ws_connect, request):
            return request.getfixturevalue("ws_app")

        @settings(max_examples=3)
        @given(number=st.integers())
        async def test_paths(ws_connect, own, number):
            client = await ws_connect(paths[-1])
            await client.call("greet", {"name": "you"})

        def test_all():
            assert paths == ["/a"] * 3 + ["/b"] * 3
        """
    ).assert_outcomes(passed=3)


@pytest.mark.slow
def test_a_failure_of_one_parameter_is_not_replayed_for_another(suite):
    source = """
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        seen = {"/a": [], "/b": []}

        @pytest.fixture(params=["/a", "/b"])
        def ws_app(request):
            return create_app(request.param)

        @settings(max_examples=20)
        @given(number=st.integers())
        async def test_path(ws_connect, ws_app, request, number):
            path = request.node.callspec.params["ws_app"]
            seen[path].append(number)
            assert number < 1000 or path == "/b"

        def test_seen():
            assert seen["/a"][0] == 1000
            assert seen["/b"][0] != 1000
        """
    suite(source.replace("max_examples=20", "max_examples=1000"), "-k", "test_path")
    result = suite(source)
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["FAILED *test_path[[]/a[]]*"])


def test_a_fixture_that_the_test_asks_for_as_it_runs_is_the_examples_own(suite):
    suite(
        """
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies as st

        log = []

        @pytest.fixture
        def user(ws_client):
            log.append("+user")
            yield ws_client
            assert not ws_client.closed
            log.append("-user")

        @settings(
            max_examples=3,
            database=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(late=st.booleans())
        async def test_late(request, ws_client, late):
            log.append("test")  # twice: there are two booleans
            if late:
                assert request.getfixturevalue("user") is ws_client
                assert request.getfixturevalue("user") is ws_client

        def test_log():
            late = ["test", "+user", "-user"]
            assert log in (late, [*late, "test"], ["test", *late])
        """
    ).assert_outcomes(passed=2)


def test_a_fixture_may_ask_for_more_in_a_later_example(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        log = []

        @pytest.fixture
        def second(ws_connect):
            log.append("+second")
            yield
            log.append("-second")

        @pytest.fixture
        def first(request, ws_connect):
            if log:
                request.getfixturevalue("second")
            log.append("+first")
            yield
            log.append("-first")

        @settings(max_examples=3, database=None)
        @given(number=st.integers())
        async def test_more(first, number):
            pass

        def test_log():
            both = ["+second", "+first", "-first", "-second"]
            assert log == ["+first", "-first", *both, *both]
        """
    ).assert_outcomes(passed=2)


def test_context_variables_that_fixtures_set_are_the_examples_own(suite):
    suite(
        """
        import contextvars
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        number_of_app = contextvars.ContextVar("number_of_app")
        left_over = contextvars.ContextVar("left_over", default=None)
        made = []

        @pytest.fixture
        async def ws_app():
            made.append(1)
            number_of_app.set(len(made))
            return create_app()

        @settings(max_examples=3, database=None)
        @given(number=st.integers())
        async def test_context(ws_client, number):
            assert number_of_app.get() == len(made)
            assert left_over.get() is None
            left_over.set(number)
        """
    ).assert_outcomes(passed=1)


SHOWN = """
    from hypothesis import given, settings, strategies as st

    @settings(max_examples=3, database=None)
    @given(number=st.integers())
    async def test_echo(ws_client, number):
        pass
    """


def count(result, text):
    return sum(text in line for line in result.outlines)


@pytest.mark.parametrize("name", ["broker", "ws_app", "ws_connect", "ws_client"])
def test_setup_show_tells_of_every_example(suite, name):
    result = suite(SHOWN, "--setup-show")
    result.assert_outcomes(passed=1)
    assert count(result, f"SETUP    F {name}") == 3
    assert count(result, f"TEARDOWN F {name}") == 3


def test_a_tear_down_that_tells_plugins_by_itself_is_not_told_twice(suite, monkeypatch):
    monkeypatch.setattr(internals, "finish_tells_plugins", lambda: True)
    shown = count(suite(SHOWN, "--setup-show"), "TEARDOWN F ws_client")
    # That of the first set-up is pytest's own, if its fixtures do not tell by themselves.
    assert shown in (1, 3)
