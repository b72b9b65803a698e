"""What is said of an application that is none, does not start, or lets nobody connect."""

import pytest

from .own_app import OWN_APP


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
