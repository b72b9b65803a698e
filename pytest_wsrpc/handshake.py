"""Why an application cannot be served or connected to, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest
from aiohttp import web

from wsrpc import WsPathMixin

from . import internals, loops


def check_application(request: pytest.FixtureRequest, app: object) -> None:
    """Fail where the fixture ``ws_app`` gives something that is no application."""
    if isinstance(app, web.Application):
        return
    definition = internals.fixture_in_use(request, "ws_app")
    where = loops.where_defined(definition, request.config)
    advice = "has it a return?" if app is None else f"it gave {app!r:.100}"
    pytest.fail(f"`ws_app` ({where}) gave no web.Application: {advice}", pytrace=False)


@contextmanager
def told_if_refused(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail with what to do about a handshake of ``ws_client`` that the application refused."""
    refusal = None
    try:
        yield
    except aiohttp.WSServerHandshakeError as error:
        refusal = error
    if refusal is not None:
        pytest.fail(_advice(request, refusal.status), pytrace=False)


def _advice(request: pytest.FixtureRequest, status: int) -> str:
    path = request.config.getini("wsrpc_path")
    answer = f"`ws_client` could not connect: GET {path} was answered with {status}"
    if status in (401, 403):
        return (
            f"{answer}.\n\nGive the client what the application asks for:\n\n"
            "    @pytest_asyncio.fixture\n"
            "    async def ws_client(ws_connect):\n"
            '        return await ws_connect(headers={"Authorization": "..."})'
        )
    paths = _websocket_paths(request.getfixturevalue("ws_app"))
    if status == 404 and paths:
        return (
            f"{answer}. The application has its websockets at {', '.join(paths)}.\n\n"
            f"Name the path in the ini file: wsrpc_path = {paths[0]}"
        )
    return f"{answer}."


def _websocket_paths(app: web.Application) -> list[str]:
    paths = {}
    for route in app.router.routes():
        if isinstance(route.handler, type) and issubclass(route.handler, WsPathMixin):
            assert route.resource is not None
            paths[route.resource.canonical] = route
    return list(paths)
