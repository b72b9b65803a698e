"""`WsTestClient` that comes back: its link, its conversation, and the server's exceptions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from pytest_wsrpc import NetworkLink, WsTestClient, serve
from wsrpc import (
    ApiPath,
    ConnectionClosed,
    Gap,
    InternalError,
    LocalBroker,
    Publish,
    Subscribe,
    WsPathMixin,
)

pytestmark = pytest.mark.wsrpc(clock="virtual")


class Stream(ApiPath, WsPathMixin, Subscribe, Publish):
    async def ws_rpc_fail(self, payload: Any) -> None:
        raise ZeroDivisionError

    async def ws_rpc_user(self, payload: Any) -> Any:
        return self.request.headers.get("X-User")


@pytest.fixture
async def connect() -> AsyncIterator[Any]:
    app = web.Application()
    app.router.add_view("/stream", Stream)
    LocalBroker.for_app(app, history=10)
    async with serve(app) as connect:
        yield connect


async def lose(client: WsTestClient) -> None:
    client.link.reset()
    await client.until("waiting")
    await client.until("connected")


async def test_a_client_of_a_test_comes_back_only_if_it_is_told_to(connect: Any) -> None:
    client = await connect()
    client.link.reset()
    await client.until("closed")
    assert client.close_code == 1006


async def test_the_link_is_that_of_the_current_connection(connect: Any) -> None:
    client = await connect(reconnect=True)
    links = [client.link]
    for _ in range(2):
        await lose(client)
        links.append(client.link)
    assert len(set(links)) == 3
    assert len(set(client.socknames)) == 3
    assert client.sockname == client.socknames[-1]


async def test_each_connection_has_chances_of_its_own_that_follow_from_the_seed(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[Any] = []
    monkeypatch.setattr(NetworkLink, "seed", lambda self, seed: seeds.append(seed))
    client = await connect(reconnect=True, name="anna")
    await lose(client)
    assert seeds == ["\nanna", "\nanna\n2"]


async def test_the_transcript_tells_of_every_connection(connect: Any) -> None:
    client = await connect(reconnect=True)
    await lose(client)
    assert [entry.direction for entry in client.transcript.entries] == [
        "connected",
        "fault",
        "closed",
        "connected",
    ]


async def test_what_the_server_raises_on_a_later_connection_is_shown(connect: Any) -> None:
    client = await connect(reconnect=True)
    await lose(client)
    with pytest.raises(InternalError) as raised:
        await client.call("fail")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert client.server_errors == []


async def test_what_a_test_waits_for_may_come_over_the_next_connection(connect: Any) -> None:
    async def listen(client: WsTestClient) -> None:
        await client.call("subscribe", {"channel": "news"})

    client = await connect(reconnect=True, on_connect=listen)
    await lose(client)
    await client.publish("news", "headline")
    assert (await client.next_event("news")).event == "headline"


async def test_events_missed_are_recovered_and_a_gap_is_an_event(connect: Any) -> None:
    other = await connect()
    client = await connect(reconnect=True)
    async with client.subscribe("news") as events:
        client.link.reset()
        await client.until("waiting")
        await other.publish("news", "missed")
        assert (await events.get(60)).event == "missed"
        client.link.reset()
        await client.until("waiting")
        for _ in range(11):
            await other.publish("news", "too many")
        assert isinstance(await events.get(60), Gap)


async def test_a_message_sent_while_it_is_away_raises_with_the_conversation(connect: Any) -> None:
    client = await connect(reconnect=True, headers=lambda: {"X-User": "anna"})
    client.link.reset()
    await client.until("waiting")
    with pytest.raises(ConnectionClosed, match="the client is coming back") as raised:
        await client.send_json({"id": 1, "method": "user"})
    assert "~ reset" in raised.value.__notes__[0]
    await client.until("connected")
    assert await client.call("user") == "anna"
