"""The phase ``faults`` and its check: what is told, and what is left alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from aiohttp import web

from pytest_wsrpc.fuzz.conversation import Advance, Call, Conversation, Disconnect, Fault
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.failure import CheckFailure
from pytest_wsrpc.fuzz.phases import Subject
from pytest_wsrpc.fuzz.phases.faults import PHASE
from pytest_wsrpc.fuzz.recovery import clean_under_faults
from wsrpc import (
    ApiPath,
    BrokerUnavailable,
    LocalBroker,
    Publish,
    RpcError,
    Subscribe,
    WsPathMixin,
)
from wsrpc.rpc import methods_of

from .talking import judged, only

RunPytest = Callable[..., pytest.RunResult]
WriteApp = Callable[..., None]
Paste = Callable[[pytest.RunResult], str]

STATE: web.AppKey[Any] = web.AppKey("state")


class View(ApiPath, WsPathMixin):
    """Tells of its calls on a channel."""

    async def tell(self) -> None:
        await self.sockets.publish("news", "told", 1)


class Talking(View, Subscribe, Publish):
    """Nothing that could go wrong."""

    async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
        await self.tell()


def do(client: int = 1, *, wait: bool = True, method: str = "do", **payload: Any) -> Any:
    return SimpleNamespace(client=client, wait=wait, method=method, payload=payload)


def failures_of(
    view: type[Any], *steps: Any, broker: type[LocalBroker] = LocalBroker
) -> list[CheckFailure]:
    """Play steps, texts are faults, on an application of this view, and judge."""

    def create_app() -> web.Application:
        app = web.Application()
        app[STATE] = SimpleNamespace(lock=asyncio.Lock(), busy=False, done=set())
        app.router.add_view("/stream", view)
        broker.for_app(app)
        return app

    return judged(create_app, view, PHASE, steps)


BROKEN = "publish:error=ConnectionError"


@pytest.mark.parametrize(
    "fault",
    [
        BROKEN,
        "publish:error=BrokerUnavailable",
        "publish:error=CannotPublish,times=1",
        "publish:error=OSError",
        "publish:latency=500ms",
        "publish:drop",
        "publish:stall",
        "subscribe:error=CannotSubscribe",
        "subscribe:stall",
        "unsubscribe:error=ConnectionError",
        "deliver:drop",
        "deliver:duplicate",
        "deliver:stall",
    ],
)
def test_an_application_that_only_passes_on_what_the_broker_does_is_left_alone(fault: str) -> None:
    calls = (
        do(method="subscribe", channel="news", wait=False),
        do(wait=False),
        do(2, method="publish", channel="news", data=1, wait=False),
        do(method="unsubscribe", channel="news", wait=False),
        Advance(0.1),
    )
    assert failures_of(Talking, fault, *calls) == []
    assert failures_of(Talking, do(), fault, do(wait=False), Disconnect(1)) == []


def test_a_handler_that_crashes_when_the_broker_fails_is_told() -> None:
    class Careless(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
            try:
                await self.tell()
            except ConnectionError as error:
                raise RpcError(len(error.strerror), "no news") from error  # type: ignore[arg-type]

    failure = only(failures_of(Careless, BROKEN, do()))
    assert (failure.check, failure.method, failure.call) == ("clean-under-faults", "do", 0)
    assert failure.place is not None
    assert re.fullmatch(r"TypeError at .*test_faults_phase.py:\d+ in ws_rpc_do", failure.place)
    assert failure.got == "-32603 Internal error by TypeError"
    assert isinstance(failure.exception, TypeError)
    assert failure.test[-1] == "assert code != -32603, reply_0"


def test_a_handler_that_crashes_without_faults_too_is_not_told_for_them() -> None:
    class Broken(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
            await self.tell()
            raise LookupError

    failures = failures_of(Broken, "publish:latency=10ms", do())
    assert {failure.check for failure in failures} == {"no-internal-error"}


def test_a_response_that_has_no_form_under_faults_is_told() -> None:
    class Formless(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> Any:
            try:
                await self.tell()
            except ConnectionError:
                return object()
            return None

    failure = only(failures_of(Formless, BROKEN, do()))
    assert failure.check == "clean-under-faults"
    assert failure.got.startswith("-32603")


def test_a_lock_that_stays_held_is_told_by_the_call_that_waits_for_it() -> None:
    class Locking(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
            lock = self.request.app[STATE].lock
            await lock.acquire()
            await self.tell()
            lock.release()

    failures = failures_of(Locking, BROKEN, do())
    assert {failure.check for failure in failures} == {"one-reply-in-time"}


class Busy(View):
    """Is never done with what it could not tell."""

    async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
        state = self.request.app[STATE]
        if state.busy:
            raise RpcError(7, "busy")
        state.busy = True
        await self.tell()
        state.busy = False


def test_a_call_that_is_refused_for_ever_is_told() -> None:
    failure = only(failures_of(Busy, do(), BROKEN, do(), do(2)))
    assert (failure.check, failure.method) == ("clean-under-faults", "do")
    assert failure.key == "refused after the faults"
    assert "got 7 busy" in str(failure)
    assert failure.test == (f'assert "error" not in reply_{failure.call}, reply_{failure.call}',)


def test_a_service_that_stays_unavailable_is_told() -> None:
    class Breaker(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
            state = self.request.app[STATE]
            if state.busy:
                raise BrokerUnavailable
            try:
                await self.tell()
            except ConnectionError:
                state.busy = True
                raise

    failure = only(failures_of(Breaker, BROKEN, do()))
    assert "got -32004 Service unavailable" in str(failure)


def test_what_protects_the_broker_for_a_while_is_left_alone() -> None:
    class Patient(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
            state, now = self.request.app[STATE], asyncio.get_running_loop().time()
            if state.busy and now < state.busy:
                raise BrokerUnavailable
            try:
                await self.tell()
            except ConnectionError:
                state.busy = now + 60
                raise

    assert failures_of(Patient, BROKEN, do()) == []


class Once(View):
    """Does each thing once, whether or not it could tell."""

    async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
        done = self.request.app[STATE].done
        if payload["what"] in done:
            raise RpcError(8, "done already")
        done.add(payload["what"])
        await self.tell()


class Never(View):
    """Refuses whatever comes."""

    async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
        raise RpcError(9, "no")


def test_what_is_refused_without_faults_too_is_left_alone() -> None:
    assert failures_of(Once, BROKEN, do(what=1), do(what=2)) == []
    assert failures_of(Never, BROKEN, do()) == []


class Counted(LocalBroker):
    """Brings the events of a channel that was subscribed exactly once."""

    most = 1

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def subscribe(self, channel: str) -> None:
        self.asked.append(channel)

    async def unsubscribe(self, channel: str) -> None:
        self.asked.remove(channel)

    async def publish(self, channel: str, event: str, body: Any) -> None:
        if self.asked.count(channel) == self.most:
            await super().publish(channel, event, body)


def test_deliveries_after_the_faults_are_judged() -> None:
    steps = ("subscribe:duplicate", do(method="subscribe", channel="news"), Disconnect(1))
    failures = failures_of(Talking, *steps, broker=Counted)
    assert [failure.check for failure in failures] == ["clean-under-faults"]
    assert "expected after the faults: event 'healed'" in str(failures[0])


def test_deliveries_that_fail_without_faults_too_are_not_told_for_them() -> None:
    class Never(Counted):
        most = 7

    steps = ("subscribe:duplicate", do(method="subscribe", channel="news"), Disconnect(1))
    assert failures_of(Talking, *steps, broker=Never) == []


class Stubborn(View):
    """Goes on whatever happens."""

    async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
        while True:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue


def test_a_call_that_goes_on_without_its_client_is_told() -> None:
    failures = failures_of(Stubborn, do(wait=False), "publish:drop", Disconnect(1))
    failure = only([one for one in failures if one.check == "clean-under-faults"])
    assert failure.key.startswith("task ")
    assert "nothing to go on for a call whose client has gone" in str(failure)


def test_a_task_that_is_there_once_is_left_alone() -> None:
    class Lazy(View):
        async def ws_rpc_do(self, payload: dict[str, Any]) -> None:
            state = self.request.app[STATE]
            if not state.busy:
                state.busy = asyncio.create_task(asyncio.sleep(1e6))

    assert failures_of(Lazy, BROKEN, do(), Disconnect(1)) == []


def test_the_check_is_quiet_about_other_conversations() -> None:
    record: Any = SimpleNamespace(extra={})
    clean_under_faults(record)


# -- the phase


def test_the_phase_says_why_it_does_not_apply() -> None:
    class Mute(ApiPath, WsPathMixin):
        """No methods."""

    def reason(view: type[WsPathMixin]) -> str | None:
        return PHASE.not_applied(Subject(Endpoint("/stream", view, methods_of(view))))

    assert reason(Mute) == "there is no method"
    assert reason(Never) is None


@pytest.mark.parametrize("view", [Talking, Never])
def test_the_phases_conversations_have_a_fault_and_calls_under_it(view: type[WsPathMixin]) -> None:
    seen: set[str] = set()
    kinds: set[type] = set()

    @hypothesis.settings(max_examples=150, database=None, derandomize=True)
    @hypothesis.given(PHASE.cases(Subject(Endpoint("/stream", view, methods_of(view)))))
    def look(case: Conversation) -> None:
        ids = [(call.client, call.id) for call in case.calls]
        assert len(set(ids)) == len(ids)
        first = next(i for i, step in enumerate(case.steps) if isinstance(step, Fault))
        assert any(isinstance(step, Call) for step in case.steps[first:])
        seen.update(call.method.name for call in case.calls)
        kinds.update(map(type, case.steps))

    look()
    assert seen == set(methods_of(view))
    assert kinds == {Call, Fault, Advance, Disconnect}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "check"),
    [
        (
            """
            async def ws_rpc_buy(self, payload: Number) -> Number:
                try:
                    await self.sockets.publish("shop", "bought", payload.value)
                except ConnectionError as error:
                    return Number(error.errno + 1)
                return payload
            """,
            "clean-under-faults",
        ),
        (
            """
            async def ws_rpc_buy(self, payload: Number) -> Number:
                lock = vars(self.sockets).setdefault("lock", asyncio.Lock())
                await lock.acquire()
                await self.sockets.publish("shop", "bought", payload.value)
                lock.release()
                return payload
            """,
            "one-reply-in-time",
        ),
        (
            """
            async def ws_rpc_wait(self, payload: Number) -> Number:
                for _ in range(100):
                    try:
                        await asyncio.sleep(0.01)
                    except BaseException:
                        await asyncio.sleep(1e6)
                return payload
            """,
            "clean-under-faults",
        ),
    ],
)
def test_what_is_found_is_told_with_a_test_that_fails(
    method: str,
    check: str,
    write_app: WriteApp,
    fuzz: RunPytest,
    pytester: pytest.Pytester,
    paste: Paste,
) -> None:
    write_app(method)
    path = pytester.path / "myapp.py"
    path.write_text("import asyncio\n" + path.read_text())
    result = fuzz(phases=["faults"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"check: {check}"])
    pytester.makepyfile(test_pasted=paste(result))
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)
