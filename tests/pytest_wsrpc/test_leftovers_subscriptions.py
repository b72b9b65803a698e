"""What a manager still holds when its application is closed fails the test."""

import functools

import pytest

from pytest_wsrpc.leftovers.subscriptions import LeftSubscription, LeftSubscriptions, ManagerWatch
from wsrpc import LocalBroker
from wsrpc.patterns import Pattern

APP = """
    import asyncio
    import pytest
    from aiohttp import web
    from application import Stream, create_app
    from wsrpc import SOCKETS_KEY, LocalBroker

    shared = LocalBroker()

    @pytest.fixture
    def ws_app():
        app = web.Application()
        app[SOCKETS_KEY] = shared
        app.router.add_view("/stream", Stream)
        return app

    def heard(channel, event, data):
        pass

"""


def test_a_callback_is_told_with_channel_patterns_and_where_it_is(suite):
    result = suite(
        f"""{APP}
    async def test_left(ws_client):
        await shared.channels.register("news", "b*", heard)
        await shared.channels.register("news", "a*", heard)
        await shared.channels.register("olds", "*", print)

    async def test_next(ws_client):
        pass
    """
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "The application is closed, but 2 subscriptions are left behind.",
            "    'news': 'a[*]', 'b[*]'  callback heard at test_it.py:16",
            "    'olds': '[*]'  callback <built-in function print>",
            "What registers a callback unregisters it: await channels.unregister(channel, None, *",
            "A test that does not care is marked with @pytest.mark.wsrpc(strict=False).",
        ]
    )


def test_a_callback_from_the_start_up_is_left_and_one_from_before_is_not(suite):
    result = suite(
        f"""{APP}
    @pytest.fixture
    async def before():
        await shared.channels.register("before", "*", heard)

    async def test_started(before, ws_app):
        async def start(app):
            await shared.channels.register("started", "*", heard)

        ws_app.on_startup.append(start)

    @pytest.fixture
    def started(ws_app):
        async def start(app):
            await shared.channels.register("started", "*", heard)

        ws_app.on_startup.append(start)

    async def test_left(before, started, ws_connect):
        pass
    """
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "The application is closed, but 1 subscription is left behind.",
            "    'started': '[*]'  callback heard at test_it.py:16",
        ]
    )


def test_a_connection_that_outlives_its_application_is_told_with_its_client(suite):
    result = suite(
        f"""{APP}
    class Keeping(LocalBroker):
        def remove(self, websocket):
            pass

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        Keeping.for_app(app)
        app.router.add_view("/stream", Stream)
        return app

    async def test_left(ws_client):
        await ws_client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The application is closed, but 1 connection is left behind.",
            "    connection of ws_client to Stream",
        ]
    )


def test_what_ends_with_the_application_or_the_broker_is_not_left(suite):
    suite(
        """
    import pytest
    from application import Stream, create_app
    from wsrpc import SOCKETS_KEY

    def heard(channel, event, data):
        pass

    async def test_default(ws_client, broker):
        await broker.channels.register("news", "*", heard)
        async with ws_client.subscribe("news"):
            pass
        await ws_client.call("subscribe", {"channel": "news"})

    class TestOwn:
        @pytest.fixture
        def ws_app(self):
            return create_app()

        async def test_own(self, ws_client, ws_app):
            await ws_app[SOCKETS_KEY].channels.register("news", "*", heard)
            await ws_client.call("subscribe", {"channel": "news"})
    """
    ).assert_outcomes(passed=2)


# The watch by itself.


class Socket:
    """As much of a view as counts."""


class Member:
    """A member that is neither a callback nor a connection of a known client."""

    patterns = ("*",)

    def __init__(self, view=None):
        if view is not None:
            self._view = view

    def __repr__(self):
        return "a member of another kind"


async def test_each_kind_of_member_is_named():
    broker = LocalBroker()
    watch = ManagerWatch()
    watch.add([broker])
    view, bystander = Socket(), Socket()
    broker.sockets |= {view, bystander}

    def register(channel):
        channel.add(Member(), Pattern("*"))
        channel.add(Member(view), Pattern("*"))

    await broker.channels.join("news", [Pattern("*")], register)
    await broker.channels.register("news", "x", functools.partial(print, "x"))

    left = watch.left({view: "bob"}.get)
    assert [one.line().partition(".partial")[0] for one in left] == [
        "'news': '*'  a member of another kind",
        "'news': '*'  connection of bob to Socket",
        "'news': 'x'  callback functools",
        "connection to Socket",
    ]
    assert LeftSubscriptions(left).head() == (
        "The application is closed, but 3 subscriptions and 1 connection are left behind."
    )
    assert watch.left({}.get) == []


@pytest.mark.parametrize(("started", "left"), [(False, 0), (True, 2)])
async def test_what_was_there_before_is_not_left(started, left):
    broker = LocalBroker()
    await broker.channels.register("news", "*", print)
    broker.sockets.add(Socket())
    watch = ManagerWatch()
    watch.add([broker], started=started)
    watch.add([broker])
    assert len(watch.left({}.get)) == left


def test_a_single_connection_is_one():
    assert LeftSubscriptions([LeftSubscription("connection", None)]).head() == (
        "The application is closed, but 1 connection is left behind."
    )
