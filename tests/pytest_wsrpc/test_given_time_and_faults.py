"""Deadlines, the virtual clock and faults in ``@given`` tests."""

import pytest


@pytest.mark.slow
def test_setting_up_takes_nothing_from_the_deadline_of_an_example(suite):
    suite(
        """
        import time
        import pytest
        from hypothesis import given, settings, strategies as st
        from application import create_app

        @pytest.fixture
        def ws_app():
            time.sleep(0.3)
            yield create_app()
            time.sleep(0.3)

        @settings(max_examples=3, deadline=500, database=None)
        @given(number=st.integers())
        async def test_greet(ws_client, number):
            await ws_client.call("greet", {"name": "you"})
        """
    ).assert_outcomes(passed=1)


def test_the_deadline_holds_for_the_test_itself(suite):
    result = suite(
        """
        import asyncio
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=3, deadline=100)
        @given(number=st.just(1))
        async def test_slow(ws_client, number):
            await asyncio.sleep(0.3)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DeadlineExceeded*"])


def test_examples_share_the_virtual_clock_and_nothing_else(suite):
    suite(
        """
        import asyncio
        from hypothesis import given, settings, strategies as st

        times, clients = [], []

        @settings(max_examples=5, deadline=200, database=None)
        @given(seconds=st.integers(10, 3600))
        async def test_clock(ws_clock, ws_client, seconds):
            before = ws_clock.time
            await ws_client.no_event(within=seconds)
            await ws_clock.advance(seconds)
            times.append((before, ws_clock.time))
            clients.append(ws_client)
            assert ws_clock.time - before >= 2 * seconds

        def test_times():
            assert len(set(clients)) == len(times) == 5
            assert times == sorted(times)
            assert all(end <= start for (_, end), (start, _) in zip(times, times[1:]))
        """
    ).assert_outcomes(passed=2)


def test_the_clock_alone_is_no_matter_for_the_health_check(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=5)
        @given(seconds=st.integers(1, 3600))
        async def test_clock(ws_clock, seconds):
            await ws_clock.advance(seconds)
        """
    ).assert_outcomes(passed=1)


def test_faults_start_anew_in_each_example_and_are_judged_over_all(suite):
    suite(
        """
        import pytest
        from hypothesis import example, given, settings, strategies as st
        from wsrpc import CannotPublish

        @pytest.fixture
        def shaky(ws_faults):
            ws_faults.error("publish", CannotPublish, nth=1)

        @pytest.mark.wsrpc(faults="publish:error=CannotPublish,nth=2")
        @settings(max_examples=5, database=None)
        @example(number=1)
        @given(number=st.integers())
        async def test_publish(shaky, ws_client, ws_faults, number):
            if number == 1:
                ws_faults.error("publish", CannotPublish, nth=3)
                for n in range(3):
                    with pytest.raises(CannotPublish):
                        await ws_client.publish("news", "hello", n)
            else:
                assert len(ws_faults.rules) == 2
                with pytest.raises(CannotPublish):
                    await ws_client.publish("news", "hello", 1)
        """
    ).assert_outcomes(passed=1)


def test_a_fault_that_no_example_met_fails_the_test(suite):
    result = suite(
        """
        from hypothesis import given, settings, strategies as st
        from wsrpc import CannotPublish

        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_publish(ws_client, ws_faults, number):
            ws_faults.error("publish", CannotPublish)
        """
    )
    result.assert_outcomes(failed=1)
    assert "publish" in result.stdout.str()
