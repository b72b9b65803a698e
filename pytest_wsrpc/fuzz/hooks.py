"""The hooks that a conftest.py may have to tell the fuzzer about an application.

Each is a plain function of the name given here, with those of the arguments that it needs. They
count for ``--wsrpc-fuzz`` and for tests under ``@api.parametrize()``. Paths are as the router
writes them, such as ``/rooms/{id}``; methods and phases are given by their names.

Read at the start of every test run, so nothing beyond pytest is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from hypothesis.strategies import SearchStrategy

    from .case import Exchange
    from .login import Client


@pytest.hookspec
def pytest_wsrpc_login(client: Client, endpoint: str, method: str | None) -> Awaitable[None] | None:
    """Log in on a new connection, before a case is played on it.

    Usually ``async``; called for each connection that the fuzzer opens, also for each that a
    conversation opens again. `method` is the method that is fuzzed, None where it is the endpoint
    as a whole. An exception, also that of a call that is refused, ends the item with what was said.
    Example::

        async def pytest_wsrpc_login(client, endpoint):
            if endpoint == "/stream":
                await client.call("login", {"token": make_token("ann")})
    """


@pytest.hookspec
def pytest_wsrpc_headers(endpoint: str) -> Mapping[str, str] | None:
    """Give headers of the handshakes with an endpoint, such as a token that is made for the run.

    Called once for each item. One that ``--wsrpc-header`` gives, too, has the value given there.
    Reports and the tests to paste do not show the values of secret ones. Example::

        def pytest_wsrpc_headers():
            return {"Authorization": f"Bearer {make_token('ann')}"}
    """


@pytest.hookspec(firstresult=True)
def pytest_wsrpc_strategy(
    endpoint: str, method: str, field: str | None
) -> SearchStrategy[Any] | None:
    """Give the hypothesis strategy for a field of a method's payloads, or for the whole payload.

    Asked first with the `field` None, for the whole payload, an object. Where no hook gives one,
    it is asked with each field of the payload's type; a field of a nested object is
    ``address.city``, one in each item of a list ``lines.sku``. The strategy draws the value of the
    field in each payload that has the field. What it draws must be of the field's type: it is for
    values that the type accepts and the application knows. Example::

        def pytest_wsrpc_strategy(method, field):
            if field == "symbol":
                return st.sampled_from(["AAPL", "MSFT"])
    """


@pytest.hookspec
def pytest_wsrpc_checks() -> Mapping[str, Callable[[Exchange], None]] | None:
    """Give checks of your own, by their names; ``@fuzz.check("name")`` does the same.

    For checks that a conftest.py imports, and for plugins. Example::

        def pytest_wsrpc_checks():
            return {"total-is-positive": checks.total_is_positive}
    """


@pytest.hookspec(firstresult=True)
def pytest_wsrpc_skip(endpoint: str, method: str | None, phase: str) -> str | None:
    """Give the reason why a method is not to be called in a phase, None to let it be.

    The item is skipped with that reason; in phases that call several methods, all others are
    called. `method` is None for what concerns the endpoint as a whole. Example::

        def pytest_wsrpc_skip(method):
            if method == "shut_down":
                return "it ends the process"
    """
