"""Why an application cannot be served or connected to, and what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from wsrpc import WsPathMixin

from . import internals, loops, observer
from .transcript import describe, shorten

_UNAUTHORIZED: Final = (401, 403)
_ELSEWHERE: Final = (404, 405)
"""The answers where no websocket is, and where there is only a form or the like."""


def check_application(request: pytest.FixtureRequest, app: object) -> None:
    """Fail where the fixture ``ws_app`` gives something that is no application."""
    if isinstance(app, web.Application):
        return
    definition = internals.fixture_in_use(request, "ws_app")
    where = loops.where_defined(definition, request.config)
    advice = "has it a return?" if app is None else f"it gave {app!r:.100}"
    if inspect.isroutine(app):
        advice = f"it gave the function {app.__name__}, call it: `return {app.__name__}()`"
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
        path = request.config.getini("wsrpc_path")
        errors = observer.observe(request.node).server_errors
        answer = f"`ws_client` could not connect: {_answer(refusal.status, path, errors)}"
        if refusal.status in _UNAUTHORIZED:
            answer += (
                "\n\nGive the client what the application asks for:\n\n"
                "    @pytest_asyncio.fixture\n"
                "    async def ws_client(ws_connect):\n"
                '        return await ws_connect(headers={"Authorization": "..."})'
            )
        paths = _websocket_paths(request.getfixturevalue("ws_app"))
        if refusal.status in _ELSEWHERE and paths:
            answer += (
                f" The application has its websockets at {', '.join(paths)}."
                f"\n\nName the path in the ini file: wsrpc_path = {paths[0]}"
            )
        raise pytest.fail.Exception(answer, pytrace=False) from None


def note_refusal(
    refusal: aiohttp.WSServerHandshakeError,
    path: str,
    app: web.Application,
    errors: Sequence[BaseException],
) -> None:
    """Add to the refusal of a call of ``ws_connect`` what the server says, and what to write."""
    refusal.add_note(_answer(refusal.status, path, errors))
    if refusal.status in _UNAUTHORIZED:
        refusal.add_note(
            "Give the client what the application asks for: "
            'await ws_connect(headers={"Authorization": "..."})'
        )
    paths = _websocket_paths(app)
    if refusal.status in _ELSEWHERE and paths:
        refusal.add_note(
            f"The application has its websockets at {', '.join(paths)}: "
            f"await ws_connect({paths[0]!r})"
        )


def _answer(status: int, path: str, errors: Sequence[BaseException]) -> str:
    answer = f"GET {path} was answered with {status}"
    if status >= 500 and errors:
        answer += f", the server raised {shorten(describe(errors[-1]), 200)}"
    return f"{answer}."


def _websocket_paths(app: web.Application) -> list[str]:
    paths = {}
    for route in app.router.routes():
        if isinstance(route.handler, type) and issubclass(route.handler, WsPathMixin):
            assert route.resource is not None
            paths[route.resource.canonical] = route
    return list(paths)
