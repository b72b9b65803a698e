"""When replies are written: together where they can be, and never later than they must."""

from __future__ import annotations

import asyncio

import pytest

from pytest_wsrpc.network.transport import MemoryTransport
from wsrpc import ApiPath, Limits, Publish, WsPathMixin

pytestmark = pytest.mark.wsrpc(transport="memory")


class View(ApiPath, WsPathMixin, Publish):
    def __init__(self, *args):
        super().__init__(*args)
        self.writes = 0

    async def authorize(self, action, channel, event):
        await asyncio.sleep(0)
        return True

    async def ws_rpc_quick(self, payload):
        return self.writes

    async def ws_rpc_wait(self, payload):
        await asyncio.sleep(0)
        return self.writes


@pytest.fixture
def writes(monkeypatch):
    """Give ``writes(view)``, which counts in `view.writes` what its client is written."""

    def count(view):
        write = MemoryTransport.write

        def counting(transport, data):
            view.writes += transport is view.request.transport
            write(transport, data)

        monkeypatch.setattr(MemoryTransport, "write", counting)

    return count


async def send_at_once(client, calls):
    """Send calls so that one read finds them all."""
    frames = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.writer, "write", frames.append)
        for n, (method, payload) in enumerate(calls):
            client.call(method, payload, id=n)
    client.writer.write(b"".join(frames))


async def test_the_replies_of_one_read_are_written_together(serve, writes):
    server = await serve(View)
    client = await server.connect_raw()
    view = await server.view()
    writes(view)

    await send_at_once(client, [("quick", {})] * 50)
    for n in range(50):
        assert (await client.reply())["id"] == n
    assert view.writes == 1


@pytest.mark.parametrize("method", ["quick", "wait"])
async def test_the_first_replies_do_not_wait_for_the_last_of_many_calls(serve, writes, method):
    server = await serve(View)
    client = await server.connect_raw()
    writes(await server.view())

    await send_at_once(client, [(method, {})] * 200)
    replies = [await client.reply() for _ in range(200)]
    assert replies[0]["response"] == 0
    assert replies[-1]["response"] >= 3


class Gated(View):
    def __init__(self, *args):
        super().__init__(*args)
        self.gate = asyncio.Event()

    async def ws_rpc_gate(self, payload):
        await self.gate.wait()

    async def ws_rpc_large(self, payload):
        return "x" * 2_000_000


async def test_a_reply_does_not_wait_for_the_call_behind_it(serve):
    server = await serve(Gated)
    client = await server.connect_raw()
    view = await server.view()
    await send_at_once(client, [("quick", {}), ("gate", {})])
    assert (await client.reply())["id"] == 0
    view.gate.set()
    assert (await client.reply())["id"] == 1


async def test_a_reply_does_not_wait_for_the_calls_of_a_client_that_reads_late(
    serve, writes, until
):
    server = await serve(Gated)
    client = await server.connect_raw(limit=1000)
    view = await server.view()
    writes(view)
    await send_at_once(client, [("gate", {}), ("large", {}), ("quick", {})])
    await until(lambda: view.request.protocol.writing_paused)
    before = view.writes

    view.gate.set()
    await until(lambda: view.writes > before)
    assert [(await client.reply())["id"] for _ in range(3)] == [1, 0, 2]


async def test_calls_of_one_channel_that_wait_for_a_moment_do_not_queue_up(serve):
    class Narrow(View):
        limits = Limits(concurrent_calls=2, queued_calls=0)

    client = await (await serve(Narrow)).connect_raw()
    await send_at_once(client, [("publish", {"channel": "c", "data": n}) for n in range(20)])
    replies = [await client.reply() for _ in range(20)]
    assert [reply.get("error") for reply in replies] == [None] * 20
