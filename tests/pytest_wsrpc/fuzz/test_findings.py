"""What the fuzzer finds, how it shows it, and that it shows again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]

DIVIDE = """
async def ws_rpc_divide(self, payload: Numbers) -> Number:
    return Number(payload.a // payload.b)
"""


@pytest.fixture
def fuzz(fuzz: Run) -> Run:
    """Try more cases than other tests do: the defects here are not in all of them."""
    return partial(fuzz, "--wsrpc-max-examples=25")


def test_a_failure_shows_all_that_is_needed_to_understand_and_repeat_it(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(DIVIDE)
    result = fuzz("-k", "divide and accepts")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "*create_app::/stream::divide::accepts*",
            "/stream divide: accepts",
            "check: no-internal-error",
            "",
            '*> {"id":0,"method":"divide","payload":{"a":0,"b":0}}',
            '*< {"id":0,"method":"divide","error":{"code":-32603,"message":"Internal error"}}',
            "",
            "expected: no internal error",
            "got: -32603 Internal error",
            "",
            "on the server:",
            "    myapp.py:*: in ws_rpc_divide",
            "        return Number(payload.a // payload.b)",
            "    ZeroDivisionError: integer division or modulo by zero",
            "",
            "again: pytest --wsrpc-fuzz myapp:create_app --wsrpc-seed 1 --wsrpc-max-examples 25 "
            "myapp.py::create_app::/stream::divide::accepts",
            "",
            "as a test:",
            "",
            "    import pytest",
            "",
            "    from myapp import create_app",
            "",
            "",
            "    @pytest.fixture",
            "    def ws_app():",
            "        return create_app()",
            "",
            "",
            "    @pytest.mark.asyncio",
            "    async def test_divide_no_internal_error(ws_connect):",
            "        client = await ws_connect('/stream')",
            "        reply = await client.request('divide', {'a': 0, 'b': 0}, timeout=5)",
            '        assert reply.get("error", {}).get("code") != -32603, reply',
            "*wsrpc fuzz*",
        ],
        consecutive=False,
    )
    assert "Captured" not in result.stdout.str()
    assert "/pytest_wsrpc/" not in result.stdout.str()


BUGS = {
    "no-internal-error": (DIVIDE, "-32603"),
    "conforms": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            return Number("many" if payload.a > 5 else 1)
        """,
        "-32603",
    ),
    "no-leak": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            raise RpcError(7, f"cannot add {object()}")
        """,
        "<object object",
    ),
    "no-leak ": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            raise InvalidParams({"a": "see /srv/app/tables.py"})
        """,
        "tables.py",
    ),
    "stays-open": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            await self.close(4000)
            return Number(1)
        """,
        "4000",
    ),
    "one-reply-in-time": (
        """
        async def ws_rpc_buggy(self, payload: Numbers) -> Number:
            if payload.a > 5:
                await __import__("asyncio").sleep(30)
            return Number(1)
        """,
        "TimeoutError",
    ),
}


@pytest.mark.parametrize("check", BUGS)
def test_a_pasted_test_fails_in_the_same_way(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, paste: Paste, check: str
) -> None:
    methods, says = BUGS[check]
    write_app(methods)
    result = fuzz("-k", "accepts and not add", "--wsrpc-case-timeout=0.3")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines([f"check: {check.strip()}"])
    source = paste(result)
    pytester.makepyfile(test_pasted=source)
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines([f"E *{says}*"])


@pytest.mark.slow
def test_the_failure_is_replayed_first(write_app: WriteApp, fuzz: Run) -> None:
    write_app(DIVIDE)
    fuzz("-k", "divide and accepts", "--wsrpc-seed=1")
    result = fuzz("-k", "divide and accepts", "--wsrpc-seed=2")
    result.stdout.fnmatch_lines(["/stream divide      1 *"])


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, {"CI": "1"}])
def test_the_same_seed_gives_the_same_cases_also_in_ci(
    write_app: WriteApp, pytester: pytest.Pytester, environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write_app(
        """
        async def ws_rpc_log(self, payload: Numbers) -> Number:
            with open("log.txt", "a") as log:
                print(payload, file=log)
            return Number(1)
        """
    )

    def cases(seed: int) -> str:
        log = pytester.path / "log.txt"
        log.unlink(missing_ok=True)
        result = pytester.runpytest_subprocess(
            "-p", "no:randomly", "--wsrpc-fuzz=myapp:create_app", "--wsrpc-max-examples=20",
            f"--wsrpc-seed={seed}", "-k", "log and accepts",
        )  # fmt: skip
        assert result.parseoutcomes()["passed"] == 1
        return log.read_text()

    first = cases(1)
    assert cases(1) == first
    assert cases(2) != first


def test_a_defect_of_several_items_is_shown_once(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        async def ws_rpc_one(self, payload: Numbers) -> Number:
            return self.both(payload)

        async def ws_rpc_two(self, payload: Numbers) -> Number:
            return self.both(payload)

        def both(self, payload):
            raise LookupError
        """
    )
    result = fuzz("-k", "accepts")
    result.assert_outcomes(passed=1, failed=2, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "/stream one: accepts",
            "check: no-internal-error",
            "also in: /stream two: accepts",
            "as a test:",
            "*wsrpc fuzz*",
            "/stream one * 1  accepts",
            "/stream two * 0  accepts",
            "FAILED *one::accepts - no-internal-error: Looku*",
            "FAILED *two::accepts - the same as create_app::*",
        ]
    )
    assert result.stdout.str().count("as a test:") == 1


def test_two_defects_of_one_method_are_both_shown(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        async def ws_rpc_two(self, payload: Numbers) -> Number:
            if payload.a > 100:
                raise LookupError
            if payload.a < -100:
                raise RuntimeError
            return Number(1)
        """
    )
    result = fuzz("-k", "two and accepts")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines_random(["*payload?:{?a?:101*", "*payload?:{?a?:-101*"])
    result.stdout.fnmatch_lines(["/stream two * 2  accepts"])


def test_what_does_not_show_again_is_a_warning(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        calls = 0

        async def ws_rpc_flaky(self, payload: Numbers) -> Number:
            Stream.calls += 1
            if Stream.calls == 20:
                raise LookupError
            return Number(1)
        """
    )
    result = fuzz("-k", "flaky and accepts")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "/stream flaky * 0  accepts",
            "warning: /stream flaky, accepts: seen once, but not again: no-internal-error: *",
        ]
    )


def test_several_that_do_not_show_again_are_warnings(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        calls = 0

        async def ws_rpc_flaky(self, payload: Numbers) -> Number:
            Stream.calls += 1
            if Stream.calls == 20:
                raise LookupError
            if Stream.calls == 21:
                raise RuntimeError
            return Number(1)
        """
    )
    result = fuzz("-k", "flaky and accepts")
    result.assert_outcomes(passed=1, deselected=4)


def test_a_method_that_never_answers_is_a_warning(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        async def ws_rpc_wait(self, payload: Numbers) -> Number:
            await __import__("asyncio").sleep(3600)
        """
    )
    result = fuzz("-k", "wait and accepts", "--wsrpc-case-timeout=0.1")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["warning: /stream wait, accepts: no call was answered within 0.1 s: it waits for *"]
    )


def test_a_call_without_an_answer_before_others_have_one_is_looked_at_again(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(
        """
        async def ws_rpc_wait(self, payload: Numbers) -> Number:
            if payload.a == 0:
                await __import__("asyncio").sleep(3600)
            return Number(1)
        """
    )
    result = fuzz("-k", "wait and accepts", "--wsrpc-case-timeout=0.2")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["check: one-reply-in-time", "*got: no reply within 0.2 s"])


def test_timed_out_is_no_answer(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        limits = __import__("wsrpc").Limits(call_timeout=0.05)

        async def ws_rpc_wait(self, payload: Numbers) -> Number:
            if payload.a > 5:
                await __import__("asyncio").sleep(3600)
            return Number(1)
        """
    )
    result = fuzz("-k", "wait and accepts")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["check: one-reply-in-time", "*got: -32001 Timed out", "*!= -32001*"]
    )


@pytest.mark.slow
def test_refusals_by_the_handlers_own_rule_are_a_warning(write_app: WriteApp, fuzz: Run) -> None:
    write_app(
        """
        async def ws_rpc_never(self, payload: Numbers) -> Number:
            raise InvalidParams({"a": "never"})

        async def ws_rpc_code(self, payload: Numbers) -> Number:
            raise RpcError(4, "No such thing")

        async def ws_rpc_login(self, payload: Numbers) -> Number:
            raise web.HTTPForbidden
        """
    )
    result = fuzz("-k", "accepts and not add")
    result.assert_outcomes(passed=3, deselected=6)
    result.stdout.fnmatch_lines(
        [
            "/stream code *0 %    100 %    0 %         0  accepts",
            "warning: /stream code: never answered with success, mostly with 4 No such thing: "
            "does it need what is not there, or is the type looser than the handler?",
            "warning: /stream login: *-32003 Forbidden: does it need a login (--wsrpc-header, *)?",
            'warning: /stream never: *-32602 Invalid RPC parameters {"a": "never"}: does it *',
        ]
    )
    given = fuzz("-k", "login and accepts", "--wsrpc-header=X-User: ann")
    given.stdout.fnmatch_lines(["*-32003 Forbidden: is what the headers give enough for it?"])


def test_refusals_by_a_handler_that_fails_are_not_laid_on_its_type(
    write_app: WriteApp, fuzz: Run
) -> None:
    write_app(DIVIDE.replace("payload.a", "1 // 0 * payload.a") + LONG)
    result = fuzz("-k", "accepts and not add", "--wsrpc-exclude-checks=no-internal-error")
    result.assert_outcomes(passed=2, deselected=5)
    result.stdout.fnmatch_lines(
        [
            "warning: */stream divide: 100 % of valid payloads ended in an error: *",
            "warning: /stream long: *, mostly with 7 No {* ...: does it *",
        ]
    )


LONG = """
async def ws_rpc_long(self, payload: Numbers) -> Number:
    raise RpcError(7, "No", {"a": "b" * 500})
"""


def test_an_exception_outside_of_calls_is_found_too(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_app(
        """
        async def on_disconnect(self):
            raise LookupError("gone")
        """
    )
    result = fuzz("-k", "add and accepts")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["check: no-internal-error", "*got: LookupError in on_disconnect", "    LookupError: gone"]
    )
    pytester.makepyfile(test_pasted=paste(result))
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)


@pytest.mark.slow
def test_excluded_checks_are_left_out(write_app: WriteApp, fuzz: Run) -> None:
    write_app(DIVIDE)
    result = fuzz("--wsrpc-exclude-checks", "no-internal-error, conforms")
    result.assert_outcomes(passed=5)


def test_shrinking_has_an_end(
    write_app: WriteApp, fuzz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_wsrpc.fuzz.item.SHRINKING_TIME", 0.0)
    write_app(DIVIDE)
    fuzz("-k", "divide and accepts").assert_outcomes(failed=1, deselected=4)


@pytest.mark.slow
def test_options_that_matter_stand_in_the_command_that_repeats_a_failure(
    write_app: WriteApp, fuzz: Run
) -> None:
    end = """
    def make():
        app = create_app()
        app.router.add_view("/rooms/{id}", Stream)
        return app
    """
    write_app(DIVIDE, end=end)
    result = fuzz(
        "-k", "rooms and divide and accepts", "--wsrpc-header=X-User: ann b",
        "--wsrpc-header=Cookie: s3cr3t", "--wsrpc-param=id=1 2", "--wsrpc-case-timeout=2.5",
        "--wsrpc-max-examples=60", "--wsrpc-exclude-checks=no-leak,conforms",
        "--wsrpc-include=divide", "--wsrpc-max-time=60", target="myapp:make",
    )  # fmt: skip
    result.assert_outcomes(failed=1, deselected=5)
    (line,) = (line for line in result.outlines if line.startswith("again: "))
    assert line == (
        "again: pytest --wsrpc-fuzz myapp:make --wsrpc-seed 1 --wsrpc-header 'X-User: ann b' "
        "--wsrpc-header 'Cookie: ...' --wsrpc-param 'id=1 2' --wsrpc-case-timeout 2.5 "
        "--wsrpc-max-examples 60 --wsrpc-exclude-checks no-leak,conforms "
        "'myapp.py::make::/rooms/{id}::divide::accepts'  # fill in Cookie"
    )
    words = shlex.split(line.removeprefix("again: pytest "), comments=True)
    again = fuzz(*words, target=None)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines([line])


def test_what_the_ini_file_says_is_not_repeated(write_app: WriteApp, fuzz: Run) -> None:
    write_app(DIVIDE)
    result = fuzz("-k", "divide and accepts", "-o", "wsrpc_header=Cookie: s3cr3t")
    result.stdout.fnmatch_lines(
        ["again: * --wsrpc-max-examples 25 myapp.py::create_app::/stream::divide::accepts"]
    )


def test_an_exception_that_the_handler_has_caught_and_sent_is_a_leak(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_app(
        """
        async def ws_rpc_find(self, payload: Numbers) -> Number:
            try:
                {}["password"]
            except KeyError as e:
                raise RpcError(1001, f"failed: {e!r}")
        """
    )
    result = fuzz("-k", "find and accepts")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["got: the repr of an exception: KeyError('password')"])
    pytester.makepyfile(test_pasted=paste(result))
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)


def test_an_async_factory_and_a_login_stand_in_the_pasted_test(
    write_app: WriteApp, fuzz: Run, pytester: pytest.Pytester, paste: Paste
) -> None:
    write_app(
        """
        async def on_connect(self):
            if self.request.headers.get("X-User") != "ann":
                raise web.HTTPUnauthorized

        async def ws_rpc_fail(self, payload: Numbers) -> Number:
            raise LookupError
        """,
        end="""
        class Apps:
            @staticmethod
            async def create():
                return create_app()
        """,
    )
    result = fuzz(
        "-k", "fail and accepts", "--wsrpc-header", "X-User: ann",
        "--wsrpc-header", "Authorization: Bearer s3cr3t", target="myapp:Apps.create",
    )  # fmt: skip
    result.assert_outcomes(failed=1, deselected=4)
    source = paste(result)
    assert "from myapp import Apps\n" in source
    assert "async def ws_app():\n    return await Apps.create()\n" in source
    masked = "headers={'X-User': 'ann', 'Authorization': '...'})  # fill in Authorization"
    assert masked in source
    assert "s3cr3t" not in result.stdout.str()
    pytester.makepyfile(test_pasted=source)
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["E *-32603*"])


def test_long_payloads_get_a_name_in_the_pasted_test(
    write_app: WriteApp, fuzz: Run, paste: Paste
) -> None:
    write_app(
        """
        async def ws_rpc_long(self, payload: "Long") -> Number:
            raise LookupError
        """,
        end="""
        from dataclasses import make_dataclass

        Long = make_dataclass("Long", [(f"a_number_with_a_long_name_{n}", int) for n in range(4)])
        """,
    )
    source = paste(fuzz("-k", "long and accepts"))
    assert "payload = {'a_number_with_a_long_name_0': 0,\n" in source
    assert "reply = await client.request('long', payload, timeout=5)\n" in source
    assert max(map(len, source.splitlines())) < 100


@pytest.mark.parametrize(
    ("validator", "phase"),
    [("value.strip().lower()", "refuses"), ("value[3]", "accepts")],
)
def test_a_validator_that_fails_is_a_finding(
    write_app: WriteApp, fuzz: Run, validator: str, phase: str
) -> None:
    write_app(
        """
        async def ws_rpc_register(self, payload: Registration) -> None:
            return None
        """
    )
    path = Path("myapp.py")
    model = f"""
from pydantic import BaseModel, field_validator

class Registration(BaseModel):
    email: str

    @field_validator("email", mode="before")
    @classmethod
    def looked_at(cls, value):
        {validator}
        return value

class Stream("""
    path.write_text(path.read_text().replace("class Stream(", model))
    result = fuzz("--wsrpc-include=register", phases=[phase])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["check: no-internal-error", "got: -32603 *"])
