"""Tests of outages: the backend cannot be reached for a while, and nobody loses anything silently.

A broker whose tests give no outage is not asked; one without a backend has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias

import pytest

from wsrpc import BrokerUnavailable, RpcError

from ..client import WsTestClient
from .base import Conformance
from .clauses import breaks, holds
from .direct import ask, in_time
from .listener import Listener
from .nodes import MakeBroker, Node, outcome, running
from .returning import ReturningClient
from .waiting import at_once, comes_true

Outages: TypeAlias = Mapping[str, Callable[[], AbstractAsyncContextManager[Any]]]
"""Outages by name; within what the function gives, the backend takes nothing."""

_UNAVAILABLE: Final = BrokerUnavailable().code
_POLL: Final = 0.02
_BEFORE: Final = 3
_AFTER: Final = 12
"""More than before, so that offsets that begin again at 0 get past those that were given before."""


class _Outage:
    """One outage: what is published before, meanwhile and afterwards, and who gets it."""

    def __init__(self, nodes: list[Node], channel: str, patience: float) -> None:
        self.nodes = nodes
        self.listeners: list[Listener] = []
        self._channel = channel
        self._patience = patience
        self._publisher: dict[int, Node] = {}
        self._accepted: list[int] = []
        self._meanwhile: list[int] = []
        self._away: ReturningClient | None = None

    async def listen(self) -> None:
        """Have a client in each process."""
        for node in self.nodes:
            client = await node.server(name=f"client of {node} on {self._channel!r}")
            await self._subscribe(node, client)
            self.listeners.append(Listener(node, client))

    async def _subscribe(self, node: Node, client: WsTestClient) -> None:
        reply = await ask(node, client, "subscribe", self._patience, channel=self._channel)
        holds("response" in reply, "accepted", node, "subscribe to succeed", reply)

    async def publish(self, node: Node) -> bool:
        """Publish an event; return whether the broker has taken it."""
        number = len(self._publisher)
        self._publisher[number] = node
        if self._away is not None:
            self._away.published("tick", number)
        publishing = node.broker.publish(self._channel, "tick", number)
        shown = f"publishing on channel {self._channel!r}"
        call = outcome(node, "publish", publishing)
        reply = await in_time(node, shown, call, self._patience)
        if "response" in reply:
            self._accepted.append(number)
        elif self._away is not None:
            self._away.unpublished(number)
        return "response" in reply

    async def before(self) -> None:
        """Publish a few events that everybody gets; one client leaves amidst them."""
        for node in self.nodes * _BEFORE:
            holds(await self.publish(node), "accepted", node, "publish to succeed", "an error")
        await self.all_arrived("missing")
        if self.nodes[0].broker.history is not None:
            self._away = away = ReturningClient(
                f"client away from {self._channel!r}", self._channel, "*", self._patience
            )
            await away.come(self.nodes[0], None)
            await away.go()
        for node in self.nodes:
            await self.publish(node)
        await self.all_arrived("missing")

    async def all_arrived(self, clause: str) -> None:
        """Wait until the event that was published last has come everywhere."""
        last = len(self._publisher) - 1
        await comes_true(
            lambda: all(last in one.got for one in self.listeners), self._patience, self._read
        )
        for one in self.listeners:
            holds(last in one.got, clause, one.node, self._event(last), one.got)

    def _event(self, number: int) -> str:
        return f"event {number} on channel {self._channel!r}"

    async def _read(self) -> None:
        for listener in self.listeners:
            await listener.read(len(self._publisher))

    async def on_its_way(self) -> None:
        """Publish in each process what perhaps does not arrive any more."""
        for node in self.nodes:
            await self.publish(node)

    async def meanwhile(self) -> None:
        """Publish in each process; the backend takes nothing."""
        before = len(self._publisher)
        await at_once(self.publish(node) for node in self.nodes)
        self._meanwhile = [number for number in self._accepted if number >= before]

    async def afterwards(self) -> None:
        """Publish until all processes hear each other again, and some more."""
        await self._read()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        for node in self.nodes:
            while True:
                number = len(self._publisher)
                await self.publish(node)
                await asyncio.sleep(_POLL)
                await self._read()
                if all(number in listener.got for listener in self.listeners):
                    break
                if loop.time() > deadline:
                    deaf = [str(one.node) for one in self.listeners if number not in one.got]
                    breaks(
                        "healed",
                        node,
                        f"what it publishes on channel {self._channel!r} to arrive again within "
                        f"{self._patience:g} s",
                        f"nothing in {', '.join(deaf)}",
                    )
        for _ in range(_AFTER):
            await self.publish(self.nodes[0])
        await self.all_arrived("healed")

    async def comes_back(self) -> None:
        """Have the client back that was away; if it is told that it recovered, it gets all."""
        if self._away is not None:
            await self._away.come(self.nodes[0], self._away.position)
            await self._away.settle()

    def judge(self) -> None:
        """Hold what each listener got against what was taken."""
        for number in self._meanwhile:
            holds(
                any(number in listener.got for listener in self.listeners),
                "unavailable",
                self._publisher[number],
                f"publishing {self._event(number)} during the outage to fail",
                "success, and nobody got the event",
            )
        for listener in self.listeners:
            numbers = [one for one in listener.got if one is not None]
            is_once = len(set(numbers)) == len(numbers)
            each = f"each event on channel {self._channel!r} once"
            holds(is_once, "once", listener.node, each, listener.got)
            self._in_order(listener, numbers)
            for number in self._accepted:
                holds(
                    number in numbers or listener.is_told_of(number),
                    "gap",
                    listener.node,
                    f"{self._event(number)}, or a gap where it is missing, told after it was "
                    "published",
                    f"{listener.got} (None is a gap)",
                )

    def _in_order(self, listener: Listener, numbers: list[int]) -> None:
        for node in self.nodes:
            of_node = [
                one for one in numbers if one in self._accepted and self._publisher[one] is node
            ]
            in_order = of_node == sorted(of_node)
            events = f"the events of {node} on channel {self._channel!r} in order"
            holds(in_order, "order", listener.node, events, of_node)


class OutageTests(Conformance):
    """What the backend does to a broker when it cannot be reached."""

    @pytest.fixture
    def outages(self) -> Outages:
        """Override: give outages by name, each a function that gives an async context manager.

        Within it the backend takes nothing; behind it all works again, with its data or without.
        """
        return {}

    async def test_outages(self, make_broker: MakeBroker, outages: Outages) -> None:
        for name, outage in outages.items():
            try:
                await self._survives(make_broker, outage)
            except AssertionError as error:
                error.__notes__ = [f"in the outage {name!r}", *getattr(error, "__notes__", ())]
                raise

    async def _survives(
        self,
        make_broker: MakeBroker,
        outage: Callable[[], AbstractAsyncContextManager[Any]],
    ) -> None:
        async with running(
            make_broker, self.processes, self.patience, strict="subscriptions"
        ) as nodes:
            # two channels, as a broker may come back to one of them alone
            channel, quiet, other = map(self.channel_of_its_own, "abc")
            lives = [_Outage(nodes, name, self.patience) for name in (channel, quiet)]
            for life in lives:
                await life.listen()
            await at_once(life.before() for life in lives)
            clients = [await node.server(name=f"second client of {node}") for node in nodes]
            for client in clients:
                await client.request(
                    "subscribe", {"channel": channel, "event": "none"}, timeout=self.patience
                )
            await at_once(life.on_its_way() for life in lives)
            async with outage():
                await at_once(life.meanwhile() for life in lives)
                pairs = list(zip(clients, nodes, strict=True))
                told = await at_once(self._refused(client, node, other) for client, node in pairs)
                await at_once(self._unsubscribes(client, node, channel) for client, node in pairs)
            await at_once(life.afterwards() for life in lives)
            await at_once(life.comes_back() for life in lives)
            for life in lives:
                life.judge()
            for (client, node), is_told in zip(pairs, told, strict=True):
                await self._hears(client, node, other, is_told)
            errors = [error for node in nodes for error in node.server.server_errors]
            for error in errors:
                is_known = isinstance(error, ConnectionError | RpcError)
                holds(is_known, "raised", "the broker", "no other exception", repr(error))

    async def _refused(self, client: WsTestClient, node: Node, channel: str) -> bool:
        """Subscribe during the outage; return whether that has succeeded."""
        reply = await ask(node, client, "subscribe", self.patience, channel=channel)
        is_known = reply.get("error", {}).get("code", _UNAVAILABLE) == _UNAVAILABLE
        holds(is_known, "raised", node, "Service unavailable, or success", reply)
        return "response" in reply

    async def _unsubscribes(self, client: WsTestClient, node: Node, channel: str) -> None:
        reply = await ask(node, client, "unsubscribe", self.patience, channel=channel)
        holds("response" in reply, "accepted", node, "unsubscribe to succeed, as always", reply)

    async def _hears(self, client: WsTestClient, node: Node, channel: str, is_told: bool) -> None:
        """Publish to a client that subscribed during the outage, or does so now."""
        if not is_told:
            reply = await ask(node, client, "subscribe", self.patience, channel=channel)
            holds("response" in reply, "healed", node, "subscribe to succeed again", reply)
        publishing = node.broker.publish(channel, "tick", "again")
        call = outcome(node, "publish", publishing)
        reply = await in_time(node, f"publishing on channel {channel!r}", call, self.patience)
        holds("response" in reply, "healed", node, "publish to succeed again", reply)
        try:
            await client.next_event(channel, "tick", timeout=self.patience)
        except TimeoutError:
            breaks("missing", node, "the event for which it is subscribed", "nothing")
