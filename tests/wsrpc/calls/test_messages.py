"""Generated messages of all kinds: each is answered once, and echo is the identity."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import pytest

import wsrpc
from wsrpc import ApiPath, Limits, WsPathMixin


class View(ApiPath, WsPathMixin):
    async def ws_rpc_echo(self, payload):
        return payload


def random_frames(rng, count):
    """Yield pairs of a text message and the id to expect back, None where it cannot be read."""
    methods = ["echo", "later", "fail", "nope", "", 3]
    for n in range(count):
        kind = rng.randrange(8)
        if kind == 0:
            yield rng.choice(["{bad", "NaN", "[" * 70, '"\\ud800"', "", '{"id": 1e999}']), None
        elif kind == 1:
            yield json.dumps(rng.choice([[], 1, "x", None, True, [{"id": n}]])), None
        else:
            id = rng.choice([n, f"id {n}", None, 1.5, True])
            message = {"id": id, "method": rng.choice(methods), "payload": {"n": n}}
            if kind == 2:
                message["payload"] = rng.choice([[], "x", 3, None])
            elif kind == 3:
                del message["method"]
            yield json.dumps(message), id if type(id) in (int, str) else None


@pytest.mark.parametrize("count", [10_000 // 20, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_every_message_is_answered_exactly_once(serve, count):
    class Mixed(View):
        limits = Limits(queued_calls=100_000, queued_bytes=10**9)

        async def ws_rpc_later(self, payload):
            await asyncio.sleep(0)

        async def ws_rpc_fail(self, payload):
            raise wsrpc.RpcError(payload.get("n", 0), "no")

    client = await (await serve(Mixed)).connect()
    frames = list(random_frames(random.Random(5), count))

    async def send():
        for text, _ in frames:
            await client.send(text)

    sending = asyncio.ensure_future(send())
    replies = [await client.recv() for _ in frames]
    await sending
    assert (await client.call("echo", id="last"))["response"] == {}
    assert not client.kept
    assert Counter(repr(reply.get("id")) for reply in replies) == Counter(
        repr(id) for _, id in frames
    )
    assert all(("error" in reply) != ("response" in reply) for reply in replies)


def random_json(rng, depth=4):
    kind = rng.randrange(8 if depth else 6)
    if kind == 6:
        return [random_json(rng, depth - 1) for _ in range(rng.randrange(5))]
    if kind == 7:
        return {random_text(rng): random_json(rng, depth - 1) for _ in range(rng.randrange(5))}
    return (
        rng.choice((None, True, False, "", "NULL", 0, -0.0, 1.0, 5e-324, 1.7976931348623157e308)),
        rng.randrange(-(2**70), 2**70),
        rng.getrandbits(rng.randrange(1, 14_000)) if rng.random() < 0.02 else rng.randrange(99),
        rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300),
        random_text(rng),
        rng.random(),
    )[kind]


def random_text(rng):
    return "".join(
        chr(
            rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x110000), rng.randrange(128)))
        )
        for _ in range(rng.randrange(8))
    )


@pytest.mark.parametrize("count", [10_000 // 20, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_echo_is_the_identity_on_json(serve, count):
    rng = random.Random(7)
    client = await (await serve(View)).connect()

    for n in range(count):
        value = random_json(rng)
        id = random_text(rng) if n % 2 else rng.randrange(-(2**70), 2**70)
        reply = await client.call("echo", {"value": value}, id=id)
        assert repr(reply) == repr({"id": id, "method": "echo", "response": {"value": value}})
