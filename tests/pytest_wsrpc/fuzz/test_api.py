"""Fuzzing in code: `fuzz.load`, `@api.parametrize()`, `case.call()` and `case.check()`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]
Suite = Callable[..., pytest.RunResult]

DIVIDE = """
async def ws_rpc_divide(self, payload: Numbers) -> Number:
    return Number(payload.a // max(payload.b, 0))
"""
TEST = """
from pytest_wsrpc import fuzz
from myapp import create_app

api = fuzz.load(create_app)

@api.parametrize()
async def test_rpc(case):
    reply = await case.call()
    case.check(reply)
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_each_method_is_an_item_in_either_mode_of_pytest_asyncio(
    write_app: WriteApp, suite: Suite, mode: str
) -> None:
    write_app(DIVIDE)
    result = suite(TEST, "-v", "--wsrpc-seed=1", mode=mode)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py::test_rpc[[]/stream::add[]] PASSED*",
            "test_it.py::test_rpc[[]/stream::divide[]] FAILED*",
            "E *CheckFailed: /stream divide",
            "E *check: no-internal-error",
            'E *> {"id":0,"method":"divide","payload":{"a":0,"b":0}}',
            "E *expected: no internal error",
            "E *on the server:",
            "E *ZeroDivisionError: *",
            "E *case=<case /stream divide {'a': 0, 'b': 0}>,",
        ]
    )
    one = suite(TEST, "test_it.py::test_rpc[/stream::add]", mode=mode)
    one.assert_outcomes(passed=1)


def test_of_a_failing_test_only_what_the_last_case_has_logged_is_shown(
    write_app: WriteApp, suite: Suite
) -> None:
    write_app(DIVIDE)
    result = suite(TEST, "-k", "divide")
    assert result.stdout.str().count("ERROR    wsrpc.calls") == 1


def test_classes_fixtures_and_settings_of_the_user_work(write_app: WriteApp, suite: Suite) -> None:
    write_app()
    result = suite(
        """
        import pytest
        from hypothesis import settings
        from pytest_wsrpc import fuzz

        api = fuzz.load("myapp:create_app", phases=["accepts", "refuses", "protocol"])
        seen = []

        @pytest.fixture(scope="session")
        def database():
            return []

        @pytest.mark.asyncio(loop_scope="class")
        class TestRpc:
            @settings(max_examples=3)
            @api.parametrize()
            async def test_above(self, database, case):
                database.append(case.endpoint)
                await case.call()
                assert len(database) <= 3 * 2 * 2

            @api.parametrize(phases="accepts", include="add", max_examples=4)
            async def test_of_four(self, case):
                assert (case.endpoint, case.method, case.is_valid) == ("/stream", "add", True)
                seen.append(case)
                assert await case.call()

        def test_there_were_four():
            assert len(seen) == 4

        class TestOther(TestRpc):
            test_of_four = None

        @api.parametrize(phases="protocol", max_examples=2)
        async def test_time(case, ws_clock):
            before = ws_clock.time
            await ws_clock.advance(30)
            reply = await case.call()
            assert case.payload is None and case.method is None
            assert case.message and case.why and not case.is_valid
            case.check(reply)
            assert ws_clock.time >= before + 30
        """,
    )
    result.assert_outcomes(passed=7)


@pytest.mark.parametrize(
    ("app", "named"),
    [
        ("create_app", "create_app"),
        ("later", "later"),
        ("one", "Application"),
        ("'myapp:one'", "one"),
        ("'myapp:later'", "later"),
    ],
)
def test_factories_and_applications_of_every_kind_are_loaded(
    write_app: WriteApp, suite: Suite, app: str, named: str
) -> None:
    write_app(
        """
        async def ws_rpc_count(self, payload: Numbers) -> int:
            self.sockets.calls = getattr(self.sockets, "calls", 0) + 1
            return self.sockets.calls
        """,
        end="""
        async def later():
            return create_app()

        one = create_app()
        """,
    )
    source = TEST.replace("import create_app", "import create_app, later, one")
    source = source.replace("load(create_app)", f"load({app}, max_examples=5)")
    is_shared = "one" in app
    source += f"    if case.is_valid and case.method == 'count' and not {is_shared}:\n"
    source += "        assert reply.response == 1\n"
    source += f"\ndef test_name(): assert api.target.attribute == {named!r}\n"
    suite(source).assert_outcomes(passed=3)


LOGIN = """
async def on_connect(self):
    if self.request.headers.get("Authorization") != "Bearer abc":
        raise web.HTTPUnauthorized
    if self.request.match_info["id"] != "7":
        raise web.HTTPNotFound
"""
ROOMS = """
def make():
    app = web.Application()
    app.router.add_view("/rooms/{id}", Stream)
    LocalBroker.for_app(app)
    return app
"""


@pytest.mark.parametrize(
    ("load", "call", "options", "says"),
    [
        ("headers={'Authorization': 'Bearer abc'}, params={'id': 7}", "", [], None),
        ("params={'id': 7}", "headers={'Authorization': 'Bearer abc'}", [], None),
        ("params={'id': 8}", "", ["--wsrpc-header=Authorization: Bearer abc"], "404"),
        ("", "", ["--wsrpc-header=Authorization: Bearer abc", "--wsrpc-param=id=7"], None),
        ("params={'id': 7}", "", [], "GET /rooms/7 was answered with 401 *"),
        ("headers={'Authorization': 'x'}, params={'id': 7}", "", [], "*the headers given are not*"),
        ("", "", [], "the path /rooms/{id} has parameters without a value: *"),
    ],
)
def test_headers_and_parameters_of_the_code_and_of_the_options_count(
    write_app: WriteApp, suite: Suite, load: str, call: str, options: list[str], says: str | None
) -> None:
    write_app(LOGIN, end=ROOMS)
    source = TEST.replace("create_app", "make").replace("load(make)", f"load(make, {load})")
    result = suite(source.replace("call()", f"call({call})"), *options)
    if says is None:
        result.assert_outcomes(passed=1)
    else:
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"*{says}*"])


def test_hooks_of_conftest_count_for_the_tests_below_it(
    write_app: WriteApp, suite: Suite, pytester: pytest.Pytester
) -> None:
    write_app(
        DIVIDE
        + """
async def ws_rpc_stop(self, payload: Numbers): ...

async def ws_rpc_login(self, payload):
    self.is_known = True

async def ws_rpc_secret(self, payload: Numbers) -> bool:
    assert self.is_known and self.request.headers["X-User"] == "ann"
    return True
"""
    )
    pytester.makeconftest(
        """
        from hypothesis import strategies as st

        async def pytest_wsrpc_login(client):
            await client.call("login")

        def pytest_wsrpc_headers():
            return {"X-User": "ann"}

        def pytest_wsrpc_strategy(field):
            if field == "b":
                return st.integers(1, 9)

        def pytest_wsrpc_skip(method, phase):
            if method == "stop" or phase == "refuses":
                return f"no {phase}"
        """
    )
    result = suite(TEST, "-rs")
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * no accepts; no refuses"])


def test_checks_are_left_out_in_code_and_by_option(write_app: WriteApp, suite: Suite) -> None:
    write_app(DIVIDE)
    by_load = TEST.replace("load(create_app)", "load(create_app, exclude_checks='divide:no-int*')")
    suite(by_load).assert_outcomes(errors=1)
    leave = "no-internal-error"
    by_load = TEST.replace("load(create_app)", f"load(create_app, exclude_checks='*:{leave}')")
    suite(by_load).assert_outcomes(passed=2)
    suite(TEST.replace("check(reply)", f"check(reply, exclude='{leave}')")).assert_outcomes(
        passed=2
    )
    suite(TEST, f"--wsrpc-exclude-checks=divide:{leave}").assert_outcomes(passed=2)
    wrong = suite(TEST.replace("check(reply)", "check(reply, exclude=['conform'])"))
    wrong.stdout.fnmatch_lines(["*there is no check 'conform'; did you mean 'conforms'?;*"])


def test_all_that_does_not_hold_is_told_with_what_is_wrong_about_the_payload(
    write_app: WriteApp, suite: Suite
) -> None:
    write_app()
    source = """
    from pytest_wsrpc import fuzz
    from myapp import create_app

    @fuzz.check("one-more")
    def one_more(exchange):
        assert exchange.error is None

    @fuzz.check("two-more")
    def two_more(exchange):
        assert exchange.error is None

    @fuzz.load(create_app, phases="refuses").parametrize()
    async def test_rpc(case):
        reply = await case.call()
        case.check(reply)
    """
    result = suite(source)
    result.stdout.fnmatch_lines(
        ["E *check: one-more", "E *sent: *", "E *also: two-more: expected Two more., got *"]
    )


def test_a_reply_is_what_a_call_has_returned(write_app: WriteApp, suite: Suite) -> None:
    write_app()
    result = suite(TEST.replace("case.check(reply)", "case.check(reply.reply)"))
    result.stdout.fnmatch_lines(["*case.check() takes what case.call() has returned, got {*"])


@pytest.mark.parametrize(
    ("load", "options", "count"),
    [
        ("", [], 100),
        ("max_examples=9", [], 9),
        ("max_examples=9", ["--wsrpc-max-examples=7"], 7),
        ("", ["-o", "wsrpc_max_examples=8"], 8),
    ],
)
def test_the_number_of_cases_comes_from_the_code_or_an_option(
    write_app: WriteApp, suite: Suite, load: str, options: list[str], count: int
) -> None:
    write_app()
    source = TEST.replace("load(create_app)", f"load(create_app, {load})")
    source += f"    seen.append(1)\nseen = []\ndef test_count(): assert len(seen) == {count}\n"
    suite(source, *options).assert_outcomes(passed=2)


@pytest.mark.slow
def test_an_explicit_seed_repeats_the_cases(write_app: WriteApp, suite: Suite) -> None:
    write_app()
    source = TEST + "    print('drawn', case)\n"
    first, again, other = (
        [
            line
            for line in suite(source, f"--wsrpc-seed={seed}", "-s").outlines
            if line.startswith("drawn")
        ]
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_globs_of_the_code_and_of_the_options_choose_methods(
    write_app: WriteApp, suite: Suite
) -> None:
    write_app(
        "".join(
            f"\nasync def ws_rpc_{name}(self, payload): ..."
            for name in ("get_one", "get_all", "stop")
        )
    )
    source = TEST.replace(
        "load(create_app)", "load(create_app, include='get_*', exclude=['*_all'])"
    )
    suite(source).assert_outcomes(passed=1)
    other = source.replace("parametrize()", "parametrize(exclude=())")
    suite(other).assert_outcomes(passed=2)
    suite(other, "--wsrpc-exclude=get_one").assert_outcomes(passed=1)


def test_a_reply_reads_well(write_app: WriteApp, suite: Suite) -> None:
    write_app(
        """
        async def ws_rpc_leave(self, payload):
            await self.close()

        async def ws_rpc_wait(self, payload):
            await __import__("asyncio").sleep(60)
        """
    )
    source = TEST.replace("case.check(reply)", "print(case, reply, reply.method, reply.payload)")
    source = source.replace("load(create_app)", "load(create_app, max_examples=1)")
    result = suite(source, "-s", "--wsrpc-case-timeout=0.05")
    result.stdout.fnmatch_lines(
        [
            "*<case /stream add {*}> <reply '{*}'> add {*",
            "*<case /stream leave {*}> <no reply, closed with 1000> leave {*",
            "*<case /stream wait {*}> <no reply> wait {*",
        ]
    )
