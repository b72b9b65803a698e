"""An error reply that nobody read fails the test, with the line that sent the request."""

import pytest

from pytest_wsrpc.leftovers import replies
from pytest_wsrpc.leftovers.replies import RawRequests, UnreadError

APP = """
    import asyncio
    import pytest
    from application import Stream, create_app

    @pytest.fixture
    def ws_app():
        return create_app()

"""


def test_an_unread_error_is_told_with_the_line_that_sent_the_request(suite):
    result = suite(
        f"""{APP}
    async def test_unread(ws_client):
        await ws_client.send_json({{"id": "x", "method": "gret"}})
        await ws_client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "ws_client was answered with an error that the test did not read: "
            "Invalid RPC parameters (-32601).",
            "",
            "ws_client, sent at test_it.py:11 in test_unread: await ws_client.send_json(*):",
            '    {"id":"x","method":"gret","error":{"code":-32601,*',
            "",
            "A test that expects it reads it with await ws_client.receive();",
            "one that does not care is marked with @pytest.mark.wsrpc(strict=False).",
        ]
    )


def test_several_unread_errors_each_have_their_line(suite):
    result = suite(
        f"""{APP}
    async def test_unread(ws_client, ws_connect):
        bob = await ws_connect(name="bob")
        await bob.send_text("garbage")
        await bob.send_bytes(b"binary")
        await bob.send_json({{"id": 7, "method": "publish"}})
        await ws_client.send_json({{"id": 7, "method": "subscribe"}})
        for client in ws_client, bob:
            await client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "4 error replies were not read by the test, the first is Invalid RPC *",
            "ws_client, sent at *: await ws_client.send_json(*",
            "bob, sent at *: await bob.send_text(*",
            "    *JSON string expected*",
            "bob, sent at *: await bob.send_bytes(*",
            "    *Text message expected*",
            "bob, sent at *: await bob.send_json(*",
            "A test that expects them reads them with await ws_client.receive(), receive() of bob;",
        ]
    )


def test_what_was_read_or_looked_at_is_not_unread(suite):
    suite(
        f"""{APP}
    async def test_received(ws_client):
        await ws_client.send_json({{"id": "x", "method": "gret"}})
        assert (await ws_client.receive())["error"]["code"] == -32601

    async def test_looked_at(ws_client):
        await ws_client.send_json({{"id": "x", "method": "gret"}})
        await ws_client.call("greet", {{"name": "you"}})
        assert len(ws_client.unread) == 1

    async def test_other_messages(ws_client, ws_app):
        await ws_client.send_json({{"id": "x", "method": "greet", "payload": {{"name": "you"}}}})
        await ws_client.call("subscribe", {{"channel": "news"}})
        await ws_client.call("publish", {{"channel": "news", "event": "error", "data": "error"}})

    @pytest.mark.wsrpc(strict="tasks")
    async def test_without_care(ws_client):
        await ws_client.send_json({{"id": "x", "method": "gret"}})
        await ws_client.call("greet", {{"name": "you"}})

    @pytest.mark.xfail(strict=True)
    async def test_unread(ws_client):
        await ws_client.send_json({{"id": "x", "method": "gret"}})
        await ws_client.call("greet", {{"name": "you"}})
    """
    ).assert_outcomes(passed=4, xfailed=1)


def test_the_reply_to_a_call_that_was_given_up_is_nobodys(suite):
    suite(
        f"""{APP}
    class Slow(Stream):
        async def ws_rpc_slow(self, payload):
            await asyncio.sleep(1)
            raise LookupError

    @pytest.fixture
    def ws_app():
        app = create_app("/plain")
        app.router.add_view("/stream", Slow)
        return app

    @pytest.mark.wsrpc(clock="virtual")
    async def test_late(ws_client):
        with pytest.raises(TimeoutError):
            await ws_client.call("slow", timeout=0.5)
        await asyncio.sleep(1)
        ws_client.server_errors.clear()
    """
    ).assert_outcomes(passed=1)


def test_a_reply_that_stands_for_an_exception_is_told_with_that(suite):
    result = suite(
        f"""{APP}
    async def test_fail(ws_client):
        await ws_client.send_json({{"id": "x", "method": "fail"}})
        await ws_client.send_json({{"id": "y", "method": "gret"}})
        await ws_client.call("greet", {{"name": "you"}})
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "The server raised ValueError: why not; the test did not look at it.",
            "A test that expects it takes it out of ws_client.server_errors.",
            "ws_client was answered with an error that the test did not read: *",
            "one that does not care is marked *",
        ]
    )
    assert result.stdout.str().count("sent at") == 1


# The places by themselves.


def lines(requests: RawRequests, *messages: dict) -> list[str | None]:
    return [place and str(place).partition(": ")[2] for place in requests.places_of(messages)]


def test_ids_are_told_apart_by_their_type():
    requests = RawRequests()
    requests.note(b'{"id": 1, "method": "a"}')
    requests.note(b'{"id": "1", "method": "b"}')
    assert lines(requests, {"id": "1"}, {"id": 1}, {"id": 1.0}, {"id": []}) == [
        'requests.note(b\'{"id": "1", "method": "b"}\')',
        'requests.note(b\'{"id": 1, "method": "a"}\')',
        None,
        None,
    ]


def test_replies_without_an_id_have_a_place_only_where_it_is_certain():
    requests = RawRequests()
    requests.note(b"first")
    requests.note(b"[]")
    assert lines(requests, {"error": 1}, {"error": 2}) == [
        'requests.note(b"first")',
        'requests.note(b"[]")',
    ]
    assert lines(requests, {"error": 2}) == [None]


def test_a_load_test_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(replies, "KEPT", 2)
    requests = RawRequests()
    for n in range(3):
        requests.note(b'{"id": %d}' % n)
        requests.note(b"nameless")
    assert [place is None for place in requests.places_of([{"id": n} for n in range(3)])] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"code": 1, "message": "no"}, "no (1)"),
        ({}, "None (None)"),
        ("no", "'no'"),
    ],
)
def test_an_error_of_any_form_can_be_told(error, text):
    unread = UnreadError("bob", {"error": error}, None)
    assert unread.message() == text
    assert unread.title() == "bob, sent at a line that is not known"
