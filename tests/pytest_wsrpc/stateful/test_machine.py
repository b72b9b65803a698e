"""A machine's run: its application, its clients, its steps."""

import asyncio

import pytest
from aiohttp import web
from hypothesis import stateful as plain
from hypothesis import strategies as st

from pytest_wsrpc import RpcStateMachine
from pytest_wsrpc.demo import Stream
from pytest_wsrpc.stateful import (
    Bundle,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from wsrpc import InternalError, InvalidParams, LocalBroker

from .conftest import SETTINGS, application


class Machine(RpcStateMachine):
    create_app = staticmethod(application)


ITEMS = web.AppKey("items", dict)


class Store(Stream):
    """Items with ids; the third of a run cannot be deleted."""

    async def ws_rpc_create(self, payload):
        items = self.request.app[ITEMS]
        items[len(items)] = payload["name"]
        return {"id": len(items) - 1}

    async def ws_rpc_delete(self, payload):
        items = self.request.app[ITEMS]
        if payload["id"] == 2:
            raise KeyError(payload["id"])
        return {"deleted": items.pop(payload["id"])}


def store():
    app = application(Store)
    app[ITEMS] = {}
    return app


def test_rules_are_async_and_hand_values_on_in_bundles(fails, steps):
    class Items(RpcStateMachine):
        create_app = staticmethod(store)
        items = Bundle("items")

        @rule(target=items, name=st.sampled_from("ab"))
        async def create(self, name):
            return (await self.call(0, "create", {"name": name}))["id"]

        @rule(item=consumes(items))
        async def delete(self, item):
            await self.call(0, "delete", {"id": item})

    failure = fails(Items, InternalError)
    assert isinstance(failure.__cause__, KeyError)
    assert "client 0  ws://localhost/stream" in failure.text
    assert "! KeyError: 2" in failure.text
    assert steps(failure) == [
        "state.create(name='a')",
        "state.create(name='a')",
        "items_0 = state.create(name='a')",
        "state.delete(item=items_0)",
    ] or steps(failure)[-1].startswith("state.delete(item=items_")


def test_decorators_of_hypothesis_do_for_async_methods_and_ours_for_plain_ones(run):
    taken = set()

    class Both(Machine):
        things = Bundle("things")

        @plain.initialize(target=things)
        async def begin_one(self):
            taken.add("begin_one")
            return multiple(1, 2)

        @initialize()
        def begin_other(self):
            taken.add("begin_other")

        @plain.precondition(lambda self: self.clients)
        @plain.rule(thing=things)
        async def one(self, thing):
            taken.add("one")

        @rule()
        def other(self):
            taken.add("other")

        @rule()
        async def connect(self):
            await self.client()

        @plain.invariant()
        async def always(self):
            taken.add("always")

        @precondition(lambda self: self.clients)
        @invariant(check_during_init=True)
        def sometimes(self):
            taken.add("sometimes")

    run(Both)
    assert taken == {
        "begin_one", "begin_other", "one", "other", "always", "sometimes",
    }  # fmt: skip


def test_each_run_has_an_application_of_its_own_and_clients_that_connect_when_needed(run):
    apps = []

    class Apps(Machine):
        async def begin(self):
            assert self.clients == {}
            assert all(self.app is not app for app in apps)
            apps.append(self.app)

        @rule(number=st.integers(0, 2))
        async def add(self, number):
            assert await self.call(number, "add", {"a": 1, "b": number}) == {"sum": 1 + number}
            assert self.clients[number] is await self.client(number)
            assert self.connections[number] == f"client {number}"

        @invariant()
        def same(self):
            assert self.app is apps[-1]

    run(Apps, max_examples=5)
    assert len(apps) >= 5


@pytest.mark.parametrize("kind", ["plain function", "async function", "method", "static"])
def test_the_application_comes_from_a_function_or_a_method(run, kind):
    async def make():
        return application()

    class Made(RpcStateMachine):
        if kind == "plain function":
            create_app = application
        elif kind == "async function":
            create_app = make
        elif kind == "static":
            create_app = staticmethod(application)
        else:

            def create_app(self):
                assert isinstance(self, Made)
                return application()

        @rule()
        async def add(self):
            await self.call(0, "add", {"a": 1, "b": 1})

    run(Made, max_examples=2)


def test_a_machine_without_an_application_says_what_to_write(fails):
    class Nothing(RpcStateMachine):
        @rule()
        async def step(self):
            """Never reached."""

    assert "create_app = staticmethod(myapp.create_app)" in fails(Nothing, TypeError).text


def test_what_is_no_application_is_refused(fails):
    class Wrong(RpcStateMachine):
        create_app = staticmethod(lambda: application)

        @rule()
        async def step(self):
            """Never reached."""

    assert "which is to be called" in fails(Wrong, TypeError).text


def test_an_async_teardown_is_refused_with_what_to_override():
    with pytest.raises(TypeError, match=r"override finish\(\)"):

        class Wrong(Machine):
            async def teardown(self):
                """Never awaited."""


def test_before_the_first_step_there_is_no_application():
    class Early(Machine):
        @rule()
        async def step(self):
            """A machine has a rule."""

    machine = Early()
    with pytest.raises(RuntimeError, match=r"goes into a rule or into begin\(\)"):
        _ = machine.app
    with pytest.raises(RuntimeError, match="from its first step on"):
        _ = machine.clock
    machine.teardown()


async def test_on_a_loop_that_runs_a_machine_says_how_to_be_called():
    class Nested(Machine):
        @rule()
        async def step(self):
            """Never reached."""

    with pytest.raises(RuntimeError, match="in a plain function"):
        run_state_machine_as_test(Nested, settings=SETTINGS)


def test_an_assertion_fails_with_the_conversations_for_notes(fails, steps):
    class Wrong(Machine):
        @rule(a=st.integers(0, 9))
        async def add(self, a):
            answer = await self.call(0, "add", {"a": a, "b": 0})
            assert answer["sum"] < 5, answer

    failure = fails(Wrong)
    assert steps(failure) == ["state.add(a=5)"]
    assert '> {"id":1,"method":"add","payload":{"a":5,"b":0}}' in failure.text


def test_an_invariant_that_fails_has_the_conversations_too(fails, steps):
    class Wrong(Machine):
        @rule()
        async def add(self):
            await self.call(1, "add", {"a": 1, "b": 2})

        @invariant()
        async def few(self):
            assert len(self.clients) < 1

    failure = fails(Wrong)
    assert "Conversation of client 1:" in failure.text
    assert steps(failure) == ["state.few()", "state.add()", "state.few()"]


def test_errors_of_the_application_are_raised_as_its_exceptions(run):
    class Refused(Machine):
        @rule()
        async def add(self):
            with pytest.raises(InvalidParams):
                await self.call(0, "add", {"a": "no number"})

    run(Refused, max_examples=3)


class Delayed(Stream):
    """A view whose work goes wrong after it has answered."""

    async def ws_rpc_later(self, payload):
        asyncio.create_task(self.work(payload["after"]))  # noqa: RUF006

    async def work(self, seconds):
        await asyncio.sleep(seconds)
        raise ValueError("behind the answer")


def test_what_a_step_sets_off_fails_that_step(fails, steps):
    class Later(Machine):
        create_app = staticmethod(lambda: application(Delayed))

        @rule(after=st.just(0))
        async def later(self, after):
            await self.call(0, "later", {"after": after})

        @rule()
        async def add(self):
            await self.call(0, "add", {"a": 1, "b": 2})

        @rule()
        async def wait(self):
            await self.advance(1)

    failure = fails(Later)
    assert "The server raised ValueError: behind the answer" in str(failure)
    assert "one that does not care has strict = False." in str(failure)
    assert steps(failure) == ["state.later(after=0)"]


def test_time_passes_only_when_a_step_lets_it(run):
    class Timed(Machine):
        async def begin(self):
            self.before = self.clock.time

        @rule(seconds=st.sampled_from([0.5, 3600]))
        async def wait(self, seconds):
            await self.advance(seconds)
            self.before += seconds

        @rule()
        async def add(self):
            await self.call(0, "add", {"a": 1, "b": 2})

        @invariant()
        def only_then(self):
            assert self.clock.time == pytest.approx(self.before)

    run(Timed, max_examples=5)


def test_a_call_that_is_never_answered_fails_at_once(fails):
    class Silent(Stream):
        async def ws_rpc_never(self, payload):
            await asyncio.Event().wait()

    class Never(Machine):
        create_app = staticmethod(lambda: application(Silent))
        call_timeout = 30.0

        @rule()
        async def never(self):
            await self.call(0, "never")

    assert "no reply to 'never'" in fails(Never, TimeoutError).text


def test_clients_leave_and_come_back_on_connections_of_other_names(run):
    class Leaving(Machine):
        gone = ()

        async def on_connect(self, number, client):
            assert client.transcript.entries

        async def on_disconnect(self, number):
            self.gone += (number,)

        @rule(abruptly=st.booleans())
        async def leave(self, abruptly):
            await self.client(1)
            name = self.connections[1]
            self.gone = ()
            await self.disconnect(1, abruptly=abruptly)
            assert self.gone == (1,)
            assert self.clients == {}
            await self.client(1)
            assert self.connections[1] != name
            await self.disconnect(7)

    run(Leaving, max_examples=3)


def test_a_machine_may_be_driven_by_hand():
    class Manual(Machine):
        @rule()
        async def step(self):
            await self.call(0, "add", {"a": 1, "b": 2})

    machine = Manual()
    machine.take_step(Manual.step.hypothesis_stateful_rule.function._function, {})
    assert list(machine.clients) == [0]
    machine.teardown()


def test_paths_and_headers_are_those_of_the_class(run):
    class Other(RpcStateMachine):
        path = "/other"
        headers = {"X-Name": "anna"}

        def create_app(self):
            class Named(Stream):
                async def on_connect(self):
                    if "X-Name" not in self.request.headers:
                        raise web.HTTPForbidden

            app = web.Application()
            app.router.add_view("/other", Named)
            LocalBroker.for_app(app)
            return app

        @rule()
        async def add(self):
            await self.call(0, "add", {"a": 1, "b": 2})

    run(Other, max_examples=2)
