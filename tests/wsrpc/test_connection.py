"""One connection's life: handshake, reading, sending, closing, end."""

from __future__ import annotations

import asyncio
import json
import random
import re
import struct
import time

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from wsrpc import ApiPath, ConnectionClosed, Limits, LocalBroker, WsPathMixin, protocol

BINARY = {"error": {"code": -32600, "message": "Text message expected"}}
NO_JSON = {"error": {"code": -32700, "message": "JSON string expected"}}

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class View(ApiPath, WsPathMixin):
    """Keeps a log of what happens to it in the list that the application has."""

    def __init__(self, *args):
        super().__init__(*args)
        self.log = []

    async def ws_rpc_echo(self, payload):
        return payload

    async def ws_rpc_close(self, payload):
        await self.close(**payload)
        return "nobody hears this"

    async def ws_rpc_wait(self, payload):
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("call ended")

    async def on_disconnect(self):
        self.log.append("on_disconnect")


def call(method, payload=None, id=1):
    return json.dumps({"id": id, "method": method, "payload": payload}).encode()


async def view_of(server, until):
    await until(lambda: len(server.broker.sockets) == 1)
    (view,) = server.broker.sockets
    return view


# what a view knows


async def test_one_view_serves_one_connection_and_is_its_state(serve):
    class Counter(View):
        count = 0

        async def ws_rpc_count(self, payload):
            self.count += 1
            return self.count

    server = await serve(Counter)
    first, second = await server.connect(), await server.connect()

    assert [(await first.call("count"))["response"] for _ in range(3)] == [1, 2, 3]
    assert (await second.call("count"))["response"] == 1
    assert server.broker.server_info() == {"connections": 2, "channels": {}}
    assert all(type(view) is Counter for view in server.broker.sockets)


async def test_a_view_knows_its_request_peer_and_manager(serve, until):
    class Knowing(View):
        async def ws_rpc_know(self, payload):
            assert self.channels is self.sockets.channels
            return {
                "path": self.request.path,
                "peername": self.peername,
                "info": self.sockets.server_info(),
                "id": self.socket_id,
                "str": str(self),
                "closed": self.closed,
            }

    server = await serve(Knowing)
    client = await server.connect()
    known = (await client.call("know"))["response"]

    view = await view_of(server, until)
    assert known == {
        "path": "/ws",
        "peername": list(client.ws.get_extra_info("sockname")),
        "info": {"connections": 1, "channels": {}},
        "id": view.socket_id,
        "str": view.socket_id,
        "closed": False,
    }
    await client.ws.close()
    await until(lambda: view.closed)


async def test_ids_of_connections_are_unique_and_nobody_can_guess_them(serve, monkeypatch):
    server = await serve(View)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    for _ in range(10):
        random.seed(1)
        await server.connect()

    ids = {view.socket_id for view in server.broker.sockets}
    assert len(ids) == 10
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in ids)


# on_connect


async def test_on_connect_may_refuse_before_the_upgrade(serve, until):
    views = []

    class Guarded(View):
        async def on_connect(self):
            views.append(self)
            if "token" not in self.request.query:
                raise web.HTTPUnauthorized(text="who are you?")

    server = await serve(Guarded)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect()
    assert refused.value.status == 401
    assert not server.broker.sockets
    await server.connect(url=server.url + "?token=1")
    assert len(server.broker.sockets) == 1
    assert [view.log for view in views] == [[], []]


async def test_an_on_connect_that_fails_is_a_server_error(serve):
    class Failing(View):
        async def on_connect(self):
            raise KeyError

    server = await serve(Failing)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect()
    assert refused.value.status == 500
    assert not server.broker.sockets


async def test_what_on_connect_sends_is_the_first_that_the_client_gets(serve):
    class Greeting(View):
        async def on_connect(self):
            await self.send_event("c", "hello", [1])
            await self.send_event("c", "hello", lambda: [2])

    client = await (await serve(Greeting)).connect()

    assert await client.recv() == {"channel": "c", "event": "hello", "data": [1]}
    assert await client.recv() == {"channel": "c", "event": "hello", "data": [2]}


async def test_on_connect_may_close(serve, until):
    views = []

    class Closing(View):
        async def on_connect(self):
            views.append(self)
            await self.send_event("c", "bye", None)
            await self.close(4001, "not today")
            await self.close(4002, "the first counts")

    client = await (await serve(Closing)).connect()

    assert await client.closed() == 4001
    assert client.kept == [{"channel": "c", "event": "bye", "data": None}]
    await until(lambda: views[0].log == ["on_disconnect"])


async def test_a_handshake_that_fails_after_on_connect_ends_with_on_disconnect(serve, until):
    views = []

    class Connecting(View):
        async def on_connect(self):
            views.append(self)

    async def fail(request, response):
        if response.status == 101:
            raise KeyError

    server = await serve(Connecting, setup=lambda app: app.on_response_prepare.append(fail))
    with pytest.raises((aiohttp.WSServerHandshakeError, aiohttp.ServerDisconnectedError)):
        await server.connect()
    await until(lambda: views[0].log == ["on_disconnect"])
    assert not server.broker.sockets


# on_disconnect


@pytest.mark.parametrize("how", ["close", "abort", "server", "broken", "manager"])
async def test_on_disconnect_comes_once_and_last(serve, until, how):
    server = await serve(View)
    client = await server.connect_raw()
    view = await view_of(server, until)
    for _ in range(3):
        client.send(call("wait"))
    client.send(call("echo"))
    await client.recv()

    if how == "close":
        client.send(struct.pack("!H", 1000), CLOSE)
    elif how == "abort":
        client.abort()
    elif how == "server":
        await view.close()
    elif how == "manager":
        closing = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)
        client.abort()
        await closing
    else:
        client.send(b"", 11)
    await until(lambda: "on_disconnect" in view.log)
    assert view.log == ["call ended"] * 3 + ["on_disconnect"]
    assert view.closed
    assert not server.broker.sockets
    await server.stop()
    assert view.log.count("on_disconnect") == 1


async def test_a_failing_on_disconnect_is_reported(serve, until, reported):
    class Failing(View):
        async def on_disconnect(self):
            raise KeyError

    server = await serve(Failing)
    client = await server.connect()
    view = await view_of(server, until)
    await client.ws.close()

    await until(lambda: reported)
    (failure,) = reported
    assert type(failure.exception) is KeyError
    assert (failure.where, failure.websocket) == ("on_disconnect", view)
    assert (failure.request_id, failure.method) == (None, None)
    await server.connect()


# reading


async def test_a_binary_message_is_refused_and_the_connection_lives(serve):
    client = await (await serve(View)).connect()

    for data in (call("echo"), b"", b"\xff" * 1000):
        await client.send(data)
        assert await client.recv() == BINARY
    assert (await client.call("echo"))["response"] == {}


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b'{"id": 1, "method": "echo", "more": "\xff"}', b'"\xed\xa0\x80"', b"nul"],
)
async def test_text_that_is_no_json_is_refused_and_the_connection_lives(serve, data):
    client = await (await serve(View)).connect()

    await client.ws.send_frame(data, WSMsgType.TEXT)
    assert await client.recv() == NO_JSON
    assert (await client.call("echo"))["response"] == {}


async def test_depth_is_limited(serve):
    class Shallow(View):
        limits = Limits(depth=3)

    client = await (await serve(Shallow)).connect()
    assert (await client.call("echo", {"a": [1]}))["response"] == {"a": [1]}
    await client.send({"id": 1, "method": "echo", "payload": {"a": [[1]]}})
    assert await client.recv() == NO_JSON


class Small(View):
    limits = Limits(message_size=1000)


def sized(length):
    text = json.dumps({"id": 1, "method": "echo", "payload": {"x": ""}})
    return text.replace('""', '"' + "y" * (length - len(text)) + '"')


@pytest.mark.parametrize("limit", [1000, 1024 * 1024])
async def test_a_message_of_the_largest_size_is_taken_and_a_larger_one_closes(serve, limit):
    server = await serve(Small if limit == 1000 else View)
    for length in (limit + 1, limit + 2, limit * 3):
        client = await server.connect(max_msg_size=0)
        await client.send(sized(limit))
        assert "response" in await client.recv()
        await client.send(sized(length))
        assert await client.closed() == 1009
        assert not client.kept


async def test_a_message_in_fragments_counts_as_one(serve):
    server = await serve(Small)
    client = await server.connect_raw()
    text = sized(1000).encode()

    client.send(text[:500], TEXT, first=0)
    client.send(b"between", PING)
    client.send(text[500:900], 0, first=0)
    client.send(text[900:], 0)
    assert await client.recv() == (PONG, b"between")
    opcode, reply = await client.recv()
    assert (opcode, json.loads(reply)["id"]) == (TEXT, 1)
    for _ in range(3):
        client.send(text[:400], 0 if _ else TEXT, first=0)
    assert await client.recv() == (CLOSE, struct.pack("!H", 1009))


async def test_replies_go_out_before_the_close_after_a_message_that_is_too_large(serve):
    client = await (await serve(Small)).connect_raw()
    client.send(call("echo", id="first"))
    client.send(sized(2000).encode())

    assert json.loads((await client.recv())[1])["id"] == "first"
    assert await client.recv() == (CLOSE, struct.pack("!H", 1009))


@pytest.mark.parametrize(
    ("opcode", "first", "payload"),
    [
        (TEXT, 0xC0, b"reserved bit"),
        (3, 0x80, b"reserved opcode"),
        (11, 0x80, b"reserved control opcode"),
        (PING, 0x80, b"x" * 126),
        (PING, 0x00, b"fragmented"),
        (0, 0x80, b"continuation of nothing"),
        (CLOSE, 0x80, b"\x00"),
        (CLOSE, 0x80, struct.pack("!H", 999)),
        (CLOSE, 0x80, struct.pack("!H", 1000) + b"\xff"),
    ],
)
async def test_a_broken_frame_closes_as_aiohttp_does_after_the_replies(
    serve, until, opcode, first, payload
):
    server = await serve(View)
    client = await server.connect_raw()
    view = await view_of(server, until)
    client.send(call("echo", id="first"))
    client.send(call("wait"))
    client.send(payload, opcode, first=first)

    assert json.loads((await client.recv())[1])["id"] == "first"
    got, body = await client.recv()
    assert got == CLOSE
    assert struct.unpack("!H", body[:2])[0] in (1002, 1007)
    client.send(call("echo"))  # dropped, and no reason to reset the connection
    client.writer.write_eof()
    assert await client.ended() == b""
    await until(lambda: view.log == ["call ended", "on_disconnect"])


async def test_a_client_that_stays_after_a_broken_frame_is_dropped(serve, until):
    server = await serve(View)
    client = await server.connect_raw()
    view = await view_of(server, until)
    client.send(b"", 3)

    assert (await client.recv())[0] == CLOSE
    assert await client.ended() == b""
    await until(lambda: view.log == ["on_disconnect"])


async def test_many_messages_in_a_row_leave_the_loop_its_turns(serve):
    turns = []

    class Busy(View):
        async def ws_rpc_turns(self, payload):
            if not turns:
                turns.append(0)
                self.turn()
            return turns[0]

        def turn(self):
            turns[0] += 1
            if turns[0] < 10_000:
                asyncio.get_running_loop().call_soon(self.turn)

    client = await (await serve(Busy)).connect_raw()
    for n in range(1000):
        client.send(call("turns", id=n))
    replies = [json.loads((await client.recv())[1]) for _ in range(1000)]

    assert [reply["id"] for reply in replies] == list(range(1000))
    longest = 0
    for before, after in zip(replies, replies[128:], strict=False):
        longest += before["response"] == after["response"]
    assert not longest


async def test_a_failure_of_the_library_itself_is_reported_and_closes_with_1011(
    serve, reported, monkeypatch
):
    client = await (await serve(View)).connect()

    def fail(message):
        raise RuntimeError

    monkeypatch.setattr(protocol, "parse_request", fail)
    await client.send("{}")
    assert await client.closed() == 1011
    assert [(failure.where, type(failure.exception)) for failure in reported] == [
        ("connection", RuntimeError)
    ]


# closing


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (struct.pack("!H", 1000) + b"bye", 1000),
        (struct.pack("!H", 1001), 1001),
        (struct.pack("!H", 4999), 4999),
        (b"", 1000),
    ],
)
async def test_a_clients_close_is_answered_with_its_code(serve, until, sent, answered):
    server = await serve(View)
    client = await server.connect_raw()
    view = await view_of(server, until)
    client.send(call("echo", id="first"))
    client.send(sent, CLOSE)

    assert json.loads((await client.recv())[1])["id"] == "first"
    assert await client.recv() == (CLOSE, struct.pack("!H", answered))
    assert await client.ended() == b""
    await until(lambda: view.log == ["on_disconnect"])


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ({}, 1000, ""),
        ({"code": 1001}, 1001, ""),
        ({"code": 4000, "reason": "é" * 61}, 4000, "é" * 61),
    ],
)
async def test_a_view_closes_with_code_and_reason(serve, until, arguments, code, reason):
    server = await serve(View)
    client = await server.connect()
    view = await view_of(server, until)
    await client.send(call("echo", id="first").decode())
    await client.send(call("wait").decode())
    await client.send(call("close", arguments).decode())
    await client.send(call("echo", id="last").decode())

    assert (await client.recv())["id"] == "first"
    message = await client.ws.receive(5)
    assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, reason)
    await until(lambda: view.log == ["call ended", "on_disconnect"])


async def test_closing_again_does_nothing(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await view_of(server, until)

    await view.close(4001)
    await view.close(4002)
    assert await client.closed() == 4001
    await until(lambda: view.closed)
    await view.close(4003)


@pytest.mark.parametrize("arguments", [(1005,), (1006,), (999,), (5000,), (1000, "é" * 62)])
async def test_a_close_that_cannot_be_sent_is_a_value_error_and_nothing_happens(
    serve, until, arguments
):
    server = await serve(View)
    client = await server.connect()
    view = await view_of(server, until)

    with pytest.raises(ValueError):
        await view.close(*arguments)
    assert (await client.call("echo"))["response"] == {}


async def test_a_closing_connection_is_gone_from_its_manager_at_once(serve, until):
    server = await serve(View)
    await server.connect()
    view = await view_of(server, until)

    await view.close()
    assert not server.broker.sockets


async def test_a_client_that_does_not_answer_a_close_is_dropped(serve, until):
    server = await serve(View)
    client = await server.connect_raw()
    view = await view_of(server, until)

    await view.close(4000)
    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""
    await until(lambda: view.log == ["on_disconnect"])


async def test_calls_are_no_longer_read_after_a_close(serve, until):
    server = await serve(View)
    client = await server.connect_raw()
    view = await view_of(server, until)
    await view.close(4000)
    client.send(call("wait"))
    client.send(b"", 2)
    client.send(struct.pack("!H", 4000), CLOSE)

    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""
    await until(lambda: view.log == ["on_disconnect"])


async def test_what_was_sent_before_a_close_arrives_and_nothing_after_it(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await view_of(server, until)
    for n in range(100):
        await view.send_event("c", "e", [n, "x" * 1000])
    await view.close(4000)
    with pytest.raises(ConnectionClosed):
        await view.send_event("c", "e", "late")

    assert await client.closed() == 4000
    assert [event["data"][0] for event in client.kept] == list(range(100))


async def test_an_event_for_one_connection_reaches_no_other(serve, until):
    server = await serve(View)
    first = await server.connect()
    view = await view_of(server, until)
    second = await server.connect()

    await view.send_event("C", "", {"a": float("nan")})
    assert await first.recv() == {"channel": "C", "event": "", "data": {"a": None}}
    assert (await second.call("echo"))["response"] == {}
    assert not second.kept
    with pytest.raises(TypeError):
        await view.send_event("c", "e", object())
    with pytest.raises(ValueError):
        await view.send_event("c", "e", "\ud800")
    assert (await first.call("echo"))["response"] == {}


async def test_an_event_after_the_end_is_a_connection_closed(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await view_of(server, until)
    await client.ws.close()
    await until(lambda: view.closed)

    with pytest.raises(ConnectionClosed):
        await view.send_event("c", "e", 1)


async def test_a_close_on_a_connection_that_is_lost_is_no_error(serve, until, reported):
    class Lost(View):
        async def ws_rpc_lose(self, payload):
            self.request.transport.abort()
            await self.close(4000)

    server = await serve(Lost)
    client = await server.connect()
    view = await view_of(server, until)
    await client.send(call("lose").decode())

    assert await client.closed() == 1006
    await until(lambda: view.log == ["on_disconnect"])
    assert not reported


async def test_a_client_that_was_not_reading_still_gets_what_was_sent_before_the_close(
    serve, until
):
    server = await serve(View)
    client = await server.connect_raw(limit=1000)
    view = await view_of(server, until)
    await view.send_event("c", "e", "x" * 8_000_000)  # more than the kernel's buffers take
    await view.close(4000)
    await until(lambda: view.log == ["on_disconnect"])

    opcode, event = await client.recv()
    assert (opcode, len(json.loads(event)["data"])) == (TEXT, 8_000_000)
    assert await client.recv() == (CLOSE, struct.pack("!H", 4000))
    assert await client.ended() == b""


async def test_a_call_that_begins_as_its_connection_ends_is_cancelled(serve, until):
    class Ending(View):
        async def ws_rpc_end(self, payload):
            self.request.task.cancel()  # as aiohttp does

    server = await serve(Ending)
    client = await server.connect_raw()
    view = await view_of(server, until)
    client.send(call("end"))
    client.send(call("wait"))

    await client.ended()
    await until(lambda: view.log == ["call ended", "on_disconnect"])


async def test_a_client_that_is_gone_before_the_handshake_is_no_connection(serve, until):
    views, gone = [], asyncio.Event()

    class Connecting(View):
        async def on_connect(self):
            views.append(self)

    @web.middleware
    async def wait(request, handler):
        try:
            await until(lambda: request.transport is None)
            return await handler(request)
        finally:
            gone.set()

    server = await serve(Connecting, middlewares=[wait])
    connecting = asyncio.ensure_future(server.connect())
    await until(lambda: server.runner.server.connections)
    connecting.cancel()
    await asyncio.wait([connecting])
    async with asyncio.timeout(5):
        await gone.wait()
    await until(lambda: all(view.log == ["on_disconnect"] for view in views))
    assert not server.broker.sockets


async def test_compression_is_not_agreed_to(serve):
    client = await (await serve(View)).connect(compress=15)

    assert not client.ws.compress
    assert (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


async def test_calls_that_come_with_the_clients_close_are_answered_before_it(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await view_of(server, until)
    for n in range(5):
        await client.send(call("echo", {"x": "y" * 100}, id=n).decode())
    await client.ws._writer.close(4001)  # without waiting for the answer, as close() does

    assert await client.closed() == 4001
    assert [reply["id"] for reply in client.kept] == list(range(5))
    await until(lambda: view.log == ["on_disconnect"])


# heartbeat and slow readers


class Beating(View):
    limits = Limits(heartbeat=0.1)


async def test_a_client_that_answers_no_ping_is_dropped(serve, until):
    server = await serve(Beating)
    client = await server.connect_raw()
    view = await view_of(server, until)
    client.send(call("wait"))

    assert (await client.recv())[0] == PING
    await client.ended()
    await until(lambda: view.log == ["call ended", "on_disconnect"])


async def test_a_client_that_answers_pings_stays(serve, until):
    server = await serve(Beating)
    client = await server.connect_raw()
    view = await view_of(server, until)
    for _ in range(5):
        opcode, data = await client.recv()
        assert opcode == PING
        client.send(data, PONG)
    client.send(call("echo"))

    assert (await client.recv())[0] == TEXT
    assert not view.closed


async def test_a_client_that_does_not_read_is_no_longer_read_from_and_goes_on_when_it_reads(
    serve, until
):
    class Patient(View):
        limits = Limits(heartbeat=None)
        count = 0

        async def ws_rpc_count(self, payload):
            self.count += 1
            if payload["wait"]:
                await asyncio.sleep(0)
            return "x" * 100_000

    server = await serve(Patient)
    client = await server.connect_raw(limit=1000)
    view = await view_of(server, until)
    total = 1000
    for n in range(total):
        client.send(call("count", {"wait": n % 3 == 0}, id=n))
    before = -1
    while before != view.count:  # the kernel's buffers fill first
        before = view.count
        await asyncio.sleep(0.05)
    assert view.count < total
    assert view._wsrpc._outbox.size < 4 * 1024 * 1024

    ids = [json.loads((await client.recv())[1])["id"] for _ in range(total)]
    assert sorted(ids) == list(range(total))


async def test_a_client_that_neither_reads_nor_answers_pings_is_dropped(serve, until):
    class Quick(View):
        limits = Limits(heartbeat=0.1)

        async def ws_rpc_much(self, payload):
            return "x" * 1_000_000

    server = await serve(Quick)
    client = await server.connect_raw(limit=1000)
    view = await view_of(server, until)
    for n in range(100):
        client.send(call("much", id=n))

    await until(lambda: view.log == ["on_disconnect"])
    assert view.closed
    assert not server.broker.sockets


async def test_a_client_that_is_too_slow_for_its_events_is_closed_with_1013(serve, until, caplog):
    class Small(View):
        limits = Limits(outbox_size=10_000)

    server = await serve(Small)
    client = await server.connect_raw(limit=1000)
    view = await view_of(server, until)
    for _ in range(2):
        await view.send_event("c", "e", "x" * 8_000_000)  # more than the kernel's buffers take
    await until(lambda: view not in server.broker.sockets)

    for _ in range(2):
        assert (await client.recv())[0] == TEXT
    opcode, body = await client.recv()
    assert (opcode, body) == (CLOSE, struct.pack("!H", 1013) + b"reads too slowly")
    assert f"websocket {view.socket_id} reads too slowly: closed" in caplog.text


async def test_a_task_that_someone_cancelled_fails_on_disconnect_as_other_exceptions_do(
    serve, until, reported
):
    class Waiting(View):
        async def on_disconnect(self):
            task = asyncio.ensure_future(asyncio.Event().wait())
            task.cancel()
            await task

    client = await (await serve(Waiting)).connect()
    await client.ws.close()

    await until(lambda: reported)
    assert (reported[0].where, type(reported[0].exception)) == (
        "on_disconnect",
        asyncio.CancelledError,
    )


async def test_a_connection_that_closes_says_so_at_once(serve):
    class Closing(View):
        async def ws_rpc_end(self, payload):
            before = self.closed
            await self.close(4000)
            with pytest.raises(ConnectionClosed) as raised:
                await self.send_event("a", "b", None)
            seen.append((before, self.closed, raised.value.code))

    seen = []
    client = await (await serve(Closing)).connect()
    await client.send({"id": 1, "method": "end"})
    assert await client.closed() == 4000
    assert seen == [(False, True, 4000)]


class Replying(View):
    async def ws_rpc_large(self, payload):
        return "x" * payload["size"]

    async def ws_rpc_subscribe_me(self, payload):
        await self.subscribe("c")


async def test_large_replies_and_an_event_do_not_close_a_client_that_reads(serve):
    server = await serve(Replying, LocalBroker())
    client = await server.connect(max_msg_size=0)
    await client.call("subscribe_me")

    for _ in range(3):
        await client.send(call("large", {"size": 20_000_000}).decode())
        await server.broker.publish("c", "e", 1)
    replies = [await client.recv() for _ in range(6)]

    assert sorted("event" in reply for reply in replies) == [False] * 3 + [True] * 3


async def test_a_client_that_reads_nothing_gets_no_more_answered_than_its_outbox_holds(
    serve, until
):
    class Counting(Replying):
        answered = 0

        async def ws_rpc_large(self, payload):
            self.answered += 1
            return await super().ws_rpc_large(payload)

    server = await serve(Counting)
    client = await server.connect_raw()
    view = await view_of(server, until)
    client.writer.transport.pause_reading()
    frames = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.writer, "write", frames.append)
        for n in range(60):
            client.send(call("large", {"size": 500_000}, id=n))
    client.writer.write(b"".join(frames))  # so that one read finds them all

    await until(lambda: view._wsrpc._request.protocol.writing_paused)
    for _ in range(100):
        await asyncio.sleep(0)
    # what the outbox holds, and what the kernel's buffers take
    assert view.answered * 500_000 < 16 * Limits.outbox_size
    client.abort()


async def test_a_client_that_goes_while_a_ping_waits_is_no_failure(serve, until, reported):
    server = await serve(Replying)
    client = await server.connect_raw()
    view = await view_of(server, until)
    for n in range(40):
        client.send(call("large", {"size": 1_000_000}, id=n))
    client.send(b"", PING)
    client.abort()

    await until(lambda: view.log == ["on_disconnect"])
    assert reported == []


async def test_nothing_piles_up_for_a_connection_that_closed_before_its_upgrade(serve, until):
    class Waiting(View):
        async def on_connect(self):
            await self.subscribe("c")
            await self.close(4000)
            views.append(self)
            await go.wait()

    views, go = [], asyncio.Event()
    server = await serve(Waiting, LocalBroker())
    connecting = asyncio.ensure_future(server.connect())
    await until(lambda: views)
    for _ in range(20):
        await server.broker.publish("c", "e", "x" * 100_000)
    assert views[0]._wsrpc._outbox.size == 0
    assert server.broker.server_info()["channels"] == {}
    go.set()
    assert await (await connecting).closed() == 4000


async def test_an_end_that_is_cancelled_is_no_failure_of_the_application(serve, until, reported):
    class Waiting(View):
        async def on_disconnect(self):
            self.log.append("on_disconnect")
            await asyncio.Event().wait()

    server = await serve(Waiting)
    client = await server.connect()
    view = await view_of(server, until)
    await client.ws.close()
    await until(lambda: view.log)

    ending = view._wsrpc._ending
    ending.cancel()
    await asyncio.wait([ending])

    assert ending.cancelled()
    assert reported == []
