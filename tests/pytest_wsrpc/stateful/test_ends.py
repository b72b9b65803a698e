"""How a run ends: what closes its connections, what it leaves behind, what stops it."""

import asyncio
import logging

import hypothesis
import pytest
from hypothesis import assume, reject
from hypothesis import strategies as st

from pytest_wsrpc import RpcStateMachine
from pytest_wsrpc.demo import Stream
from pytest_wsrpc.stateful import (
    invariant,
    rule,
    run_state_machine_as_test,
)
from wsrpc import LocalBroker

from .conftest import SETTINGS, application


class Machine(RpcStateMachine):
    create_app = staticmethod(application)


class Closing(Stream):
    async def ws_rpc_bye(self, payload):
        await self.close(payload["code"], "bye")


def test_a_client_whose_connection_the_application_closed_connects_again(run):
    class Bye(Machine):
        create_app = staticmethod(lambda: application(Closing))

        @rule()
        async def bye(self):
            client = await self.client(0)
            await client.send_json({"id": 1, "method": "bye", "payload": {"code": 1000}})

        @invariant()
        def closed(self):
            assert self.clients == {}

    run(Bye, max_examples=2)


def test_a_close_code_that_is_not_expected_fails_the_step(fails, run):
    class Bye(Machine):
        create_app = staticmethod(lambda: application(Closing))

        @rule()
        async def bye(self):
            client = await self.client(0)
            await client.send_json({"id": 1, "method": "bye", "payload": {"code": 4001}})

    class Allowed(Bye):
        allowed_close_codes = (1000, 4001)

    assert "closed the connection of client 0 with 4001" in fails(Bye).text
    run(Allowed, max_examples=2)


class Forgetful(Stream):
    async def ws_rpc_start(self, payload):
        asyncio.create_task(asyncio.sleep(3600), name="forgotten")  # noqa: RUF006


@pytest.mark.slow
def test_what_a_run_leaves_behind_fails_at_its_end(fails, run, steps):
    class Left(Machine):
        create_app = staticmethod(lambda: application(Forgetful))

        @rule()
        async def start(self):
            await self.call(0, "start")

        @rule()
        async def add(self):
            await self.call(0, "add", {"a": 1, "b": 2})

    class Lenient(Left):
        strict = False

    failure = fails(Left)
    assert "task 'forgotten'" in str(failure)
    assert steps(failure) == ["state.start()"]
    run(Lenient, max_examples=3)


def test_a_task_that_ignores_its_cancellation_does_not_hang_the_run(fails):
    class Stubborn(Machine):
        @rule()
        async def start(self):
            self.task = asyncio.create_task(self.work(), name="stubborn")

        async def work(self):
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    continue

    assert "task 'stubborn'" in fails(Stubborn, phases=[hypothesis.Phase.generate]).text


def test_finish_is_asked_at_the_end_of_a_run_that_has_not_failed(fails, steps):
    class Sums(Machine):
        def __init__(self):
            super().__init__()
            self.total = 0

        @rule(n=st.integers(1, 3))
        async def add(self, n):
            self.total = (await self.call(0, "add", {"a": self.total, "b": n}))["sum"]

        async def finish(self):
            assert self.total < 2

    failure = fails(Sums)
    assert "Conversation of client 0:" in failure.text
    assert len(steps(failure)) <= 2


def test_assumptions_and_rejections_end_a_run_without_a_word(run):
    class Picky(Machine):
        @rule(n=st.integers(0, 9))
        async def pick(self, n):
            await self.client(0)
            assume(n < 9)

        @rule(n=st.integers(0, 9))
        def pick_plainly(self, n):
            if n == 9:
                reject()

    run(Picky, max_examples=5)


def test_an_interrupt_goes_through():
    class Interrupted(Machine):
        @rule()
        async def step(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_state_machine_as_test(Interrupted, settings=SETTINGS)


def test_an_application_whose_shutdown_fails_does_not_hide_why_the_step_failed(fails):
    def create_app():
        app = application()
        app.on_cleanup.append(fail)
        return app

    async def fail(app):
        raise OSError("cannot clean up")

    class Failing(Machine):
        @rule()
        async def step(self):
            raise LookupError("the step")

    Failing.create_app = staticmethod(create_app)
    assert str(fails(Failing, LookupError)) == "the step"


def test_an_application_that_cannot_start_fails_the_run(fails):
    class Broken(LocalBroker):
        async def start(self, app=None):
            raise OSError("no start")

    class Unstarted(Machine):
        create_app = staticmethod(lambda: application(broker=Broken))

        @rule()
        async def step(self):
            """Never reached."""

    assert "no start" in fails(Unstarted, OSError).text


def test_a_run_that_fails_within_the_handling_of_another_exception_is_judged_too(run, fails):
    class Fine(Machine):
        @rule()
        async def step(self):
            await self.client(0)

        async def finish(self):
            raise AssertionError("judged")

    try:
        raise LookupError
    except LookupError:
        assert str(fails(Fine)) == "judged"


def test_the_log_is_that_of_the_run_that_is_shown(fails, caplog):
    log = logging.getLogger("myapp")

    class Logging(Machine):
        @rule(n=st.integers(0, 99))
        async def step(self, n):
            log.error("step %s", n)
            assert n < 10

    fails(Logging)
    assert [record.getMessage() for record in caplog.records if record.name == "myapp"] == [
        "step 10"
    ]
