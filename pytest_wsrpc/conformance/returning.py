"""A client that goes and comes back, and holds what it gets against what was published."""

from __future__ import annotations

from typing import Any

from wsrpc import Position
from wsrpc.channel import GAP, POSITION
from wsrpc.patterns import Pattern

from ..client import WsTestClient
from .clauses import breaks, holds
from .direct import ask
from .nodes import Node
from .waiting import comes_true


class ReturningClient:
    """One subscription of a client, on any number of connections, each to any process.

    Data of events are numbers, all different. From its first subscription on it must get all that
    is published, for as long as each reply says that it has recovered.
    """

    def __init__(self, name: str, channel: str, pattern: str, patience: float) -> None:
        self._name = name
        self._channel = channel
        self._pattern = Pattern(pattern)
        self._patience = patience
        self._client: WsTestClient | None = None
        self._count = 0
        self.position: Position | None = None
        """Where it stands: after the last event that it got."""
        self.got: list[int] = []
        self._must: list[int] = []
        self._may: set[int] = set()

    @property
    def is_there(self) -> bool:
        """Whether it is connected."""
        return self._client is not None

    def published(self, event: str, number: int) -> None:
        """Note an event before it is published, which it gets if its pattern matches."""
        if self._pattern.matches(event):
            self._may.add(number)
            if self.position is not None:
                self._must.append(number)

    def unpublished(self, number: int) -> None:
        """Note that publishing has failed: the event may come, or not."""
        self._must = [one for one in self._must if one != number]

    async def come(self, node: Node, since: Position | None) -> bool:
        """Connect and subscribe, from a position on; return whether the reply says recovered."""
        self._count += 1
        name = f"{self._name}, connection {self._count}, to {node}"
        self._client = client = await node.server(name=name)
        payload: dict[str, Any] = {"channel": self._channel, "event": self._pattern.text}
        if since is not None:
            payload["since"] = since.plain()
        reply = await ask(node, client, "subscribe", self._patience, **payload)
        holds("response" in reply, "accepted", self._name, "subscribe to succeed", reply)
        response = reply["response"]
        recovered = bool(response["recovered"]) if since is not None else False
        if not recovered:
            self.position = Position(**response["positions"][self._channel])
            self._must = list(self.got)
        return recovered

    async def go(self) -> None:
        """Read what has come, and leave."""
        if self._client is not None:
            await self._read()
            client, self._client = self._client, None
            await client.close()

    async def settle(self) -> None:
        """Wait until all has come that must, and fail for what has not."""
        if not await comes_true(lambda: self._has_all, self._patience, self._read):
            breaks(
                "recovered" if self._count > 1 else "missing",
                self._name,
                f"the events {self._must}",
                f"{self.got}",
            )

    @property
    def _has_all(self) -> bool:
        return set(self._must) <= set(self.got)

    async def _read(self) -> None:
        client = self._client
        while client is not None and client.has_unread:
            message = await client.receive()
            name, data = message["event"], message["data"]
            holds(name != GAP, "gap", self._name, "no gap, as nothing was lost", message)
            if name == POSITION:
                self.position = Position(**data)
            else:
                self._event(message)

    def _event(self, message: dict[str, Any]) -> None:
        assert self.position is not None
        has_offset = type(message.get("offset")) is int
        holds(has_offset, "offsets", self._name, "an event with its offset", message)
        number, offset = message["data"], message["offset"]
        once = f"event {number} once"
        holds(number not in self.got, "once", self._name, once, f"it again, at offset {offset}")
        may = "only events of its pattern"
        holds(number in self._may, "subscribed", self._name, may, message)
        after = f"only events after offset {self.position.offset}"
        holds(offset > self.position.offset, "recovered", self._name, after, message)
        self.got.append(number)
        self.position = Position(self.position.epoch, offset)
