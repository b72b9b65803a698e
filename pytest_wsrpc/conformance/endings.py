"""Tests of what ends: channels that nobody wants are let go, and nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import ClassVar, Final

from wsrpc import SocketsManager

from .base import Conformance
from .clauses import breaks
from .direct import Heard, handed_over, publish
from .memory import remembered
from .nodes import MakeBroker, Node, running
from .waiting import at_once, comes_true
from .world import World

_ROUNDS: Final = 24
_TOLERATED: Final = 8
"""Channels that may be remembered, as by a cache of a few."""
_POLL: Final = 0.1


class EndingTests(Conformance):
    """What ends leaves nothing behind."""

    remembers_channels: ClassVar[bool] = False
    """Whether the broker means to remember channels that nobody wants, as with history it does."""

    async def test_a_channel_that_nobody_wants_is_handed_over_no_longer(
        self, make_broker: MakeBroker
    ) -> None:
        async with self.world(make_broker) as world:
            await at_once(
                self._let_go(world, node)
                for node in world.nodes
                if type(node.broker).unsubscribe is not SocketsManager.unsubscribe
            )

    async def _let_go(self, world: World, node: Node) -> None:
        """Leave a channel, and publish there until nothing of it comes any more."""
        left, kept = (world.channel(f"{name}{node.number}") for name in ("left", "kept"))
        leaving, staying = Heard(node, left), Heard(node, kept)
        await leaving.register(self.patience)
        await staying.register(self.patience)
        await leaving.unregister(self.patience)
        with handed_over(node) as handed:
            if not await self._goes(node, left, kept, staying, handed):
                breaks(
                    "unsubscribed",
                    node,
                    f"no event of channel {left!r} {self.patience:g} s after its last subscriber "
                    "has gone",
                    "events that the broker hands over still",
                )
        await staying.unregister(self.patience)

    async def _goes(
        self, node: Node, left: str, kept: str, staying: Heard, handed: list[str]
    ) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        while loop.time() < deadline:
            handed.clear()
            staying.data.clear()
            await publish(node, left, "tick", None, self.patience)
            await publish(node, kept, "tick", None, self.patience)
            if not await comes_true(lambda: bool(staying.data), self.patience):
                breaks("missing", node, f"the event on channel {kept!r}", "nothing")
            await asyncio.sleep(self.grace)
            if left not in handed:
                return True
            await asyncio.sleep(_POLL)
        return False

    async def test_a_channel_that_nobody_wants_is_forgotten(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            names = [world.channel(f"round{number:02}") for number in range(_ROUNDS)]
            for name in names:
                for node in world.nodes:
                    heard = Heard(node, name)
                    await heard.register(self.patience)
                    await publish(node, name, "tick", None, self.patience)
                    await heard.unregister(self.patience)
            for node in world.nodes:
                if node.broker.history is None and not self.remembers_channels:
                    await self._forgotten(node, names)

    async def _forgotten(self, node: Node, names: Collection[str]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        while len(left := remembered(node.broker, names)) > _TOLERATED:
            if loop.time() > deadline:
                name, where = next(iter(left.items()))
                breaks(
                    "forgotten",
                    node,
                    f"at most {_TOLERATED} of {_ROUNDS} channels to be remembered "
                    f"{self.patience:g} s after they lost their only subscribers",
                    f"{len(left)}, such as {name!r} in {where}",
                )
            await asyncio.sleep(_POLL)

    async def test_processes_come_and_go(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            if self.processes == 1:
                return
            channel = world.channel("a")
            stays = Heard(world.nodes[0], channel)
            await stays.register(self.patience)
            async with running(make_broker, 1, self.patience, alone=False) as [guest]:
                comes = Heard(guest, channel)
                await comes.register(self.patience)
                await publish(guest, channel, "tick", 1, self.patience)
                for heard, node in ((stays, world.nodes[0]), (comes, guest)):
                    await self._has_heard(node, heard, [1])
            await publish(world.nodes[0], channel, "tick", 2, self.patience)
            await self._has_heard(world.nodes[0], stays, [1, 2])
            await stays.unregister(self.patience)

    async def _has_heard(self, node: Node, heard: Heard, expected: list[int]) -> None:
        if not await comes_true(lambda: heard.data == expected, self.patience):
            clause = "missing"
            if any(one not in expected for one in heard.data):
                clause = "published"
            elif len(heard.data) > len(set(heard.data)):
                clause = "once"
            breaks(
                clause,
                node,
                f"the events {expected}, whatever other processes come and go",
                f"{heard.data}",
            )

    async def test_refused_channels(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            for node in world.nodes:
                client = await node.server()
                for channel in self.refused:
                    for method in ("subscribe", "publish"):
                        payload = {"channel": channel, "event": "tick"}
                        problem = "Invalid channel"
                        if method == "publish":
                            payload["data"] = "refused"
                            problem = "Cannot publish to channel"
                        reply = await client.request(method, payload)
                        errors = reply.get("error", {}).get("errors")
                        if errors != {"channel": problem}:
                            breaks(
                                "refused",
                                node,
                                f"{method} on channel {channel!r} to be refused with {problem!r}",
                                f"{reply}",
                            )
