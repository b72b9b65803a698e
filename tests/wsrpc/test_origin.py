"""Which web pages may connect."""

from __future__ import annotations

import aiohttp
import pytest
from yarl import URL

from wsrpc import ApiPath, WsPathMixin, origin

SAME = [
    ("http://example.com", "example.com"),
    ("https://example.com", "example.com"),
    ("http://example.com", "example.com:80"),
    ("https://example.com", "example.com:443"),
    ("http://example.com:80", "example.com"),
    ("https://example.com:443", "example.com"),
    ("HTTPS://EXAMPLE.com", "example.COM"),
    ("http://localhost:8080", "localhost:8080"),
    ("http://127.0.0.1:8080", "127.0.0.1:8080"),
    ("http://[::1]:8080", "[::1]:8080"),
    ("http://[::1]", "[::1]"),
    ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
]

DIFFERENT = [
    ("null", "example.com"),
    ("", "example.com"),
    ("http://evil.example", "example.com"),
    ("http://example.com.evil", "example.com"),
    ("http://evilexample.com", "example.com"),
    ("http://evil.com?example.com", "example.com"),
    ("http://evil.com#example.com", "example.com"),
    ("http://evil.com/example.com", "example.com"),
    ("http://example.com@evil.com", "example.com"),
    ("http://evil.com@example.com", "example.com"),
    ("http://sub.example.com", "example.com"),
    ("http://example.com.", "example.com"),
    ("http://example.com:8080", "example.com"),
    ("http://example.com", "example.com:8080"),
    ("http://example.com", "example.com:443"),
    ("https://example.com", "example.com:80"),
    ("https://example.com:0", "example.com"),
    ("http://example.com:99999", "example.com"),
    ("http://example.com:x", "example.com"),
    ("http://example.com:", "example.com"),
    ("http://example.com/", "example.com"),
    ("http://example.com?", "example.com"),
    ("http://example.com#", "example.com"),
    ("ftp://example.com", "example.com"),
    ("file://", "example.com"),
    ("ws://example.com", "example.com"),
    ("chrome-extension://example.com", "example.com"),
    ("//example.com", "example.com"),
    ("example.com", "example.com"),
    ("http:example.com", "example.com"),
    ("http://", ""),
    ("http:// example.com", "example.com"),
    (" http://example.com", "example.com"),
    ("http://example.com ", "example.com"),
    ("http://exa\tmple.com", "example.com"),
    ("http://exam\u0440le.com", "example.com"),  # Cyrillic er
    ("http://\u212aelvin.example", "kelvin.example"),  # KELVIN SIGN, in lower case a k
    ("http://\uff45xample.com", "example.com"),  # full width
    ("http://b\xfccher.example", "xn--bcher-kva.example"),
    ("http://localhost", "127.0.0.1"),
    ("http://[::1]:8080", "[::1]:8081"),
    ("http://[::1", "[::1]"),
    ("http://example.com http://example.com", "example.com"),
    ("http://example.com", ""),
    ("http://example.com", "example.com/"),
    ("http://example.com", "user@example.com"),
    ("http://example.com", "example.com:x"),
]


@pytest.mark.parametrize(("text", "host"), SAME)
def test_the_same_host_and_port_is_the_same_origin(text, host):
    assert origin.is_same(text, host)


@pytest.mark.parametrize(("text", "host"), DIFFERENT)
def test_anything_else_is_another_origin(text, host):
    assert not origin.is_same(text, host)


def test_a_listed_origin_is_compared_by_scheme_host_and_port():
    allowed = ("https://example.com", "http://localhost:3000")
    assert origin.is_listed("https://example.com", allowed)
    assert origin.is_listed("https://EXAMPLE.com:443", allowed)
    assert origin.is_listed("http://localhost:3000", allowed)
    for text in (
        "http://example.com",
        "https://example.com:8443",
        "https://sub.example.com",
        "https://example.com.evil",
        "http://localhost",
        "null",
        "",
    ):
        assert not origin.is_listed(text, allowed)
    assert not origin.is_listed("https://example.com", ())


class Same(ApiPath, WsPathMixin):
    pass


class Listed(Same):
    allowed_origins = ("https://example.com",)


class Anybody(Same):
    allowed_origins = None


class Nobody(Same):
    allowed_origins = ()


async def status(server, **headers):
    """Return the status with which a handshake is answered."""
    try:
        client = await server.connect(headers=headers)
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status
    await client.ws.close()
    return 101


async def test_by_default_only_pages_of_the_same_host_and_port_may_connect(serve):
    server = await serve(Same)
    port = URL(server.url).port

    assert await status(server) == 101
    assert await status(server, Origin=f"http://127.0.0.1:{port}") == 101
    assert await status(server, Origin=f"https://127.0.0.1:{port}") == 101
    assert await status(server, Origin="http://127.0.0.1") == 403
    assert await status(server, Origin=f"http://localhost:{port}") == 403
    assert await status(server, Origin="https://evil.example") == 403
    assert await status(server, Origin="null") == 403
    assert await status(server, Origin="") == 403
    assert await status(server, Origin="https://a.example", Host="a.example") == 101
    assert await status(server, Origin="https://a.example", Host="a.example:8443") == 403


async def test_listed_origins_replace_the_same_origin(serve):
    server = await serve(Listed)
    port = URL(server.url).port

    assert await status(server) == 101
    assert await status(server, Origin="https://example.com") == 101
    assert await status(server, Origin="http://example.com") == 403
    assert await status(server, Origin=f"http://127.0.0.1:{port}") == 403
    assert await status(server, Origin="null") == 403


async def test_none_allows_every_origin(serve):
    server = await serve(Anybody)

    assert await status(server, Origin="https://evil.example") == 101
    assert await status(server, Origin="null") == 101


async def test_an_empty_tuple_allows_no_page(serve):
    server = await serve(Nobody)

    assert await status(server) == 101
    assert await status(server, Origin="https://example.com") == 403


async def test_a_refused_origin_gets_a_json_message_and_the_view_is_not_asked(serve):
    asked = []

    class View(Same):
        async def on_connect(self):
            asked.append(self)

    server = await serve(View)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Origin": "https://evil.example",
    }
    async with server.session.get(server.url, headers=headers) as response:
        assert response.status == 403
        assert await response.json() == {"message": "this origin may not connect"}
    assert not asked


@pytest.mark.parametrize(
    "text",
    ["example.com", "https://example.com/", "null", "*", "", "https://b\xfccher.example"],
)
def test_a_listed_origin_that_could_never_match_is_refused_with_the_class(text):
    with pytest.raises(ValueError, match="expected an origin such as"):
        type("View", (Same,), {"allowed_origins": (text,)})


@pytest.mark.parametrize("allowed", ["https://example.com", "*", "", "null"])
def test_an_origin_without_a_tuple_is_refused_with_the_class(allowed):
    with pytest.raises(TypeError, match="allowed_origins must be a tuple of origins, got"):
        type("View", (Same,), {"allowed_origins": allowed})
