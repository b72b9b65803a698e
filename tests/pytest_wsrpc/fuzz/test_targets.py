"""Which applications can be fuzzed, and what is said where one cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]

WHAT = "expected module:attribute, such as myapp:create_app"
NOWHERE = "in the current directory or among what is installed"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("myapp", WHAT),
        ("myapp:", WHAT),
        (
            "myapp.py:create_app",
            "myapp.py is a file, not the name of a module; did you mean 'myapp:create_app'?",
        ),
        ("shop/app.py:create_app", "* did you mean 'shop.app:create_app'?"),
        ("../my app.py:create_app", f"../my app.py is a file, not the name of a module; {WHAT}"),
        (":create_app", WHAT),
        ("my app:create_app", WHAT),
        ("myap:create_app", f"there is no module 'myap' {NOWHERE}; did you mean *'myapp'*"),
        ("myapp:creat_app", "the module myapp has no attribute 'creat_app'; did you mean 'create_"),
        ("myapp:Stream.nowhere", "* has no attribute 'nowhere'"),
        (
            "shop.ap:create_app",
            f"there is no module 'shop.ap' {NOWHERE}; did you mean 'shop.app'?",
        ),
        ("nowhere.app:create_app", f"there is no module 'nowhere' {NOWHERE}"),
        (
            "myapp:text",
            "expected an aiohttp.web.Application or a callable that returns one, got str",
        ),
        (
            "myapp:needs",
            "it is called without arguments (missing a required argument: 'config'): write *",
        ),
        (
            "ws://localhost/stream",
            "give --wsrpc-schema FILE_OR_URL, the AsyncAPI document of the server",
        ),
        ("fixture:ws_app", "no conftest.py that pytest has loaded has a fixture 'ws_app'; it *"),
        ("fixture:ws-app", "expected fixture:NAME, such as fixture:ws_app"),
        ("sys:exit", "sys is a module without a file"),
    ],
)
def test_a_wrong_name_is_one_line(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, target: str, says: str
) -> None:
    write_app(end="text = ''\ndef needs(config): pass")
    pytester.mkpydir("shop").joinpath("app.py").write_text("")
    result = fuzz(target=target)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [result.errlines[0]]
    result.stderr.fnmatch_lines([f"ERROR: --wsrpc-fuzz {target}: {says}*"])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def load():\n    1 / 0\nload()", "ZeroDivisionError: division by zero"),
        (
            "import nowhere_to_be_found",
            "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_an_exception_of_the_module_is_shown_with_its_place(
    fuzz: Run, pytester: pytest.Pytester, code: str, says: str
) -> None:
    pytester.makepyfile(myapp=code)
    result = fuzz()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --wsrpc-fuzz myapp:create_app: importing the module failed", "*myapp.py*", says]
    )
    assert "importlib" not in result.stderr.str()


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("def make():\n    raise LookupError('no database')", "LookupError: no database"),
        (
            "def make():\n    return 7",
            "TypeError: myapp:make: it is to return an aiohttp.web.Ap*",
        ),
        ("def make():\n    return web.Application()", "*myapp:make has no websocket endpoint: *"),
        ("make = type", "TypeError: type() takes 1 or 3 arguments"),
        ("async def make():\n    raise LookupError('later')", "LookupError: later"),
    ],
)
def test_a_factory_that_fails_is_a_collection_error(
    write_app: WriteApp, fuzz: Run, end: str, says: str
) -> None:
    write_app(end=end)
    result = fuzz(target="myapp:make")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting myapp.py*", f"*{says}", "ERROR myapp.py::make"])


def test_an_unusable_type_is_a_collection_error(write_app: WriteApp, fuzz: Run) -> None:
    write_app("async def ws_rpc_odd(self, payload: 'Later'): ...", end="Later = 7")
    result = fuzz()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Stream.ws_rpc_odd*"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "end",
    [
        "make = create_app",
        "async def make(): return create_app()",
        "make = lambda: create_app()",
        "def make():\n    async def later(): return create_app()\n    return later()",
        "class make(web.Application):\n    def __new__(cls): return create_app()",
        "class Maker:\n    async def __call__(self): return create_app()\nmake = Maker()",
        "make = create_app()",
    ],
)
def test_factories_and_applications_of_every_kind_are_fuzzed(
    write_app: WriteApp, fuzz: Run, end: str
) -> None:
    write_app(end=end)
    fuzz("--wsrpc-max-examples=5", target="myapp:make").assert_outcomes(passed=3)


def test_each_case_gets_a_fresh_application_of_a_factory(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        async def ws_rpc_once(self, payload: Numbers) -> Number:
            assert not self.request.app["calls"]
            self.request.app["calls"].append(1)
            return Number(1)
        """,
        end="""
        import warnings

        def make():
            app = create_app()
            with warnings.catch_warnings(action="ignore"):
                app["calls"] = []
            return app

        one = make()
        """,
    )
    fuzz("-k", "once and accepts", target="myapp:make").assert_outcomes(passed=1, deselected=4)
    shared = fuzz("-k", "once and accepts", target="myapp:one")
    shared.assert_outcomes(failed=1, deselected=4)
    shared.stdout.fnmatch_lines(["    from myapp import one", "        return one"])


def test_methods_of_sub_applications_are_found_under_their_paths(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(
        end="""
        def make():
            app = create_app()
            app.router.add_get("/health", lambda request: web.Response())
            app.router.add_view("/stream", Stream)
            sub = web.Application()
            sub.router.add_view("/stream", Stream)
            app.add_subapp("/v2", sub)
            return app
        """
    )
    result = fuzz("-v", "--wsrpc-max-examples=5", target="myapp:make")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["myapp.py::make::/v2/stream::add::accepts PASSED*"])


def test_an_application_that_fails_to_start_or_to_end_is_an_error_of_the_item(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(
        end="""
        async def fail(app):
            raise LookupError("the database is gone")

        def make():
            app = create_app()
            app.on_cleanup.append(fail)
            return app
        """
    )
    result = fuzz("-k", "add", target="myapp:make")
    result.assert_outcomes(failed=2, deselected=1)
    result.stdout.fnmatch_lines(["E*LookupError: the database is gone"])


def test_an_application_that_fails_later_is_an_error_of_the_item(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(
        end="""
        made = []

        def make():
            made.append(1)
            if len(made) == 9:
                raise LookupError("out of applications")
            return create_app()
        """
    )
    result = fuzz("-k", "add and accepts", target="myapp:make")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["E*LookupError: out of applications", "/stream add * 0  accepts"])


def test_what_an_application_leaves_running_is_cancelled(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        end="""
        import asyncio

        async def start(app):
            tasks = {task for task in asyncio.all_tasks() if task.get_name() == "leftover"}
            assert not tasks
            app._leftover = asyncio.create_task(asyncio.sleep(3600), name="leftover")

        def make():
            app = create_app()
            app.on_startup.append(start)
            return app
        """
    )
    fuzz("-W", "ignore", target="myapp:make").assert_outcomes(passed=3)


def test_a_task_that_ignores_its_cancellation_does_not_stop_the_run(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_wsrpc.fuzz.serving.CLEANUP_TIMEOUT", 0.05)
    write_app(
        end="""
        import asyncio

        async def stay():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

        tasks = []

        async def start(app):
            tasks.append(asyncio.create_task(stay()))

        def make():
            app = create_app()
            app.on_startup.append(start)
            return app
        """
    )
    result = fuzz("-k", "add and accepts", "--wsrpc-max-examples=2", target="myapp:make")
    result.assert_outcomes(passed=1, deselected=2)
