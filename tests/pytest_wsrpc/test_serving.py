"""`serve` and the fixture ``ws_serve``: an application wherever one is wanted."""

import asyncio
import socket

import pytest
from aiohttp import web

from pytest_wsrpc import demo, serve
from pytest_wsrpc.faults import parse
from wsrpc import SOCKETS_KEY, ApiPath, CannotPublish, LocalBroker, WsPathMixin


class Failing(ApiPath, WsPathMixin):
    async def ws_rpc_fail(self, payload):
        raise ValueError("why not")

    async def ws_rpc_leak(self, payload):
        self.request.app[LEAKED].append(asyncio.create_task(asyncio.sleep(3600), name="leak"))


LEAKED = web.AppKey("leaked", list)


def failing_app():
    app = web.Application()
    app[LEAKED] = []
    app.router.add_view("/failing", Failing)
    LocalBroker.for_app(app)
    return app


@pytest.mark.parametrize("transport", ["memory", "tcp"])
async def test_an_application_is_served_for_the_block(transport):
    app = demo.create_app()
    async with serve(app, transport=transport) as connect:
        client = await connect()
        assert await client.call("add", {"a": 1, "b": 2}) == {"sum": 3}
        other = await connect("/stream", {"X-User": "you"}, name="other")
        async with other.subscribe("news") as events:
            await client.publish("news", "hello", 1)
            assert (await anext(events)).data == 1
        assert (await connect.session.get("/nowhere")).status == 404
        assert connect.server_errors == []
        assert (client.link is not None, other.closed) == (True, False)
    assert client.closed
    assert other.closed
    assert not app[SOCKETS_KEY].sockets


async def test_connections_are_in_memory_unless_told(monkeypatch):
    def no_socket(*args, **options):
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", no_socket)
    async with serve(demo.create_app()) as connect:
        await (await connect()).call("echo", {})


async def test_the_path_is_where_clients_connect_to():
    async with serve(failing_app(), path="/failing") as connect:
        client = await connect()
        assert client.url.endswith("/failing")


@pytest.mark.parametrize("strict", [True, "server-errors", ["server-errors"]])
async def test_what_is_left_behind_is_an_error_at_the_end(strict):
    async def run():
        async with serve(failing_app(), path="/failing", strict=strict) as connect:
            client = await connect(name="me")
            await client.send_json({"id": "mine", "method": "fail"})
            await asyncio.gather(client.call("nothing"), return_exceptions=True)

    with pytest.raises(AssertionError) as caught:
        await run()
    assert str(caught.value).startswith("The server raised ValueError: why not; ")
    assert "server_errors of me" in str(caught.value)
    (note,) = caught.value.__notes__
    assert note.startswith("\nConversation of me:\n")
    assert '"method":"fail"' in note


async def test_a_task_that_is_left_is_told_and_cancelled():
    app = failing_app()
    with pytest.raises(AssertionError, match=r"task 'leak' .* runs on"):
        async with serve(app, path="/failing") as connect:
            await (await connect()).call("leak")
    assert app[LEAKED][0].cancelled()


async def test_tasks_of_others_are_left_alone():
    mine = asyncio.create_task(asyncio.sleep(3600))
    async with serve(demo.create_app()) as connect:
        await (await connect()).call("echo", {})
    assert not mine.done()
    mine.cancel()


@pytest.mark.parametrize("strict", [False, "subscriptions"])
async def test_strict_says_what_is_no_error(strict):
    app = failing_app()
    async with serve(app, path="/failing", strict=strict) as connect:
        client = await connect()
        await client.call("leak")
        await client.send_json({"id": 1, "method": "fail"})
        await client.call("leak")
    for task in app[LEAKED]:
        task.cancel()


async def test_an_error_of_the_block_goes_before_what_is_left_behind():
    async def run():
        async with serve(failing_app(), path="/failing") as connect:
            clients.append(await connect())
            await clients[0].send_json({"id": 1, "method": "fail"})
            await clients[0].call("leak")
            raise KeyError("mine")

    clients = []
    with pytest.raises(KeyError) as caught:
        await run()
    assert caught.value.__notes__[0].startswith("\nConversation of ws_connect 1:\n")
    assert any("ValueError: why not" in note for note in caught.value.__notes__)
    assert clients[0].closed


async def test_the_block_may_be_cancelled():
    async def run():
        async with serve(demo.create_app()) as connect:
            clients.append(await connect())
            entered.set()
            await asyncio.sleep(3600)

    clients, entered = [], asyncio.Event()
    task = asyncio.create_task(run())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clients[0].closed


async def test_a_client_that_is_refused_does_not_end_the_block():
    async with serve(demo.create_app()) as connect:
        with pytest.raises(Exception, match="404"):
            await connect("/nowhere")
        await (await connect()).call("echo", {})


async def test_two_applications_side_by_side():
    async with serve(demo.create_app()) as one, serve(demo.create_app(), transport="tcp") as two:
        first, second = await one(), await two()
        async with second.subscribe("news"):
            await first.publish("news", "hello", 1)
            await second.no_event()


async def test_faults_are_rules_as_text_or_as_values():
    async with serve(demo.create_app(), faults="publish:error=CannotPublish,nth=2") as connect:
        client = await connect()
        await client.publish("news", "hello", 1)
        with pytest.raises(CannotPublish):
            await client.publish("news", "hello", 2)
        assert [rule.fired for rule in connect.faults.rules] == [1]
    rules = parse("publish:error=CannotPublish")
    async with serve(demo.create_app(), faults=rules) as connect:
        with pytest.raises(CannotPublish):
            await (await connect()).publish("news", "hello", 1)


async def test_faults_may_be_added_in_the_block():
    async with serve(demo.create_app()) as connect:
        client = await connect()
        with connect.faults.error("publish", CannotPublish), pytest.raises(CannotPublish):
            await client.publish("news", "hello", 1)
        await client.publish("news", "hello", 2)


async def test_a_fault_that_matches_nothing_is_an_error_if_written_down():
    with pytest.raises(AssertionError, match="publish"):
        async with serve(demo.create_app(), faults="publish:error=CannotPublish"):
            pass
    async with serve(demo.create_app(), faults=parse("publish:error=CannotPublish")):
        pass


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"app": demo.create_app}, TypeError, "got <function create_app .*, which is to be called"),
        ({"app": None}, TypeError, "expected an aiohttp.web.Application to serve, got None$"),
        ({"transport": "udp"}, ValueError, "transport must be 'memory' or 'tcp', got 'udp'"),
        ({"path": "stream"}, ValueError, "path must begin with '/', such as '/stream'"),
        ({"strict": "taks"}, ValueError, "taks: it takes true, false, or names: server-errors"),
        ({"faults": "publsh:drop"}, ValueError, "publsh"),
    ],
)
async def test_a_mistake_in_an_argument_says_what_is_expected(arguments, error, message):
    arguments = {"app": demo.create_app(), **arguments}
    with pytest.raises(error, match=message):
        async with serve(arguments.pop("app"), **arguments):
            pass


def test_an_application_of_another_loop_says_so():
    app = demo.create_app()

    async def run():
        async with serve(app):
            pass

    asyncio.run(run())
    with pytest.raises(RuntimeError, match="make another one for each"):
        asyncio.run(run())


def test_a_script_needs_no_test(capsys):
    async def main():
        async with serve(demo.create_app()) as connect:
            client = await connect()
            print(await client.call("add", {"a": 1, "b": 2}))

    asyncio.run(main())
    assert capsys.readouterr().out == "{'sum': 3.0}\n"


def test_the_fixture_goes_by_the_settings_of_the_run(suite):
    suite(
        """
        import pytest
        from application import create_app

        async def test_path(ws_serve):
            async with ws_serve(create_app("/ws")) as connect:
                assert await (await connect()).call("greet", {"name": "you"}) == "hello you"

        async def test_strict(ws_serve):
            with pytest.raises(AssertionError, match="why not"):
                async with ws_serve(create_app("/ws"), strict=True) as connect:
                    await fail(connect)

        async def test_lenient(ws_serve):
            async with ws_serve(create_app("/ws")) as connect:
                await fail(connect)

        async def fail(connect):
            client = await connect()
            await client.send_json({"id": 1, "method": "fail", "payload": {}})
            await client.call("greet", {"name": "you"})

        async def test_another_path(ws_serve):
            async with ws_serve(create_app("/other"), path="/other", transport="memory") as connect:
                await connect()
        """,
        ini="asyncio_mode = auto\nwsrpc_path = /ws\nwsrpc_strict = false\nwsrpc_transport = tcp",
    ).assert_outcomes(passed=4)


def test_the_fixture_uses_the_transport_of_the_run(suite):
    source = """
        from application import create_app

        async def test_link(ws_serve):
            async with ws_serve(create_app()) as connect:
                assert (await connect()).url.startswith("{url}")
        """
    suite(source.replace("{url}", "ws://localhost/"), "--wsrpc-transport=memory").assert_outcomes(
        passed=1
    )
    suite(source.replace("{url}", "ws://127.0.0.1:"), "--wsrpc-transport=tcp").assert_outcomes(
        passed=1
    )


def test_faults_of_the_command_line_strike_what_the_fixture_serves(suite):
    source = """
        import pytest
        from application import create_app
        from wsrpc import CannotPublish

        @pytest.mark.parametrize("again", range(2))
        async def test_publish(ws_serve, again):
            async with ws_serve(create_app()) as connect:
                client = await connect()
                refused = []
                for number in range(30):
                    try:
                        await client.publish("news", "hello", number)
                    except CannotPublish:
                        refused.append(number)
            assert refused
            print("REFUSED", refused)
        """
    options = ("--wsrpc-faults", "publish:error=CannotPublish,probability=0.5", "-s")
    runs = []
    for seed in (7, 7, 8):
        result = suite(source, *options, f"--wsrpc-seed={seed}")
        result.assert_outcomes(passed=2)
        runs.append([line for line in result.outlines if "REFUSED" in line])
    assert runs[0] == runs[1] != runs[2]
    assert len(set(runs[0])) == 2


def test_examples_of_hypothesis_serve_their_own(suite):
    suite(
        """
        from hypothesis import given, settings, strategies as st
        from application import create_app

        apps = []

        @settings(max_examples=5)
        @given(name=st.text())
        async def test_greet(ws_serve, name):
            apps.append(create_app())
            async with ws_serve(apps[-1]) as connect:
                assert await (await connect()).call("greet", {"name": name}) == f"hello {name}"

        def test_apps():
            assert len(apps) == 5
        """
    ).assert_outcomes(passed=2)


def test_a_failing_example_shows_its_conversation(suite):
    result = suite(
        """
        from hypothesis import given, settings, strategies as st
        from application import create_app

        @settings(database=None)
        @given(number=st.integers(0, 100))
        async def test_fail(ws_serve, number):
            async with ws_serve(create_app()) as connect:
                client = await connect(name="me")
                await client.call("greet", {"name": str(number)})
                if number > 10:
                    await client.send_json({"id": 1, "method": "fail", "payload": {}})
                    await client.call("greet", {"name": "again"})
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * The server raised ValueError: why not; the test did not look at it.",
            "E * Conversation of me:",
            "E *: test_fail(",
            "E *     number=11,",
        ]
    )


def test_a_state_machine_has_an_application_for_each_run(suite):
    suite(
        """
        import asyncio
        from contextlib import AsyncExitStack
        from hypothesis import settings, strategies as st
        from hypothesis.stateful import RuleBasedStateMachine, rule
        from application import create_app
        from pytest_wsrpc.serving import serve

        class Greetings(RuleBasedStateMachine):
            def __init__(self):
                super().__init__()
                self.runner = asyncio.Runner()
                self.stack = AsyncExitStack()
                connect = self.enter(serve(create_app()))
                self.client = self.runner.run(connect())

            def enter(self, manager):
                return self.runner.run(self.stack.enter_async_context(manager))

            @rule(name=st.text())
            def greet(self, name):
                greeting = self.runner.run(self.client.call("greet", {"name": name}))
                assert greeting == f"hello {name}"

            def teardown(self):
                self.runner.run(self.stack.aclose())
                self.runner.close()

        TestGreetings = Greetings.TestCase
        TestGreetings.settings = settings(max_examples=5, stateful_step_count=5, deadline=None)
        """
    ).assert_outcomes(passed=1)


def test_the_fixture_is_in_memory_on_virtual_time(suite):
    suite(
        """
        from application import create_app

        async def test_clock(ws_serve, ws_clock):
            async with ws_serve(create_app()) as connect:
                client = await connect()
                await client.no_event(within=3600)
                assert ws_clock.time >= 3600
        """,
        "--wsrpc-transport=tcp",
    ).assert_outcomes(passed=1)


async def test_applications_share_the_faults_of_one():
    async with serve(demo.create_app()) as connect, serve(demo.create_app()) as other:
        connect.use_faults_of(other)
        other.faults.add(*parse("publish:error=BrokerUnavailable,times=2"))
        for server in (connect, other):
            client = await server()
            reply = await client.request("publish", {"channel": "news", "event": "a", "data": 1})
            assert reply["error"]["message"] == "Service unavailable"
        assert connect.faults is other.faults
