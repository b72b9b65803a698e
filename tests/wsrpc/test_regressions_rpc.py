"""What the library that this idea comes from got wrong about calls and limits (D16 to D28)."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass
from time import perf_counter

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from wsrpc import ApiPath, CannotSubscribe, LocalBroker, Publish, Subscribe, WsPathMixin, ws_rpc
from wsrpc.patterns import Pattern
from wsrpc.rpc import methods_of

REFUSED = {"code": -32602, "message": "Invalid RPC parameters"}


@dataclass
class Word:
    word: str


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    def __init__(self, *args):
        super().__init__(*args)
        self.ended = []

    async def ws_rpc_echo(self, payload):
        return payload

    async def ws_rpc_wait(self, payload):
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(payload)


@pytest.fixture
async def client(serve):
    return await (await serve(Stream)).connect()


async def alive(client):
    return (await client.call("echo", {"a": 1}))["response"] == {"a": 1}


# D16
async def test_a_slow_call_does_not_delay_the_next(client):
    await client.send({"id": "slow", "method": "wait"})
    for _ in range(100):
        assert await alive(client)


# D17
@pytest.mark.wsrpc(clock="virtual")
async def test_a_ping_is_answered_while_16_handlers_run(serve):
    server = await serve(Stream)
    client = await server.connect(autoping=False)
    beating = await server.connect(heartbeat=10)
    for n in range(16):
        await client.send({"id": n, "method": "wait"})
        await beating.send({"id": n, "method": "wait"})
    await client.ws.ping(b"hello")
    message = await client.ws.receive(5)
    assert (message.type, message.data) == (WSMsgType.PONG, b"hello")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(50):  # some heartbeats, which find the server alive
            await beating.ws.receive()
    assert not beating.ws.closed


# D18
async def test_a_handler_may_wait_for_another_call_of_its_client(serve):
    class Meeting(Stream):
        async def ws_rpc_a(self, payload):
            self.future = asyncio.get_running_loop().create_future()
            return await self.future

        async def ws_rpc_b(self, payload):
            self.future.set_result("met")

    client = await (await serve(Meeting)).connect()
    await client.send({"id": "a", "method": "a"})
    await client.send({"id": "b", "method": "b"})
    replies = [await client.recv(), await client.recv()]
    assert {reply["id"]: reply["response"] for reply in replies} == {"a": "met", "b": None}


# D19
async def test_a_client_that_vanishes_during_a_call_is_gone_and_its_call_cancelled(serve, until):
    server = await serve(Stream)
    client = await server.connect_raw()
    view = await server.view()
    client.send(b'{"id": 1, "method": "wait"}')
    client.send(b'{"id": 2, "method": "echo"}')
    await client.recv()

    client.abort()
    await until(lambda: not server.broker.sockets)
    await until(lambda: view.ended)


# D20
async def test_a_call_in_flight_at_shutdown_is_answered_before_1001(serve, until):
    gate = asyncio.Event()

    class Gated(Stream):
        async def ws_rpc_gated(self, payload):
            await gate.wait()
            return "done"

    server = await serve(Gated)
    client = await server.connect()
    await client.send({"id": "a", "method": "gated"})
    assert await alive(client)
    stopping = asyncio.ensure_future(server.stop())
    await until(lambda: server.broker._closing)
    gate.set()
    assert await client.closed() == 1001
    await stopping
    assert client.kept == [{"id": "a", "method": "gated", "response": "done"}]


# D21
async def test_a_typed_response_needs_no_special_base_class(serve):
    class Plain(web.View, WsPathMixin):
        @ws_rpc(response_schema=Word)
        async def ws_rpc_word(self, payload):
            return Word("hello")

        @ws_rpc()
        async def ws_rpc_untyped(self, payload):
            return 1

    client = await (await serve(Plain)).connect()
    assert (await client.call("word"))["response"] == {"word": "hello"}
    assert (await client.call("untyped"))["response"] == 1


# D22
async def test_two_connections_at_the_same_time_have_different_ids(serve, monkeypatch):
    server = await serve(Stream)
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    for _ in range(2):
        await server.connect()
    ids = {view.socket_id for view in server.broker.sockets}
    assert len(ids) == 2
    assert all(len(bytes.fromhex(id)) == 16 for id in ids)


# D23
async def test_a_page_of_another_origin_is_refused_before_the_upgrade(serve):
    server = await serve(Stream)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect(headers={"Origin": "https://evil.example"})
    assert refused.value.status == 403
    assert not server.broker.sockets


# D24
async def test_every_subscribe_and_every_publish_is_authorized(serve):
    class Guarded(Stream):
        asked = []

        async def authorize(self, action, channel, event):
            self.asked.append((action, channel, event))
            return channel != "secret" or "admin" in self.request.query

    Guarded.asked = asked = []
    server = await serve(Guarded)
    guest, admin = await server.connect(), await server.connect(url=server.url + "?admin=1")
    forbidden = {"code": -32003, "message": "Forbidden"}
    secret = {"channel": "secret", "event": "e"}

    assert (await guest.call("subscribe", secret))["error"] == forbidden
    assert "response" in await admin.call("subscribe", secret)
    assert (await guest.call("subscribe", secret))["error"] == forbidden
    assert (await guest.call("publish", {**secret, "data": 1}))["error"] == forbidden
    assert "response" in await admin.call("publish", {**secret, "data": 2})
    assert (await admin.recv())["data"] == 2
    assert asked == [("subscribe", "secret", "e")] * 3 + [("publish", "secret", "e")] * 2
    assert not guest.kept


# D25
async def test_subscriptions_of_one_connection_are_limited_and_replies_stay_small(client):
    for n in range(128):
        reply = await client.call("subscribe", {"channel": f"c{n}"})
        assert reply["response"] == {"subscribed": {f"c{n}": ["*"]}}
    reply = await client.call("subscribe", {"channel": "more"})
    assert reply["error"] == {
        **REFUSED,
        "errors": {"channel": "more than subscriptions (128)"},
    }
    await client.call("unsubscribe", {"channel": "c0"})
    assert "response" in await client.call("subscribe", {"channel": "more"})


# D26
def test_a_pattern_takes_linear_time():
    pattern, name = Pattern("*a" * 63 + "*b"), "a" * 255
    assert not pattern.matches(name)
    started = perf_counter()
    for _ in range(100):
        pattern.matches(name)
    assert (perf_counter() - started) / 100 < 0.005


# D27
async def test_heartbeat_and_message_size_are_set(serve):
    server = await serve(Stream)
    client = await server.connect_raw()
    view = await server.view()
    assert view.limits.heartbeat == 25
    client.send(b" " * (1024 * 1024 - 2) + b"[]")
    assert json.loads((await client.recv())[1])["error"]["code"] == -32600
    client.send(b" " * (1024 * 1024 - 1) + b"[]")
    assert await client.recv() == (8, struct.pack("!H", 1009))


# D28
async def test_no_builtin_method_tells_about_the_server(serve):
    class Bare(ApiPath, WsPathMixin, Subscribe, Publish):
        pass

    client = await (await serve(Bare, LocalBroker())).connect()
    assert list(methods_of(Bare)) == ["publish", "subscribe", "unsubscribe"]
    for method in ("info", "server_info"):
        assert (await client.call(method))["error"]["code"] == -32601


async def test_a_refused_channel_says_the_same_to_everybody(serve):
    class Choosy(LocalBroker):
        async def subscribe(self, channel):
            raise CannotSubscribe("the table is locked")

    client = await (await serve(Stream, Choosy())).connect()
    reply = await client.call("subscribe", {"channel": "c"})
    assert reply["error"] == {**REFUSED, "errors": {"channel": "Invalid channel"}}
