"""Options of the reports, and where they are written.

Read at the start of every test run, so nothing beyond the standard library is imported here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..settings import given, given_path, origin

if TYPE_CHECKING:
    from .story import Story

PAGE = "wsrpc_report"
LINES = "wsrpc_ndjson"
MESSAGES = "wsrpc_ndjson_messages"

_ONLY_SHOWING = ("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow")
"""pytest's options with which no test runs."""

FUZZED = "wsrpc_fuzz"
"""Under this name the reports of the fuzzer's items carry what they have found and counted."""

STORY = "wsrpc_story"
"""Under this name the report of a failed test carries the conversation of its clients, and an
exception what gives the one that led to it."""


def add_options(parser: pytest.Parser) -> None:
    """Add the options of the reports to pytest's, each with an ini setting of the same name."""
    group = parser.getgroup("wsrpc-report", "reports of websocket RPC tests and of the fuzzer")
    page = "write an HTML page of what failed, with its conversations, to this file"
    lines = "write the results to this file while the run goes on, as lines of JSON"
    messages = "with the messages of every case of the fuzzer, also of those that pass"
    group.addoption("--wsrpc-report", dest=PAGE, metavar="FILE.html", default=None, help=page)
    group.addoption("--wsrpc-ndjson", dest=LINES, metavar="FILE", default=None, help=lines)
    group.addoption(
        "--wsrpc-ndjson-messages",
        dest=MESSAGES,
        action="store_true",
        default=None,
        help=f"write the lines of --wsrpc-ndjson {messages}",
    )
    parser.addini(PAGE, f"{page} (option --wsrpc-report)", type="string", default="")
    parser.addini(LINES, f"{lines} (option --wsrpc-ndjson)", type="string", default="")
    parser.addini(
        MESSAGES,
        f"write the lines of wsrpc_ndjson {messages} (option --wsrpc-ndjson-messages)",
        type="bool",
        default=False,
    )


def requested(config: pytest.Config) -> bool:
    """Tell whether any report is wanted, of a run in which there is anything to tell."""
    if any(config.getoption(name, False) for name in _ONLY_SHOWING):
        return False
    return any(given(config, name) for name in (PAGE, LINES))


def wants_cases(config: pytest.Config) -> bool:
    """Tell whether single cases of the fuzzer are to be reported."""
    return bool(given(config, LINES))


def wants_messages(config: pytest.Config) -> bool:
    """Tell whether the messages of all cases are wanted, also of those that pass."""
    return wants_cases(config) and bool(given(config, MESSAGES))


def path_of(config: pytest.Config, name: str) -> Path | None:
    """Return the file of a report, whose directory exists from now on; None if it is not wanted.

    The option is relative to where pytest was started, the ini setting to the ini file. Raises
    `pytest.UsageError` where nothing can be written.
    """
    if not given(config, name):
        return None
    path, told = given_path(config, name), f"{origin(config, name)} {given(config, name)}"
    try:
        if path.is_dir():
            raise pytest.UsageError(f"{told}: expected a file, and this is a directory")
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pytest.UsageError(f"{told}: it cannot be written: {error}") from None
    return path


def check_extra(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` where the page is wanted and its library is not installed."""
    if given(config, PAGE) and importlib.util.find_spec("jinja2") is None:
        raise pytest.UsageError(
            "--wsrpc-report needs Jinja2, which is not installed: "
            "pip install 'pytest-wsrpc[report]'"
        )


def attach(
    report: pytest.TestReport, tell: Callable[[], Story] | None, config: pytest.Config
) -> None:
    """Let the report of a failed test carry a conversation, if anybody wants it."""
    if tell is not None and requested(config):
        setattr(report, STORY, tell().as_json())


def told_by(error: BaseException) -> Callable[[], Story] | None:
    """Return what gives the conversation that led to an exception, None for any other."""
    tell: Callable[[], Story] | None = getattr(error, STORY, None)
    return tell
