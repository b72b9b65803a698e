"""The contract with the private names of pytest and pytest-asyncio, and what is said without."""

import asyncio

import pytest
import pytest_asyncio

from pytest_wsrpc import internals


@pytest.fixture
def letter():
    return "a"


@pytest_asyncio.fixture(loop_scope="module")
def on_the_loop_of_the_module():
    return None


def test_a_test_has_a_request(request):
    assert internals.request_of(request.node).node is request.node


def test_a_request_knows_the_fixture_in_use(request, letter):
    definition = internals.fixture_in_use(request, "letter")
    assert definition.argname == "letter"
    assert definition.cached_result[0] == letter


def test_a_fixture_can_be_finished_early_and_only_once(pytester):
    pytester.makepyfile(
        """
        import pytest
        from pytest_wsrpc import internals

        finished = []

        @pytest.fixture
        def inner(request):
            yield request
            finished.append("inner")

        @pytest.fixture
        def outer(inner):
            yield inner
            finished.append("outer")

        def test_finish(outer):
            internals.finish_fixture(outer)
            assert finished == ["outer", "inner"]

        def test_after():
            assert finished == ["outer", "inner"]
        """
    )
    pytester.runpytest_inprocess(
        "-p", "no:randomly", "-o", "asyncio_default_fixture_loop_scope=function"
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", ["function", "module", "package", "session"])
def test_each_scope_has_a_runner(request, scope):
    runner = internals.runner_of_scope(request, scope)
    assert isinstance(runner, asyncio.Runner)
    assert runner.get_loop().is_running() is False


class TestInAClass:
    def test_a_class_has_a_runner(self, request):
        assert isinstance(internals.runner_of_scope(request, "class"), asyncio.Runner)


async def test_the_runner_of_the_scope_runs_the_test(request):
    runner = internals.runner_of_scope(request, "function")
    assert runner.get_loop() is asyncio.get_running_loop()


def test_the_loop_scope_of_a_fixture_is_known(request, on_the_loop_of_the_module, letter):
    function = internals.fixture_in_use(request, "on_the_loop_of_the_module").func
    assert internals.loop_scope_of_function(function) == "module"
    assert internals.is_asyncio_fixture(function)
    plain = internals.fixture_in_use(request, "letter").func
    assert internals.loop_scope_of_function(plain) is None
    assert not internals.is_asyncio_fixture(plain)


async def test_an_exception_that_nobody_asked_for_is_known():
    future = asyncio.get_running_loop().create_future()
    assert not internals.is_unretrieved(future)
    future.set_exception(ValueError())
    assert internals.is_unretrieved(future)
    assert isinstance(future.exception(), ValueError)
    assert not internals.is_unretrieved(future)

    async def fail():
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    assert internals.is_unretrieved(task)
    task.exception()
    with pytest.raises(pytest.UsageError, match=r"asyncio.Future._log_traceback"):
        internals.is_unretrieved(object())


class Without:
    """A version of pytest that renamed everything."""

    def _get_fixturestack(self):
        return []

    def getfixturevalue(self, name):
        raise pytest.FixtureLookupError(name, self)


@pytest.mark.parametrize(
    ("use", "missing"),
    [
        (lambda: internals.request_of(object()), "pytest {} does not have Function._request,"),
        (
            lambda: internals.fixture_in_use(object(), "letter"),
            "pytest {} does not have FixtureRequest._get_active_fixturedef,",
        ),
        (
            lambda: internals.finish_fixture(Without()),
            "pytest {} does not have SubRequest._fixturedef.finish,",
        ),
        (
            lambda: internals.runner_of_scope(Without(), "class"),
            "pytest-asyncio {} does not have the fixture _class_scoped_runner,",
        ),
    ],
)
def test_a_version_without_a_name_is_told_by_that_name(use, missing):
    with pytest.raises(pytest.UsageError) as caught:
        use()
    message = str(caught.value)
    version = pytest_asyncio.__version__ if "pytest-asyncio" in missing else pytest.__version__
    assert message.startswith(missing.format(version))
    assert "on which the fixtures of pytest-wsrpc" in message
