"""What a failed ``@given`` test shows: the smallest example, and what was said in it."""

import re

import pytest

FAILING_APP = """
import asyncio
from aiohttp import web
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

tasks = []


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_halve(self, payload):
        if payload["number"] % 2:
            raise ValueError(f"{payload['number']} is odd")
        return payload["number"] // 2

    async def ws_rpc_watch(self, payload):
        if payload["number"] > 2:
            tasks.append(asyncio.create_task(self.tick(), name="ticker"))

    async def tick(self):
        await asyncio.sleep(3600)


def create_app():
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app
"""

FIXTURES = """
import pytest
from hypothesis import assume, given, settings, strategies as st
from failing import create_app, tasks

@pytest.fixture
def ws_app():
    return create_app()

"""


@pytest.fixture
def failing(suite, pytester):
    """Run tests with the application ``failing``, whose fixture they have."""
    pytester.makepyfile(failing=FAILING_APP)

    def run(source, *options, **keywords):
        indented = "\n".join(" " * 4 + line for line in FIXTURES.splitlines())
        return suite(f"{indented}\n{source}", *options, **keywords)

    return run


def test_the_conversation_is_that_of_the_smallest_example(suite, stable):
    result = suite(
        """
        from hypothesis import given, settings, strategies as st

        @settings(database=None)
        @given(numbers=st.lists(st.integers(), max_size=5))
        async def test_total(ws_client, numbers):
            total = 0.0
            for number in numbers:
                total = (await ws_client.call("add", {"a": total, "b": number % 100}))["sum"]
            assert total < 100
        """
    )
    result.assert_outcomes(failed=1)
    text = stable(result)
    assert text.count("Conversation of ws_client") == 1
    assert text.count('  > {"id":') == 2
    assert "numbers=[1, 99]" in text or "numbers=[99, 1]" in text or '"sum":100.0' in text


def test_an_exception_of_the_server_fails_its_example_and_is_made_small(failing):
    result = failing(
        """
    @settings(database=None)
    @given(number=st.integers(0, 1000))
    async def test_halve(ws_client, number):
        await ws_client.send_json({"id": 1, "method": "halve", "payload": {"number": number}})
        await ws_client.call("watch", {"number": 0})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The server raised ValueError: 1 is odd; the test did not look at it.",
            "*: test_halve(",
            "    ws_client=ws_client,",
            "    number=1,",
            "*- Conversation of ws_client -*",
        ]
    )
    assert sum("Conversation of" in line for line in result.outlines) == 1
    # Of all the examples that led there, neither messages nor log lines remain.
    assert set(re.findall(r"\d+ is odd", result.stdout.str())) == {"1 is odd"}


def test_an_exception_of_the_server_is_the_examples_own(failing):
    failing(
        """
    @settings(database=None)
    @given(number=st.integers(0, 1000))
    async def test_halve(ws_client, number):
        await ws_client.send_json({"id": 1, "method": "halve", "payload": {"number": number}})
        await ws_client.call("watch", {"number": 0})
        assert len(ws_client.server_errors) == number % 2
        ws_client.server_errors.clear()
        assert "error" in await ws_client.receive() or not number % 2
    """
    ).assert_outcomes(passed=1)


def test_wsrpc_strict_holds_for_examples(failing):
    failing(
        """
    @pytest.mark.wsrpc(strict=False)
    @settings(database=None, max_examples=10)
    @given(number=st.integers())
    async def test_halve(ws_client, number):
        await ws_client.send_json({"id": 1, "method": "halve", "payload": {"number": number}})
        await ws_client.call("watch", {"number": 5})
    """
    ).assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_task_that_an_example_leaves_is_its_own_and_ends_with_it(failing):
    result = failing(
        """
    @settings(database=None)
    @given(number=st.integers(0, 1000))
    async def test_watch(ws_client, number):
        assert all(task.cancelled() for task in tasks)
        await ws_client.call("watch", {"number": number})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The test is over, but task 'ticker' (Stream.tick) runs on.",
            "*started at*failing.py:16 in *",
            "*: test_watch(",
            "    number=3,",
        ]
    )


def test_what_the_first_example_leaves_is_told_too(suite):
    result = suite(
        """
        import asyncio
        from hypothesis import Phase, given, settings, strategies as st

        @settings(database=None, phases=[Phase.generate, Phase.shrink])
        @given(number=st.integers())
        async def test_leak(ws_client, number):
            asyncio.create_task(asyncio.sleep(3600), name="leak")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*task 'leak' (sleep) runs on.", "*number=0,*"])


def test_several_failures_have_each_its_own_conversation(suite):
    result = suite(
        """
        from hypothesis import given, settings, strategies as st

        @settings(database=None, max_examples=1000)
        @given(number=st.integers())
        async def test_two(ws_client, number):
            await ws_client.call("echo", {"n": number})
            assert number < 10
            if number < -10:
                raise KeyError(number)
        """
    )
    result.assert_outcomes(failed=1)
    lines = result.outlines
    conversations = [i for i, line in enumerate(lines) if "Conversation of ws_client:" in line]
    assert len(conversations) == 2
    for number in (10, -11):
        told = next(i for i, line in enumerate(lines) if f"number={number}," in line)
        said = next(i for i, line in enumerate(lines) if f'"payload":{{"n":{number}}}' in line)
        assert told in range(said - 20, said + 20)
    assert not any("- Conversation of ws_client -" in line for line in lines)


def test_a_group_of_errors_that_one_example_raises_is_shown_as_it_is(suite):
    result = suite(
        """
        from hypothesis import Phase, given, settings, strategies as st

        @settings(database=None, phases=[Phase.generate, Phase.shrink])
        @given(number=st.integers())
        async def test_group(ws_client, number):
            await ws_client.call("echo", {"n": number})
            raise ExceptionGroup("several", [ValueError(1), KeyError(2)])
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*number=0*", "*- Conversation of ws_client -*", '*"n":0}*'])


def test_an_expected_failure_is_one(failing):
    failing(
        """
    @pytest.mark.xfail(strict=True)
    @given(number=st.integers(0, 1000))
    async def test_halve(ws_client, number):
        await ws_client.send_json({"id": 1, "method": "halve", "payload": {"number": number}})
        await ws_client.call("watch", {"number": 0})
    """
    ).assert_outcomes(xfailed=1)


def test_an_example_may_skip_the_test(suite):
    suite(
        """
        import pytest
        from hypothesis import given, strategies as st

        @given(number=st.integers())
        async def test_skip(ws_client, number):
            await ws_client.call("echo", {})
            pytest.skip("not here")
        """
    ).assert_outcomes(skipped=1)


LATER = """
import pytest
from hypothesis import given, settings, strategies as st
from application import create_app

made = []

@pytest.fixture
def ws_app():
    made.append(1)
    if len(made) > 3:
        {fails}
    return create_app()

@pytest.fixture
def user(ws_client):
    yield ws_client
    assert len(made) < 4

@settings(database=None)
@given(number=st.integers())
async def test_later(user, number):
    pass

def test_made():
    assert len(made) == 4
"""


@pytest.mark.parametrize(
    ("fails", "shown"),
    [
        ('raise OSError("no room left")', "E *OSError: no room left"),
        ('pytest.fail("no room left", pytrace=False)', "no room left"),
    ],
)
def test_a_set_up_that_fails_in_a_later_example_is_shown_as_that(suite, fails, shown):
    result = suite(LATER.format(fails=fails))
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            shown,
            "*This came when the fixtures of test_later were set up again, for an example that is "
            "not the first;*",
        ]
    )
    result.stdout.no_fnmatch_line("*Flaky*")
    result.stdout.no_fnmatch_line("*Failing test case*")


def test_a_set_up_may_skip_in_a_later_example(suite):
    suite(LATER.format(fails='pytest.skip("no room left")')).assert_outcomes(skipped=1, passed=1)


def test_a_set_up_that_fails_at_first_is_pytests_to_show(suite):
    result = suite(
        """
        import pytest
        from hypothesis import given, strategies as st

        @pytest.fixture
        def ws_app():
            raise OSError("no room left")

        @given(number=st.integers())
        async def test_first(ws_client, number):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_first*", "E *OSError: no room left"])


TORN_DOWN = """
import pytest
from hypothesis import Phase, assume, given, settings, strategies as st

@pytest.fixture
def total(ws_client):
    numbers = []
    yield numbers
    assert sum(numbers) < 10, "too much"

@settings(database=None, phases=[Phase.generate, Phase.shrink])
@given(number=st.integers())
async def test_total({arguments}, number):
    total.append(number)
    {ends}
"""


@pytest.mark.parametrize("ends", ["pass", "assume(False)"])
def test_a_tear_down_that_fails_fails_its_example(suite, ends):
    result = suite(TORN_DOWN.format(arguments="total", ends=ends))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *AssertionError: too much", "E *number=10,*"])


def test_a_fixture_that_yields_twice_is_told_as_ever(suite):
    result = suite(
        """
        import pytest
        from hypothesis import Phase, given, settings, strategies as st

        @pytest.fixture
        def twice(ws_client):
            yield 1
            yield 2

        @settings(database=None, phases=[Phase.generate, Phase.shrink])
        @given(number=st.integers())
        async def test_twice(twice, number):
            pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["fixture function has more than one 'yield':", "*test_it.py:*", "*number=0,*"]
    )


def test_a_tear_down_that_fails_after_its_example_is_noted(suite):
    result = suite(TORN_DOWN.format(arguments="total", ends="assert number < 20"))
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "AssertionError: too much" in text
    assert "Then its fixtures were torn down, and one of them failed:" in text
    assert "number=20," in text


def test_all_tear_downs_that_fail_are_told(suite):
    result = suite(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.fixture
        def first(ws_client):
            yield
            raise OSError("first")

        @pytest.fixture
        def second(ws_client):
            yield
            pytest.fail("second")

        @settings(database=None)
        @given(number=st.integers())
        async def test_both(first, second, number):
            pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*errors when the fixtures of an example of test_both were torn down (2 sub-exceptions)"]
    )
    assert "OSError: first" in result.stdout.str()


def test_a_failing_example_is_replayed_first(failing):
    source = """
    seen = []

    @given(number=st.integers(0, 1000))
    async def test_halve(ws_client, number):
        seen.append(number)
        await ws_client.send_json({"id": 1, "method": "halve", "payload": {"number": number}})
        await ws_client.call("watch", {"number": 0})

    def test_seen():
        print("first", seen[0])
    """
    failing(source).assert_outcomes(failed=1, passed=1)
    failing(source, "-s").stdout.fnmatch_lines(["*first 1"])
