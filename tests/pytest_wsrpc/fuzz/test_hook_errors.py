"""What is said where a hook of a conftest.py gives what has no meaning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (
            "def pytest_wsrpc_login(client):\n    return 7",
            "pytest_wsrpc_login (conftest.py:1): expected nothing, or what can be awaited, got 7",
        ),
        (
            "def pytest_wsrpc_headers():\n    return [1]",
            "pytest_wsrpc_headers (conftest.py:1): expected a mapping of names to values, got *",
        ),
        (
            "def pytest_wsrpc_headers():\n    return {'X User': 'ann'}",
            "pytest_wsrpc_headers (conftest.py:1): expected names of headers for keys, got 'X U*",
        ),
        (
            "def pytest_wsrpc_headers():\n    return {'X-User': 7}",
            "pytest_wsrpc_headers (conftest.py:1): expected a text of one line for X-User, got int",
        ),
        (
            "def pytest_wsrpc_headers():\n    return {'X-User': 'a\\nb'}",
            "pytest_wsrpc_headers (conftest.py:1): * for X-User, got a line break",
        ),
    ],
)
def test_a_hook_that_gives_nonsense_is_told_with_its_place(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, hook: str, says: str
) -> None:
    write_app()
    pytester.makeconftest(hook)
    result = fuzz("-k", "protocol")
    assert result.parseoutcomes().get("failed") == 1
    result.stdout.fnmatch_lines([says])
    assert "Traceback" not in result.stdout.str()


def test_a_login_of_two_kinds_is_told_and_leaves_no_coroutine(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeconftest("def pytest_wsrpc_login(client):\n    return 7")
    pytester.mkdir("test_inner").joinpath("conftest.py").write_text(
        "async def pytest_wsrpc_login(client): ..."
    )
    result = fuzz("-k", "protocol", "-W", "error::RuntimeWarning")
    assert result.parseoutcomes().get("failed") == 1
    result.stdout.fnmatch_lines(["pytest_wsrpc_login (*conftest.py:1, *conftest.py:1): *"])


@pytest.mark.parametrize(
    ("given", "says"), [("7", "got 7"), ("''", "got ''"), ("True", "got True")]
)
def test_a_reason_that_is_none_is_a_collection_error(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, given: str, says: str
) -> None:
    write_app()
    pytester.makeconftest(f"def pytest_wsrpc_skip():\n    return {given}")
    result = fuzz()
    assert result.parseoutcomes()["errors"] >= 1
    result.stdout.fnmatch_lines(
        [f"pytest_wsrpc_skip (conftest.py:1): expected the reason as a text, or None, {says}"]
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("[1]", "expected a mapping of names to functions, got [[]1]"),
        ("{'one': 1}", "expected a function for the check 'one', got 1"),
        ("{'Not A Name': print}", "fuzz.check('Not A Name'): the name of a check is of lower*"),
        ("{'conforms': lambda exchange: None}", "the check 'conforms' (*there is one of this n*"),
        ("{'two': lambda: None}", "the check 'two' (*is called with one argument, the exchange*"),
    ],
)
def test_checks_that_are_none_are_a_usage_error(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, given: str, says: str
) -> None:
    write_app()
    pytester.makeconftest(f"def pytest_wsrpc_checks():\n    return {given}")
    result = fuzz()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest_wsrpc_checks (conftest.py:1): {says}"])


def test_a_hook_of_a_plugin_without_source_is_named() -> None:
    from pathlib import Path

    from pytest_wsrpc.fuzz import hooks
    from pytest_wsrpc.fuzz.rules import Rules

    class Hook:
        __name__ = "pytest_wsrpc_skip"

        def __call__(self, method: str) -> None: ...

    class Plugin:
        pytest_wsrpc_skip = Hook()

    manager = pytest.PytestPluginManager()
    manager.add_hookspecs(hooks)
    manager.register(Plugin(), "odd-plugin")
    impls = manager.hook.pytest_wsrpc_skip.get_hookimpls()
    told = Rules(manager.hook, Path("/")).places("pytest_wsrpc_skip")
    assert told == f"pytest_wsrpc_skip ({'odd-plugin' if impls else ''})"
