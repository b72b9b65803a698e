"""hypothesis' profiles and the fuzzer's number of cases; each option as an ini setting."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis
import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]


@pytest.fixture
def show(pytester: pytest.Pytester) -> Callable[..., int]:
    """Return the number of cases with which a run fuzzes."""

    def number(*options: str, conftest: str = "") -> int:
        pytester.makeconftest(
            conftest + "\ndef pytest_terminal_summary(terminalreporter, config):\n"
            "    plugin = config.pluginmanager.get_plugin('wsrpc-fuzz')\n"
            "    terminalreporter.write_line(f'cases: {plugin.settings.max_examples}')\n"
        )
        result = pytester.runpytest_inprocess(
            "-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "--collect-only", *options
        )
        line = next(line for line in result.outlines if line.startswith("cases: "))
        return int(line.removeprefix("cases: "))

    return number


def test_the_number_of_cases_is_that_of_the_profile(
    write_app: WriteApp, show: Callable[..., int]
) -> None:
    write_app()
    register = "import hypothesis\nhypothesis.settings.register_profile('{}', max_examples={})\n"
    assert show() == 100
    assert show("--hypothesis-profile=ci") == 100
    assert show("--hypothesis-profile=deep") == 2000
    assert show("--hypothesis-profile=deep", conftest=register.format("deep", 300)) == 300
    assert show("--hypothesis-profile=mine", conftest=register.format("mine", 9)) == 9
    assert show("--hypothesis-profile=deep", "--wsrpc-max-examples=7") == 7
    assert show("--hypothesis-profile=deep", "-o", "wsrpc_max_examples=8") == 8


def test_the_deep_profile_is_known_without_the_fuzzer_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from hypothesis import settings

        def test_profile():
            assert settings.default.max_examples == 2000
        """
    )
    before = hypothesis.settings.get_current_profile_name()
    result = pytester.runpytest_inprocess("-p", "no:randomly", "--hypothesis-profile=deep")
    hypothesis.settings.load_profile(before)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "option",
    [
        "fuzz",
        "header",
        "param",
        "include",
        "exclude",
        "exclude_checks",
        "max_examples",
        "max_time",
        "max_item_time",
        "case_timeout",
        "seed",
    ],
)
def test_each_option_is_an_ini_setting_too(pytestconfig: pytest.Config, option: str) -> None:
    assert pytestconfig.getoption(f"wsrpc_{option}", "none") is None or option == "seed"
    assert not pytestconfig.getini(f"wsrpc_{option}")
