"""Checks of the user's own, and leaving checks out by name and method."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_wsrpc import fuzz as public
from pytest_wsrpc.fuzz.catalogue import CHECKS
from pytest_wsrpc.fuzz.registry import add, is_excluded

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]

SMALL = """
from pytest_wsrpc import fuzz

@fuzz.check("small")
def small(exchange):
    '''Sums are small.'''
    if exchange.method == "add" and exchange.is_success:
        BODY
"""
ADD = ["-k", "add and accepts"]


@pytest.fixture
def write_check(pytester: pytest.Pytester) -> Callable[[str], None]:
    def write(body: str) -> None:
        pytester.makeconftest(SMALL.replace("BODY", body))

    return write


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            'assert exchange.response["value"] < 1000',
            ["check: small", "expected: Sums are small.", "got: assert 1*00 < 1000*"],
        ),
        (
            "assert exchange.payload is None, 'too big'",
            ["expected: Sums are small.", "got: too big*"],
        ),
        (
            "raise AssertionError",
            ["got: the assertion at conftest.py:7 in small does not hold"],
        ),
        (
            "raise fuzz.Violation(expected='less', got='more')",
            ["check: small", "expected: less", "got: more"],
        ),
    ],
)
def test_a_check_of_conftest_fails_an_item(
    write_app: WriteApp,
    fuzz: Run,
    write_check: Callable[[str], None],
    body: str,
    says: list[str],
) -> None:
    write_app()
    write_check(body)
    result = fuzz(*ADD)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(says)


def test_a_check_that_fails_itself_is_told_with_its_place(
    write_app: WriteApp, fuzz: Run, write_check: Callable[[str], None]
) -> None:
    write_app()
    write_check('exchange.response["sum"]')
    result = fuzz(*ADD)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        [
            "the check 'small' (conftest.py:*) is to fail by an assert or by fuzz.Violation; it *",
            "conftest.py:7: in small",
            "KeyError: 'sum'",
        ]
    )


def test_checks_of_the_hook_are_made_and_listed(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeconftest(
        """
        def pytest_wsrpc_checks():
            return {"never-holds": never_holds}

        def never_holds(exchange):
            assert not exchange.is_success
        """
    )
    result = fuzz(*ADD)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["check: never-holds", "expected: Never holds."])
    listed = pytester.runpytest_inprocess("--wsrpc-checks")
    assert listed.ret == 0
    listed.stdout.fnmatch_lines(["conforms *", "never-holds *Never holds. (conftest.py:4)"])


def test_listing_tells_a_hook_that_gives_nonsense(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_wsrpc_checks():\n    return 7")
    result = pytester.runpytest_inprocess("--wsrpc-checks")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pytest_wsrpc_checks (conftest.py:1): expected a mapping*"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("excluded", "failed"),
    [
        ("small", 0),
        ("conforms,small", 0),
        ("add:small", 0),
        ("a*:small", 0),
        ("divide:small", 1),
        ("*:conforms", 1),
    ],
)
def test_checks_are_left_out_by_name_for_all_methods_or_some(
    write_app: WriteApp,
    fuzz: Run,
    write_check: Callable[[str], None],
    excluded: str,
    failed: int,
) -> None:
    write_app("async def ws_rpc_divide(self, payload): ...")
    write_check("assert False")
    for options in (
        [f"--wsrpc-exclude-checks={excluded}"],
        ["-o", f"wsrpc_exclude_checks={excluded}"],
    ):
        result = fuzz(*ADD, *options)
        assert result.parseoutcomes().get("failed", 0) == failed


@pytest.mark.parametrize(
    ("excluded", "says"),
    [
        ("add:conform", "there is no check 'conform'; did you mean 'conforms'?"),
        ("conforms:add", "the method comes first, add:conforms"),
        (":conforms", "expected a check, or METHOD-GLOB:check, such as place_order:conforms"),
        ("ad:conforms", "no method matches 'ad'; did you mean 'add'?; there are add"),
    ],
)
def test_leaving_out_what_is_not_there_is_a_usage_error(
    write_app: WriteApp, fuzz: Run, excluded: str, says: str
) -> None:
    write_app()
    result = fuzz(f"--wsrpc-exclude-checks={excluded}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --wsrpc-exclude-checks {excluded}: {says}*"])


def test_a_method_less_message_is_left_out_by_a_glob_for_all() -> None:
    assert is_excluded("conforms", None, ["*:conforms"])
    assert not is_excluded("conforms", None, ["a*:conforms"])


def test_our_checks_come_first_the_most_telling_one_before_the_others() -> None:
    public.check("some-rule")(rule)
    conforms = CHECKS["conforms"]
    before = list(CHECKS)
    del CHECKS["conforms"]
    add("conforms", conforms.function)
    assert list(CHECKS) == before
    assert (before[0], before[-1]) == ("loop-not-blocked", "some-rule")


def rule(exchange: Any) -> None:
    assert exchange


def test_a_check_may_be_registered_again_from_its_place() -> None:
    for _ in range(2):
        public.check("some-rule")(rule)
    assert CHECKS["some-rule"].origin.endswith(f":{rule.__code__.co_firstlineno}")
    assert CHECKS["some-rule"].description == "Some rule."


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("Some Rule", {}, "the name of a check is of lowercase words and hyphens, such as 'to"),
        (rule, {}, r"write @fuzz.check\('name'\)"),
        ("some-rule", {"of": "event"}, "expected 'exchange' or 'record'"),
    ],
)
def test_a_wrong_decorator_is_told(name: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        public.check(name, **options)


async def later(exchange: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "function", "error", "says"),
    [
        ("conforms", rule, ValueError, "there is one of this name, of pytest-wsrpc; take another"),
        ("some-rule", later, TypeError, "is async: a check is a plain function"),
        ("some-rule", lambda: None, TypeError, "is called with one argument, the exchange"),
    ],
)
def test_a_function_that_is_no_check_is_told(
    name: str, function: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        public.check(name)(function)


def test_a_callable_without_source_is_named_by_its_repr() -> None:
    function = partial(rule)
    function.__module__ = "plugin"  # type: ignore[attr-defined]
    add("some-rule", function)
    assert CHECKS["some-rule"].origin.startswith("functools.partial(<function rule")


def test_a_check_of_pytest_wsrpc_that_fails_itself_is_not_taken_for_a_users(
    tmp_path: Path,
) -> None:
    from pytest_wsrpc.fuzz.registry import Check, first_failure

    class Played:
        class case:
            method = None
            endpoint = None

        exception = None

    def broken(exchange: Any) -> None:
        raise LookupError("a defect of ours")

    CHECKS.clear()
    CHECKS["broken"] = Check("broken", "", broken)
    with pytest.raises(LookupError, match="a defect of ours"):
        first_failure(Played, frozenset(), tmp_path)  # type: ignore[arg-type]


def test_the_package_gives_its_names_when_asked() -> None:
    assert {name for name in public.__all__ if getattr(public, name)} == set(public.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'loads'"):
        public.loads  # noqa: B018
