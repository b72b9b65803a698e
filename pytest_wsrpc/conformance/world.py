"""Clients, callbacks and publishers on the processes of a broker, and the model that judges them.

Nothing is waited for that a step does not ask for, so that calls overlap; before each step the
model is told what has arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from wsrpc.channel import GAP, RESERVED

from ..client import WsTestClient
from ..clock import VirtualLoop
from ..delivery import DeliveryError, code_of
from ..faults import parse
from ..model import Operation, PubSubModel
from . import steps as kinds
from .callbacks import Callback
from .clauses import breaks
from .nodes import Node, outcome
from .offsets import Offsets
from .steps import Step
from .waiting import comes_true

_INTERNAL: Final = -32603


class World:
    """What happens on the processes of a broker; the names of its channels are its own."""

    def __init__(
        self, nodes: Sequence[Node], channel: Callable[[str], str], patience: float, grace: float
    ) -> None:
        self.nodes = nodes
        self.model = PubSubModel(place=self._place)
        self.clients: dict[int, WsTestClient] = {}
        self.channel = channel
        """Make the name of a channel that is this world's own."""
        self._patience = patience
        self._grace = grace
        self._offsets = Offsets(nodes[0].broker.history is not None)
        self._names: dict[int, str] = {}
        self._places: dict[Hashable, int] = {}
        self._opened: dict[int, int] = {}
        self._operations: dict[tuple[str, int], Operation] = {}
        self._callbacks: dict[tuple[int, str], Callback] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._count = 0
        self._is_faulty = False
        # one plan for all: which process a fault strikes first is left to chance
        self._faults = nodes[-1].server.faults
        for node in nodes[:-1]:
            node.server.use_faults_of(nodes[-1].server)

    # What steps do.

    async def play(self, steps: Sequence[Step]) -> None:
        """Take the steps, then let everything arrive and ask what is missing."""
        for step in steps:
            await self.read()
            with _clauses_named():
                await self._take(step)
        self._heal()
        await self.settle()
        await self._leave()
        await self.settle()

    async def _take(self, step: Step) -> None:
        match step:
            case kinds.Subscribe(client, channel, event):
                await self._subscribe(client, channel, event)
            case kinds.Unsubscribe(client, channel, event):
                patterns = None if event is None else [event]
                name = await self._connected(client)
                operation = self.model.unsubscribing(name, self.channel(channel), patterns)
                await self._send(client, operation, event=event)
            case kinds.Publish(client, channel, event, data):
                name = await self._connected(client)
                data = self._numbered(data)
                operation = self.model.publishing(name, self.channel(channel), event, data)
                await self._send(client, operation, event=event, data=data)
            case kinds.ServerPublish(process, channel, event, data):
                self._publish(self._node(process), self.channel(channel), event, data)
            case kinds.Register(process, channel, event):
                callback = self._callback(process, channel)
                self._start(callback.register("*" if event is None else event))
            case kinds.Unregister(process, channel):
                self._start(self._callback(process, channel).unregister())
            case kinds.Disconnect(client, abruptly):
                await self._disconnect(client, abruptly)
            case kinds.Pause(time):
                await self.pause(time)
            case kinds.Answered():
                await self.answered()
            case kinds.Settle():
                await self.settle()
            case kinds.Fault(rule):
                self._is_faulty = True
                self._faults.add(*parse(rule))
            case _:
                self._heal()

    async def _subscribe(
        self, client: int, channel: str, event: str | tuple[str, ...] | None
    ) -> None:
        name = await self._connected(client)
        patterns = ["*"] if event is None else [event] if isinstance(event, str) else event
        operation = self.model.subscribing(name, self.channel(channel), patterns)
        given = list(event) if isinstance(event, tuple) else event
        await self._send(client, operation, event=given)

    async def _connected(self, client: int) -> str:
        if client not in self.clients:
            node = self._node(client)
            self._opened[client] = number = self._opened.get(client, 0) + 1
            again = f" #{number}" if number > 1 else ""
            name = f"client {client}{again} of {node}"
            self._names[client] = name
            self._places[name] = node.number
            self.clients[client] = await node.server(name=name)
        return self._names[client]

    async def _send(self, client: int, operation: Operation, **payload: Any) -> None:
        self._count += 1
        self._operations[self._names[client], self._count] = operation
        await self.clients[client].send_json(
            {
                "id": self._count,
                "method": operation.method,
                "payload": {"channel": operation.channel, **payload},
            }
        )

    def _publish(self, node: Node, channel: str, event: str, data: Any) -> None:
        data = self._numbered(data)
        name = f"publish {data['n']} in {node}"
        self._places[name] = node.number
        operation = self.model.publishing(name, channel, event, data)

        async def publish() -> None:
            reply = await outcome(node, "publish", node.broker.publish(channel, event, data))
            self._answered(operation, reply)

        self._start(publish())

    async def _disconnect(self, client: int, abruptly: bool) -> None:
        connected = self.clients.pop(client, None)
        if connected is not None:
            name = self._names[client]
            self.model.closed(name)
            for key in [key for key in self._operations if key[0] == name]:
                del self._operations[key]
            if abruptly:
                connected.link.reset()
            await connected.close()

    async def pause(self, time: float) -> None:
        """Give the loop as many turns, or let so many seconds pass where it is a float."""
        if isinstance(time, float):
            await asyncio.sleep(time)
            return
        for _ in range(time):
            await asyncio.sleep(0)

    def _heal(self) -> None:
        self._faults.heal()

    async def _leave(self) -> None:
        """Take all callbacks back, as whoever registers one has to."""
        for callback in self._callbacks.values():
            self._start(callback.unregister())

    # What they wait for.

    async def answered(self) -> None:
        """Wait until all calls are answered."""
        await comes_true(lambda: not self.model.unanswered(), self._patience, self.read)
        for operation in self.model.unanswered():
            breaks(
                "answered",
                operation.connection,
                f"an answer to {operation.method} on channel {operation.channel!r} within "
                f"{self._patience:g} s",
                "none",
            )

    async def settle(self) -> None:
        """Wait until all has arrived that has to, then ask what is missing or comes too often."""
        await self.answered()
        await comes_true(
            lambda: not any(map(self.model.must_receive, self._places)), self._patience, self.read
        )
        virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
        await asyncio.sleep(self._patience if virtual else self._grace)
        await self.read()
        with _clauses_named():
            self.model.settled()

    async def read(self) -> None:
        """Tell the model what has arrived."""
        for task in [task for task in self._running if task.done()]:
            self._running.discard(task)
            task.result()
        with _clauses_named():
            for callback in self._callbacks.values():
                callback.judge()
            for number, client in sorted(self.clients.items()):
                while client.has_unread:
                    self._received(self._names[number], await client.receive())

    # How it is judged.

    def _received(self, name: str, message: Any) -> None:
        if "id" in message:
            operation = self._operations.pop((name, message["id"]))
            self._offsets.replied(name, operation.channel, message)
            self._answered(operation, message)
        else:
            self._event(name, message)

    def _event(self, name: str, message: dict[str, Any]) -> None:
        if message["event"] == GAP:
            breaks(
                "gap",
                name,
                "no gap, as nothing was lost" + self._offsets.hint,
                f"{GAP} on channel {message['channel']!r} with data {message['data']!r}",
            )
        self._offsets.received(name, message)
        if not message["event"].startswith(RESERVED):
            self.model.received(name, message)

    def _answered(self, operation: Operation, reply: dict[str, Any]) -> None:
        code = code_of(reply)
        shown = f"{operation.method} on channel {operation.channel!r}"
        if code == _INTERNAL:
            breaks("raised", operation.connection, f"no -32603 for {shown}", f"{reply['error']}")
        if code is not None and not self._is_faulty:
            breaks("accepted", operation.connection, f"{shown} to succeed", f"{reply['error']}")
        with _clauses_named():
            self.model.answered(operation, reply)

    def _callback(self, process: int, channel: str) -> Callback:
        node = self._node(process)
        key = node.number, channel
        if key not in self._callbacks:
            name = f"callback of {node} on {channel!r}"
            self._places[name] = node.number
            self._callbacks[key] = Callback(
                name, node, self.channel(channel), self.model, self._event, self._answered
            )
        return self._callbacks[key]

    def _start(self, running: Awaitable[None]) -> None:
        self._running.add(asyncio.ensure_future(running))

    def _node(self, number: int) -> Node:
        return self.nodes[number % len(self.nodes)]

    def _place(self, name: Hashable) -> int:
        return self._places[name]

    def _numbered(self, data: Any) -> dict[str, Any]:
        """Tell the event from all others, whatever else it carries."""
        self._count += 1
        return {"n": self._count, "data": data}


@contextmanager
def _clauses_named() -> Iterator[None]:
    __tracebackhide__ = True
    try:
        yield
    except DeliveryError as error:
        found = error
    else:
        return
    breaks(found.rule, found.connection, found.expected, found.got)


@asynccontextmanager
async def world(
    nodes: Sequence[Node], channel: Callable[[str], str], patience: float, grace: float
) -> AsyncIterator[World]:
    """Give a world on these processes; what still runs of it at the end is cancelled."""
    one = World(nodes, channel, patience, grace)
    try:
        yield one
    finally:
        for task in one._running:
            task.cancel()
        if one._running:
            await asyncio.wait(one._running)
