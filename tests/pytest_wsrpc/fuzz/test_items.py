"""The fuzzer's items behave in pytest as every other test does."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import partial

import pytest

Run = Callable[..., pytest.RunResult]

ADD = "myapp.py::create_app::/stream::add"
BROKEN = """
async def ws_rpc_divide(self, payload: Numbers) -> Number:
    return Number(payload.a // payload.b)
"""


@pytest.fixture
def fuzz(fuzz: Run) -> Run:
    """Try more cases than other tests do: the defects here are not in all of them."""
    return partial(fuzz, "--wsrpc-max-examples=25")


@pytest.fixture
def divide(write_app: Callable[..., None]) -> None:
    write_app(BROKEN)


def test_a_sound_application_passes(write_app: Callable[..., None], fuzz: Run) -> None:
    write_app()
    result = fuzz("-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "wsrpc fuzz: myapp:create_app, seed 1 (--wsrpc-seed)",
            f"{ADD}::accepts PASSED*",
            f"{ADD}::refuses PASSED*",
            "myapp.py::create_app::/stream::protocol PASSED*",
            "*cases  success  refused  error  failures  phases",
            "/stream         25        -        -      -         0  protocol",
            "/stream add     50    100 %      0 %    0 %         0  accepts, refuses",
            "seed 1 (--wsrpc-seed)",
        ]
    )


@pytest.mark.slow
def test_a_printed_id_can_be_pasted_back(divide: None, fuzz: Run) -> None:
    result = fuzz("-rf", "-v")
    result.assert_outcomes(passed=4, failed=1)
    failed = next(line for line in result.outlines if line.startswith("FAILED"))
    again = fuzz(failed.split()[1])
    again.assert_outcomes(failed=1)
    part = fuzz(f"{ADD}")
    part.assert_outcomes(passed=2)


@pytest.mark.slow
def test_last_failed_runs_only_what_failed(divide: None, fuzz: Run) -> None:
    fuzz()
    result = fuzz("--lf", "-v")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["*divide::accepts FAILED*"])


@pytest.mark.slow
def test_failed_first_runs_it_first(divide: None, fuzz: Run) -> None:
    fuzz()
    result = fuzz("--ff", "-v")
    items = [line for line in result.outlines if line.startswith("myapp.py::")]
    assert "divide::accepts FAILED" in items[0]
    assert len(items) == 5


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        (["-k", "accepts"], 2),
        (["-k", "add and refuses"], 1),
        (["-k", "/stream and not protocol"], 4),
        (["-m", "wsrpc_fuzz"], 5),
        (["-m", "not wsrpc_fuzz"], 0),
        (["--deselect", f"{ADD}::accepts"], 4),
        (["--deselect", ADD], 3),
    ],
)
def test_selection_works(divide: None, fuzz: Run, arguments: list[str], selected: int) -> None:
    result = fuzz("--collect-only", "-q", *arguments)
    ids = [line for line in result.outlines if line.startswith("myapp.py::")]
    assert len(ids) == selected


def test_collect_only_shows_the_tree(write_app: Callable[..., None], fuzz: Run) -> None:
    write_app("async def ws_rpc_info(self, payload): return {}")
    result = fuzz("--collect-only")
    result.stdout.fnmatch_lines(
        [
            "collected 4 items",
            "*<FuzzFile myapp.py>",
            "*create_app>",
            "*/stream>",
            "*add>",
            "*<FuzzItem accepts>",
            "not run: refuses of /stream info: the payload has no type, so that none is invalid",
        ]
    )


@pytest.mark.slow
def test_without_a_path_only_the_fuzzer_runs_with_one_both_do(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makepyfile(test_other="def test_other(): pass")
    fuzz().assert_outcomes(passed=3)
    fuzz("test_other.py").assert_outcomes(passed=4)
    fuzz(".").assert_outcomes(passed=4)
    fuzz("test_other.py", f"{ADD}::accepts").assert_outcomes(passed=2)


def test_an_application_in_a_test_module_leaves_its_tests_alone(
    write_app: Callable[..., None], fuzz: Run
) -> None:
    write_app(end="def test_own(): pass", name="test_app")
    fuzz(target="test_app:create_app").assert_outcomes(passed=3)
    fuzz("test_app.py", target="test_app:create_app").assert_outcomes(passed=4)


def test_tests_in_the_file_of_the_application_are_not_collected_with_a_path(
    write_app: Callable[..., None], fuzz: Run
) -> None:
    write_app(end="def test_own(): pass")
    fuzz("myapp.py").assert_outcomes(passed=3)


def test_the_ini_file_can_name_the_application(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeini("[pytest]\nwsrpc_fuzz = myapp:create_app\nwsrpc_max_examples = 5\n")
    pytester.mkdir("tests").joinpath("test_other.py").write_text("def test_other(): pass")
    fuzz(target=None).assert_outcomes(passed=4)
    fuzz("tests", target=None).assert_outcomes(passed=1)
    fuzz("myapp.py", target=None).assert_outcomes(passed=3)


def test_an_application_that_pytest_would_not_come_to_is_told(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.mkdir("build").joinpath("app.py").write_bytes(
        pytester.path.joinpath("myapp.py").read_bytes()
    )
    fuzz("-k", "accepts", target="build.app:create_app").assert_outcomes(passed=1, deselected=2)
    result = fuzz(".", target="build.app:create_app")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: the application to fuzz is in *app.py, but pytest leaves *"]
    )


@pytest.mark.slow
def test_two_applications_of_one_file_are_told_apart(
    write_app: Callable[..., None], fuzz: Run
) -> None:
    write_app(end="other = create_app")
    result = fuzz("--wsrpc-fuzz", "myapp:other", "-v")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        ["myapp.py::other::/stream::add::accepts PASSED*", "myapp:other /stream add *"]
    )


@pytest.mark.slow
def test_an_application_may_live_in_a_package(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(name="inner")
    package = pytester.mkpydir("shop")
    pytester.path.joinpath("inner.py").rename(package / "inner.py")
    package.joinpath("__init__.py").write_text("from .inner import create_app\n")
    result = fuzz("-v", target="shop.inner:create_app")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["shop/inner.py::create_app::/stream::add::accepts PASSED*"])
    result = fuzz("-v", target="shop:create_app")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["shop/__init__.py::create_app::/stream::add::accepts PASSED*"])


def test_items_use_the_fixtures_of_conftest(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeini("[pytest]\nwsrpc_fuzz_fixtures = database\n")
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="module", autouse=True)
        def module(request):
            assert request.module.__name__ == "myapp"

        @pytest.fixture
        def database(request):
            print("up", request.node.name)
            yield
            print("down", request.node.name)
        """
    )
    result = fuzz("-s", f"{ADD}::accepts")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*up accepts", "*down accepts"])


def test_a_fixture_that_is_not_there_is_an_error(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeini("[pytest]\nwsrpc_fuzz_fixtures = nowhere\n")
    result = fuzz()
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*fixture 'nowhere' not found*"])


def test_async_fixtures_in_auto_mode_work_beside_the_fuzzers_loop(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()
    pytester.makeini("[pytest]\nasyncio_mode = auto\nwsrpc_fuzz_fixtures = login\n")
    pytester.makeconftest(
        """
        import asyncio, pytest

        @pytest.fixture
        async def login():
            loop = asyncio.get_running_loop()
            yield
            assert asyncio.get_running_loop() is loop
        """
    )
    pytester.makepyfile(test_async="async def test_async(login): pass")
    fuzz("test_async.py").assert_outcomes(passed=4)


@pytest.mark.slow
def test_xdist_runs_the_items_with_one_seed_and_one_summary(
    write_app: Callable[..., None], pytester: pytest.Pytester
) -> None:
    broken = BROKEN.replace("payload.b", "0")
    write_app(broken + "\nasync def ws_rpc_info(self, payload): return {}\n")
    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "-n2", "--wsrpc-fuzz=myapp:create_app", "--wsrpc-max-examples=50",
        "-k", "accepts or refuses or protocol", "-v",
    )  # fmt: skip
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines_random(["[[]gw0]*PASSED*", "[[]gw1]*PASSED*"])
    seed = next(line for line in result.outlines if line.startswith("seed "))
    text = result.stdout.str()
    assert f"--wsrpc-seed {seed.split()[1]} " in text
    result.stdout.fnmatch_lines(
        [
            "check: no-internal-error",
            "/stream add*100    100 %      0 %    0 %         0  accepts, refuses",
            "/stream info*50    100 %      0 %    0 %         0  accepts",
            "not run: refuses of /stream info: *",
        ]
    )


@pytest.mark.slow
def test_junit_has_the_name_of_the_check(
    divide: None, fuzz: Run, pytester: pytest.Pytester
) -> None:
    fuzz("--junitxml=report.xml")
    tree = ET.parse(pytester.path / "report.xml")
    case = next(case for case in tree.iter("testcase") if case.find("failure") is not None)
    assert (case.get("classname"), case.get("name")) == (
        "myapp.create_app./stream.divide",
        "accepts",
    )
    named = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
    assert named.keys() >= {"wsrpc_check", "wsrpc_cases"}
    assert named["wsrpc_check"] == "no-internal-error"
    assert int(named["wsrpc_cases"] or 0) > 0
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message", "").startswith("no-internal-error: ZeroDivisionError at")


@pytest.mark.slow
def test_items_run_in_any_order_with_the_same_result(divide: None, fuzz: Run) -> None:
    whole = fuzz()
    alone = fuzz("myapp.py::create_app::/stream::divide::accepts")

    def said(result: pytest.RunResult) -> list[str]:
        return [line.partition("> ")[2] for line in result.outlines if " > " in line]

    assert said(whole)
    assert said(whole) == said(alone)


def test_a_worker_takes_the_seed_and_tells_what_it_has_collected(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app("async def ws_rpc_info(self, payload): return {}")
    pytester.makeconftest(
        """
        from types import SimpleNamespace

        def pytest_configure(config):
            config.workerinput = {"wsrpc_seed": (5, "random")}
            config.workeroutput = {}

        def pytest_sessionstart(session):
            plugin = session.config.pluginmanager.get_plugin("wsrpc-fuzz")
            node = SimpleNamespace(workerinput={}, config=session.config)
            session.config.hook.pytest_configure_node(node=node)
            assert node.workerinput == {"wsrpc_seed": (5, "random")}
            plugin.pytest_testnodedown(SimpleNamespace())
            plugin.pytest_testnodedown(
                SimpleNamespace(
                    workeroutput={
                        "wsrpc_not_applied": [["t", "/stream other", "refuses", "no type"]],
                    }
                )
            )

        def pytest_unconfigure(config):
            print(config.workeroutput)
        """
    )
    result = fuzz("-p", "no:xdist", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "not run: refuses of /stream other: no type",
            "seed 5 *",
            "*'wsrpc_not_applied': *'/stream other'*'/stream info', 'refuses'*",
        ]
    )


def test_files_are_found_through_symbolic_links(
    write_app: Callable[..., None],
    fuzz: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_app()
    pytester.mkdir("other").joinpath("myapp.py").write_text("")
    link = pytester.path.parent / f"{pytester.path.name}-link"
    link.symlink_to(pytester.path)
    monkeypatch.chdir(link)
    fuzz(str(link)).assert_outcomes(passed=3)


def test_whoever_shuffles_the_items_of_the_fuzzer_stay_in_order(
    write_app: Callable[..., None], fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app()

    def collected() -> list[str]:
        return [line for line in fuzz("--collect-only", "-q").outlines if "::" in line]

    before = collected()
    pytester.makeconftest(
        """
        def pytest_collection_modifyitems(items):
            items.reverse()
        """
    )
    assert collected() == before
