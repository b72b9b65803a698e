"""``--wsrpc-fuzz fixture:ws_app``: the application fixture of a suite is fuzzed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]

METHODS = """
async def ws_rpc_count(self, payload: Numbers) -> int:
    self.sockets.calls = getattr(self.sockets, "calls", 0) + 1
    return self.sockets.calls
"""
ONCE = """
from pytest_wsrpc import fuzz

@fuzz.check("once")
def once(exchange):
    if exchange.method == "count" and exchange.is_success:
        assert exchange.response == 1
"""
FIXTURES = {
    "plain": """
        import pytest
        from myapp import create_app

        @pytest.fixture
        def ws_app(request):
            request.getfixturevalue("log").append("set up")
            yield create_app()
            request.getfixturevalue("log").append("torn down")
    """,
    "named": """
        import pytest
        from myapp import create_app

        @pytest.fixture(name="ws_app")
        def anything(log):
            log.append("set up")
            yield create_app()
            log.append("torn down")
    """,
    "async": """
        import asyncio, pytest, pytest_asyncio
        from myapp import create_app

        @pytest_asyncio.fixture
        async def ws_app(log):
            log.append("set up")
            loop = asyncio.get_running_loop()
            await asyncio.sleep(60)
            app = create_app()
            async def check(app):
                assert asyncio.get_running_loop() is loop
            app.on_startup.append(check)
            yield app
            await asyncio.sleep(60)
            log.append("torn down")
    """,
    "broker": """
        import pytest
        from myapp import create_app

        @pytest.fixture
        def ws_app(broker, log):
            log.append("set up")
            yield create_app()
            log.append("torn down")
    """,
}
LOG = """
import pytest

entries = []

@pytest.fixture(scope="session")
def log():
    return entries

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{entries.count('set up')} {entries.count('torn down')} set up")
"""


@pytest.mark.parametrize("kind", list(FIXTURES))
def test_each_case_gets_a_fresh_application_of_a_fixture(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, kind: str
) -> None:
    write_app(METHODS)
    pytester.makeconftest(FIXTURES[kind])
    with pytester.path.joinpath("conftest.py").open("a") as conftest:
        conftest.write(ONCE + LOG)
    result = fuzz("-k", "count and accepts", "-v", target="fixture:ws_app")
    assert result.parseoutcomes()["passed"] == 1
    result.stdout.fnmatch_lines(
        ["conftest.py::ws_app::/stream::count::accepts PASSED*", "/stream count *10 *100 %*"]
    )
    counts = next(line for line in result.outlines if line.endswith(" set up")).split()
    # one for the methods, one for the handshake, one for each case
    assert int(counts[0]) == int(counts[1]) >= 12


def test_a_fixture_of_a_wider_scope_is_one_application(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(METHODS)
    pytester.makeconftest(
        """
        import pytest
        from myapp import create_app

        @pytest.fixture(scope="session")
        def ws_app():
            return create_app()
        """
        + ONCE.replace("\n", "\n        ")
    )
    result = fuzz("-k", "accepts", target="fixture:ws_app")
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"]) == (1, 1)
    result.stdout.fnmatch_lines(["check: once", "got: assert [1-9]* == 1"])


def test_a_defect_behind_a_fixture_is_found_and_its_id_can_be_pasted_back(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app("async def ws_rpc_fail(self, payload): raise LookupError('gone')")
    pytester.makeconftest(FIXTURES["plain"] + LOG.replace("\n", "\n        "))
    result = fuzz("-rf", "-k", "fail", target="fixture:ws_app")
    failed = next(line for line in result.outlines if line.startswith("FAILED")).split()[1]
    assert failed == "conftest.py::ws_app::/stream::fail::accepts"
    again = fuzz(failed, target="fixture:ws_app")
    assert again.parseoutcomes()["failed"] == 1
    assert "passed" not in again.parseoutcomes()


@pytest.mark.parametrize("name", ["ws_app", "app"])
def test_the_test_to_paste_uses_the_fixture(
    write_app: WriteApp,
    fuzz: Run,
    pytester: pytest.Pytester,
    paste: Callable[[pytest.RunResult], str],
    name: str,
) -> None:
    write_app("async def ws_rpc_fail(self, payload): raise LookupError('gone')")
    pytester.makeconftest(
        f"import pytest, myapp\n@pytest.fixture\ndef {name}():\n    return myapp.create_app()"
    )
    found = fuzz("-k", "fail and accepts", target=f"fixture:{name}")
    test = paste(found)
    assert "import create_app" not in test
    pytester.makepyfile(test_pasted=test)
    pasted = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    pasted.assert_outcomes(failed=1)
    pasted.stdout.fnmatch_lines(["*-32603*"])


def test_a_module_of_fixtures_that_conftest_names_may_have_it(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    fixture = "import pytest, myapp\n@pytest.fixture\ndef ws_app():\n    return myapp.create_app()"
    pytester.makepyfile(suite_fixtures=fixture)
    pytester.makeconftest("pytest_plugins = ['suite_fixtures']")
    pytester.syspathinsert()
    result = fuzz("-v", "-k", "accepts", target="fixture:ws_app")
    result.stdout.fnmatch_lines(["suite_fixtures.py::ws_app::/stream::add::accepts PASSED*"])


def test_the_innermost_conftest_has_the_fixture(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    fixture = "import pytest\n@pytest.fixture\ndef ws_app():\n    raise LookupError('outer')"
    pytester.makeconftest(fixture)
    inner = pytester.mkdir("test_a") / "conftest.py"
    inner.write_text(
        fixture.replace("raise LookupError('outer')", "import myapp\n")
        + "    return myapp.create_app()"
    )
    result = fuzz("-v", "-k", "accepts", target="fixture:ws_app")
    result.stdout.fnmatch_lines(["test_a/conftest.py::ws_app::/stream::add::accepts PASSED*"])
    other = pytester.mkdir("test_b") / "conftest.py"
    other.write_text(fixture)
    unclear = fuzz(target="fixture:ws_app")
    assert unclear.ret == pytest.ExitCode.USAGE_ERROR
    unclear.stderr.fnmatch_lines(
        [
            "ERROR: --wsrpc-fuzz fixture:ws_app: test_a/conftest.py and test_b/conftest.py have a "
            "fixture 'ws_app': give the path of one, too"
        ]
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise LookupError('no database')", "LookupError: no database"),
        ("return 7", "TypeError: fixture:ws_app is to give an aiohttp.web.Application, it gave 7"),
        ("pytest.skip('no database')", "*no database*"),
    ],
)
def test_a_fixture_without_an_application_is_a_collection_error(
    fuzz: Run, pytester: pytest.Pytester, body: str, says: str
) -> None:
    pytester.makeconftest(f"import pytest\n@pytest.fixture\ndef ws_app():\n    {body}")
    result = fuzz("-rs", target="fixture:ws_app")
    result.stdout.fnmatch_lines([f"*{says}"])
    assert result.ret in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.NO_TESTS_COLLECTED)


LATER = """
import pytest, myapp

made = []

@pytest.fixture
def ws_app():
    made.append(1)
    if len(made) > 5:
        {set_up}
    yield myapp.create_app()
    if len(made) > 5:
        {tear_down}
"""


@pytest.mark.parametrize(
    ("set_up", "tear_down", "says"),
    [
        ("raise LookupError('gone')", "pass", "LookupError: gone"),
        ("pass", "raise LookupError('stuck')", "LookupError: stuck"),
        ("yield 7; return", "pass", "TypeError: the fixture ws_app is to give * it gave 7"),
    ],
)
def test_a_fixture_that_fails_later_is_an_error_of_the_item(
    write_app: WriteApp,
    fuzz: Run,
    pytester: pytest.Pytester,
    set_up: str,
    tear_down: str,
    says: str,
) -> None:
    write_app()
    pytester.makeconftest(LATER.format(set_up=set_up, tear_down=tear_down))
    result = fuzz("-k", "accepts", target="fixture:ws_app")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines([f"*{says}"])


def test_a_fixture_is_not_compared_with_globs_before_it_is_set_up(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(METHODS)
    pytester.makeconftest(
        "import pytest, myapp\n@pytest.fixture\ndef ws_app():\n    return myapp.create_app()"
    )
    result = fuzz("--wsrpc-include=add", "-k", "accepts", target="fixture:ws_app")
    assert result.parseoutcomes()["passed"] == 1
