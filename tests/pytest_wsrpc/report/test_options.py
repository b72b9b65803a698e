"""Where the reports go, and what is said where they cannot."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pytest_wsrpc.report.page  # noqa: F401 - pytester unloads what an inner run has loaded
from pytest_wsrpc.report.ndjson import Lines
from pytest_wsrpc.report.writing import write_atomically

Run = Callable[..., pytest.RunResult]

PASSES = "def test_it(): pass"


def test_reports_are_written_where_pytest_was_started(
    suite: Run, pytester: pytest.Pytester
) -> None:
    suite(PASSES, "--wsrpc-report=new/deep/report.html", "--wsrpc-ndjson=more/results.ndjson")
    assert "No failure" in (pytester.path / "new/deep/report.html").read_text("utf-8")
    assert '"summary"' in (pytester.path / "more/results.ndjson").read_text("utf-8")


def test_the_terminal_names_the_reports(suite: Run, pytester: pytest.Pytester) -> None:
    result = suite(PASSES, "--wsrpc-report=a.html", "--wsrpc-ndjson=b.ndjson")
    result.stdout.fnmatch_lines(["wsrpc report: *a.html", "wsrpc results: *b.ndjson"])


def test_without_the_options_nothing_is_written(suite: Run, pytester: pytest.Pytester) -> None:
    before = {path.name for path in pytester.path.iterdir()}
    result = suite(PASSES)
    result.stdout.no_fnmatch_line("*wsrpc re*")
    written = {path.name for path in pytester.path.iterdir()} - before
    assert written <= {"__pycache__", ".pytest_cache", "pytest.ini", "tox.ini", "test_it.py"}


@pytest.mark.parametrize("option", ["-q", "--wsrpc-ndjson=a.ndjson"])
def test_reports_of_tests_carry_a_conversation_only_where_it_is_asked_for(
    suite: Run, option: str
) -> None:
    source = """
        import pytest
        from application import create_app

        @pytest.fixture
        def ws_app():
            return create_app()

        async def test_it(ws_client):
            assert 0
    """
    conftest = """
        def pytest_runtest_logreport(report):
            if report.failed:
                print("carries:", hasattr(report, "wsrpc_story"))
    """
    result = suite(source, "-s", option, conftest=conftest)
    result.stdout.fnmatch_lines([f"*carries: {option != '-q'}"])


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures", "--help", "--cache-show"])
def test_where_no_test_runs_the_reports_of_the_last_run_stay(
    suite: Run, pytester: pytest.Pytester, option: str
) -> None:
    pytester.mkdir("out")
    for name in ("out/a.html", "out/a.ndjson"):
        pytester.path.joinpath(name).write_text("kept")
    suite(PASSES, option, ini="wsrpc_report = out/a.html\nwsrpc_ndjson = out/a.ndjson")
    assert pytester.path.joinpath("out/a.html").read_text() == "kept"
    assert pytester.path.joinpath("out/a.ndjson").read_text() == "kept"


def test_settings_are_relative_to_the_ini_file(
    suite: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.mkdir("elsewhere")
    monkeypatch.chdir(pytester.path / "elsewhere")
    ini = "wsrpc_report = out/a.html\nwsrpc_ndjson = out/a.ndjson\nwsrpc_ndjson_messages = true"
    suite(PASSES, f"--rootdir={pytester.path}", "../test_it.py", ini=ini)
    assert {path.name for path in (pytester.path / "out").iterdir()} == {"a.html", "a.ndjson"}


def test_an_option_takes_the_place_of_the_setting(suite: Run, pytester: pytest.Pytester) -> None:
    suite(PASSES, "--wsrpc-report=b.html", ini="wsrpc_report = a.html")
    assert (pytester.path / "b.html").exists()
    assert not (pytester.path / "a.html").exists()


@pytest.mark.parametrize("option", ["--wsrpc-report", "--wsrpc-ndjson"])
def test_a_directory_is_no_file(suite: Run, pytester: pytest.Pytester, option: str) -> None:
    pytester.mkdir("taken")
    result = suite(PASSES, f"{option}=taken")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: {option} taken: expected a file, and this is a directory"]
    )


def test_a_directory_that_cannot_be_made_is_named(suite: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("taken").write_text("a file")
    result = suite(PASSES, ini="wsrpc_report = taken/a.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: ini setting wsrpc_report = taken/a.html: it cannot be written: *"]
    )


def test_results_that_cannot_be_written_are_told_before_the_first_test(suite: Run) -> None:
    result = suite(PASSES, f"--wsrpc-ndjson={'a' * 300}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --wsrpc-ndjson *: it cannot be written: *too long*"])


def test_a_file_that_cannot_be_opened_is_told(
    suite: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(pytest.UsageError, match=r"a\.ndjson: it cannot be written: .*denied"):
        Lines.open(pytester.path / "a.ndjson")


def test_a_page_that_cannot_be_written_leaves_the_outcome_and_is_told(
    suite: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_wsrpc.report.writing.write_atomically", refuse)
    result = suite(PASSES, "--wsrpc-report=a.html")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the report could not be written to *a.html: *No space left*"])


def test_without_jinja_the_page_is_refused_with_what_to_install(
    suite: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec

    def find(name: str, *more: Any) -> Any:
        return None if name == "jinja2" else real(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    result = suite(PASSES, "--wsrpc-report=a.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: * needs Jinja2, *: pip install 'pytest-wsrpc[[]report]'"])
    suite(PASSES, "--wsrpc-ndjson=a.ndjson").assert_outcomes(passed=1)


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gone" / "a.html"
    write_atomically(path, "one\n\ud800")
    assert path.read_text("utf-8") == "one\n?"

    def fail(source: str, target: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no"):
        write_atomically(path, "two")
    assert path.read_text("utf-8") == "one\n?"
    assert [file.name for file in path.parent.iterdir()] == ["a.html"]


def test_a_report_may_be_read_by_whoever_may_read_any_new_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.html", "")
    (tmp_path / "b.html").write_text("")
    assert (tmp_path / "a.html").stat().st_mode == (tmp_path / "b.html").stat().st_mode
