"""A ``@given`` test uses the ordinary fixtures, and each of its examples has its own."""

import pytest

COUNTING_APP = """
from aiohttp import web
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

CALLS = web.AppKey("calls", list)


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_count(self, payload):
        self.request.app[CALLS].append(payload)
        return len(self.request.app[CALLS])


def create_app():
    app = web.Application()
    app[CALLS] = []
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app
"""


@pytest.fixture
def counting(pytester):
    """Make the module ``counting``: an application that knows how often it was called."""
    pytester.makepyfile(counting=COUNTING_APP)


def test_each_example_has_an_application_and_a_connection_of_its_own(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st

        seen = []

        @settings(max_examples=10)
        @given(number=st.integers())
        async def test_fresh(ws_app, broker, ws_client, ws_connect, ws_faults, number):
            seen.append((ws_app, broker, ws_client, ws_connect))
            assert await ws_client.call("echo", {"n": number}) == {"n": number}
            assert len(ws_client.transcript.entries) == 3
            other = await ws_connect()
            async with other.subscribe("news") as events:
                await ws_client.publish("news", "hello", number)
                assert (await anext(events)).data == number

        def test_what_they_had():
            assert len(seen) == 10
            for values in zip(*seen):
                assert len({id(value) for value in values}) == 10
            assert all(client.closed for _, _, client, _ in seen)
        """
    ).assert_outcomes(passed=2)


def test_no_example_sees_what_another_one_did(suite, counting):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from counting import create_app

        @pytest.fixture
        def ws_app():
            return create_app()

        @settings(max_examples=10)
        @given(numbers=st.lists(st.integers(), max_size=3))
        async def test_count(ws_client, numbers):
            for place, number in enumerate(numbers, 1):
                assert await ws_client.call("count", {"n": number}) == place
        """
    ).assert_outcomes(passed=1)


def test_fixtures_are_set_up_and_torn_down_in_order_around_every_example(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        log = []

        @pytest.fixture
        def kept():
            log.append("+kept")
            yield
            log.append("-kept")

        @pytest.fixture
        def ws_app(kept):
            log.append("+app")
            yield create_app()
            log.append("-app")

        @pytest.fixture
        def user(ws_client):
            log.append("+user")
            yield ws_client
            assert not ws_client.closed
            log.append("-user")

        class TestRoom:
            @pytest.fixture(autouse=True)
            def room(self, request):
                client = request.getfixturevalue("ws_client")
                log.append("+room")
                yield client
                assert not client.closed
                log.append("-room")

            @settings(max_examples=3, database=None)
            @given(number=st.integers())
            async def test_order(self, user, number):
                log.append("test")

        def test_log():
            own = log[:log.index("-kept")]
            fresh = ["+room", "+user", "test", "-user", "-room", "-app"]
            assert own == ["+kept", "+app", *fresh, "+app", *fresh, "+app", *fresh]
        """
    ).assert_outcomes(passed=2)


def test_explicit_examples_come_first_and_have_their_own_too(suite, counting):
    suite(
        """
        import pytest
        from hypothesis import example, given, settings, strategies as st
        from counting import create_app

        seen = []

        @pytest.fixture
        def ws_app():
            return create_app()

        @settings(max_examples=3)
        @example(number=1)
        @example(number=2)
        @given(number=st.integers())
        async def test_count(ws_client, number):
            seen.append(number)
            assert await ws_client.call("count", {}) == 1

        def test_seen():
            assert seen[:2] == [1, 2]
            assert len(seen) == 5
        """
    ).assert_outcomes(passed=2)


def test_methods_of_classes_and_parametrized_tests_have_them(suite, counting):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from counting import CALLS, create_app

        class TestCount:
            factor = 2

            @pytest.fixture
            def ws_app(self):
                app = create_app()
                app[CALLS] += [None] * self.factor
                return app

            @pytest.mark.parametrize("first", [1, 2])
            @settings(max_examples=5)
            @given(number=st.integers())
            async def test_count(self, ws_client, first, number):
                assert self.factor == 2 and first in (1, 2)
                assert await ws_client.call("count", {}) == 3

        class TestCountMore(TestCount):
            factor = 4

            @settings(max_examples=5)
            @given(number=st.integers())
            async def test_count(self, ws_client, number):
                assert await ws_client.call("count", {}) == 5
        """
    ).assert_outcomes(passed=3)


def test_positional_arguments_and_data_are_drawn_as_ever(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=5)
        @given(st.integers(), st.data())
        async def test_echo(ws_client, number, data):
            text = data.draw(st.text("ab"))
            assert await ws_client.call("echo", {"n": number, "t": text}) == {
                "n": number, "t": text
            }
        """
    ).assert_outcomes(passed=1)


def test_a_drawn_argument_may_have_the_name_of_a_fixture(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=5)
        @given(broker=st.integers())
        async def test_echo(ws_client, broker):
            assert isinstance(broker, int)
            assert await ws_client.call("echo", {"n": broker}) == {"n": broker}
        """
    ).assert_outcomes(passed=1)


def test_fixtures_that_the_test_does_not_name_are_fresh_too(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        clients = []

        @pytest.fixture
        def note(ws_client):
            clients.append(ws_client)

        @pytest.mark.usefixtures("note")
        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_used(number):
            assert not clients[-1].closed
            await clients[-1].call("echo", {})

        def test_clients():
            assert len(set(clients)) == len(clients) == 5
        """
    ).assert_outcomes(passed=2)


def test_a_test_may_use_the_broker_alone(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st

        seen = []

        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_broker(broker, number):
            seen.append(broker)
            await broker.publish("news", "x", number)

        def test_seen():
            assert len(set(seen)) == 5
        """
    ).assert_outcomes(passed=2)


def test_nothing_of_the_examples_is_kept_when_the_test_is_over(suite):
    suite(
        """
        import gc
        import weakref
        from hypothesis import given, settings, strategies as st

        clients = weakref.WeakSet()

        @settings(max_examples=5, database=None)
        @given(number=st.integers())
        async def test_echo(ws_client, number):
            clients.add(ws_client)
            await ws_client.call("echo", {"n": number})

        def test_clients():
            gc.collect()
            assert not clients
        """
    ).assert_outcomes(passed=2)


def test_arguments_are_shown_by_name_as_each_example_has_others(suite):
    result = suite(
        """
        import pytest
        from hypothesis import given, strategies as st

        @pytest.fixture
        def room(ws_client):
            return 12

        @given(number=st.integers())
        async def test_small(ws_client, room, number):
            assert room == 12
            assert number < 10
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *: test_small(",
            "E *     ws_client=ws_client,",
            "E *     room=room,",
            "E *     number=10,",
        ]
    )
