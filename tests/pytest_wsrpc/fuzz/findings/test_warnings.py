"""What the fuzzer saw, but is not sure of: warnings beside its findings."""

from __future__ import annotations

import pytest

from .dividing import DIVIDE, Run, WriteApp


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
