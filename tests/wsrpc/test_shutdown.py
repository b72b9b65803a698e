"""The end of the server: calls get their time, then every connection is closed with 1001."""

from __future__ import annotations

import asyncio
import json
import struct

import aiohttp
import pytest
from aiohttp import web

from wsrpc import ApiPath, Limits, LocalBroker, Publish, Subscribe, WsPathMixin

SHUTTING_DOWN = {"code": -32005, "message": "Shutting down"}
GOING_AWAY = struct.pack("!H", 1001) + b"shutting down"


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    limits = Limits(concurrent_calls=3)

    def __init__(self, *args):
        super().__init__(*args)
        self.gate = asyncio.Event()
        self.log = []

    async def ws_rpc_echo(self, payload):
        return payload

    async def ws_rpc_wait(self, payload):
        self.log.append(payload.get("n"))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        return "done"

    async def ws_rpc_stop(self, payload):
        await self.sockets.close_sockets()
        return "nobody hears this"

    async def on_disconnect(self):
        self.log.append("on_disconnect")


class Hurried(View):
    limits = Limits(concurrent_calls=3, shutdown_timeout=0.05)


class Immediate(View):
    limits = Limits(concurrent_calls=3, shutdown_timeout=0)


async def fence(client):
    await client.call("no such method", id="fence")


async def only_view(server):
    (view,) = server.broker.sockets
    return view


async def goodbye(client):
    """Read the close frame, and answer it."""
    message = await client.ws.receive(5)
    return message.type, message.data, message.extra


async def test_idle_connections_are_closed_with_1001_at_once(serve):
    server = await serve(View)
    clients = [await server.connect() for _ in range(5)]
    views = list(server.broker.sockets)
    closing = [asyncio.ensure_future(goodbye(client)) for client in clients]

    async with asyncio.timeout(3):
        await server.stop()
        for end in closing:
            assert await end == (aiohttp.WSMsgType.CLOSE, 1001, "shutting down")
    assert all(view.log == ["on_disconnect"] for view in views)
    assert server.broker.server_info() == {"connections": 0, "channels": {}}


async def test_calls_in_flight_are_answered_before_the_close(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await only_view(server)
    for n in range(3):
        await client.send({"id": n, "method": "wait"})
    await fence(client)

    stopping = asyncio.ensure_future(server.stop())
    await until(lambda: server.broker._closing)
    view.gate.set()
    assert await client.closed() == 1001
    await stopping
    assert [(reply["id"], reply["response"]) for reply in client.kept] == [
        (n, "done") for n in range(3)
    ]
    assert view.log[-1] == "on_disconnect"
    assert "cancelled" not in view.log


async def test_a_call_that_takes_too_long_is_refused_and_cancelled(serve, until, reported):
    server = await serve(Hurried)
    client = await server.connect()
    view = await only_view(server)
    await client.send({"id": "a", "method": "wait"})
    await fence(client)

    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    await stopping
    assert client.kept == [{"id": "a", "method": "wait", "error": SHUTTING_DOWN}]
    assert view.log == [None, "cancelled", "on_disconnect"]
    assert not reported


async def test_queued_and_new_calls_are_refused(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await only_view(server)
    for n in range(5):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await fence(client)

    stopping = asyncio.ensure_future(server.stop())
    for n in (3, 4):
        assert await client.recv() == {"id": n, "method": "wait", "error": SHUTTING_DOWN}
    assert (await client.call("echo"))["error"] == SHUTTING_DOWN
    assert (await client.call("publish", {"channel": "c", "data": 1}))["error"] == SHUTTING_DOWN
    assert (await client.call("nope"))["error"]["code"] == -32601
    await client.send("nonsense")
    assert (await client.recv())["error"]["code"] == -32700
    view.gate.set()
    assert await client.closed() == 1001
    await stopping
    assert sorted(reply["id"] for reply in client.kept) == [0, 1, 2]
    assert view.log == [0, 1, 2, "on_disconnect"]


async def test_a_call_whose_turn_had_just_come_is_refused_too(serve, until):
    server = await serve(Hurried)
    client = await server.connect()
    view = await only_view(server)
    for n in range(6):
        await client.send({"id": n, "method": "wait", "payload": {"n": n}})
    await fence(client)

    view.gate.set()
    stopping = asyncio.ensure_future(server.stop())
    assert await client.closed() == 1001
    await stopping
    assert sorted(reply["id"] for reply in client.kept) == list(range(6))
    assert all(
        reply.get("error") == SHUTTING_DOWN or reply["response"] == "done" for reply in client.kept
    )
    assert len([n for n in view.log if isinstance(n, int)]) == sum(
        "response" in reply for reply in client.kept
    )


async def test_a_new_connection_is_answered_503_meanwhile(serve, until):
    server = await serve(View)
    client = await server.connect()
    view = await only_view(server)
    await client.send({"id": 1, "method": "wait"})
    await fence(client)

    closing = asyncio.ensure_future(server.broker.close_sockets())
    await until(lambda: server.broker._closing)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.connect()
    assert refused.value.status == 503
    view.gate.set()
    assert await client.closed() == 1001
    await closing
    # close_sockets is no end for good
    assert (await (await server.connect()).call("echo"))["response"] == {}


async def test_without_time_for_the_shutdown_calls_are_refused_at_once(serve):
    server = await serve(Immediate)
    client = await server.connect()
    await client.send({"id": 1, "method": "wait"})
    await fence(client)

    async with asyncio.timeout(3):
        stopping = asyncio.ensure_future(server.stop())
        assert await client.closed() == 1001
        await stopping
    assert client.kept == [{"id": 1, "method": "wait", "error": SHUTTING_DOWN}]


async def test_a_client_that_does_not_answer_the_close_does_not_hold_the_server_up(serve):
    server = await serve(View)
    mute = await server.connect_raw()
    client = await server.connect()

    async with asyncio.timeout(5):
        stopping = asyncio.ensure_future(server.stop())
        assert await client.closed() == 1001
        assert await mute.recv() == (8, GOING_AWAY)
        await stopping
        assert await mute.ended() == b""


async def test_a_handler_that_will_not_be_cancelled_does_not_hold_the_server_up(serve):
    gate = asyncio.Event()

    class Stubborn(Hurried):
        async def ws_rpc_stubborn(self, payload):
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    self.log.append("not yet")

    server = await serve(Stubborn)
    client = await server.connect()
    view = await only_view(server)
    await client.send({"id": 1, "method": "stubborn"})
    await fence(client)

    async with asyncio.timeout(5):
        stopping = asyncio.ensure_future(server.stop())
        assert await client.closed() == 1001
        await stopping
    assert client.kept == [{"id": 1, "method": "stubborn", "error": SHUTTING_DOWN}]
    assert view.log[-1] == "on_disconnect"
    gate.set()


async def test_one_connection_that_fails_does_not_keep_another_open(serve, reported):
    class Failing(View):
        async def on_disconnect(self):
            raise KeyError

    server = await serve(Failing)
    clients = [await server.connect() for _ in range(3)]
    broken = next(iter(server.broker.sockets))._wsrpc

    async def shut_down():
        raise OSError

    healthy = broken.shut_down
    broken.shut_down = shut_down
    closing = asyncio.ensure_future(server.broker.close_sockets())
    ended = [asyncio.ensure_future(client.closed()) for client in clients]
    done, _ = await asyncio.wait(ended, timeout=2, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 2:
        more, _ = await asyncio.wait(set(ended) - done, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    await closing
    assert [end.result() for end in done] == [1001, 1001]
    await healthy()
    assert [await end for end in ended] == [1001] * 3
    assert [type(failure.exception) for failure in reported] == [KeyError] * 3


async def test_closing_twice_at_once_closes_once(serve):
    server = await serve(View)
    client = await server.connect()
    view = await only_view(server)

    closing = asyncio.gather(server.broker.close_sockets(), server.broker.close_sockets())
    assert await client.closed() == 1001
    await closing
    assert view.log == ["on_disconnect"]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_handler_may_close_all_sockets(serve, until, waits):
    class Stopping(View):
        async def ws_rpc_stop(self, payload):
            if waits:
                await asyncio.sleep(0)
            return await super().ws_rpc_stop(payload)

    server = await serve(Stopping)
    first, second = await server.connect(), await server.connect()
    views = list(server.broker.sockets)

    await first.send({"id": 1, "method": "stop"})
    async with asyncio.timeout(5):
        assert await second.closed() == 1001
        assert await first.closed() == 1001
    await until(lambda: all(view.log[-1:] == ["on_disconnect"] for view in views))


async def test_a_connection_that_goes_during_the_shutdown_is_no_problem(serve, until):
    server = await serve(View)
    client = await server.connect_raw()
    await until(lambda: server.broker.sockets)
    view = await only_view(server)
    client.send(b'{"id": 1, "method": "wait"}')
    await until(lambda: view.log)

    stopping = asyncio.ensure_future(server.stop())
    await until(lambda: server.broker._closing)
    client.abort()
    async with asyncio.timeout(5):
        await stopping
    assert view.log == [None, "cancelled", "on_disconnect"]


async def test_pings_go_on_while_calls_end(serve, until):
    class Beating(View):
        limits = Limits(heartbeat=0.05)

    server = await serve(Beating)
    client = await server.connect()
    view = await only_view(server)
    await client.send({"id": 1, "method": "wait"})
    await fence(client)

    stopping = asyncio.ensure_future(server.stop())
    ending = asyncio.ensure_future(client.closed())
    await asyncio.sleep(0.3)  # some heartbeats
    view.gate.set()
    assert await ending == 1001
    await stopping
    assert client.kept == [{"id": 1, "method": "wait", "response": "done"}]


async def test_a_connection_that_is_just_coming_up_is_closed_too(serve, until):
    gate = asyncio.Event()
    views = []

    class Slow(View):
        async def on_connect(self):
            views.append(self)
            if len(views) > 1:
                await gate.wait()

    server = await serve(Slow)
    first = await server.connect()
    await first.send({"id": 1, "method": "wait"})
    await fence(first)
    connecting = asyncio.ensure_future(server.connect())
    await until(lambda: len(views) == 2)

    closing = asyncio.ensure_future(server.broker.close_sockets())
    await until(lambda: server.broker._closing)
    gate.set()
    second = await connecting
    assert await second.closed() == 1001
    views[0].gate.set()
    assert await first.closed() == 1001
    await closing
    await until(lambda: views[1].log == ["on_disconnect"])


async def test_100_connections_and_calls_end_within_the_time(serve):
    server = await serve(Hurried, LocalBroker())
    clients = [await server.connect() for _ in range(100)]
    for n, client in enumerate(clients):
        await client.call("subscribe", {"channel": "c", "event": f"e{n}"})
        if n % 3 == 0:
            await client.send({"id": "x", "method": "wait"})
    views = list(server.broker.sockets)
    loop = asyncio.get_running_loop()
    started = loop.time()
    stopping = asyncio.ensure_future(server.stop())
    ends = await asyncio.gather(*(client.closed() for client in clients))
    await stopping

    assert ends == [1001] * 100
    assert loop.time() - started < 10
    assert all(
        client.kept
        == ([{"id": "x", "method": "wait", "error": SHUTTING_DOWN}] if n % 3 == 0 else [])
        for n, client in enumerate(clients)
    )
    assert all(view.log[-1] == "on_disconnect" for view in views)
    assert server.broker.server_info() == {"connections": 0, "channels": {}}
    assert not [task for task in asyncio.all_tasks() if "wsrpc" in repr(task.get_coro())]
    assert json.loads(json.dumps(server.broker.server_info()))


@pytest.mark.parametrize("ends", ["upgraded", "refused"])
async def test_a_handshake_that_outlasts_the_start_of_the_shutdown_is_part_of_it(
    serve, until, ends
):
    class Slow(WsPathMixin, web.View):
        async def on_connect(self):
            entered.set()
            await go.wait()
            if ends == "refused":
                raise web.HTTPForbidden

    entered, go = asyncio.Event(), asyncio.Event()
    server = await serve(Slow)
    connecting = asyncio.ensure_future(server.connect())
    await entered.wait()
    closing = asyncio.ensure_future(server.broker.close())
    await until(lambda: server.broker._closing)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not closing.done()
    go.set()

    if ends == "upgraded":
        assert await (await connecting).closed() == 1001
    else:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await connecting
    await asyncio.wait_for(closing, 5)
    assert not server.broker._connecting


async def test_a_handshake_that_hangs_does_not_hold_the_shutdown_up(serve):
    class Hanging(WsPathMixin, web.View):
        async def on_connect(self):
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    server = await serve(Hanging)
    connecting = asyncio.ensure_future(server.connect())
    await entered.wait()

    await asyncio.wait_for(server.broker.close(), Limits.shutdown_timeout / 2)
    connecting.cancel()
    await asyncio.wait([connecting])
