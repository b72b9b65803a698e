"""A task that outlives its test, its clients and its application fails the test."""

import pytest

APP = """
    import asyncio
    import pytest
    import pytest_asyncio
    from aiohttp import web
    from application import Stream, create_app
    from wsrpc import SOCKETS_KEY, LocalBroker

    async def tick():
        while True:
            await asyncio.sleep(3600)

    class Ticking(Stream):
        async def on_connect(self):
            self.ticker = asyncio.create_task(self.tick(), name="ticker")

        async def tick(self):
            await tick()

        async def on_disconnect(self):
            if "tidy" in self.request.query:
                self.ticker.cancel()

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_view("/stream", Ticking)
        return app

"""


def test_a_task_of_a_connection_is_told_with_where_it_started_and_where_it_waits(suite):
    result = suite(
        f"""{APP}
    async def test_leak(ws_client):
        await ws_client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The test is over, but task 'ticker' (Ticking.tick) runs on.",
            "task 'ticker' (Ticking.tick):",
            "    started at test_it.py:14 in on_connect: self.ticker = asyncio.create_task(*",
            "    waits for asyncio.sleep(3600):",
            "        test_it.py:17 in tick: await tick()",
            "        test_it.py:10 in tick: await asyncio.sleep(3600)",
            "Cancel it and await it where what started it ends: in on_disconnect for a connection,",
            "A test that does not care is marked with @pytest.mark.wsrpc(strict=False).",
        ]
    )


def test_several_tasks_are_told_together(suite):
    result = suite(
        f"""{APP}
    async def test_leaks(ws_connect):
        asyncio.create_task(asyncio.sleep(100), name="sleeper")
        asyncio.create_task(tick(), name="second")
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The test is over, but 2 tasks run on, the first is task 'sleeper' (sleep).",
            "task 'sleeper' (sleep):",
            "    started at test_it.py:31 in test_leaks: asyncio.create_task(asyncio.sleep(100), *",
            "    waits for asyncio.sleep(100)",
            "",
            "task 'second' (tick):",
            "    started at test_it.py:32 in test_leaks: *",
            "    waits for asyncio.sleep(3600):",
            "        test_it.py:10 in tick: await asyncio.sleep(3600)",
            "Cancel them and await them *",
        ]
    )


def test_the_failure_is_that_of_the_call_so_that_xfail_holds(suite):
    suite(
        f"""{APP}
    @pytest.mark.xfail(strict=True)
    async def test_leak(ws_client):
        pass
    """
    ).assert_outcomes(xfailed=1)


@pytest.mark.parametrize("strict", ["False", "'server-errors, subscriptions'"])
def test_a_test_that_does_not_care_keeps_its_tasks(suite, strict):
    suite(
        f"""{APP}
    left = []

    @pytest.mark.asyncio(loop_scope="module")
    class TestIt:
        @pytest.mark.wsrpc(strict={strict})
        async def test_leak(self, ws_connect):
            left.append(asyncio.create_task(tick()))

        async def test_afterwards(self):
            assert not left[0].done()
    """
    ).assert_outcomes(passed=2)


def test_tasks_that_end_with_their_connection_or_soon_after_are_not_left(suite):
    suite(
        f"""{APP}
    @pytest.fixture
    def ws_app():
        async def slowly_ended(app):
            async def wind_down():
                try:
                    await tick()
                finally:
                    await asyncio.sleep(0.1)

            task = asyncio.create_task(wind_down())
            yield
            task.cancel()

        app = create_app("/plain")
        app.router.add_view("/stream", Ticking)
        app.cleanup_ctx.append(slowly_ended)
        return app

    async def test_tidy(ws_connect):
        await ws_connect("/stream?tidy")

        async def short():
            for _ in range(20):
                await asyncio.sleep(0.001)

        for _ in range(3):
            asyncio.create_task(short())
        waiting = asyncio.create_task((await ws_connect("/plain")).receive())
    """
    ).assert_outcomes(passed=1)


def test_a_task_of_the_application_is_left_though_it_started_in_the_set_up(suite):
    result = suite(
        f"""{APP}
    @pytest.fixture
    def ws_app():
        async def start(app):
            asyncio.create_task(tick(), name="started")

        app = create_app()
        app.on_startup.append(start)
        return app

    async def test_start(ws_client):
        pass
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*task 'started' (tick) runs on.", "*started at test_it.py:* in start: *"]
    )


@pytest.mark.parametrize("scope", ["function", "module"])
def test_tasks_of_other_fixtures_are_not_the_tests(suite, scope):
    suite(
        f"""{APP}
    async def spawning():
        children = []
        while True:
            children.append(asyncio.create_task(tick()))
            await asyncio.sleep(0.001)

    @pytest_asyncio.fixture(scope="{scope}", loop_scope="{scope}", params=["before", "after"])
    async def others():
        task = asyncio.create_task(spawning())
        yield task
        assert not task.done()
        task.cancel()

    @pytest.mark.asyncio(loop_scope="{scope}")
    class TestIt:
        async def test_before(self, others, ws_connect):
            await asyncio.sleep(0.01)

        async def test_after(self, ws_connect, others):
            await asyncio.sleep(0.01)
    """
    ).assert_outcomes(passed=4)


def test_after_a_test_its_tasks_are_gone_whatever_its_outcome(suite):
    result = suite(
        f"""{APP}
    tasks = []

    @pytest.mark.asyncio(loop_scope="module")
    class TestIt:
        async def test_leak(self, ws_connect):
            tasks.append(asyncio.create_task(tick()))

        async def test_own(self, ws_connect):
            tasks.append(asyncio.create_task(tick()))
            assert 0

        async def test_clean(self, ws_connect):
            assert [task.cancelled() for task in tasks] == [True, True]

        async def test_the_loop_is_as_it_was(self):
            loop = asyncio.get_running_loop()
            assert "create_task" not in vars(loop)
            assert loop.get_exception_handler() is None
    """
    )
    result.assert_outcomes(passed=2, failed=2)
    assert result.stdout.str().count("\nThe test is over") == 1


def test_a_handler_that_outlives_its_connection_is_left(suite):
    result = suite(
        f"""{APP}
    async def endless(request):
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await tick()
        return websocket

    class Stubborn(Stream):
        async def ws_rpc_wait(self, payload):
            for _ in range(10):
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_get("/endless", endless)
        app.router.add_view("/stream", Stubborn)
        return app

    @pytest.mark.wsrpc(clock="virtual")
    async def test_endless(ws_connect):
        await ws_connect("/endless")

    @pytest.mark.wsrpc(clock="virtual")
    async def test_stubborn(ws_client):
        await ws_client.send_json({{"id": 1, "method": "wait"}})
        await ws_client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "The test is over, but task 'Task-*' (endless) runs on.",
            "        test_it.py:* in endless: await tick()",
            "        test_it.py:10 in tick: await asyncio.sleep(3600)",
            "Cancel it *",
            "The test is over, but task 'Task-*' (Stubborn.ws_rpc_wait) runs on.",
            "        test_it.py:* in ws_rpc_wait: await asyncio.sleep(3600)",
            "    was cancelled, and goes on all the same",
        ]
    )


def test_a_task_of_a_plain_handler_is_left(suite):
    result = suite(
        f"""{APP}
    kept = []

    async def handler(request):
        kept.append(asyncio.create_task(tick(), name="of a request"))
        return web.Response()

    @pytest.fixture
    def ws_app():
        app = create_app()
        app.router.add_get("/plain", handler)
        return app

    async def test_plain(ws_connect):
        async with ws_connect.session.get("/plain") as response:
            assert response.status == 200
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The test is over, but task 'of a request' (tick) runs on.",
            "    started at test_it.py:* in handler: *",
        ]
    )


def test_connections_of_another_server_are_not_left(suite):
    suite(
        f"""{APP}
    async def listening(request):
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.receive()
        return websocket

    async def test_two_servers(ws_connect, aiohttp_client):
        app = create_app()
        app.router.add_get("/raw", listening)
        client = await aiohttp_client(app)
        await client.ws_connect("/raw")
        await client.ws_connect("/stream")
    """
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("keeps", [True, False])
def test_an_exception_of_a_background_task_is_the_servers(suite, keeps):
    result = suite(
        f"""{APP}
    kept = []

    class Dying(Stream):
        async def on_connect(self):
            task = asyncio.create_task(self.die(), name="fragile")
            if {keeps}:
                kept.append(task)

        async def die(self):
            raise KeyError("died")

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_view("/stream", Dying)
        return app

    async def test_unseen(ws_client):
        await ws_client.call("greet", {{"name": "you"}})

    async def test_seen(ws_client, ws_connect):
        await ws_client.call("greet", {{"name": "you"}})
        if {keeps}:
            assert isinstance(kept[-1].exception(), KeyError)
        else:
            [error] = ws_connect.server_errors
            assert isinstance(error, KeyError)
            ws_connect.server_errors.clear()
    """
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "The server raised KeyError: 'died'; the test did not look at it.",
            "task 'fragile' (Dying.die):",
            "*KeyError: 'died'",
        ]
    )


def test_that_its_connection_is_over_is_no_failure_of_a_task(suite):
    suite(
        f"""{APP}
    class Chatting(Stream):
        async def on_connect(self):
            asyncio.create_task(self.chat())

        async def chat(self):
            while True:
                await self.send_event("news", "tick", 1)
                await asyncio.sleep(0)

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_view("/stream", Chatting)
        return app

    async def test_chat(ws_client):
        await ws_client.next_event()
    """
    ).assert_outcomes(passed=1)


def test_an_exception_of_a_callback_is_the_servers(suite):
    result = suite(
        f"""{APP}
    async def test_callback(ws_connect):
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["Exception in callback *", "*ZeroDivisionError*"])
