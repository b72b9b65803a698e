"""Plain HTTP over the connectors, the addresses they lead to, and what they rest on."""

import asyncio
import contextvars
import io

import aiohttp
import pytest
from aiohttp import web

from pytest_wsrpc.network.connector import AppConnector
from pytest_wsrpc.network.loopback import LoopbackConnector
from pytest_wsrpc.network.memory import MemoryConnector

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")
MB = 1_000_000


def app_of(handler, path="/", **routes):
    app = web.Application(client_max_size=20 * MB)
    app.router.add_route("*", path, handler)
    for name, other in routes.items():
        app.router.add_route("*", f"/{name}", other)
    return app


async def echo(request):
    ws = web.WebSocketResponse(max_msg_size=0)
    await ws.prepare(request)
    async for message in ws:
        if message.type is aiohttp.WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    return ws


@pytest.mark.parametrize("size", [0, 10, 3 * MB])
async def test_requests_with_a_body_are_answered(serve, size):
    async def handler(request):
        body = await request.read()
        return web.Response(body=body[::-1], headers={"X-Method": request.method})

    served = await serve(app_of(handler))
    body = bytes(range(256)) * (size // 256) + b"end"
    for method in ("GET", "POST", "PUT", "DELETE"):
        data = None if method == "GET" else io.BytesIO(body)
        async with served.session.request(method, served.url, data=data) as response:
            assert response.status == 200
            assert response.headers["X-Method"] == method
            assert await response.read() == (b"" if data is None else body[::-1])


async def test_a_streamed_body_is_answered_by_a_stream(serve):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk.upper())
        await response.write_eof()
        return response

    async def body():
        for _ in range(100):
            yield b"chunk" * 1000

    served = await serve(app_of(handler))
    async with served.session.post(served.url, data=body()) as response:
        assert await response.read() == b"CHUNK" * 100_000


async def test_a_connection_is_used_again(serve):
    peers = []

    async def handler(request):
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text=request.remote)

    served = await serve(app_of(handler))
    for _ in range(3):
        async with served.session.get(served.url) as response:
            assert await response.text() == "127.0.0.1"
    assert len(set(peers)) == 1
    async with served.session.get(served.url, headers={"Connection": "close"}) as response:
        await response.text()
    async with served.session.get(served.url) as response:
        await response.text()
    assert len(set(peers)) == 2


async def test_a_file_is_sent(serve, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 4000)

    async def handler(request):
        return web.FileResponse(path)

    served = await serve(app_of(handler))
    async with served.session.get(served.url) as response:
        assert await response.read() == path.read_bytes()


async def test_a_server_that_aborts_a_request_has_disconnected(serve):
    async def handler(request):
        request.transport.abort()
        return web.Response()

    served = await serve(app_of(handler))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await served.session.get(served.url)


async def test_the_application_does_not_see_context_variables_of_the_test(serve):
    async def handler(request):
        before = VARIABLE.get()
        VARIABLE.set("application")
        return web.Response(text=before)

    served = await serve(app_of(handler))
    VARIABLE.set("test")
    for _ in range(2):
        async with served.session.get(served.url) as response:
            assert await response.text() == "unset"
    assert VARIABLE.get() == "test"


@pytest.mark.parametrize("scheme", ["wss", "https"])
async def test_a_secure_url_is_refused_with_the_one_to_write(serve, scheme):
    served = await serve(app_of(echo))
    plain = {"wss": "ws", "https": "http"}[scheme]
    with pytest.raises(ValueError, match=f"served without TLS; write {plain}:// for {scheme}://"):
        await served.session.get(f"{scheme}://localhost/")


async def test_whatever_host_a_url_names_the_application_answers(serve):
    async def handler(request):
        return web.Response(text=request.host)

    served = await serve(app_of(handler))
    async with served.session.get("http://shop.example/") as response:
        assert await response.text() == "shop.example"


async def test_a_transport_in_memory_has_no_socket_and_one_on_tcp_has(serve):
    served = await serve(app_of(echo))
    ws = await served.ws()
    has_socket = ws.get_extra_info("socket") is not None
    assert has_socket == isinstance(served.connector, LoopbackConnector)


async def test_a_connection_that_is_refused_is_a_connector_error():
    async with aiohttp.ClientSession(connector=LoopbackConnector("127.0.0.1", 1)) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("http://127.0.0.1:1/")


async def test_a_connection_that_takes_too_long_is_a_timeout(monkeypatch):
    async def never(*args, **options):
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    timeout = aiohttp.ClientTimeout(sock_connect=0.01)
    connector = LoopbackConnector("127.0.0.1", 1)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        with pytest.raises(aiohttp.ConnectionTimeoutError, match=r"host http://127\.0\.0\.1:1/"):
            await session.get("http://127.0.0.1:1/")


@pytest.mark.parametrize("name", ["_create_connection", "_factory"])
async def test_without_what_it_rests_on_a_connector_names_the_version_of_aiohttp(monkeypatch, name):
    init = aiohttp.BaseConnector.__init__

    def without_factory(self, **options):
        init(self, **options)
        del self._factory

    if name == "_factory":
        monkeypatch.setattr(aiohttp.BaseConnector, "__init__", without_factory)
    else:
        monkeypatch.delattr(aiohttp.BaseConnector, name)
    with pytest.raises(pytest.UsageError) as raised:
        LoopbackConnector("127.0.0.1", 1)
    assert f"aiohttp {aiohttp.__version__} does not have BaseConnector.{name}" in str(raised.value)


def test_both_connectors_override_the_one_hook_of_aiohttp():
    for connector in (MemoryConnector, LoopbackConnector):
        assert issubclass(connector, AppConnector)
        private = {
            name
            for name in dir(aiohttp.BaseConnector)
            if name.startswith("_") and not name.startswith("__")
        }
        overridden = {name for cls in (connector, AppConnector) for name in vars(cls)}
        assert private & overridden - {"_abc_impl"} == {"_create_connection"}
