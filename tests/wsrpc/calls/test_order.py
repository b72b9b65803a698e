"""Calls on one channel keep their order, those on others do not wait for them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from wsrpc import ApiPath, LocalBroker, Publish, Subscribe, WsPathMixin


class Ordered(ApiPath, WsPathMixin, Subscribe, Publish):
    """Every hook waits for a time of its own."""

    rng = random.Random(1)

    async def wait(self):
        for _ in range(self.rng.randrange(4)):
            await asyncio.sleep(self.rng.choice((0, 0.001)))

    async def authorize(self, action, channel, event):
        self.sockets.log.append((self.socket_id, action, channel, event))
        await self.wait()
        return True


class SlowBroker(LocalBroker):
    def __init__(self):
        super().__init__()
        self.log: list[Any] = []

    async def subscribe(self, channel):
        await asyncio.sleep(0.002)

    async def subscribe_to_event(self, channel, event):
        await asyncio.sleep(Ordered.rng.choice((0, 0.001)))

    async def publish(self, channel, event, body):
        await asyncio.sleep(Ordered.rng.choice((0, 0.001, 0.003)))
        await super().publish(channel, event, body)

    async def unsubscribe(self, channel):
        await asyncio.sleep(0.001)


@pytest.mark.wsrpc(clock="virtual")
async def test_pipelined_calls_on_one_channel_keep_their_order_whatever_the_hooks_wait_for(serve):
    rng = random.Random(3)
    client = await (await serve(Ordered, SlowBroker())).connect()

    for round in range(15):
        sent, expected, patterns = [], [], set()
        for n in range(16):
            method = rng.choice(("subscribe", "unsubscribe", "publish"))
            payload: dict[str, Any] = {"channel": "c"}
            if method == "publish":
                payload |= {"event": rng.choice("ab"), "data": [round, n]}
                if patterns & {payload["event"], "*"}:
                    expected.append(payload)
            elif method == "subscribe":
                payload["event"] = rng.choice("ab*")
                patterns.add(payload["event"])
            else:
                payload["event"] = rng.choice("ab*")
                patterns.discard(payload["event"])
            sent.append({"id": n, "method": method, "payload": payload})
        for message in [*sent, {"id": 16, "method": "unsubscribe", "payload": {"channel": "c"}}]:
            await client.send(message)

        replies, events = [], []
        while len(replies) < 17:
            message = await client.recv()
            (events if "data" in message else replies).append(message)
        assert [reply["id"] for reply in replies] == list(range(17))
        assert all("response" in reply for reply in replies)
        assert events == expected


async def test_calls_on_different_channels_do_not_wait_for_each_other(serve):
    class OneStuck(ApiPath, WsPathMixin, Subscribe, Publish):
        async def authorize(self, action, channel, event):
            if channel == "stuck":
                await asyncio.Event().wait()
            return True

    client = await (await serve(OneStuck)).connect()
    await client.send({"id": "a", "method": "subscribe", "payload": {"channel": "stuck"}})
    await client.send({"id": "b", "method": "publish", "payload": {"channel": "stuck", "data": 1}})

    assert "response" in await client.call("subscribe", {"channel": "free"})
    assert "response" in await client.call("publish", {"channel": "free", "data": 1})
