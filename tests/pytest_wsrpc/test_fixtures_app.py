"""Whose application is served, with which broker, and how its clients connect."""

import pytest

from .own_app import OWN_APP


def test_the_default_application_runs_on_the_default_broker(suite):
    suite(
        """
        from aiohttp import web
        from wsrpc import SOCKETS_KEY, LocalBroker

        async def test_demo(ws_app, broker, ws_client, ws_connect):
            assert isinstance(ws_app, web.Application)
            assert type(broker) is LocalBroker
            assert ws_app[SOCKETS_KEY] is broker
            assert await ws_client.call("add", {"a": 1, "b": 2.5}) == {"sum": 3.5}
            assert await ws_client.call("echo", {"x": [1, None]}) == {"x": [1, None]}
            other = await ws_connect()
            async with other.subscribe("news", "h*") as events:
                await broker.publish("news", "hello", {"n": 1})
                await ws_client.publish("news", "hello", {"n": 2})
                assert [(await anext(events)).data["n"] for _ in range(2)] == [1, 2]
            assert broker.server_info()["connections"] == 2

        async def test_a_broker_alone_is_started(broker):
            await broker.publish("news", "hello", 1)
        """
    ).assert_outcomes(passed=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    [
        "@pytest.fixture\n    def ws_app():\n        return create_app()",
        "@pytest.fixture\n    def ws_app(tmp_path, name):\n        return create_app()",
        "@pytest.fixture\n    async def ws_app(name):\n        return create_app()",
        "@pytest_asyncio.fixture\n    async def ws_app():\n        yield create_app()",
        "@pytest.fixture\n    def ws_app(ws_app, broker):\n"
        "        app = create_app()\n        app[SOCKETS_KEY] = broker\n        return app",
    ],
)
@pytest.mark.parametrize("place", ["module", "conftest"])
def test_an_override_is_what_is_tested(suite, override, place):
    fixtures = (
        f"{OWN_APP}\n    @pytest.fixture\n    def name():\n        return 'you'\n\n    {override}\n"
    )
    tests = """
    async def test_greet(ws_client):
        assert await ws_client.call("greet", {"name": "you"}) == "hello you"
    """
    result = suite(tests, conftest=fixtures) if place == "conftest" else suite(fixtures + tests)
    result.assert_outcomes(passed=1)


def test_an_application_may_have_parameters(suite):
    suite(
        f"""{OWN_APP}
    @pytest.fixture(params=["/stream", "/{{any}}"])
    def ws_app(request):
        return create_app(request.param)

    async def test_greet(ws_client):
        assert await ws_client.call("greet", {{"name": "you"}}) == "hello you"
    """
    ).assert_outcomes(passed=2)


def test_the_demo_application_may_have_a_broker_of_its_own(suite):
    suite(
        f"""{OWN_APP}
    from pytest_wsrpc.demo import create_app as create_demo

    @pytest.fixture
    def ws_app():
        return create_demo()

    async def test_add(ws_client):
        assert await ws_client.call("add", {{"a": 1, "b": 2}}) == {{"sum": 3}}
        await ws_client.publish("news", "x", 1)
    """
    ).assert_outcomes(passed=1)


def test_an_override_of_ws_connect_wraps_that_of_the_plugin(suite):
    result = suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_app():
        return create_app()

    @pytest.fixture
    def ws_connect(ws_connect):
        async def as_ann(*args):
            return await ws_connect(*args, headers={{"X-User": "ann"}}, name="ann")

        return as_ann

    async def test_ann(ws_connect):
        client = await ws_connect()
        await client.send_json({{"id": "x", "method": "fail"}})
        await client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["call fail (id 'x') of ann:"])


def test_a_class_may_override_the_application_and_its_broker(suite):
    suite(
        f"""{OWN_APP}
    class TestOwn:
        @pytest.fixture
        def ws_app(self):
            return create_app()

        @pytest.fixture
        def broker(self, ws_app):
            return ws_app[SOCKETS_KEY]

        @pytest.mark.parametrize("n", [1, 2])
        async def test_own(self, ws_client, broker, n):
            async with ws_client.subscribe("news") as events:
                await broker.publish("news", "x", n)
                assert (await anext(events)).data == n

    async def test_default(ws_client):
        assert await ws_client.call("echo", {{}}) == {{}}
    """
    ).assert_outcomes(passed=3)


def test_all_clients_of_a_test_are_on_one_server_and_of_the_next_on_another(suite):
    suite(
        f"""{OWN_APP}
    starts = []

    @pytest.fixture
    def ws_app():
        async def started(app):
            starts.append("start")

        async def ended(app):
            starts.append("end")

        app = create_app()
        app.on_startup.append(started)
        app.on_cleanup.append(ended)
        return app

    async def test_first(ws_client, ws_connect):
        others = [await ws_connect() for _ in range(120)]
        await others[-1].call("greet", {{"name": "you"}})
        assert starts == ["start"]

    async def test_second(ws_connect):
        await ws_connect()
        assert starts == ["start", "end", "start"]
    """
    ).assert_outcomes(passed=2)


def test_clients_are_closed_before_the_application(suite):
    suite(
        f"""{OWN_APP}
    order = []

    class Watched(Stream):
        async def on_disconnect(self):
            order.append("client")

    @pytest.fixture
    def ws_app():
        async def shutdown(app):
            order.append("application")

        app = web.Application()
        app.router.add_view("/stream", Watched)
        app.on_shutdown.append(shutdown)
        LocalBroker.for_app(app)
        return app

    async def test_first(ws_client, ws_connect):
        await ws_connect()

    def test_second():
        assert sorted(order[:2]) == ["client", "client"] or order == []
        assert order == ["client", "client", "application"]
    """
    ).assert_outcomes(passed=2)


def test_a_client_has_a_path_headers_and_options_of_its_own(suite):
    suite(
        f"""{OWN_APP}
    class Room(Stream):
        async def ws_rpc_who(self, payload):
            return [self.request.match_info["room"], self.request.headers["X-User"]]

    @pytest.fixture
    def ws_app():
        app = create_app()
        app.router.add_view("/rooms/{{room}}", Room)
        return app

    async def test_room(ws_connect):
        client = await ws_connect("/rooms/7?x=1", headers={{"X-User": "ann"}}, timeout=5)
        assert await client.call("who") == ["7", "ann"]
    """
    ).assert_outcomes(passed=1)


def test_plain_http_reaches_the_same_application(suite):
    suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_app():
        async def login(request):
            response = web.Response()
            response.set_cookie("user", "ann")
            return response

        class User(Stream):
            async def ws_rpc_user(self, payload):
                return self.request.cookies["user"]

        app = create_app()
        app.router.add_post("/login", login)
        app.router.add_view("/user", User)
        return app

    async def test_login(ws_connect):
        async with ws_connect.session.post("/login") as response:
            assert response.status == 200
        assert await (await ws_connect("/user")).call("user") == "ann"
    """
    ).assert_outcomes(passed=1)


def test_the_fixtures_stand_beside_those_of_pytest_aiohttp(suite):
    suite(
        """
        from application import create_app

        async def test_both(ws_client, aiohttp_client):
            http = await aiohttp_client(create_app())
            assert (await http.get("/stream")).status == 400
            assert await ws_client.call("echo", {}) == {}

        async def test_one_application_twice(ws_app, ws_client, aiohttp_client):
            http = await aiohttp_client(ws_app)
            async with http.ws_connect("/stream") as websocket:
                await websocket.send_json({"id": 1, "method": "echo"})
                assert (await websocket.receive_json())["response"] == {}
            assert await ws_client.call("echo", {}) == {}
        """
    ).assert_outcomes(passed=2)


def test_what_is_built_on_the_client_may_use_it_to_clean_up(suite):
    suite(
        """
        import pytest
        from wsrpc import SOCKETS_KEY

        seen = []

        @pytest.fixture
        async def member(ws_client):
            await ws_client.call("echo", {})
            yield ws_client
            seen.append(await ws_client.call("add", {"a": 1, "b": 1}))

        @pytest.mark.parametrize("fails", [False, True])
        async def test_member(member, fails):
            assert not fails

        def test_after():
            assert seen == [{"sum": 2}, {"sum": 2}]
        """
    ).assert_outcomes(passed=2, failed=1)


def test_an_error_in_such_a_clean_up_is_an_error_of_the_tear_down(suite):
    result = suite(
        """
        import pytest

        @pytest.fixture
        def member(ws_client):
            yield
            raise ZeroDivisionError

        async def test_member(member):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_member*", "E*ZeroDivisionError"])


@pytest.mark.slow
def test_a_handler_that_never_ends_does_not_hold_the_suite_up(suite):
    result = suite(
        f"""{OWN_APP}
    import asyncio

    async def stubborn(request):
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await asyncio.sleep(1000)

    @pytest.fixture
    def ws_app():
        app = create_app()
        app.router.add_get("/stubborn", stubborn)
        return app

    async def test_stubborn(ws_connect):
        await ws_connect("/stubborn")
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_it.py:* in stubborn: await asyncio.sleep(1000)"])
    assert result.duration < 30


def test_a_plain_test_may_use_the_application_and_its_broker(suite):
    suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_app():
        return create_app()

    @pytest.fixture
    def broker(ws_app):
        return ws_app[SOCKETS_KEY]

    def test_plain(ws_app, broker):
        assert broker.server_info()["connections"] == 0
    """
    ).assert_outcomes(passed=1)


def test_a_client_with_headers_may_take_the_place_of_the_first(suite):
    suite(
        f"""{OWN_APP}
    class Private(Stream):
        async def on_connect(self):
            if self.request.headers.get("Authorization") != "Bearer abc":
                raise web.HTTPUnauthorized

    @pytest.fixture
    def ws_app():
        app = web.Application()
        app.router.add_view("/stream", Private)
        LocalBroker.for_app(app)
        return app

    @pytest.fixture
    async def ws_client(ws_connect):
        return await ws_connect(headers={{"Authorization": "Bearer abc"}})

    async def test_greet(ws_client):
        assert await ws_client.call("greet", {{"name": "you"}}) == "hello you"
    """
    ).assert_outcomes(passed=1)
