"""What the fuzzer finds, and how it shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .dividing import DIVIDE, Paste, Run, WriteApp


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
