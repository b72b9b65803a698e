"""What fresh examples need of pytest and hypothesis: their private names, a hidden signature."""

import contextlib
import inspect
import sys
import time
import types
from importlib.metadata import version

import hypothesis
import pytest
from hypothesis import control, given, settings
from hypothesis import strategies as st

from pytest_wsrpc import internals
from pytest_wsrpc.examples import healthcheck

POSITIONAL_OR_KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD


@pytest.fixture
def letter():
    return "a"


@pytest.fixture
def word(letter):
    return letter * 3


def test_the_fixtures_of_a_test_are_known_before_they_are_asked_for(request, word):
    definitions = internals.fixtures_of(request.node)
    assert definitions["word"].argnames == ("letter",)
    assert definitions["letter"].scope == "function"


def test_a_fixture_that_was_forgotten_is_looked_up_again(request, letter):
    definition = internals.fixture_in_use(request, "letter")
    internals.forget_fixtures(request, ["letter", "never asked for"])
    assert internals.fixture_in_use(request, "letter") is definition


def test_a_fixture_may_be_put_in_place_of_another(request, letter, word):
    definition = internals.fixture_in_use(request, "word")
    assert request.getfixturevalue("word") == "aaa"
    other = types.SimpleNamespace(
        argname="word", cached_result=("b", None, None), scope="function", _scope=definition._scope
    )
    internals.use_fixture(request, other)
    assert request.getfixturevalue("word") == "b"
    internals.use_fixture(request, definition)
    assert request.getfixturevalue("word") == "aaa"


def test_time_outside_the_deadline_does_not_count():
    @settings(deadline=100, max_examples=1, database=None)
    @given(number=st.just(1))
    def inside(number):
        time.sleep(0.2)

    @settings(deadline=100, max_examples=1, database=None)
    @given(number=st.just(1))
    def outside(number):
        with internals.outside_deadline():
            time.sleep(0.2)

    outside()
    with pytest.raises(hypothesis.errors.DeadlineExceeded):
        inside()


def test_what_was_logged_before_is_left_out_of_the_report(pytester):
    pytester.makepyfile(
        """
        import logging
        from pytest_wsrpc import internals

        def test_log(request):
            logging.error("before")
            internals.forget_log(request.config)
            logging.error("after")
            assert False
        """
    )
    options = ("-p", "no:randomly", "-o", "asyncio_default_fixture_loop_scope=function")
    result = pytester.runpytest_inprocess(*options)
    result.stdout.fnmatch_lines(["ERROR * after"])
    result.stdout.no_fnmatch_line("ERROR * before")
    pytester.runpytest_inprocess("-p", "no:logging", *options).assert_outcomes(failed=1)


def function(ws_client, tmp_path):
    """What the health check looks at."""


@pytest.mark.parametrize("written", [None, "(ws_client, tmp_path)", "(ws_client)"])
def test_arguments_are_hidden_from_the_health_check_for_a_time(request, monkeypatch, written):
    if written is not None:
        names = written.strip("()").split(", ")
        parameters = [inspect.Parameter(name, POSITIONAL_OR_KEYWORD) for name in names]
        monkeypatch.setattr(function, "__signature__", inspect.Signature(parameters), raising=False)
    before = inspect.signature(function)
    item = types.SimpleNamespace(function=function, own_markers=[])
    with healthcheck.unseen(item, {"ws_client", "ws_app"}) as show:
        assert "ws_client" not in inspect.signature(function).parameters
        assert [marker.args for marker in item.own_markers] == [("ws_client",)]
        show()
        assert inspect.signature(function) == before
        assert item.own_markers == []
    with healthcheck.unseen(item, {"ws_app"}):
        assert inspect.signature(function) == before
        assert item.own_markers == []
    with healthcheck.unseen(item, {"ws_client"}):
        pass
    assert inspect.signature(function) == before
    assert ("__signature__" in vars(function)) == (written is not None)


class Old:
    """A version that has other names for everything."""

    pluginmanager = types.SimpleNamespace(get_plugin=lambda name: object())


@pytest.fixture
def old_hypothesis(monkeypatch):
    """A hypothesis whose module has another name."""
    monkeypatch.setitem(sys.modules, control.__name__, None)


@pytest.mark.parametrize(
    ("use", "missing"),
    [
        (internals.fixtures_of, "Function._fixtureinfo.name2fixturedefs"),
        (lambda old: internals.forget_fixtures(old, ["a"]), "FixtureRequest._fixture_defs"),
        (lambda old: internals.use_fixture(old, None), "FixtureRequest._fixture_defs"),
        (internals.forget_log, "LoggingPlugin.report_handler.reset"),
    ],
)
def test_a_pytest_without_a_name_is_told_by_that_name(use, missing):
    with pytest.raises(pytest.UsageError) as caught:
        use(Old())
    assert str(caught.value).startswith(f"pytest {pytest.__version__} does not have {missing},")


def test_a_pytest_whose_fixtures_end_otherwise_is_told_so(monkeypatch):
    internals.finish_tells_plugins.cache_clear()
    monkeypatch.setattr(pytest, "FixtureDef", object)
    with pytest.raises(pytest.UsageError, match=r"does not have FixtureDef\.finish,"):
        internals.finish_tells_plugins()


@pytest.mark.parametrize("tells", [True, False])
def test_plugins_are_told_of_a_tear_down_by_the_fixture_or_by_its_set_up(monkeypatch, tells):
    def telling(self, request):
        request.node.ihook.pytest_fixture_post_finalizer(fixturedef=self, request=request)

    def silent(self, request):
        self.cached_result = None

    definition = type("FixtureDef", (), {"finish": telling if tells else silent})
    internals.finish_tells_plugins.cache_clear()
    monkeypatch.setattr(pytest, "FixtureDef", definition)
    assert internals.finish_tells_plugins() == tells
    internals.finish_tells_plugins.cache_clear()


def test_a_hypothesis_without_a_name_is_told_by_that_name(old_hypothesis):
    with pytest.raises(pytest.UsageError) as caught, contextlib.ExitStack() as stack:
        stack.enter_context(internals.outside_deadline())
    missing = "current_build_context().data._stateful_run_times"
    installed = version("hypothesis")
    assert str(caught.value).startswith(f"hypothesis {installed} does not have {missing},")
