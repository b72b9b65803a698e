"""Tests of positions and recovery, for a broker with history; of their absence, for one without."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from wsrpc import History, Position

from .base import Conformance, generated
from .clauses import breaks, holds
from .direct import Heard, publish
from .nodes import MakeBroker, Node
from .reruns import Reruns
from .returning import ReturningClient
from .steps import PAUSES, long_lists
from .waiting import at_once, comes_true
from .world import World

_MOST_EVENTS: Final = 500
"""A history of more events is not filled to its end."""
_EVENTS: Final = 4
_UNKNOWN: Final = Position("an epoch that nobody has", 0)


@dataclass(frozen=True)
class Come:
    """The client connects to a process, and subscribes from where it stands."""

    client: int
    process: int


@dataclass(frozen=True)
class Go:
    """The client leaves."""

    client: int


@dataclass(frozen=True)
class Emit:
    """An event is published in a process."""

    process: int
    event: str


@dataclass(frozen=True)
class Wait:
    """Turns of the event loop where the number is an integer, else seconds pass."""

    time: float


_Step: TypeAlias = Come | Go | Emit | Wait
_PATTERNS: Final = ("*", "t*")
_clients = st.integers(0, 1)
_processes = st.integers(0, 1)
_STEPS: Final = long_lists(
    st.builds(Come, _clients, _processes)
    | st.builds(Go, _clients)
    | st.builds(Emit, _processes, st.sampled_from(["tick", "other"]))
    | st.builds(Wait, st.sampled_from(PAUSES)),
)


class Story:
    """Events of one channel, and clients that come and go."""

    def __init__(self, world: World, patience: float) -> None:
        self.nodes = world.nodes
        self.channel = world.channel("a")
        self._patience = patience
        self._clients: list[ReturningClient] = []
        self._number = 0

    def client(self, pattern: str = "*") -> ReturningClient:
        """Make a client, which does not come yet."""
        name = f"client {len(self._clients)}"
        client = ReturningClient(name, self.channel, pattern, self._patience)
        self._clients.append(client)
        return client

    async def publish(self, process: int, event: str = "tick") -> None:
        """Publish an event."""
        self._number += 1
        number = self._number
        for client in self._clients:
            client.published(event, number)
        await publish(self.node(process), self.channel, event, number, self._patience)

    def node(self, process: int) -> Node:
        """Return the process of this number, modulo their number."""
        return self.nodes[process % len(self.nodes)]

    async def settle(self) -> None:
        """Let everything arrive that must."""
        for client in self._clients:
            if client.is_there:
                await client.settle()


class RecoveryTests(Conformance):
    """Clients that come back get what they have missed, or are told that they do not."""

    async def test_all_processes_have_the_same_position(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            if _history(world) is None:
                return
            story = Story(world, self.patience)
            first = story.client()
            await first.come(story.node(0), None)
            for number in range(_EVENTS):
                await story.publish(number)
            await story.settle()
            for node in story.nodes:
                other = story.client()
                await other.come(node, None)
                if other.position != first.position:
                    breaks(
                        "offsets",
                        node,
                        f"the position {first.position}, as a client of {story.node(0)} has it",
                        f"{other.position}",
                    )

    async def test_each_event_has_the_next_offset(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            if _history(world) is None:
                return
            story = Story(world, self.patience)
            node, offsets = story.node(0), []
            heard = Heard(node, story.channel)
            await heard.register(self.patience)
            for number in range(_EVENTS):
                client = story.client()
                await client.come(node, None)
                await client.go()  # it would be told of a gap, rather than of the offset
                assert client.position is not None
                offsets.append(client.position.offset)
                await story.publish(number)
                has_come = await comes_true(lambda: len(heard.data) == len(offsets), self.patience)
                holds(has_come, "missing", node, f"event {number + 1}", heard.data)
            await heard.unregister(self.patience)
            expected = [offsets[0] + number for number in range(_EVENTS)]
            holds(
                offsets == expected,
                "offsets",
                node,
                f"the offsets {expected}, one more after each event",
                offsets,
            )

    async def test_who_comes_back_recovers(self, make_broker: MakeBroker) -> None:
        for process in range(self.processes):
            for is_alone in (True, False):
                async with self.world(make_broker) as world:
                    if _history(world) is not None:
                        await self._recovers(Story(world, self.patience), process, is_alone)

    async def _recovers(self, story: Story, process: int, is_alone: bool) -> None:
        client = story.client("t*")
        if not is_alone:
            await story.client().come(story.node(process), None)
        await client.come(story.node(0), None)
        for event in ("tick", "other", "trade"):
            await story.publish(0, event)
        await story.settle()
        await client.go()
        for event in ("tick", "other", "trade", "other"):
            await story.publish(process, event)
        await self._comes_back(client, story.node(process))
        await story.publish(0)
        await story.settle()

    async def _comes_back(self, client: ReturningClient, node: Node) -> None:
        since = client.position
        if not await client.come(node, since):
            breaks(
                "kept",
                node,
                f'"recovered": true for a client that comes back to {since} after a few events',
                "false",
            )

    async def test_nobody_recovers_from_where_nobody_was(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            if _history(world) is None:
                return
            story = Story(world, self.patience)
            first = story.client()
            await first.come(story.node(0), None)
            await story.publish(0)
            await story.settle()
            assert first.position is not None
            ahead = Position(first.position.epoch, first.position.offset + 100)
            for node in story.nodes:
                for since in (_UNKNOWN, ahead):
                    holds(
                        not await story.client().come(node, since),
                        "recovered",
                        node,
                        f'"recovered": false for {since}, as the channel stands at '
                        f"{first.position}",
                        "true",
                    )
            await story.publish(0)
            await story.settle()

    async def test_recovered_means_that_nothing_is_missing(self, make_broker: MakeBroker) -> None:
        async with self.world(make_broker) as world:
            history = _history(world)
            if history is None or history.size > _MOST_EVENTS:
                return
            story = Story(world, self.patience)
            clients = [story.client(), story.client("other")]
            for client in clients:
                await client.come(story.node(0), None)
                await client.go()
            for number in range(history.size * 5 // 4 + 2):
                await story.publish(number)
            for client in clients:
                await client.come(story.node(0), client.position)
            await story.publish(0)
            await story.publish(0, "other")
            await story.settle()

    @generated
    @given(steps=_STEPS)
    async def test_recovery_sequences(
        self, make_broker: MakeBroker, reruns: Reruns, steps: list[_Step]
    ) -> None:
        await reruns.run(steps, partial(self._tell, make_broker, steps))

    async def _tell(self, make_broker: MakeBroker, steps: list[_Step]) -> None:
        async with self.world(make_broker) as world:
            history = _history(world)
            if history is None:
                return
            story = Story(world, self.patience)
            clients = [story.client(pattern) for pattern in _PATTERNS]
            keeps_all = history.size >= len(steps)
            publishing: list[asyncio.Task[None]] = []
            try:
                for step in steps:
                    match step:
                        case Come(number, process) if not clients[number].is_there:
                            client = clients[number]
                            since = client.position
                            if since is not None and keeps_all:
                                await self._comes_back(client, story.node(process))
                            else:
                                await client.come(story.node(process), since)
                        case Go(number):
                            await clients[number].go()
                        case Emit(process, event):
                            publish = story.publish(process, event)
                            publishing.append(asyncio.create_task(publish))
                        case Wait(time):
                            await world.pause(time)
            finally:
                await at_once(publishing)
            await story.settle()


def _history(world: World) -> History | None:
    return world.nodes[0].broker.history
