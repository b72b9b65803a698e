"""aiohttp's client and server over the connectors: websockets."""

import asyncio
import contextvars
import gc
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import ClientWSTimeout, web

from pytest_wsrpc.network.loopback import LoopbackConnector
from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin
from wsrpc.client import RpcClient

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")
MB = 1_000_000


def app_of(handler, path="/", **routes):
    app = web.Application(client_max_size=20 * MB)
    app.router.add_route("*", path, handler)
    for name, other in routes.items():
        app.router.add_route("*", f"/{name}", other)
    return app


async def echo(request):
    ws = web.WebSocketResponse(max_msg_size=0, heartbeat=request.app.get(HEARTBEAT))
    await ws.prepare(request)
    async for message in ws:
        if message.type is aiohttp.WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    return ws


HEARTBEAT = web.AppKey("heartbeat", float)


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_echo(self, payload):
        return payload

    async def ws_rpc_wait(self, payload):
        await asyncio.sleep(payload["for"])


def rpc_app():
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app)
    return app


async def test_messages_of_all_sizes_come_back(serve):
    served = await serve(app_of(echo))
    ws = await served.ws(max_msg_size=0)
    for size in (0, 1, 125, 126, 65_535, 65_536, 3 * MB):
        text = "x" * size
        await ws.send_str(text)
        assert (await ws.receive(10)).data == text
        await ws.send_bytes(bytes(size))
        assert (await ws.receive(10)).data == bytes(size)
    await ws.close()
    assert ws.close_code == 1000


async def test_messages_are_compressed_if_both_like(serve):
    served = await serve(app_of(echo))
    ws = await served.ws(compress=15, max_msg_size=0)
    assert ws.compress
    for text in ("short", "long " * MB):
        await ws.send_str(text)
        assert (await ws.receive(10)).data == text


async def test_pings_are_answered_on_both_sides(serve):
    app = app_of(echo)
    app[HEARTBEAT] = 0.02
    served = await serve(app)
    ws = await served.ws(heartbeat=0.02)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ws.receive(), 0.2)
    assert not ws.closed
    await ws.send_str("still here")
    assert (await ws.receive(10)).data == "still here"


async def test_an_rpc_application_is_called_and_publishes(serve):
    served = await serve(rpc_app())
    url = served.url.with_path("/stream")
    async with (
        RpcClient.connect(url, session=served.session) as one,
        RpcClient.connect(url, session=served.session) as other,
    ):
        assert await one.call("echo", {"x": "x" * 500_000}) == {"x": "x" * 500_000}
        async with other.subscribe("news") as news:
            await one.call("publish", {"channel": "news", "event": "e", "data": 1})
            event = await asyncio.wait_for(anext(news), 10)
        assert event.data == 1


async def test_many_clients_at_once(serve):
    served = await serve(app_of(echo))
    sockets = await asyncio.gather(*(served.ws() for _ in range(100)))
    for number, ws in enumerate(sockets):
        await ws.send_str(str(number))
    answers = [(await ws.receive(10)).data for ws in sockets]
    assert answers == [str(number) for number in range(100)]


SENT = web.AppKey("sent", list)


async def test_a_server_waits_for_a_client_that_does_not_read(serve):
    async def flood(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for _ in range(3000):
            await ws.send_str("x" * 10_000)
            app[SENT].append(1)
        return ws

    app = app_of(flood)
    app[SENT] = []
    served = await serve(app)
    ws = await served.ws()
    before = -1
    while len(app[SENT]) != before:
        before = len(app[SENT])
        await asyncio.sleep(0.1)

    # A system's own buffers hold a few megabytes, ours next to nothing.
    assert before < (3000 if isinstance(served.connector, LoopbackConnector) else 100)

    received = 0
    async for message in ws:
        assert len(message.data) == 10_000
        received += 1
    assert received == 3000


async def test_a_client_waits_for_a_server_that_does_not_read(serve):
    release = asyncio.Event()
    received = []

    async def slow(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await release.wait()
        async for message in ws:
            received.append(len(message.data))
        return ws

    served = await serve(app_of(slow))
    ws = await served.ws()
    sent = 0

    async def send():
        nonlocal sent
        while sent < 4000:
            await ws.send_bytes(bytes(10_000))
            sent += 1

    sending = asyncio.create_task(send())
    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.1)
    assert before < 4000
    release.set()
    await asyncio.wait_for(sending, 20)
    await ws.close()
    assert sum(received) == 4000 * 10_000


async def test_a_session_closes_although_the_server_never_reads(serve):
    release = asyncio.Event()

    async def deaf(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await release.wait()
        return ws

    served = await serve(app_of(deaf))
    ws = await served.ws()
    with suppress(asyncio.TimeoutError):
        async with asyncio.timeout(0.2):
            while True:
                await ws.send_bytes(bytes(100_000))
    async with asyncio.timeout(10):
        await served.session.close()
    release.set()


async def test_each_end_knows_the_address_of_the_other(serve):
    seen = []

    async def handler(request):
        get = request.transport.get_extra_info
        seen.append((get("peername"), get("sockname")))
        return await echo(request)

    served = await serve(app_of(handler))
    one, other = await served.ws(), await served.ws()
    for ws in (one, other):
        client = ws.get_extra_info("sockname"), ws.get_extra_info("peername")
        assert client == seen.pop(0)
    assert one.get_extra_info("sockname") != other.get_extra_info("sockname")
    assert one.get_extra_info("sockname")[0] == "127.0.0.1"


async def test_a_server_that_aborts_ends_a_websocket_with_1006(serve):
    async def handler(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str("going")
        request.transport.abort()
        return ws

    served = await serve(app_of(handler))
    ws = await served.ws()
    assert (await ws.receive(10)).data == "going"
    assert (await ws.receive(10)).type is aiohttp.WSMsgType.CLOSED
    assert ws.close_code == 1006


async def test_a_server_learns_that_its_client_has_gone(serve):
    ended = asyncio.get_running_loop().create_future()

    async def handler(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        ended.set_result((await ws.receive()).type)
        return ws

    served = await serve(app_of(handler))
    ws = await served.ws()
    ws._response.connection.transport.abort()
    assert await asyncio.wait_for(ended, 10) is aiohttp.WSMsgType.CLOSED


async def test_a_closing_handshake_that_nobody_answers_ends_at_its_timeout(serve):
    release = asyncio.Event()

    async def handler(request):
        ws = web.WebSocketResponse(autoclose=False)
        await ws.prepare(request)
        await release.wait()
        return ws

    served = await serve(app_of(handler))
    ws = await served.ws(timeout=ClientWSTimeout(ws_close=0.05))
    await ws.close()
    assert ws.close_code == 1006
    release.set()


async def test_nothing_of_a_connection_is_left(serve):
    served = await serve(app_of(echo))
    for _ in range(10):
        async with served.session.ws_connect(served.url) as ws:
            await ws.send_str("x")
            await ws.receive()
    del ws
    async with asyncio.timeout(10):
        while len(served.connector._links):
            await asyncio.sleep(0.01)
            gc.collect()
