"""Tests of hypothesis, and fixtures in them, that are not ours, or only in part."""

import pytest

from pytest_wsrpc import examples


@pytest.mark.parametrize("arguments", ["tmp_path", "ws_client, tmp_path", "tmp_path, ws_client"])
def test_other_fixtures_keep_the_health_check_of_hypothesis(suite, arguments):
    result = suite(
        f"""
        from hypothesis import given, strategies as st

        @given(number=st.integers())
        async def test_files({arguments}, number):
            pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*FailedHealthCheck: *test_files' uses a function-scoped fixture 'tmp_path'."]
    )


def test_a_test_may_silence_the_health_check_for_other_fixtures(suite):
    suite(
        """
        from hypothesis import HealthCheck, given, settings, strategies as st

        seen = []

        @settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(number=st.integers())
        async def test_files(tmp_path, ws_client, number):
            seen.append((tmp_path, ws_client))

        def test_seen():
            paths, clients = zip(*seen)
            assert len(set(paths)) == 1
            assert len(set(clients)) == 5
        """
    ).assert_outcomes(passed=2)


def test_what_an_application_is_made_of_is_not_checked_and_not_made_again(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        paths = []

        @pytest.fixture
        def ws_app(tmp_path):
            paths.append(tmp_path)
            return create_app()

        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_files(ws_client, number):
            pass

        def test_paths():
            assert len(paths) == 5 and len(set(paths)) == 1
        """
    ).assert_outcomes(passed=2)


def test_a_test_without_an_application_is_left_alone(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        made = []

        @pytest.fixture
        def broker():
            made.append(1)
            return "somebody else's"

        @pytest.mark.usefixtures("broker")
        @given(number=st.integers())
        def test_plain(request, number):
            assert request.function.hypothesis.inner_test.__name__ == "test_plain"
            assert "__wrapped__" not in vars(request.function.hypothesis.inner_test)

        @pytest.mark.usefixtures("broker")
        @given(number=st.integers())
        async def test_async(number):
            pass

        def test_made():
            assert made == [1, 1]
        """
    ).assert_outcomes(passed=3)


def test_the_health_check_speaks_for_a_broker_that_is_somebody_elses(suite):
    result = suite(
        """
        import pytest
        from hypothesis import given, strategies as st

        @pytest.fixture
        def broker():
            return "somebody else's"

        @given(number=st.integers())
        async def test_broker(broker, number):
            pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*uses a function-scoped fixture 'broker'."])


def test_a_plain_test_may_use_an_application_that_needs_no_loop(suite):
    suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        seen = []

        @pytest.fixture
        def ws_app():
            return create_app()

        @settings(max_examples=5)
        @given(number=st.integers())
        def test_routes(ws_app, number):
            seen.append(ws_app)
            assert list(ws_app.router.resources())

        def test_seen():
            assert len(set(map(id, seen))) == 5
        """
    ).assert_outcomes(passed=2)


def test_a_test_that_is_not_marked_in_strict_mode_is_told_to_be(suite):
    result = suite(
        """
        from hypothesis import given, strategies as st

        @given(number=st.integers())
        async def test_unmarked(ws_client, number):
            pass
        """,
        ini="asyncio_mode = strict",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_unmarked uses `ws_client`, *: mark it with @pytest.mark.*"])


def test_a_plain_test_is_told_to_be_async(suite):
    result = suite(
        """
        from hypothesis import given, strategies as st

        @given(number=st.integers())
        def test_plain(ws_client, number):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_plain uses `ws_client`, *: write `async def test_plain`."])


def test_a_state_machine_is_left_alone(suite):
    suite(
        """
        import pytest
        from hypothesis import settings
        from hypothesis.stateful import RuleBasedStateMachine, rule
        from application import create_app

        @pytest.fixture(autouse=True)
        def ws_app():
            return create_app()

        class Machine(RuleBasedStateMachine):
            @rule()
            def step(self):
                pass

        TestMachine = Machine.TestCase
        TestMachine.settings = settings(max_examples=3)
        """
    ).assert_outcomes(passed=1)


@pytest.mark.slow
def test_tests_without_examples_import_no_hypothesis(suite):
    suite(
        """
        import sys

        async def test_echo(ws_client):
            await ws_client.call("echo", {})
            assert "hypothesis" not in sys.modules
            assert "pytest_wsrpc.examples" not in sys.modules
        """,
        subprocess=True,
    ).assert_outcomes(passed=1)


def test_what_is_no_test_of_hypothesis_is_not_watched(request):
    before = len(request.node.stash)
    examples.prepare(request.node)
    assert len(request.node.stash) == before
