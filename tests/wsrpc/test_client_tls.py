"""Clients of a server that is reached through TLS."""

from __future__ import annotations

import ssl

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from wsrpc import ApiPath, LocalBroker, RpcClient, WsPathMixin, link

pytestmark = pytest.mark.wsrpc(clock="real")


class Echo(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


@pytest.mark.parametrize("is_secure", [True, False])
async def test_a_closed_client_has_waited_for_the_end_of_tls(is_secure, monkeypatch):
    waited_for = []
    until_closed = link.until_closed

    async def recorded(socket):
        await until_closed(socket)
        waited_for.append(socket.fileno())

    monkeypatch.setattr(link, "until_closed", recorded)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    app = web.Application()
    app.router.add_view("/stream", Echo)
    LocalBroker.for_app(app)
    server = TestServer(app, scheme="https" if is_secure else "http")
    await server.start_server(ssl=context if is_secure else None)
    async with RpcClient.connect(server.make_url("/stream"), ssl=False) as client:
        assert await client.call("echo", {"a": 1}) == {"a": 1}
        assert waited_for == []
    assert waited_for == ([-1] if is_secure else [])
    await server.close()


class Open:
    """A socket whose peer never ends TLS."""

    def fileno(self):
        return 7


@pytest.mark.wsrpc(clock="virtual")
async def test_a_peer_that_does_not_end_tls_is_not_waited_for_long(ws_clock):
    begin = ws_clock.time
    await link.until_closed(Open())
    assert 1 <= ws_clock.time - begin < 1.1
