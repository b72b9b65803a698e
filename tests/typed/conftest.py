"""The application under test, and what the fuzzer cannot know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_type

import checks
import pytest
from aiohttp import web
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from shop import STOCK, create_app

from pytest_wsrpc import fuzz
from wsrpc import SOCKETS_KEY, SocketsManager


@pytest.fixture
def ws_app() -> web.Application:
    return create_app()


@pytest.fixture
def broker(ws_app: web.Application) -> SocketsManager:
    return ws_app[SOCKETS_KEY]


@pytest.fixture
def stock(ws_app: web.Application) -> dict[str, int]:
    return ws_app[STOCK]


async def pytest_wsrpc_login(client: fuzz.Client, endpoint: str, method: str | None) -> None:
    if endpoint == "/shop" and method != "login":
        assert_type(await client.request("login", {"token": "let me in"}), dict[str, Any])


def pytest_wsrpc_headers(endpoint: str) -> Mapping[str, str] | None:
    return {"Authorization": "Bearer abc"}


def pytest_wsrpc_strategy(
    endpoint: str, method: str, field: str | None
) -> SearchStrategy[Any] | None:
    if (method, field) == ("order", "item"):
        return st.sampled_from(["tea", "cup"])
    return None


def pytest_wsrpc_skip(endpoint: str, method: str | None, phase: str) -> str | None:
    return "it hangs up" if method == "leave" else None


def pytest_wsrpc_checks() -> Mapping[str, Callable[[fuzz.Exchange], None]]:
    return {"nothing-is-owed": checks.nothing_is_owed}
