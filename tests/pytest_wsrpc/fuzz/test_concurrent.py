"""The phase ``concurrent``, from the command line to a test that is pasted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from pytest_wsrpc.fuzz.conversation import Call, Conversation, Fault, Heal, Settle, Together
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.phases import Subject, concurrent
from wsrpc import ApiPath, WsPathMixin
from wsrpc.rpc import methods_of

Run = Callable[..., pytest.RunResult]
Write = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]

LOST_UPDATE = """
    async def ws_rpc_deposit(self, payload: Number) -> Number:
        account = self.request.app["account"]
        value = account["value"] + payload.value % 100
        await asyncio.sleep(0.01)
        account["value"] = value
        return Number(value)
"""
WRONG_CONNECTION = """
    async def on_connect(self):
        self.request.app["account"]["view"] = self

    async def ws_rpc_show(self, payload: Number) -> None:
        await self.request.app["account"]["view"].send_event("screen", "value", payload.value)
"""
WITH_ACCOUNT = """
    import asyncio

    create_plain_app = create_app

    def create_app():
        app = create_plain_app()
        dict.__setitem__(app._state, "account", {"value": 0})
        return app
"""


class Amount(Struct):
    value: int = 1
    unit: Literal["kg", "t"] = "kg"


class Scales(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Amount) -> None: ...

    async def ws_rpc_get_total(self, payload: Amount) -> None: ...


ENDPOINT = Endpoint("/stream", Scales, methods_of(Scales))


def conversations() -> st.SearchStrategy[Conversation]:
    return concurrent.PHASE.cases(Subject(ENDPOINT))


@pytest.mark.slow
def test_a_lost_update_is_found_with_a_test_that_fails(
    write_app: Write, fuzz: Run, paste: Paste, suite: Run
) -> None:
    write_app(LOST_UPDATE, WITH_ACCOUNT)
    result = fuzz(phases=["concurrent"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "check: serial",
            "expected: the answers that these calls give one after another, *",
        ]
    )
    pasted = suite(paste(result))
    pasted.assert_outcomes(failed=1)
    pasted.stdout.re_match_lines([r"E +AssertionError: assert \(\{'value': 1\}, .*\) in \[.*"])
    assert '@pytest.mark.wsrpc(clock="virtual")' in paste(result)


def test_an_event_on_another_connection_is_found_with_a_test_that_fails(
    write_app: Write, fuzz: Run, paste: Paste, suite: Run
) -> None:
    write_app(WRONG_CONNECTION, WITH_ACCOUNT)
    result = fuzz(phases=["concurrent"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["check: right-connection"])
    pasted = suite(paste(result))
    pasted.assert_outcomes(failed=1)
    pasted.stdout.re_match_lines([r".*assert \{'channel': 'screen'.* in client_\d\.unread"])


def test_a_check_is_left_out_for_the_method_that_it_is_about(write_app: Write, fuzz: Run) -> None:
    write_app(LOST_UPDATE, WITH_ACCOUNT)
    excluded = "--wsrpc-exclude-checks=deposit:serial"
    result = fuzz("--wsrpc-max-examples=10", excluded, phases=["concurrent"])
    result.assert_outcomes(passed=1)


def test_the_summary_says_what_was_left_out(write_app: Write, fuzz: Run) -> None:
    write_app(
        """
        async def ws_rpc_throw(self, payload: Numbers) -> Number:
            return Number(random.randint(1, 6))
        """,
        "import random",
    )
    result = fuzz("--wsrpc-max-examples=10", phases=["concurrent"])
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "left out: /stream, concurrent: serial: throw: value: "
            "differs from run to run without any overlap"
        ]
    )


def test_it_is_not_run_without_methods_of_the_application(write_app: Write, fuzz: Run) -> None:
    write_app(
        end="""
        from wsrpc import Publish

        class Empty(ApiPath, WsPathMixin, Publish):
            pass

        def create_app():
            app = web.Application()
            app.router.add_view("/stream", Empty)
            LocalBroker.for_app(app)
            return app
        """
    )
    result = fuzz(phases=["concurrent"])
    result.stdout.fnmatch_lines(["not run: concurrent of /stream: there is no method but*"])


@pytest.mark.slow
@settings(max_examples=300, database=None, suppress_health_check=list(HealthCheck))
@given(conversations())
def test_two_to_four_calls_overlap_between_others(conversation: Conversation) -> None:
    together = [step.calls for step in conversation.steps if isinstance(step, Together)]
    apart = [step for step in conversation.steps if isinstance(step, Call) and not step.wait]
    overlap = [*apart, *(call for calls in together for call in calls)]
    assert 2 <= len(overlap) <= concurrent.CALLS
    assert bool(apart) == (Settle() in conversation.steps) != bool(together)
    others = len(conversation.calls) - len(overlap)
    assert others <= concurrent.PREPARING * concurrent.CALLS + concurrent.OBSERVING
    faults = [step for step in conversation.steps if isinstance(step, Fault)]
    assert len(faults) <= 1
    assert bool(faults) == (Heal() in conversation.steps)
    ids = [(call.client, call.id) for call in conversation.calls]
    assert len(ids) == len(set(ids))


def test_texts_are_tried_in_each_others_place() -> None:
    payload = {"debit": "a", "amount": 1, "credit": "b", "by": "b"}
    assert concurrent._swapped(payload) == {"debit": "b", "credit": "a"}
    assert concurrent._swapped({"debit": "a", "credit": "a"}) == {}


def test_fields_are_not_taken_from_elsewhere_if_the_type_refuses_them() -> None:
    method = ENDPOINT.methods["add"]
    builder = concurrent._Builder(ENDPOINT, own_ids=True)
    first = builder.call(concurrent._Drawn(method, {"value": 1}, 0, 0), 1)
    assert builder._with(method, {"value": 2}, {"value": "x"}) == {"value": 2}
    assert builder._with(method, {"value": 2}, {"value": 3}) == {"value": 3}
    again = builder.call(concurrent._Again(5), 2)
    assert (again.payload, again.id, first.id) == ({"value": 1}, 1, 1)
    assert re.fullmatch(r"add\(.*\) by 2", repr(again))
