"""The endpoint: its handshake, and where it finds its manager."""

from __future__ import annotations

import importlib

import aiohttp
import pytest
from aiohttp import web

import wsrpc
from wsrpc import SOCKETS_KEY, ApiPath, LocalBroker, SocketsManager, WsPathMixin

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class View(ApiPath, WsPathMixin):
    async def ws_rpc_manager(self, payload):
        return type(self.sockets).__name__


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**HANDSHAKE, "Upgrade": "h2c"},
        {**HANDSHAKE, "Connection": "keep-alive"},
        {**HANDSHAKE, "Sec-WebSocket-Version": "12"},
        {name: HANDSHAKE[name] for name in HANDSHAKE if name != "Sec-WebSocket-Version"},
        {**HANDSHAKE, "Sec-WebSocket-Version": "9"},
        {**HANDSHAKE, "Sec-WebSocket-Key": "short"},
        {**HANDSHAKE, "Sec-WebSocket-Key": "c2hvcnQ="},
        {**HANDSHAKE, "Origin": "null", "Upgrade": "h2c"},
    ],
)
async def test_a_request_that_is_no_handshake_is_answered_400_with_a_json_message(serve, headers):
    server = await serve(View)

    async with server.session.get(server.url, headers=headers) as response:
        assert response.status == 400
        assert response.content_type == "application/json"
        assert await response.json() == {"message": "expected a websocket handshake"}
    assert not server.broker.sockets


async def test_other_methods_are_not_allowed(serve):
    server = await serve(View)

    for method in ("POST", "HEAD", "PUT"):
        async with server.session.request(method, server.url) as response:
            assert response.status == 405


async def test_a_view_keeps_its_other_methods(serve):
    class Both(View):
        async def post(self):
            return web.json_response({"posted": True})

    server = await serve(Both)
    async with server.session.post(server.url) as response:
        assert await response.json() == {"posted": True}
    client = await server.connect()
    assert (await client.call("manager"))["response"] == "LocalBroker"


async def test_route_parameters_and_headers_are_in_the_request(serve):
    class Room(View):
        async def ws_rpc_room(self, payload):
            return [self.request.match_info["id"], self.request.headers["X-User"]]

    server = await serve(Room, path="/rooms/{id}")
    client = await server.connect(url=server.url.replace("{id}", "42"), headers={"X-User": "alice"})
    assert (await client.call("room"))["response"] == ["42", "alice"]


# where the manager is


@pytest.fixture
async def run(aiohttp_client):
    """Give ``await run(app)``: a client of a running application."""

    async def start(app):
        return await aiohttp_client(app)

    return start


async def manager_of(client, path="/ws"):
    async with client.ws_connect(path) as ws:
        await ws.send_json({"id": 1, "method": "manager"})
        return (await ws.receive_json(timeout=5))["response"]


class Other(LocalBroker):
    pass


async def test_for_app_makes_starts_and_closes_a_manager(run):
    log = []

    class Logged(SocketsManager):
        def __init__(self, *args, **kwargs):
            self.made = (args, kwargs)

        async def start(self, app=None):
            log.append(("start", app))

        async def close(self, app=None):
            log.append(("close", app))

    app = web.Application()
    manager = Logged.for_app(app, 1, two=2)
    assert type(manager) is Logged
    assert manager.made == ((1,), {"two": 2})
    assert app[SOCKETS_KEY] is manager
    assert not log
    client = await run(app)
    assert log == [("start", app)]
    await client.close()
    assert log == [("start", app), ("close", app)]


async def test_a_view_of_a_sub_application_finds_its_parents_manager(run):
    app, sub, subsub = web.Application(), web.Application(), web.Application()
    LocalBroker.for_app(app)
    subsub.router.add_view("/ws", View)
    sub.add_subapp("/b", subsub)
    app.add_subapp("/a", sub)

    assert await manager_of(await run(app), "/a/b/ws") == "LocalBroker"


async def test_the_nearest_application_comes_first(run):
    app, sub = web.Application(), web.Application()
    LocalBroker.for_app(app)
    Other.for_app(sub)
    for application in (app, sub):
        application.router.add_view("/ws", View)
    app.add_subapp("/sub", sub)
    client = await run(app)

    assert await manager_of(client, "/ws") == "LocalBroker"
    assert await manager_of(client, "/sub/ws") == "Other"


async def test_the_seeds_string_key_works_where_aiohttp_warns(run):
    app = web.Application()
    with pytest.warns(web.NotAppKeyWarning):
        app["web_sockets"] = Other()
    app.router.add_view("/ws", View)

    assert await manager_of(await run(app)) == "Other"


async def test_sockets_key_comes_before_the_string_key(run):
    app = web.Application()
    with pytest.warns(web.NotAppKeyWarning):
        app["web_sockets"] = Other()
    LocalBroker.for_app(app)
    app.router.add_view("/ws", View)

    assert await manager_of(await run(app)) == "LocalBroker"


@pytest.mark.parametrize("key", [web.AppKey("mine", SocketsManager), "mine"])
@pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning")
async def test_a_view_may_name_another_key(run, key):
    class Mine(View):
        SOCKETS_KEY = key

    app = web.Application()
    LocalBroker.for_app(app)
    app[key] = Other()
    app.router.add_view("/ws", Mine)

    assert await manager_of(await run(app)) == "Other"


@pytest.mark.parametrize("key", [None, "mine"])
async def test_without_a_manager_the_handshake_fails_and_the_log_says_what_to_do(run, caplog, key):
    class Lonely(View):
        SOCKETS_KEY = key

    app = web.Application()
    app.router.add_view("/ws", Lonely)
    client = await run(app)

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/ws")
    assert refused.value.status == 500
    assert "no SocketsManager for " in caplog.text
    assert "call LocalBroker.for_app(app)" in caplog.text


# names


def test_the_top_level_exports_every_public_name():
    public = """
        ApiPath BrokerUnavailable CallTimeout CannotPublish CannotSubscribe Channel
        ChannelCallbackError Channels Forbidden InternalError InvalidParams InvalidRequest Limits
        LocalBroker MethodNotFound ParseError Publish RpcError SOCKETS_KEY ShuttingDown
        SocketsManager Subscribe TooManyRequests Websocket WsPathMixin ws_rpc
    """
    assert set(public.split()) <= set(wsrpc.__all__)
    assert all(hasattr(wsrpc, name) for name in wsrpc.__all__)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("wsrpc.pubsub", "Publish"),
        ("wsrpc.pubsub", "Subscribe"),
        ("wsrpc.manager", "SocketsManager"),
        ("wsrpc.manager", "Websocket"),
        ("wsrpc.channels", "Channels"),
    ],
)
def test_the_seeds_modules_exist(module, name):
    assert hasattr(importlib.import_module(module), name)


def test_endpoints_can_be_found_in_the_router():
    app = web.Application()
    app.router.add_view("/ws", View)
    app.router.add_view("/other", ApiPath)

    found = [
        route.resource.canonical
        for route in app.router.routes()
        if isinstance(route.handler, type) and issubclass(route.handler, WsPathMixin)
    ]
    assert found == ["/ws"]


def test_a_can_receive_that_waits_is_refused_when_the_class_is_made():
    with pytest.raises(TypeError, match=r"Hiding\.can_receive .* write 'def'"):

        class Hiding(WsPathMixin, web.View):
            async def can_receive(self, channel, event):
                return False
