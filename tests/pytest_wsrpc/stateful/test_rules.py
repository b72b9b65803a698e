"""The rules that come with the package: calls, connections, faults and time."""

import asyncio

import pytest
from hypothesis import strategies as st

from pytest_wsrpc.demo import Stream
from pytest_wsrpc.stateful import (
    CallRules,
    ConnectionRules,
    FaultRules,
    RpcStateMachine,
    TimeRules,
    invariant,
    rule,
)
from wsrpc import InternalError

from .conftest import application


class Strict(Stream):
    async def ws_rpc_half(self, payload: dict[str, int]) -> int:
        """Fail for a payload that its type accepts."""
        if "x" in payload:
            raise ZeroDivisionError("x")
        return 1

    async def ws_rpc_never(self, payload):
        await asyncio.Event().wait()


class Calls(CallRules):
    create_app = staticmethod(lambda: application(Strict))


def test_methods_are_called_with_payloads_that_their_types_accept(run):
    called = set()

    class Some(Calls):
        call_methods = ("add", "e*")

        async def call(self, client, method, payload=None, **options):
            called.add(method)
            return await super().call(client, method, payload, **options)

    run(Some)
    assert called == {"add", "echo"}


def test_a_call_that_crashes_is_shown_with_its_payload(fails, steps):
    class Half(Calls):
        call_methods = ("half",)

        def payloads(self, method):
            assert method.name == "half"
            return st.sampled_from([{"y": 1}, {"x": 2}])

    failure = fails(Half, InternalError)
    assert isinstance(failure.__cause__, ZeroDivisionError)
    assert steps(failure) == ["state.call_method(client=0, method='half', payload={'x': 2})"]


def test_a_call_that_times_out_fails(fails):
    class Never(Calls):
        call_methods = ("never",)

    assert "Timed out" in fails(Never, Exception).text


@pytest.mark.parametrize("seconds", [30.0, 300.0])
def test_under_a_fault_it_does_not(run, seconds):
    class Never(Calls):
        call_methods = ("never", "add")
        call_timeout = seconds

        async def begin(self):
            self.inject_fault("call:latency=1s")

        @invariant()
        def faulty(self):
            assert self.is_faulty

    run(Never, max_examples=3)


def test_a_call_that_gets_no_answer_fails_unless_a_fault_is_in_force(fails):
    class Never(Calls):
        call_methods = ("never",)
        call_timeout = 30.0

    assert "no reply" in fails(Never, TimeoutError).text


def test_what_leaves_no_method_to_call_is_refused(fails):
    class Nothing(Calls):
        skip_methods = ("*",)

    failure = fails(Nothing, TypeError)
    assert "the application has add, echo, half, never, publish, subscribe, unsubs" in str(failure)


@pytest.mark.slow
def test_clients_leave_and_come_back(run):
    seen = set()

    class Leaving(ConnectionRules):
        create_app = staticmethod(application)

        @rule(number=st.integers(0, 1))
        async def connect(self, number):
            await self.client(number)

        async def on_disconnect(self, number):
            seen.add(("gone", number))

        async def on_connect(self, number, client):
            seen.add(("there", self.connections[number]))

    run(Leaving)
    assert {("gone", 0), ("gone", 1), ("there", "client 0"), ("there", "client 1 #2")} <= seen


def test_time_passes_by_what_the_class_says(run):
    class Waiting(TimeRules):
        create_app = staticmethod(application)
        times = (0.5, 2.0)

        @invariant()
        def halves(self):
            assert self.clock.time * 2 % 1 == 0

    run(Waiting, max_examples=3)


def test_faults_come_and_go(run):
    seen = set()

    class Faulty(FaultRules):
        create_app = staticmethod(application)

        def fault_injected(self, fault):
            seen.add(str(fault))

        @rule()
        async def look(self):
            seen.add(self.is_faulty)

    run(Faulty)
    assert {True, False, "deliver:stall", "publish:error=BrokerUnavailable,times=1"} <= seen
    assert len(seen) == 2 + len(FaultRules.injected_faults)


@pytest.mark.slow
def test_rules_are_switched_on_by_inheriting_from_them(fails, steps):
    class Both(CallRules, ConnectionRules, TimeRules, RpcStateMachine):
        create_app = staticmethod(application)

        def __init__(self):
            super().__init__()
            self.left = False

        async def on_disconnect(self, number):
            self.left = True

        @invariant()
        def never_late_after_leaving(self):
            assert not (self.left and self.clock.time >= 60)

    failure = fails(Both)
    words = sorted(step.partition("(")[0] for step in steps(failure) if "never_late" not in step)
    assert words[0] == "state.call_method"
    assert words[-1] == "state.wait"
