"""Connections that break at a byte, and a conversation that tells what they may have broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from pytest_wsrpc.network import NetworkLink
from pytest_wsrpc.network.connector import LINK
from pytest_wsrpc.network.memory import MemoryConnector
from pytest_wsrpc.network.transport import MemoryTransport
from wsrpc import (
    ApiPath,
    ConnectionClosed,
    Event,
    LocalBroker,
    Position,
    RpcClient,
    Subscribe,
    WsPathMixin,
)


class Cut(NamedTuple):
    """Where a connection breaks: after so many bytes of one direction, the handshake included."""

    direction: str
    after: int


class Scissors:
    """Let the first bytes of a direction pass, then break the connection.

    What is cut off never arrives; what has arrived was read.
    """

    def __init__(self, link: NetworkLink, direction: str, after: int | None) -> None:
        ends = link._client, link._server
        self._source, self._sink = ends if direction == "sent" else ends[::-1]
        self._link = link
        self._left = after
        self.seen = bytearray()
        self._source.detour(self)

    def put(self, item: Any) -> None:
        if not isinstance(item, bytes):
            self._sink.arrive(item)
            return
        passing = item if self._left is None else item[: self._left]
        self.seen += passing
        if passing:
            self._sink.arrive(passing)
        self._source.taken(len(item) - len(passing))
        if self._left is not None:
            self._left -= len(passing)
            if not self._left:
                asyncio.get_running_loop().call_soon(self._link.reset)

    def drop_unsent(self, size: int) -> int:
        return size


class CuttingConnector(MemoryConnector):
    """Break connections as planned, one after the other; those after the last one hold."""

    def __init__(self, server: Any, *plan: Cut) -> None:
        super().__init__(server, limit=0)
        self._plan = iter(plan)
        self.seen: list[dict[str, bytearray]] = []
        """What passed on each connection, by direction."""

    def _add_link(self, client: MemoryTransport, server: MemoryTransport) -> None:
        super()._add_link(client, server)
        link: NetworkLink = client.get_extra_info(LINK)
        cut = next(self._plan, None)
        seen = {}
        for direction in ("sent", "received"):
            after = cut.after if cut is not None and cut.direction == direction else None
            seen[direction] = Scissors(link, direction, after).seen
        self.seen.append(seen)


def frames(stream: bytes) -> Iterator[range]:
    """Give the bytes of each websocket frame behind the handshake."""
    start = stream.index(b"\r\n\r\n") + 4
    while start < len(stream):
        size, header = stream[start + 1] & 127, 2
        if size == 126:
            size, header = int.from_bytes(stream[start + 2 : start + 4]), 4
        end = start + header + (4 if stream[start + 1] & 128 else 0) + size
        yield range(start, end)
        start = end


class Stream(ApiPath, WsPathMixin, Subscribe):
    async def ws_rpc_post(self, payload: Any) -> Any:
        await self.sockets.publish(payload["channel"], "mine", payload["n"])
        return payload["n"]

    async def ws_rpc_nothing(self, payload: Any) -> None:
        pass


async def converse(client: RpcClient, broker: LocalBroker, channel: str, messages: int) -> None:
    """Subscribe, and publish by calls and on the server; hold that nothing is lost or doubled."""
    events = client.subscribe(channel)
    await _until_it_is_done(client, events.__aenter__)
    late = client.subscribe(channel, "mine")
    answered, unsent = [], []
    for n in range(messages):
        if n == messages // 2:
            await _until_it_is_done(client, late.__aenter__)
        if n % 2:
            await broker.publish(channel, "theirs", n)
            continue
        try:
            assert await client.call("post", {"channel": channel, "n": n}) == n
            answered.append(n)
        except ConnectionClosed as error:
            if not error.sent:
                unsent.append(n)
            await client.until("connected")
    top = (await broker.read_history(channel, None)).position
    past = await broker.read_history(channel, Position(top.epoch, 0))
    truth = [(event.event, int(event.json)) for event in past.events]
    got = [await events.get(timeout=600) for _ in truth]
    assert got == [Event(channel, name, n) for name, n in truth]
    assert [event.offset for event in got] == [event.offset for event in past.events]
    await _until_it_is_done(client, partial(client.call, "nothing"))
    assert events.pending == 0
    mine = [event.data for event in got if event.event == "mine"]
    since = [n for n in mine if n >= messages // 2]
    heard = [(await late.get()).data for _ in range(late.pending)]
    assert heard[len(heard) - len(since) :] == since
    assert heard == mine[len(mine) - len(heard) :]
    published = [n for name, n in truth if name == "mine"]
    assert len(set(published)) == len(published)
    assert set(answered) <= set(published)
    assert not set(unsent) & set(published)
    await late.__aexit__(None, None, None)
    await events.__aexit__(None, None, None)


async def _until_it_is_done(client: RpcClient, step: Callable[[], Awaitable[Any]]) -> None:
    while True:
        try:
            await step()
            return
        except ConnectionClosed:
            await client.until("connected")
