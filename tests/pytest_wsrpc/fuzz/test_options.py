"""The fuzzer's options and their settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_wsrpc.fuzz.catalogue import CHECKS

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]


def test_the_checks_are_listed(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--wsrpc-checks")
    assert result.ret == 0
    names = [line.split()[0] for line in result.outlines]
    assert names == list(CHECKS)
    assert all(entry.description.endswith(".") for entry in CHECKS.values())
    result.stdout.fnmatch_lines(["stays-open *Nothing that the protocol allows closes*"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--wsrpc-exclude-checks=conform"],
            "there is no check 'conform'; did you mean 'conforms'?",
        ),
        (["--wsrpc-header=Authorization"], "expected 'Name: value', such as 'Authorization: *"),
        (["--wsrpc-header=a: b\nc: d"], "expected 'Name: value'*"),
        (["--wsrpc-param=id"], "expected name=value, such as id=1"),
        (["--wsrpc-max-examples=0"], "expected a number above 0"),
        (["--wsrpc-max-time=nan"], "expected a number above 0"),
        (
            ["--wsrpc-header=X User: ann"],
            "--wsrpc-header 'X User: ann': 'X User' is no name of a header: expected letters, *",
        ),
        (["-o", "wsrpc_header=Authorization"], "ini setting wsrpc_header = 'Authorization': *"),
        (["-o", "wsrpc_param=id"], "ini setting wsrpc_param = 'id': expected name=value*"),
        (
            ["-o", "wsrpc_exclude_checks=conform"],
            "ini setting wsrpc_exclude_checks = conform: there is no check 'conform'*",
        ),
        (
            ["-o", "wsrpc_case_timeout=soon"],
            "ini setting wsrpc_case_timeout: expected a number above 0, got 'soon'",
        ),
        (["-o", "wsrpc_case_timeout=-1"], "ini setting wsrpc_case_timeout = -1.0: expected a nu*"),
        (["-o", "wsrpc_header='"], 'ini setting wsrpc_header = "\'": *'),
        (["-o", "wsrpc_param='"], "ini setting wsrpc_param: No closing quotation"),
        (
            ["--wsrpc-include=ad", "--wsrpc-include=add"],
            "--wsrpc-include ad: no method matches 'ad'; did you mean 'add'?; there are add",
        ),
        (["--wsrpc-exclude=mul*"], "--wsrpc-exclude mul[*]: no method matches 'mul[*]'; there *"),
        (
            ["--wsrpc-param=id=1"],
            "--wsrpc-param id=1: no path has a parameter 'id'; the paths are /stream",
        ),
    ],
)
def test_a_value_without_a_meaning_is_a_usage_error(
    write_app: WriteApp, fuzz: Run, arguments: list[str], says: str
) -> None:
    write_app()
    result = fuzz(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [result.errlines[0]]
    result.stderr.fnmatch_lines([f"*{says}*"])


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("wsrpc_seed=many", "wsrpc_seed: expected an integer, got 'many'"),
        ("wsrpc_max_examples=abc", "wsrpc_max_examples: expected an integer above 0, got 'abc'"),
    ],
)
def test_a_setting_without_a_meaning_is_a_usage_error(
    write_app: WriteApp, pytester: pytest.Pytester, setting: str, says: str
) -> None:
    write_app()
    result = pytester.runpytest_inprocess("--wsrpc-fuzz=myapp:create_app", "-o", setting)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: ini setting {says}"])


METHODS = """
async def ws_rpc_get_one(self, payload: Numbers) -> Number: return Number(1)
async def ws_rpc_get_all(self, payload: Numbers) -> Number: return Number(1)
"""


@pytest.mark.parametrize(
    ("arguments", "methods"),
    [
        (["--wsrpc-include=get_*"], {"get_one", "get_all"}),
        (["--wsrpc-exclude=get_*"], {"add"}),
        (["--wsrpc-include=get_*", "--wsrpc-exclude=*_all"], {"get_one"}),
        (["--wsrpc-include=add", "--wsrpc-include=get_one"], {"add", "get_one"}),
        (["-o", "wsrpc_include=add get_one"], {"add", "get_one"}),
        (["-o", "wsrpc_include=add", "--wsrpc-include=get_one"], {"get_one"}),
    ],
)
def test_globs_choose_methods(
    write_app: WriteApp, fuzz: Run, arguments: list[str], methods: set[str]
) -> None:
    write_app(METHODS)
    result = fuzz("--collect-only", "-q", *arguments)
    ids = [line.split("::") for line in result.outlines if line.startswith("myapp.py::")]
    assert {parts[3] for parts in ids if len(parts) == 5} == methods
    assert ["myapp.py", "create_app", "/stream", "protocol"] in ids


def test_a_setting_that_selects_nothing_may_be_for_another_application(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app()
    settings = ["-o", "wsrpc_exclude=mul*", "-o", "wsrpc_param=id=1"]
    result = fuzz("--collect-only", *settings)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "warning: ini setting wsrpc_exclude = mul[*]: no method matches 'mul[*]'; there *",
            "warning: ini setting wsrpc_param = id=1: no path has a parameter 'id'; *",
        ]
    )
    result = fuzz("-o", "wsrpc_fuzz=myapp:create_app", *settings, target=None)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: ini setting wsrpc_exclude = mul[*]: no method *"])


def test_a_glob_is_compared_with_all_methods_where_an_id_selects_some(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(
        end=ROOMS + "class Other(ApiPath, WsPathMixin):\n    async def ws_rpc_b(self, p): ..."
    )
    item = "myapp.py::make::/stream::protocol"
    result = fuzz("--wsrpc-param=id=1", "--wsrpc-include=add", item, target="myapp:make")
    result.assert_outcomes(passed=1)


def test_a_factory_that_fails_is_not_hidden_by_a_glob(write_app: WriteApp, fuzz: Run) -> None:
    write_app(end="def broken(): raise LookupError('no settings')")
    result = fuzz("--wsrpc-include=mul", target="myapp:broken")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["LookupError: no settings"])


LOGIN = """
async def on_connect(self):
    if self.request.match_info.get("id", "1") != "1 2":
        raise web.HTTPNotFound
    if self.request.headers.get("Authorization") != "Bearer abc":
        raise web.HTTPUnauthorized
"""
ROOMS = """
def make():
    app = create_app()
    app.router.add_view("/rooms/{id:[^/]+}", Stream)
    return app
"""


def test_headers_and_parameters_open_an_endpoint(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester
) -> None:
    write_app(LOGIN, end=ROOMS)
    arguments = ["--wsrpc-header=Authorization: Bearer abc", "--wsrpc-param=id=1 2"]
    result = fuzz("-v", "-k", "rooms", *arguments, target="myapp:make")
    result.assert_outcomes(passed=3, deselected=3)
    result.stdout.fnmatch_lines(["myapp.py::make::/rooms/{id}::add::accepts PASSED*"])
    pytester.makeini(
        "[pytest]\nwsrpc_param = 'id=1 2'\nwsrpc_header =\n  X-Other: 1\n"
        "  Authorization: Bearer abc\n"
    )
    fuzz("-k", "rooms", target="myapp:make").assert_outcomes(passed=3, deselected=3)


def test_a_refused_handshake_is_one_failure_of_its_endpoint(write_app: WriteApp, fuzz: Run) -> None:
    write_app(LOGIN.replace('"1")', '"1 2")'), end=ROOMS)
    result = fuzz("-rs", target="myapp:make")
    result.assert_outcomes(failed=2, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "GET /stream was answered with 401 instead of the websocket handshake: give what it "
            "asks for, --wsrpc-header 'Authorization: ...' or another",
            "the path /rooms/{id} has parameters without a value: give --wsrpc-param id=VALUE",
            "SKIPPED * /stream refuses the handshake: see myapp.py::make::/stream::add::accepts",
        ]
    )
    chosen = fuzz("-k", "refuses and stream", target="myapp:make")
    chosen.assert_outcomes(failed=1, deselected=5)
    wrong = fuzz("-k", "refuses and stream", "--wsrpc-header=Authorization: x", target="myapp:make")
    wrong.stdout.fnmatch_lines(["*handshake: the headers given are not what it asks for"])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise web.HTTPNotFound", "GET /stream was answered with 404 *if it needs a header*"),
        ("raise LookupError('no database')", "    LookupError: no database"),
        ("await __import__('asyncio').sleep(30)", "GET /stream was not answered within 0.2 s*"),
    ],
)
def test_other_reasons_for_a_refused_handshake_are_told(
    write_app: WriteApp, fuzz: Run, code: str, says: str
) -> None:
    write_app(f"async def on_connect(self):\n    {code}")
    result = fuzz("-k", "protocol", "--wsrpc-case-timeout=0.2")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines([says.strip()])


def test_a_parameter_that_the_application_does_not_know_is_told(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(LOGIN, end=ROOMS)
    result = fuzz("-k", "rooms and protocol", "--wsrpc-param=id=7", target="myapp:make")
    result.assert_outcomes(failed=1, deselected=5)
    result.stdout.fnmatch_lines(
        ["GET /rooms/7 was answered with 404 *: give parameters that it knows, --wsrpc-param id=*"]
    )


def test_the_number_of_cases_is_an_option(write_app: WriteApp, fuzz: Run) -> None:
    write_app()
    result = fuzz("--wsrpc-max-examples=7", "-k", "protocol")
    result.stdout.fnmatch_lines(["/stream      7 *"])


def test_the_run_ends_when_its_time_is_over(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_app()
    monkeypatch.setattr("pytest_wsrpc.fuzz.isolation.dangers", lambda *_: {})
    result = fuzz("--wsrpc-max-time=6", "--wsrpc-max-examples=1000000")
    assert result.parseoutcomes().get("failed", 0) == 0
    result.stdout.fnmatch_lines(["warning: *, *: its time was over after * cases"])
    none = fuzz("--wsrpc-max-time=0.000001", "-rs")
    none.stdout.fnmatch_lines(["*--wsrpc-max-time: 1e-06 s are over"])


def test_an_item_whose_time_is_over_before_its_first_case_has_not_passed(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any) -> dict[str, str]:
        time.sleep(0.06)
        return {}

    write_app()
    monkeypatch.setattr("pytest_wsrpc.fuzz.isolation.dangers", slow)
    result = fuzz("--wsrpc-max-time=0.05", "-rs", "-k", "accepts", phases=("accepts",))
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*--wsrpc-max-time: its share was over before its first case"])
    assert "after 0 cases" not in result.stdout.str()


def test_the_seed_is_drawn_and_told(write_app: WriteApp, pytester: pytest.Pytester) -> None:
    write_app()
    run = ["-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "--collect-only"]
    drawn = pytester.runpytest_inprocess(*run)
    drawn.stdout.re_match_lines([r"seed \d+ \(random\)"])
    again = pytester.runpytest_inprocess(*run)
    assert drawn.outlines[-2:] != again.outlines[-2:]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--wsrpc-seed=3", "--hypothesis-seed=4"], "seed 3 (--wsrpc-seed)"),
        (["-o", "wsrpc_seed=3"], "seed 3 (ini setting wsrpc_seed)"),
        (["--hypothesis-seed=4"], "seed 4 (--hypothesis-seed)"),
        (["--hypothesis-seed=four"], "seed 1718580594 (--hypothesis-seed)"),
    ],
)
def test_the_seed_can_be_given(
    write_app: WriteApp,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    import hypothesis.core

    monkeypatch.setattr(hypothesis.core, "global_force_seed", None)
    write_app()
    result = pytester.runpytest_inprocess(
        "-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "--collect-only", *arguments
    )
    result.stdout.fnmatch_lines([says])


def test_a_derandomized_profile_has_a_fixed_seed(
    write_app: WriteApp, pytester: pytest.Pytester
) -> None:
    import hypothesis

    hypothesis.settings.register_profile("fuzz-ci", derandomize=True)
    hypothesis.settings.load_profile("fuzz-ci")
    write_app()
    result = pytester.runpytest_inprocess(
        "--wsrpc-fuzz=myapp:create_app", "-p", "no:randomly", "-k", "accepts"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["seed 0 (hypothesis' derandomize)"])


def test_publish_and_subscribe_are_methods_as_others_are(
    pytester: pytest.Pytester, fuzz: Run
) -> None:
    pytester.makepyfile(
        myapp="""
        from aiohttp import web
        from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin

        class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
            pass

        def create_app():
            app = web.Application()
            app.router.add_view("/stream", Stream)
            LocalBroker.for_app(app)
            return app
        """
    )
    result = fuzz()
    result.assert_outcomes(passed=7)
    result.stdout.re_match_lines(
        [rf"/stream {name} .* (100|[5-9]\d) % " for name in ("publish", "subscribe", "unsubscribe")]
    )
