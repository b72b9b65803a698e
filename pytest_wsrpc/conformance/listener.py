"""A client that listens through an outage, and is told what it has lost."""

from __future__ import annotations

from typing import Any

from wsrpc.channel import GAP

from ..client import WsTestClient
from .clauses import holds
from .nodes import Node


class Listener:
    """A client that notes what it gets: numbers of events, None for a gap.

    A gap tells of the events whose publishing had begun before it. Whoever is told makes up for
    these, as by asking for the state again; what is lost afterwards is lost in silence.
    """

    def __init__(self, node: Node, client: WsTestClient) -> None:
        self.node = node
        self.got: list[int | None] = []
        self._client = client
        self._begun: list[int] = []

    async def read(self, begun: int) -> None:
        """Note what has come, when the publishing of so many events had begun."""
        while self._client.has_unread:
            message = await self._client.receive()
            if message["event"] == GAP:
                self.got.append(None)
            else:
                self._take(message)
            self._begun.append(begun)

    def _take(self, message: dict[str, Any]) -> None:
        number = message["data"]
        is_ours = message["event"] == "tick" and type(number) is int
        holds(is_ours, "published", self.node, "an event 'tick' with its number", message)
        self.got.append(number)

    def is_told_of(self, number: int) -> bool:
        """Tell whether a gap lies where an event is missing."""
        before = [at for at, one in enumerate(self.got) if one is not None and one < number]
        start = before[-1] + 1 if before else 0
        after = [at for at, one in enumerate(self.got) if one is not None and one > number]
        end = next((at for at in after if at >= start), len(self.got))
        return any(
            one is None and number < begun
            for one, begun in zip(self.got[start:end], self._begun[start:end], strict=True)
        )
