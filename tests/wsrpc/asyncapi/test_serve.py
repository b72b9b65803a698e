"""The document and its page, served by the application."""

import base64
import hashlib
import json
import re

import pytest
from aiohttp import web
from yarl import URL

from wsrpc import ApiPath, LocalBroker, WsPathMixin
from wsrpc.asyncapi import add_asyncapi, document, to_json


class View(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload): ...


@pytest.fixture
def app():
    made = web.Application()
    LocalBroker.for_app(made)
    made.router.add_view("/stream", View)
    return made


async def test_the_document_is_served(app, aiohttp_client):
    add_asyncapi(app, "/asyncapi.json", title="Sums", version="2", description="Adds.")
    client = await aiohttp_client(app)
    response = await client.get("/asyncapi.json")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    expected = document(app, title="Sums", version="2", description="Adds.")
    assert await response.read() == to_json(expected)
    assert await (await client.get("/asyncapi.json")).json() == expected


async def test_what_is_added_later_is_described_too(app, aiohttp_client):
    add_asyncapi(app)
    app.router.add_view("/more", View)
    client = await aiohttp_client(app)
    described = await (await client.get("/asyncapi.json")).json()
    assert described["channels"].keys() == {"stream", "more"}


async def test_the_page_is_served_and_nothing_else_may_be_loaded(app, aiohttp_client):
    add_asyncapi(app, title="Sums", servers={"live": "wss://example.com"})
    client = await aiohttp_client(app)
    response = await client.get("/asyncapi")
    text = await response.text()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>Sums</h1>" in text
    assert 'href="asyncapi.json"' in text
    assert "wss://example.com" in text
    [style] = re.findall(r"<style>(.*)</style>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")


@pytest.mark.parametrize(
    ("path", "page", "link"),
    [
        ("/asyncapi.json", "/docs/api", "../asyncapi.json"),
        ("/api/asyncapi.json", "/", "api/asyncapi.json"),
        ("/api/asyncapi.json", "/api/page/", "../asyncapi.json"),
    ],
)
async def test_the_page_leads_to_the_document_wherever_they_are(
    app, aiohttp_client, path, page, link
):
    add_asyncapi(app, path, page=page)
    client = await aiohttp_client(app)
    text = await (await client.get(page)).text()
    assert f'href="{link}"' in text
    assert URL(page).join(URL(link)).path == path


async def test_the_page_may_be_left_out(app, aiohttp_client):
    add_asyncapi(app, page=None)
    client = await aiohttp_client(app)
    assert (await client.get("/asyncapi.json")).status == 200
    assert (await client.get("/asyncapi")).status == 404


async def test_a_sub_application_describes_itself(app, aiohttp_client):
    parent = web.Application()
    add_asyncapi(app)
    parent.add_subapp("/v1", app)
    parent.router.add_view("/other", View)
    client = await aiohttp_client(parent)
    described = json.loads(await (await client.get("/v1/asyncapi.json")).read())
    assert [channel["address"] for channel in described["channels"].values()] == ["/v1/stream"]
