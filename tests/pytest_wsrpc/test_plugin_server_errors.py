"""An exception on the server is never hidden from the test that caused it."""

import pytest

APP = """
    import asyncio
    import pytest
    from aiohttp import WSServerHandshakeError, web
    from application import Stream, create_app
    from wsrpc import SOCKETS_KEY, InternalError, LocalBroker

    class Failing(Stream):
        async def on_connect(self):
            if "refuse" in self.request.query:
                raise LookupError("nobody of this name")

        async def on_disconnect(self):
            if "leave" in self.request.query:
                raise OSError("cannot leave")

    async def raw(request):
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.receive()
        raise ArithmeticError("raw")

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_view("/stream", Failing)
        app.router.add_get("/raw", raw)
        return app

"""


@pytest.mark.parametrize("loop_scope", ["function", "session"])
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_an_exception_that_nobody_looked_at_fails_the_test(suite, mode, loop_scope):
    result = suite(
        f"""{APP}
    class TestIt:
        @pytest.mark.asyncio(loop_scope="{loop_scope}")
        @pytest.mark.parametrize("n", [1, 2])
        async def test_silent(self, ws_client, n):
            await ws_client.send_json({{"id": "x", "method": "fail"}})
            await ws_client.call("greet", {{"name": "you"}})
    """,
        ini=f"asyncio_mode = {mode}",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*TestIt.test_silent[[]1[]]*",
            "The server raised ValueError: why not; the test did not look at it.",
            "call fail (id 'x') of ws_client:",
            "*ValueError: why not",
            "A test that expects it takes it out of ws_client.server_errors;",
            "one that does not care is marked with @pytest.mark.wsrpc(strict=False).",
        ]
    )


def test_the_failure_is_that_of_a_test_so_that_xfail_holds(suite):
    suite(
        f"""{APP}
    @pytest.mark.xfail(strict=True)
    async def test_silent(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})

    @pytest.mark.xfail(strict=True)
    async def test_own(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})
        assert False
    """
    ).assert_outcomes(xfailed=2)


def test_what_a_call_raised_has_been_seen(suite):
    suite(
        f"""{APP}
    async def test_call(ws_client):
        with pytest.raises(InternalError) as caught:
            await ws_client.call("fail", {{"why": "because"}})
        assert isinstance(caught.value.__cause__, ValueError)
        assert str(caught.value.__cause__) == "because"

    async def test_request(ws_client):
        reply = await ws_client.request("fail")
        assert reply["error"]["code"] == -32603
    """
    ).assert_outcomes(passed=2)


def test_what_the_test_took_out_has_been_seen(suite):
    suite(
        f"""{APP}
    async def test_taken(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})
        [error] = ws_client.server_errors
        assert isinstance(error, ValueError)
        ws_client.server_errors.clear()

    async def test_marked(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})

    test_marked = pytest.mark.wsrpc(strict=False)(test_marked)
    """
    ).assert_outcomes(passed=2)


def test_each_client_has_its_own_exceptions(suite):
    result = suite(
        f"""{APP}
    async def test_two(ws_client, ws_connect):
        other = await ws_connect("/plain")
        for client, why in (ws_client, "first"), (other, "second"):
            await client.send_json({{"id": why, "method": "fail", "payload": {{"why": why}}}})
            await client.call("greet", {{"name": "you"}})
        assert [str(error) for error in ws_client.server_errors] == ["first"]
        assert [str(error) for error in other.server_errors] == ["second"]
        assert ws_connect.server_errors == []
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The server raised 2 exceptions that the test did not look at, the first is "
            "ValueError: first.",
            "call fail (id 'first') of ws_client:",
            "*ValueError: first",
            "call fail (id 'second') of ws_connect 1:",
            "*ValueError: second",
            "A test that expects them takes them out of ws_client.server_errors, server_errors of "
            "ws_connect 1;",
        ]
    )


def test_an_exception_of_a_disconnect_is_judged_too(suite):
    result = suite(
        f"""{APP}
    async def test_leave(ws_connect):
        await ws_connect("/stream?leave")
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["on_disconnect of ws_connect 1:", "*OSError: cannot leave"])


def test_an_exception_in_a_handshake_is_the_servers(suite):
    result = suite(
        f"""{APP}
    async def test_unseen(ws_connect):
        with pytest.raises(WSServerHandshakeError):
            await ws_connect("/stream?refuse")

    async def test_seen(ws_connect):
        with pytest.raises(WSServerHandshakeError):
            await ws_connect("/stream?refuse")
        [error] = ws_connect.server_errors
        assert isinstance(error, LookupError)
        ws_connect.server_errors.remove(error)
    """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "The server raised LookupError: nobody of this name; the test did not look at it.",
            "*LookupError: nobody of this name",
            "A test that expects it takes it out of ws_connect.server_errors;",
        ]
    )
    assert result.stdout.str().count("LookupError: nobody of this name") >= 2


def test_an_exception_that_refuses_the_first_client_is_shown_with_the_set_up(suite):
    result = suite(
        f"""{APP}
    async def test_refused(ws_client):
        pass
    """,
        ini="asyncio_mode = auto\nwsrpc_path = /stream?refuse",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "`ws_client` could not connect: GET /stream[?]refuse was answered with 500, the "
            "server raised LookupError: nobody of this name.",
            "*Exceptions on the server*",
            "*LookupError: nobody of this name",
        ]
    )


@pytest.mark.parametrize("connect", ["ws_connect.session.ws_connect('/raw')", "ws_connect('/raw')"])
def test_an_exception_of_a_plain_handler_is_the_servers(suite, connect):
    result = suite(
        f"""{APP}
    async def test_raw(ws_connect):
        client = await {connect}
        await client.close()
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["aiohttp: Error handling request from 127.0.0.1:", "*ArithmeticError: raw"]
    )


def test_a_server_of_another_fixture_is_heard_too(suite):
    result = suite(
        f"""{APP}
    async def test_raw(ws_app, aiohttp_client):
        client = await aiohttp_client(ws_app)
        websocket = await client.ws_connect("/raw")
        await websocket.close()
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ArithmeticError: raw"])


def test_an_exception_in_the_tear_down_of_another_fixture_is_an_error_there(suite):
    result = suite(
        f"""{APP}
    async def test_leave(ws_app, aiohttp_client):
        client = await aiohttp_client(ws_app)
        await client.ws_connect("/stream?leave")
    """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_leave*", "on_disconnect:", "*OSError: cannot leave"]
    )


def test_bytes_that_are_no_http_are_not_the_servers_exception(suite):
    suite(
        f"""{APP}
    @pytest.mark.wsrpc(transport="tcp")
    async def test_garbage(ws_connect):
        async with ws_connect.session.get("/plain") as response:
            url = response.url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET / HTTP/9.9.9\\r\\n\\r\\n")
        assert b"400" in await reader.readline()
        writer.close()
        await writer.wait_closed()
    """
    ).assert_outcomes(passed=1)


def test_a_failing_shutdown_of_the_application_is_the_servers_exception(suite):
    result = suite(
        f"""{APP}
    async def test_shutdown(ws_app, ws_client):
        pass

    @pytest.fixture
    def ws_app():
        async def clean(app):
            raise PermissionError("cannot clean up")

        app = create_app()
        app.on_cleanup.append(clean)
        return app
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["shutdown of the application:", "*PermissionError: cannot clean up"]
    )


def test_a_test_that_fails_by_itself_keeps_its_failure(suite):
    result = suite(
        f"""{APP}
    async def test_both(ws_connect):
        client = await ws_connect("/stream?leave")
        await client.send_json({{"id": "x", "method": "fail"}})
        await client.call("greet", {{"name": "you"}})
        assert "the test" == "itself"
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*assert 'the test' == 'itself'",
            "*Conversation of ws_connect 1*",
            "*Exceptions on the server*",
            "call fail (id 'x') of ws_connect 1:",
            "*ValueError: why not",
            "on_disconnect of ws_connect 1:",
            "*OSError: cannot leave",
        ]
    )
    assert "did not look at" not in result.stdout.str()


def test_a_test_that_is_skipped_while_it_runs_stays_skipped(suite):
    suite(
        f"""{APP}
    async def test_skip(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})
        pytest.skip("enough")
    """
    ).assert_outcomes(skipped=1)


def test_a_test_without_a_client_is_judged_too(suite):
    result = suite(
        f"""{APP}
    async def test_callback(broker):
        def callback(channel, event, data):
            raise KeyError(channel)

        await broker.channels.register("news", "*", callback)
        await broker.publish("news", "x", 1)
        await asyncio.sleep(0.01)

    @pytest.fixture
    def ws_app(broker):
        return web.Application()
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*KeyError: 'news'"])


def test_an_exception_that_comes_before_its_client_is_known_finds_it(suite):
    suite(
        f"""{APP}
    class Early(Stream):
        async def on_connect(self):
            from wsrpc.failures import Failure, report
            import logging
            report(logging.getLogger("early"), Failure(RuntimeError("early"), "on_connect", self))

    async def broken(request):
        raise BufferError

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_get("/broken", broken)
        app.router.add_view("/stream", Early)
        return app

    async def test_early(ws_connect):
        async with ws_connect.session.get("/broken") as response:
            assert response.status == 500
        client = await ws_connect()
        [error] = client.server_errors
        assert str(error) == "early"
        [error] = ws_connect.server_errors
        assert isinstance(error, BufferError)
        client.server_errors.clear()
        ws_connect.server_errors.clear()
    """
    ).assert_outcomes(passed=1)


def test_an_exception_that_is_told_twice_is_one(suite):
    result = suite(
        f"""{APP}
    from wsrpc.failures import Failure, report
    import logging

    class Twice(Stream):
        async def on_connect(self):
            error = RuntimeError("once")
            report(logging.getLogger("app"), Failure(error, "on_connect", self))
            raise error

    @pytest.fixture
    def ws_app():
        app = web.Application()
        app.router.add_view("/stream", Twice)
        LocalBroker.for_app(app)
        return app

    async def test_twice(ws_connect):
        with pytest.raises(WSServerHandshakeError):
            await ws_connect()
        assert len(ws_connect.server_errors) == 1
        ws_connect.server_errors.clear()
    """
    )
    result.assert_outcomes(passed=1)


def test_the_log_of_a_suite_with_a_broker_of_another_kind_is_not_judged(suite):
    suite(
        f"""{APP}
    @pytest.fixture
    def broker():
        return "rabbit"

    async def test_internal_server_error(broker, aiohttp_client):
        async def broken(request):
            raise BufferError

        app = web.Application()
        app.router.add_get("/", broken)
        client = await aiohttp_client(app)
        assert (await client.get("/")).status == 500
    """
    ).assert_outcomes(passed=1)


def test_a_listener_does_not_outlive_its_test(suite):
    suite(
        """
        import logging

        async def test_first(ws_client):
            pass

        def test_after():
            from wsrpc import failures

            assert failures._listeners == []
            assert logging.getLogger("aiohttp.server").handlers == []
        """
    ).assert_outcomes(passed=2)
