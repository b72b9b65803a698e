"""Run pytest with the fuzzer on a small application in a directory of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

import hypothesis
import jsonschema_rs  # noqa: F401 - can be loaded only once, and pytester unloads what it has loaded
import pytest
from hypothesis.database import InMemoryExampleDatabase

import pytest_wsrpc.fuzz.session  # noqa: F401 - likewise slow to load for each run

APP = """
from dataclasses import dataclass

from aiohttp import web
from wsrpc import ApiPath, InvalidParams, LocalBroker, RpcError, WsPathMixin


@dataclass
class Numbers:
    a: int
    b: int = 1


@dataclass
class Number:
    value: int


class Stream(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Numbers) -> Number:
        return Number(payload.a + payload.b)

    METHODS


def create_app():
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def profile() -> Iterator[None]:
    """Give the runs of one test a database that they share, and leave this suite's own alone."""
    before = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile(
        "fuzz-tests", derandomize=False, database=InMemoryExampleDatabase()
    )
    hypothesis.settings.load_profile("fuzz-tests")
    yield
    hypothesis.settings.load_profile(before)


@pytest.fixture
def write_app(pytester: pytest.Pytester) -> Callable[..., None]:
    """Write myapp.py, with these methods on the view and this text at the end."""

    def write(methods: str = "", end: str = "", name: str = "myapp") -> None:
        body = textwrap.indent(textwrap.dedent(methods), "    ").strip()
        source = APP.replace("METHODS", body) + textwrap.dedent(end)
        pytester.makepyfile(**{name: source})

    return write


@pytest.fixture
def fuzz(pytester: pytest.Pytester) -> Run:
    """Run pytest on ``myapp:create_app`` with a fixed seed and few examples."""

    def run(*arguments: str, target: str | None = "myapp:create_app") -> pytest.RunResult:
        chosen = ["--wsrpc-fuzz", target] if target else []
        if not any(argument.startswith("--wsrpc-seed") for argument in arguments):
            chosen += ["--wsrpc-seed=1"]
        if not any(argument.startswith("--wsrpc-max-examples") for argument in arguments):
            chosen += ["--wsrpc-max-examples=50"]
        return pytester.runpytest_inprocess("-p", "no:randomly", *chosen, *arguments)

    return run


@pytest.fixture
def paste() -> Callable[[pytest.RunResult], str]:
    """Take the ready-made test out of a report."""

    def taken(result: pytest.RunResult) -> str:
        lines = result.outlines
        start = lines.index("as a test:") + 2
        end = next(
            index
            for index, line in enumerate(lines[start:], start)
            if line and not line.startswith("    ")
        )
        return textwrap.dedent("\n".join(lines[start:end]))

    return taken
