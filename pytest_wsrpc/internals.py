"""The private names of pytest and pytest-asyncio that the plugin needs: all of them, only here.

Each has a public face in this module and a contract test. Where one is gone, the error says
which version was installed and what to do.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

import pytest


def request_of(item: pytest.Function) -> pytest.FixtureRequest:
    """Give the request with which a test asks for its fixtures."""
    try:
        request = item._request
    except AttributeError:
        raise _gone("pytest", "Function._request") from None
    assert isinstance(request, pytest.FixtureRequest)
    return request


def fixture_in_use(request: pytest.FixtureRequest, name: str) -> pytest.FixtureDef[Any]:
    """Give the definition of the fixture `name` that this test uses, overrides considered."""
    try:
        definition = request._get_active_fixturedef(name)
    except AttributeError:
        raise _gone("pytest", "FixtureRequest._get_active_fixturedef") from None
    assert isinstance(definition, pytest.FixtureDef)
    return definition


def finish_fixture(request: pytest.FixtureRequest) -> None:
    """Tear the fixture down whose request this is, after all fixtures that ask for it.

    Its own tear-down finds it done already.
    """
    try:
        finish = request._fixturedef.finish  # type: ignore[attr-defined]
    except AttributeError:
        raise _gone("pytest", "SubRequest._fixturedef.finish") from None
    finish(request)


def runner_of_scope(request: pytest.FixtureRequest, scope: str) -> asyncio.Runner:
    """Give the runner of the event loop that pytest-asyncio keeps for this scope."""
    name = f"_{scope}_scoped_runner"
    try:
        runner = request.getfixturevalue(name)
    except pytest.FixtureLookupError:
        raise _gone("pytest-asyncio", f"the fixture {name}") from None
    assert isinstance(runner, asyncio.Runner)
    return runner


def loop_scope_of_function(function: Any) -> str | None:
    """Give the loop_scope that was written at ``@pytest_asyncio.fixture``, if one was."""
    scope = getattr(function, "_loop_scope", None)
    assert scope is None or isinstance(scope, str)
    return scope


def is_asyncio_fixture(function: Any) -> bool:
    """Tell whether ``@pytest_asyncio.fixture`` made this fixture."""
    return getattr(function, "_force_asyncio_fixture", False) is True


def _gone(distribution: str, name: str) -> pytest.UsageError:
    return pytest.UsageError(
        f"{distribution} {version(distribution)} does not have {name}, on which the fixtures of "
        f"pytest-wsrpc {version('pytest-wsrpc')} rest. Install an earlier {distribution}, or a "
        "later pytest-wsrpc."
    )
