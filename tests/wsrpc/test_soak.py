"""Many connections and much data: nobody delays anybody, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import socket
import struct
import sys
import weakref
from typing import Any

import pytest

from wsrpc import ApiPath, Limits, LocalBroker, Publish, Subscribe, Websocket, WsPathMixin

MIB = 1 << 20


class View(ApiPath, WsPathMixin, Subscribe, Publish):
    """An endpoint with what is built in."""


def peak_memory() -> int:
    """Return the most memory that the process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def set_buffer(transport: Any, option: int) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 16 * 1024)


def send(client: Any, method: str, payload: Any) -> None:
    client.send(json.dumps({"id": 1, "method": method, "payload": payload}).encode())


async def answer(client: Any) -> None:
    """Read up to the response to the call that was sent."""
    while "response" not in json.loads((await client.recv())[1]):
        pass


@pytest.mark.wsrpc(transport="tcp")  # about what the kernel's buffers take
@pytest.mark.parametrize(
    "count", [1000 // 20, pytest.param(1000, marks=pytest.mark.soak, id="soak")]
)
async def test_one_stalled_consumer_among_a_hundred_delays_nobody(
    serve: Any, until: Any, count: int
) -> None:
    server = await serve(View)
    broker: LocalBroker = server.broker
    stalled = await server.connect_raw()
    send(stalled, "subscribe", {"channel": "x"})
    await answer(stalled)
    (slow,) = broker.sockets
    # small buffers in the kernel, so that a few events show that nobody reads
    set_buffer(stalled.writer, socket.SO_RCVBUF)
    set_buffer(slow._wsrpc._transport, socket.SO_SNDBUF)
    clients = [await server.connect() for _ in range(99)]
    for client in clients:
        await client.call("subscribe", {"channel": "x"})
        await client.call("subscribe", {"channel": "warm-up"})
    views = tuple(broker.sockets)
    filling = "x" * 100_000
    largest, closed_after = 0, 0

    async def publish(channel: str, count: int) -> None:
        nonlocal largest, closed_after
        for index in range(count):
            await broker.publish(channel, "tick", [index, filling])
            largest = max(largest, *(view._wsrpc._outbox.size for view in views))
            closed_after += slow in broker.sockets

    async def read(client: Any, channel: str, count: int) -> None:
        for index in range(count):
            message = await client.ws.receive(60)
            head = f'{{"channel":"{channel}","event":"tick","data":[{index},"x'
            assert message.data.startswith(head), message.data[:80]

    async def read_late() -> bytes:
        await until(lambda: slow not in broker.sockets, timeout=60)
        return await stalled.reader.read()

    # first the buffers that 99 clients in this process need to read at all
    await asyncio.gather(
        publish("warm-up", 20), *(read(client, "warm-up", 20) for client in clients)
    )
    before, largest, closed_after = peak_memory(), 0, 0
    rest, *_ = await asyncio.gather(
        read_late(), publish("x", count), *(read(client, "x", count) for client in clients)
    )
    grown = peak_memory() - before
    assert broker.server_info()["channels"] == {"x": {"*": 99}, "warm-up": {"*": 99}}
    assert rest.endswith((1013).to_bytes(2, "big") + b"reads too slowly")
    stalled.writer.close()
    assert closed_after < 20
    assert largest < 3 * Limits.outbox_size
    # of the whole process, its 99 clients too; what nobody bounds would be 100 MB in 1,000 events
    assert grown < 32 * MIB
    print(
        f"closed after {closed_after} events, the largest outbox had {largest / MIB:.2f} MiB, "
        f"memory grew by {grown / MIB:.1f} MiB"
    )


class Slow(LocalBroker):
    """A broker whose hooks take a turn of the loop, so that connections end in the middle."""

    async def subscribe(self, channel: str) -> None:
        await asyncio.sleep(0)

    async def unsubscribe(self, channel: str) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "count", [10_000 // 20, pytest.param(10_000, marks=pytest.mark.soak, id="soak")]
)
async def test_connections_that_come_and_go_leave_nothing(
    serve: Any, until: Any, count: int
) -> None:
    views: weakref.WeakSet[Websocket] = weakref.WeakSet()
    ended = 0

    class Counted(View):
        async def on_connect(self) -> None:
            views.add(self)
            await self.channels.register(f"own-{self.socket_id}", "*", self.callback)

        async def on_disconnect(self) -> None:
            nonlocal ended
            ended += 1
            await self.channels.unregister(f"own-{self.socket_id}", None, self.callback)

        def callback(self, channel: str, event: str, data: Any) -> None:
            raise NotImplementedError

    broker = Slow()
    server = await serve(Counted, broker)
    draw = random.Random(11)
    numbers = iter(range(count))
    tasks_before = asyncio.all_tasks()

    async def cycle(number: int) -> None:
        raw = await server.connect_raw()
        for _ in range(draw.randint(1, 3)):
            channel = draw.choice(["x", "y", f"c{number}"])
            send(raw, "subscribe", {"channel": channel, "event": draw.choice(["*", "a", "b"])})
            if draw.random() < 0.8:
                await answer(raw)
                await broker.publish(channel, "a", number)
            else:
                raw.abort()
                return
        if draw.random() < 0.5:
            raw.abort()
            return
        send(raw, "unsubscribe", {"channel": "x"})
        await answer(raw)
        await broker.publish("y", "b", number)
        raw.send(struct.pack("!H", 1000), opcode=8)
        assert (await raw.ended()).endswith(b"\x88\x02\x03\xe8")
        raw.writer.close()

    async def worker() -> None:
        for number in numbers:
            await cycle(number)

    gc.collect()
    before = peak_memory()
    await asyncio.gather(*(worker() for _ in range(20)))
    await until(lambda: ended == count, timeout=30)
    await until(lambda: not broker.channels._channels and not broker.channels._releases)
    assert broker.server_info() == {"connections": 0, "channels": {}}
    assert broker.channels._registrations == {}
    await until(lambda: gc.collect() >= 0 and not views)
    await until(lambda: not asyncio.all_tasks() - tasks_before)
    print(f"memory grew by {(peak_memory() - before) / MIB:.1f} MiB")
