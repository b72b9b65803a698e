"""A broker that the application does not use: an event published on it would reach nobody."""

from __future__ import annotations

import textwrap

import pytest
import pytest_asyncio

from wsrpc import SocketsManager

from . import internals, loops
from .managers import managers_of


def check_broker(item: pytest.Function) -> None:
    """Fail the set-up of a test whose application and broker do not belong together.

    An application without any manager may get one when it starts, so it is judged after that. A
    fixture of the same name that gives something else is none of our business.
    """
    if "broker" not in item.fixturenames:
        return
    request = internals.request_of(item)
    broker = request.getfixturevalue("broker")
    if not isinstance(broker, SocketsManager):
        return
    if pytest_asyncio.is_async_test(item):
        loops.check_override(request, "broker", loops.loop_of_test(request))
    if "ws_app" in item.fixturenames:
        app = request.getfixturevalue("ws_app")
        managers = managers_of(app)
        if broker not in managers.values() and (managers or app.frozen):
            pytest.fail(_message(request, broker, managers), pytrace=False)


def _message(
    request: pytest.FixtureRequest, broker: SocketsManager, managers: dict[str, SocketsManager]
) -> str:
    where = {
        name: loops.where_defined(internals.fixture_in_use(request, name), request.config)
        for name in ("broker", "ws_app")
    }
    head = (
        f"{request.node.name} uses a `broker` that its application does not use: nobody hears what "
        "it publishes.\n\n"
        f"    broker  {where['broker']}  gives a {type(broker).__name__}\n"
    )
    if not managers:
        return f"{head}    ws_app  {where['ws_app']}  has no broker: leave `broker` out of the test"
    held = ", ".join(f"{type(manager).__name__}" for manager in managers.values())
    return (
        f"{head}    ws_app  {where['ws_app']}  has its own {held}\n\n"
        "Override `broker` next to `ws_app`:\n\n"
        + textwrap.indent(_override(next(iter(managers))), "    ")
    )


def _override(expression: str) -> str:
    lines = [
        "@pytest.fixture",
        "def broker(ws_app):",
        f"    return {expression}",
    ]
    if "SOCKETS_KEY" in expression:
        lines = ["from wsrpc import SOCKETS_KEY", "", *lines]
    return "\n".join(lines)
