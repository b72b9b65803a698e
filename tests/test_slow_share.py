"""``--slow-share`` of this project's own suite: how many of the slow tests it runs, and which."""

from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("number", range(40))
def test_slow(number):
    pass

def test_fast():
    pass
"""


@pytest.fixture
def ran(pytester, monkeypatch):
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers = slow\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(TESTS)

    def run(*options, of="a run"):
        monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", of)
        result = pytester.runpytest_inprocess("-v", "-p", "no:randomly", *options)
        return {line.split()[0] for line in result.outlines if " PASSED" in line}

    return run


def test_a_share_of_the_slow_tests_is_run_and_all_others(ran):
    fast = {name for name in ran() if name.endswith("test_fast")}
    assert len(fast) == 1
    assert ran("--slow-share=0") == fast
    assert len(ran()) == len(ran("--slow-share=1")) == 41
    assert fast < ran("--slow-share=0.5")
    assert 10 < len(ran("--slow-share=0.5")) < 31


def test_all_workers_choose_the_same_tests_and_another_run_chooses_others(ran):
    assert ran("--slow-share=0.5") == ran("--slow-share=0.5")
    assert ran("--slow-share=0.5") != ran("--slow-share=0.5", of="another run")
