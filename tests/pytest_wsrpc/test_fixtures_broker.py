"""A broker beside that of the application is told; what is none, is left alone."""

import pytest

from .own_app import OWN_APP

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
