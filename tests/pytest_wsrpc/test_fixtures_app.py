"""Whose application is served, with which broker, and how its clients connect."""

import pytest

OWN_APP = """
    import pytest
    import pytest_asyncio
    from aiohttp import web
    from application import Stream, create_app
    from wsrpc import SOCKETS_KEY, LocalBroker, SocketsManager

"""


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


MISMATCH = """
    @pytest.fixture
    def ws_app():
        {app}

    async def test_news({arguments}):
        pass
"""


def test_a_broker_beside_the_applications_own_shows_the_override(suite, stable):
    app = "return create_app()"
    result = suite(OWN_APP + MISMATCH.format(app=app, arguments="ws_client, broker"))
    result.assert_outcomes(errors=1)
    assert stable(result) == SNAPSHOT_MISMATCH


SNAPSHOT_MISMATCH = """\
=== ERRORS ===
___ ERROR at setup of test_news ___
test_news uses a `broker` that its application does not use: nobody hears what it publishes.

    broker  the default of pytest-wsrpc  gives a LocalBroker
    ws_app  test_it.py:8  has its own LocalBroker

Override `broker` next to `ws_app`:

    from wsrpc import SOCKETS_KEY

    @pytest.fixture
    def broker(ws_app):
        return ws_app[SOCKETS_KEY]"""


@pytest.mark.parametrize(
    ("app", "lines"),
    [
        (
            'app = web.Application(); app[web.AppKey("n", int)] = 1; '
            'app["web_sockets"] = SocketsManager(); return app',
            ["*ws_app*has its own SocketsManager", "*return ws_app[[]'web_sockets']"],
        ),
        (
            'app = web.Application(); app.add_subapp("/api/", create_app()); return app',
            ["*has its own LocalBroker", "*return ...  # that of the sub-application /api"],
        ),
        (
            'app = web.Application(); app.add_domain("example.com", create_app()); return app',
            ["*return ...  # that of the sub-application example.com"],
        ),
    ],
)
def test_a_broker_beside_an_application_that_is_not_served_is_found_too(suite, app, lines):
    result = suite(
        OWN_APP + MISMATCH.format(app=app, arguments="ws_app, broker"),
        "-W",
        "ignore::aiohttp.web_exceptions.NotAppKeyWarning",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(lines)


def test_a_broker_beside_an_application_without_any_is_left_out(suite):
    app = """
        async def handler(request):
            websocket = web.WebSocketResponse()
            await websocket.prepare(request)
            await websocket.receive()
            return websocket

        app = web.Application()
        app.router.add_get("/stream", handler)
        return app"""
    result = suite(OWN_APP + MISMATCH.format(app=app, arguments="ws_client, broker"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ws_app*has no broker: leave `broker` out of the test"])


def test_an_application_that_gets_its_broker_when_it_starts_is_not_judged_before(suite):
    app = "return web.Application()"
    suite(OWN_APP + MISMATCH.format(app=app, arguments="ws_app, broker")).assert_outcomes(passed=1)


def test_a_fixture_named_broker_that_is_something_else_is_left_alone(suite):
    suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_app():
        return create_app()

    @pytest.fixture
    def broker():
        return "rabbit"

    async def test_news(ws_client, broker):
        assert broker == "rabbit"

    def test_plain(broker):
        assert broker == "rabbit"
    """
    ).assert_outcomes(passed=2)


def test_a_client_that_is_something_else_needs_no_application(suite):
    suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_client():
        return "mine"

    async def test_news(ws_client, broker):
        assert type(broker) is LocalBroker
    """
    ).assert_outcomes(passed=1)


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


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("create_app()", "has it a return?"),
        ("return 'app'", "it gave 'app'"),
        ("return create_app", "it gave the function create_app, call it: `return create_app()`"),
    ],
)
def test_an_override_that_gives_no_application_says_so(suite, statement, advice):
    result = suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_app():
        {statement}

    async def test_it(ws_client):
        pass
    """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"`ws_app` (test_it.py:8) gave no web.Application: {advice}"])


def test_a_wrong_path_names_those_of_the_application(suite):
    result = suite(
        f"""{OWN_APP}
    async def plain(request):
        pass

    @pytest.fixture
    def ws_app():
        app = create_app("/ws")
        app.router.add_view("/rooms/{{room}}", Stream)
        app.router.add_get("/plain", plain)
        return app

    async def test_greet(ws_client):
        pass
    """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "`ws_client` could not connect: GET /stream was answered with 404. "
            "The application has its websockets at /ws, /rooms/{room}.",
            "Name the path in the ini file: wsrpc_path = /ws",
        ]
    )


@pytest.mark.parametrize(
    ("refusal", "lines"),
    [
        ("HTTPUnauthorized", ["*with 401.", "*return await ws_connect(headers={*"]),
        ("HTTPServiceUnavailable", ["*GET /stream was answered with 503."]),
        ("HTTPNotFound", ["*GET /stream was answered with 404."]),
    ],
)
def test_a_refused_handshake_says_what_to_do(suite, refusal, lines):
    result = suite(
        f"""{OWN_APP}
    @pytest.fixture
    def ws_app():
        async def refuse(request):
            raise web.{refusal}

        app = web.Application()
        app.router.add_get("/stream", refuse)
        return app

    async def test_greet(ws_client):
        pass
    """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(lines)


@pytest.mark.parametrize(
    ("path", "status", "lines"),
    [
        ("/private", 401, ['E*Give the client *: await ws_connect(headers={"Authorization": *']),
        ("/nowhere", 404, ["E*has its websockets at /ws, /rooms/{room}: await ws_connect('/ws')"]),
        ("/form", 405, ["E*has its websockets at /ws, /rooms/{room}: await ws_connect('/ws')"]),
        ("/broken", 500, ["*with 500, the server raised ZeroDivisionError: division by zero."]),
    ],
)
def test_a_refusal_of_ws_connect_says_what_to_do_in_a_few_lines(suite, path, status, lines):
    source = f"""{OWN_APP}
    async def private(request):
        raise web.HTTPUnauthorized

    async def broken(request):
        1 / 0

    @pytest.fixture
    def ws_app():
        app = create_app("/ws")
        app.router.add_view("/rooms/{{room}}", Stream)
        app.router.add_get("/private", private)
        app.router.add_get("/broken", broken)
        app.router.add_post("/form", private)
        return app

    async def test_refused(ws_connect):
        await ws_connect("{path}")
    """
    result = suite(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"E*WSServerHandshakeError: {status}, *", f"E*GET {path} was answered with {status}*"]
    )
    result.stdout.fnmatch_lines(lines)
    result.stdout.no_fnmatch_line("*aiohttp*client.py*")
    result.stdout.no_fnmatch_line("*harness.py*")


def test_a_refusal_of_ws_connect_may_be_what_the_test_expects(suite):
    suite(
        f"""{OWN_APP}
    import aiohttp

    async def test_refused(ws_connect):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await ws_connect("/nowhere")
        assert refused.value.status == 404
        assert refused.value.__notes__[0] == "GET /nowhere was answered with 404."
    """
    ).assert_outcomes(passed=1)


def test_ws_client_tells_what_the_server_raised(suite):
    result = suite(
        f"""{OWN_APP}
    async def broken(request):
        1 / 0

    @pytest.fixture
    def ws_app():
        app = web.Application()
        app.router.add_get("/stream", broken)
        return app

    async def test_refused(ws_client):
        pass
    """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "`ws_client` could not connect: GET /stream was answered with 500, the server raised "
            "ZeroDivisionError: division by zero."
        ]
    )


def test_headers_in_place_of_the_path_are_told_their_name(suite):
    suite(
        """
        import pytest

        async def test_headers(ws_connect):
            with pytest.raises(TypeError, match="path must be a string.*headers={...}"):
                await ws_connect({"X-User": "ann"})
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


def test_an_application_that_fails_to_start_fails_the_set_up_and_is_cleaned_up(suite):
    result = suite(
        f"""{OWN_APP}
    cleaned = []

    @pytest.fixture
    def ws_app():
        async def start(app):
            raise {{"first": OSError, "second": RuntimeError}}[name]("no database")

        async def clean(app):
            yield
            cleaned.append(name)

        name = ["first", "second"][len(cleaned)]
        app = create_app()
        app.cleanup_ctx.append(clean)
        app.on_startup.append(start)
        return app

    async def test_first(ws_client):
        pass

    async def test_second(ws_connect):
        pass

    def test_after():
        assert cleaned == ["first", "second"]
    """
    )
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["E*OSError: no database", "E*RuntimeError: no database"])
