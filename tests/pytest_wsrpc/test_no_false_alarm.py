"""What an ordinary application does is not held against it, and what is wrong is not let pass."""

import pytest

APP = """
import asyncio
import pytest
from aiohttp import web
from hypothesis import given, settings
from application import create_app
from wsrpc import BrokerUnavailable


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"data: x\\n\\n")
        await asyncio.sleep(0.001)


async def large(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(50):
        await response.write(bytes(10_000))
    return response


async def broken(request):
    raise ConnectionError("the database is gone")


@pytest.fixture
def ws_app():
    app = create_app()
    app.router.add_get("/events", stream)
    app.router.add_get("/large", large)
    app.router.add_get("/broken", broken)
    return app
"""


@pytest.mark.parametrize("transport", ["memory", "tcp"])
def test_a_handler_may_stream_until_its_client_leaves(suite, transport):
    suite(
        APP
        + """
async def test_events(ws_connect):
    response = await ws_connect.session.get("/events")
    assert await response.content.readline() == b"data: x\\n"
    response.close()

async def test_unread(ws_connect):
    response = await ws_connect.session.get("/large")
    response.close()

async def test_left_early(ws_connect):
    async with ws_connect.session.get("/events"):
        pass
    await asyncio.sleep(0.01)
""",
        f"--wsrpc-transport={transport}",
    ).assert_outcomes(passed=3)


def test_a_connection_error_of_the_application_is_an_exception_of_the_server(suite):
    result = suite(
        APP
        + """
async def test_broken(ws_connect):
    async with ws_connect.session.get("/broken") as response:
        assert response.status == 500
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["The server raised ConnectionError: the database is gone; *"])


def test_an_injected_error_whose_reply_is_lost_too_is_not_the_applications(suite):
    suite(
        APP
        + """
@pytest.mark.parametrize("error", [BrokerUnavailable, RuntimeError])
async def test_call(ws_client, ws_faults, ws_clock, error):
    ws_faults.error("call", error)
    ws_faults.drop("reply")
    with pytest.raises(TimeoutError):
        await ws_client.call("greet", {"name": "you"})

async def test_publish(ws_client, ws_faults, ws_clock):
    ws_faults.error("publish", ConnectionError)
    ws_faults.drop("reply", method="publish")
    with pytest.raises(TimeoutError):
        await ws_client.publish("news", "new", 1)
"""
    ).assert_outcomes(passed=3)


def test_an_injected_error_is_the_cause_of_what_the_client_raises(suite):
    suite(
        APP
        + """
async def test_call(ws_client, ws_faults):
    ws_faults.error("call", RuntimeError("injected"))
    with pytest.raises(Exception) as raised:
        await ws_client.call("greet", {"name": "you"})
    assert repr(raised.value.__cause__) == "RuntimeError('injected')"
"""
    ).assert_outcomes(passed=1)


def test_an_error_that_answers_the_last_message_of_a_test_is_heard(suite):
    result = suite(
        APP
        + """
async def test_last(ws_client):
    await ws_client.send_json({"id": 1, "method": "nope"})

async def test_last_on_virtual_time(ws_client, ws_clock):
    await ws_client.send_json({"id": 1, "method": "nope"})
""",
        "--wsrpc-transport=memory",
    )
    result.assert_outcomes(failed=2)


def test_a_global_application_is_told_apart_from_a_wrong_loop(suite):
    result = suite(
        """
        import pytest
        from application import create_app

        APP = create_app()

        @pytest.fixture
        def ws_app():
            return APP

        async def test_first(ws_client):
            pass

        async def test_second(ws_client):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["Make a new application for each test: `return create_app()`, *"])


def test_a_suite_with_loops_of_its_own_stays_on_real_time(suite):
    suite(
        APP
        + """
async def test_loop(ws_client):
    assert type(asyncio.get_running_loop()).__name__ == "Own"
""",
        ini="asyncio_mode = auto\nwsrpc_clock = virtual",
        conftest="""
        import asyncio

        class Own(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories(config, item):
            return {"own": Own}
        """,
    ).assert_outcomes(passed=1)


def test_hypothesis_shows_rules_as_they_are_written(suite):
    result = suite(
        APP
        + """
from pytest_wsrpc import strategies as ws

@settings(database=None)
@given(ws.faults(points=["publish"], effects=["drop"]))
async def test_schedule(ws_client, schedule):
    assert not schedule
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*schedule=(publish:drop,),"])


def test_what_comes_at_the_last_instant_comes_in_time(suite):
    suite(
        APP
        + """
async def test_last_instant(ws_client, ws_faults, ws_clock):
    await ws_client.call("subscribe", {"channel": "news"})
    ws_faults.latency("deliver", 60)
    await ws_client.publish("news", "new", 1)
    await ws_client.no_event(within=59)
    assert (await ws_client.next_event(timeout=1)).event == "new"
    assert ws_clock.time == 60
"""
    ).assert_outcomes(passed=1)


def test_what_connects_clients_shows_where_and_how_many(suite):
    suite(
        APP
        + """
async def test_repr(ws_connect):
    assert repr(ws_connect) == "<ws_connect ws://localhost, 0 clients>"
    await ws_connect()
    assert repr(ws_connect) == "<ws_connect ws://localhost, 1 client>"
""",
        "--wsrpc-transport=memory",
    ).assert_outcomes(passed=1)


def test_an_exception_that_nobody_raised_is_told_too(suite):
    result = suite(
        APP
        + """
import logging

async def test_logged(ws_client):
    logging.getLogger("aiohttp.server").error("no exception")
    logging.getLogger("aiohttp.server").error("gone", exc_info=ConnectionError("not raised"))
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["The server raised ConnectionError: not raised; *"])
