"""What the terminal shows of a failed test: whole outputs."""

import pytest

APP = """
    import pytest
    from application import create_app

    @pytest.fixture
    def ws_app():
        return create_app()

"""


def test_a_failed_assertion_comes_with_the_conversation(suite, stable):
    result = suite(
        f"""{APP}
    async def test_greet(ws_client):
        assert await ws_client.call("greet", {{"name": "you"}}) == "hallo you"
    """
    )
    result.assert_outcomes(failed=1)
    assert stable(result) == CONVERSATION


CONVERSATION = """\
=== FAILURES ===
___ test_greet ___

ws_client = <WsTestClient ws://localhost/stream closed 1000>

    async def test_greet(ws_client):
>       assert await ws_client.call("greet", {"name": "you"}) == "hallo you"
E       AssertionError: assert 'hello you' == 'hallo you'
E
E         - hallo you
E         ?  ^
E         + hello you
E         ?  ^

test_it.py:10: AssertionError
--- Conversation of ws_client ---
ws_client  ws://localhost/stream
  +0.000 s  connected
  +0.000 s  > {"id":1,"method":"greet","payload":{"name":"you"}}
  +0.000 s  < {"id":1,"method":"greet","response":"hello you"}
  +0.000 s  closed 1000"""


def test_an_exception_on_the_server_comes_with_traceback_conversation_and_advice(suite, stable):
    result = suite(
        f"""{APP}
    async def test_fail(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})
    """,
        "-p",
        "no:logging",
    )
    result.assert_outcomes(failed=1)
    assert stable(result) == SERVER_EXCEPTION


SERVER_EXCEPTION = """\
=== FAILURES ===
___ test_fail ___
The server raised ValueError: why not; the test did not look at it.

call fail (id 'x') of ws_client:
    Traceback (most recent call last):
      File "application.py", line 10, in ws_rpc_fail
        raise ValueError(payload.get("why", "why not"))
    ValueError: why not

A test that expects it takes it out of ws_client.server_errors;
one that does not care is marked with @pytest.mark.wsrpc(strict=False).
--- Conversation of ws_client ---
ws_client  ws://localhost/stream
  +0.000 s  connected
  +0.000 s  > {"id":"x","method":"fail"}
  +0.000 s  ! ValueError: why not  (call fail, id 'x')
              application.py:10 in ws_rpc_fail: raise ValueError(payload.get("why", "why not"))
  +0.000 s  > {"id":1,"method":"greet","payload":{"name":"you"}}
  +0.000 s  < {"id":"x","method":"fail","error":{"code":-32603,"message":"Internal error"}}
  +0.000 s  < {"id":1,"method":"greet","response":"hello you"}
  +0.000 s  closed 1000"""


def test_an_exception_that_a_call_raises_comes_with_its_cause(suite, stable):
    result = suite(
        f"""{APP}
    async def test_fail(ws_client):
        await ws_client.call("fail")
    """,
        "-p",
        "no:logging",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*ValueError: why not",
            "The above exception was the direct cause of the following exception:",
            "E*wsrpc.errors.InternalError: Internal error (-32603)",
            "*Conversation of ws_client*",
        ]
    )
    assert "Exceptions on the server" not in result.stdout.str()


def test_the_conversation_of_each_client_has_its_name(suite):
    result = suite(
        """
        async def test_three(ws_client, ws_connect):
            for client in ws_client, await ws_connect(), await ws_connect(name="bob"):
                await client.call("echo", {})
            await ws_connect(name="silent")
            assert False
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- Conversation of ws_client -*",
            "*- Conversation of ws_connect 1 -*",
            "*- Conversation of bob -*",
        ]
    )


@pytest.mark.parametrize("outcome", ["pass", "pytest.skip()", "pytest.xfail()"])
def test_a_test_that_did_not_fail_shows_no_conversation(suite, outcome):
    result = suite(
        f"""
        import pytest

        async def test_quiet(ws_client):
            await ws_client.call("echo", {{}})
            {outcome}
        """,
        "-rA",
    )
    assert "Conversation" not in result.stdout.str()


def test_no_traceback_no_conversation_as_with_captured_output(suite):
    source = """
    async def test_fail(ws_client):
        await ws_client.call("echo", {})
        assert False
    """
    assert "Conversation" not in suite(source, "--tb=no").stdout.str()
    assert "Conversation" not in suite(source, "--show-capture=no").stdout.str()
    assert "Conversation" in suite(source, "--tb=short").stdout.str()


def test_a_failed_tear_down_shows_the_conversation_only_once(suite):
    result = suite(
        """
        import pytest

        @pytest.fixture
        def fragile():
            yield
            raise ZeroDivisionError

        async def test_both(fragile, ws_client):
            await ws_client.call("echo", {})
            assert False

        async def test_tear_down(fragile, ws_client):
            await ws_client.call("echo", {})
        """
    )
    result.assert_outcomes(failed=1, passed=1, errors=2)
    assert result.stdout.str().count("Conversation of ws_client") == 2


@pytest.mark.slow
def test_workers_send_the_conversation(suite):
    result = suite(
        f"""{APP}
    async def test_fail(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.call("greet", {{"name": "you"}})

    async def test_own(ws_client):
        await ws_client.call("greet", {{"name": "you"}})
        assert False
    """,
        "-n1",
        subprocess=True,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*The server raised ValueError: why not; the test did not look at it.",
            "*Conversation of ws_client*",
            '*< {"id":1,"method":"greet","response":"hello you"}',
        ]
    )


def test_nothing_of_a_test_is_kept_when_it_is_over(suite):
    suite(
        """
        import gc
        import weakref

        seen = []

        async def test_first(ws_client, ws_app):
            seen.append(weakref.ref(ws_client))

        def test_second():
            gc.collect()
            assert seen[0]() is None
        """
    ).assert_outcomes(passed=2)
