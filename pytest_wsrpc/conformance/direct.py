"""Publishing and listening in a process without a client, for tests that ask single questions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from wsrpc.channel import RESERVED

from ..client import WsTestClient
from .clauses import breaks, holds
from .nodes import Node, outcome

_T = TypeVar("_T")


class Heard:
    """A callback on a channel, and the data of the events that it was called with."""

    def __init__(self, node: Node, channel: str) -> None:
        self.data: list[Any] = []
        self._node = node
        self._channel = channel

    def __call__(self, channel: str, event: str, data: Any) -> None:
        if not event.startswith(RESERVED):
            self.data.append(data)

    async def register(self, patience: float) -> None:
        """Register for all events; that has to succeed."""
        channels = self._node.broker.channels
        await _succeeds(
            self._node,
            f"subscribing to channel {self._channel!r}",
            "subscribe",
            channels.register(self._channel, "*", self),
            patience,
        )

    async def unregister(self, patience: float) -> None:
        """Register no more."""
        channels = self._node.broker.channels
        call = channels.unregister(self._channel, "*", self)
        await in_time(self._node, f"unsubscribing from channel {self._channel!r}", call, patience)


async def publish(node: Node, channel: str, event: str, data: Any, patience: float) -> None:
    """Publish an event; that has to succeed."""
    await _succeeds(
        node,
        f"publishing on channel {channel!r}",
        "publish",
        node.broker.publish(channel, event, data),
        patience,
    )


async def _succeeds(
    node: Node, shown: str, what: str, call: Awaitable[Any], patience: float
) -> None:
    reply = await in_time(node, shown, outcome(node, what, call), patience)
    holds("response" in reply, "accepted", node, f"{shown} to succeed", reply)


async def in_time(node: Node, shown: str, call: Awaitable[_T], patience: float) -> _T:
    """Await a call that has to end in time."""
    answer = asyncio.ensure_future(call)
    done, _ = await asyncio.wait([answer], timeout=patience)
    if not done:
        answer.cancel()
        await asyncio.wait([answer])
        breaks("answered", node, f"{shown} to end within {patience:g} s", "no end")
    return answer.result()


async def ask(
    node: Node, client: WsTestClient, method: str, patience: float, **payload: Any
) -> dict[str, Any]:
    """Call a method as a client; return the whole reply, which has to come in time."""
    shown = f"{method} on channel {payload['channel']!r}"
    return await in_time(node, shown, client.request(method, payload, timeout=None), patience)


@contextmanager
def handed_over(node: Node) -> Iterator[list[str]]:
    """Give the channels of the events that a broker hands over within, as they come."""
    channels = node.broker.channels
    deliver, names = channels._deliver, list[str]()

    def watched(name: str, message: Any) -> None:
        names.append(name)
        deliver(name, message)

    vars(channels)["_deliver"] = watched
    try:
        yield names
    finally:
        del vars(channels)["_deliver"]
