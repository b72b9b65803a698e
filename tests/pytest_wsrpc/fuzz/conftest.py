"""Run pytest with the fuzzer on a small application in a directory of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence

import hypothesis
import jsonschema_rs  # noqa: F401 - can be loaded only once, and pytester unloads what it has loaded
import pytest
from hypothesis.database import InMemoryExampleDatabase

import pytest_wsrpc.fuzz.parametrized
import pytest_wsrpc.fuzz.session  # noqa: F401
from pytest_wsrpc.fuzz import collection
from pytest_wsrpc.fuzz.catalogue import CHECKS
from pytest_wsrpc.fuzz.phases import PHASES

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


@pytest.fixture(autouse=True)
def own_checks() -> Iterator[None]:
    """Forget the checks of a run's conftest.py: the runs share a process."""
    before = dict(CHECKS)
    yield
    CHECKS.clear()
    CHECKS.update(before)


@pytest.fixture
def write_app(pytester: pytest.Pytester) -> Callable[..., None]:
    """Write myapp.py, with these methods on the view and this text at the end."""

    def write(methods: str = "", end: str = "", name: str = "myapp") -> None:
        body = textwrap.indent(textwrap.dedent(methods), "    ").strip()
        source = APP.replace("METHODS", body) + textwrap.dedent(end)
        pytester.makepyfile(**{name: source})

    return write


@pytest.fixture
def fuzz(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest on ``myapp:create_app`` with a fixed seed and few examples.

    Unless told, in the phases of one message only.
    """

    def run(
        *arguments: str,
        target: str | None = "myapp:create_app",
        phases: Sequence[str] = ("accepts", "refuses", "protocol"),
    ) -> pytest.RunResult:
        chosen_phases = tuple(phase for phase in PHASES if phase.name in phases)
        monkeypatch.setattr(collection, "PHASES", chosen_phases)
        chosen = ["--wsrpc-fuzz", target] if target else []
        if not any(argument.startswith("--wsrpc-seed") for argument in arguments):
            chosen += ["--wsrpc-seed=1"]
        if not any(argument.startswith("--wsrpc-max-examples") for argument in arguments):
            chosen += ["--wsrpc-max-examples=10"]
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


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Run:
    """Run a test module beside myapp.py, with pytest-asyncio in this mode."""

    def run(source: str, *options: str, mode: str = "auto") -> pytest.RunResult:
        pytester.makeini(
            f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
            "pythonpath = .\nfilterwarnings = error\n"
        )
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_inprocess("-p", "no:randomly", *options)

    return run
