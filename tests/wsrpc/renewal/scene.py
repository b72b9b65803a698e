"""A client of a scripted server, whose connection is lost, and what is said on it."""

from __future__ import annotations

import asyncio
from typing import Any

from wsrpc import Gap, RpcClient, Subscription

UNAVAILABLE = {"code": -32004, "message": "Service unavailable"}
FORBIDDEN = {"code": -32003, "message": "Forbidden"}


def at(offset: int, epoch: str = "e") -> dict[str, Any]:
    return {"epoch": epoch, "offset": offset}


def tick(data: Any, offset: int | None = None, event: str = "tick") -> dict[str, Any]:
    message = {"channel": "prices", "event": event, "data": data}
    return message if offset is None else message | {"offset": offset}


def subscribed(position: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    positions = {} if position is None else {"positions": {"prices": position}}
    return {"subscribed": {}} | positions | more


async def read(events: Subscription) -> list[Any]:
    """Return what waits in a subscription: the data of events, and gaps."""
    got = [await events.get() for _ in range(events.pending)]
    return [event if isinstance(event, Gap) else event.data for event in got]


class Scene:
    """One client, and the server's end of its connection."""

    def __init__(self, scripted: Any, client: RpcClient, peer: Any) -> None:
        self.scripted = scripted
        self.client = client
        self.peer = peer

    async def subscribe(self, *patterns: str, at: Any = None, channel: str = "prices") -> Any:
        """Enter a subscription that the server says begins at a position."""
        subscription = self.client.subscribe(channel, *patterns)
        entering = asyncio.create_task(subscription.__aenter__())
        await self.peer.answer(subscribed(at))
        return await entering

    async def leave(self, events: Any) -> asyncio.Task[None]:
        leaving = asyncio.create_task(events.__aexit__(None, None, None))
        await asyncio.sleep(0)
        return leaving

    async def lose(self) -> None:
        """Break the connection, and wait for the next one."""
        await self.down()
        self.peer = await self.scripted.peer()

    async def down(self) -> None:
        self.peer.abort()
        await self.client.until("waiting")

    async def synchronise(self) -> None:
        await self.client.until("connected")
        await self.peer.synchronise(self.client)
