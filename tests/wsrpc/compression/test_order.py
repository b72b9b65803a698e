"""A compressed connection has the conversation that a plain one has."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrpc import SOCKETS_KEY, Limits, LocalBroker
from wsrpc.compression import CompressingOutbox

from .by_hand import Stream

LONGEST = 400
TEXTS = st.integers(0, LONGEST).map("x".__mul__)


class Talkative(Stream):
    limits = Limits(compression=True, compression_threshold=200, concurrent_calls=3)

    async def ws_rpc_publish_and_echo(self, payload):
        """Publish events before the reply."""
        for text in payload["events"]:
            await self.sockets.publish(payload["channel"], "e", text)
        return payload["x"]


@pytest.fixture
def ws_app():
    app = web.Application()
    app.router.add_view("/stream", Talkative)
    LocalBroker.for_app(app)
    return app


def how_many_are_compressed(app):
    outboxes = [view._wsrpc._outbox for view in app[SOCKETS_KEY].sockets]
    return sum(isinstance(outbox, CompressingOutbox) for outbox in outboxes)


CALLS = st.tuples(st.just("call"), TEXTS, st.lists(TEXTS, max_size=3))
EVENTS = st.tuples(st.just("event"), TEXTS, st.just([]))


@settings(max_examples=40)
@given(actions=st.lists(CALLS | EVENTS, max_size=8))
async def test_the_order_of_replies_and_events_is_that_of_a_plain_connection(
    ws_app, ws_connect, actions
):
    seen = []
    for channel, compression in (("compressed", True), ("plain", False)):
        client = await ws_connect(compression=compression)
        assert how_many_are_compressed(ws_app) == 1
        await client.call("subscribe", {"channel": channel})
        wanted = 0
        for n, (kind, text, events) in enumerate(actions):
            if kind == "event":
                await ws_app[SOCKETS_KEY].publish(channel, "e", text)
                wanted += 1
            else:
                payload = {"channel": channel, "events": events, "x": text}
                await client.send_json(
                    {"id": f"call {n}", "method": "publish_and_echo", "payload": payload}
                )
                wanted += 1 + len(events)
        came = [await client.receive() for _ in range(wanted)]
        seen.append([json.dumps(message).replace(channel, "") for message in came])
    assert seen[0] == seen[1]


async def test_a_network_that_cuts_everything_into_pieces_changes_nothing(ws_app, ws_connect):
    client = await ws_connect(compression=True)
    assert how_many_are_compressed(ws_app) == 1
    client.link.slice(3)
    async with client.subscribe("c") as events:
        for size in (0, 300, 20_000):
            payload = {"channel": "c", "events": ["y" * size], "x": "x" * size}
            assert await client.call("publish_and_echo", payload) == "x" * size
            assert (await anext(events)).data == "y" * size
