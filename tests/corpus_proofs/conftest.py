"""Show that what `tests/corpus` says of its applications is so: each by a conversation by hand.

The test of an application is named for it: ``test_cinema`` talks to ``tests/corpus/cinema.py``.
Proofs stand apart from the applications, so that nothing of them helps a fuzzer.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc import WsTestClient
from wsrpc import SOCKETS_KEY, SocketsManager

CORPUS = Path(__file__).parents[1] / "corpus"

Request = tuple[str, dict[str, Any]]


def load(name: str) -> ModuleType:
    """Import an application of the corpus anew."""
    module_name = f"corpus_{name}"
    spec = importlib.util.spec_from_file_location(module_name, CORPUS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # where annotations are looked up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def corpus() -> dict[str, ModuleType]:
    """All applications by name."""
    return {path.stem: load(path.stem) for path in sorted(CORPUS.glob("*.py"))}


@pytest.fixture
def ws_app(request: pytest.FixtureRequest) -> web.Application:
    name = request.function.__name__.removeprefix("test_")
    app: web.Application = load(name).create_app()
    return app


@pytest.fixture
def broker(ws_app: web.Application) -> SocketsManager:
    return ws_app[SOCKETS_KEY]


@pytest.fixture
def code() -> Callable[..., Awaitable[int | None]]:
    """Call a method, and return the code of its error, None for a response."""

    async def call(client: WsTestClient, method: str, **payload: Any) -> int | None:
        reply = await client.request(method, payload)
        found: int | None = reply.get("error", {}).get("code")
        return found

    return call


@pytest.fixture
def together() -> Callable[..., Awaitable[list[Any]]]:
    """Make calls that overlap, of one client or of several; return responses, or error codes."""

    async def call(*calls: tuple[WsTestClient, str, dict[str, Any]]) -> list[Any]:
        replies = await asyncio.gather(*(one.request(name, data) for one, name, data in calls))
        return [
            reply["error"]["code"] if "error" in reply else reply["response"] for reply in replies
        ]

    return call


@pytest.fixture
def failing(broker: SocketsManager) -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Let a hook of the broker raise, as a broker does that cannot be reached."""

    @contextlib.contextmanager
    def fail(hook: str, error: Exception) -> Iterator[None]:
        async def failed(*args: Any) -> None:
            raise error

        setattr(broker, hook, failed)
        yield
        delattr(broker, hook)

    return fail


@pytest.fixture
def slow(broker: SocketsManager) -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Let a hook of the broker take some time."""

    @contextlib.contextmanager
    def slow_down(hook: str) -> Iterator[None]:
        original = getattr(broker, hook)

        async def slowed(*args: Any) -> None:
            await asyncio.sleep(0.01)
            await original(*args)

        setattr(broker, hook, slowed)
        yield
        delattr(broker, hook)

    return slow_down


class Interrupted(BaseException):
    """The event loop was held too long."""


@pytest.fixture
def interrupting() -> Iterator[type[Interrupted]]:
    """Interrupt whatever holds the event loop for half a second."""

    def interrupt(*args: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    yield Interrupted
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def settle() -> Callable[[], Awaitable[None]]:
    """Let the server see what clients have done."""

    async def wait() -> None:
        await asyncio.sleep(0.05)

    return wait
