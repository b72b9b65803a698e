"""The clients of a conversation: connections, and the calls that wait for their answers."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from .case import Exchange
from .serving import Connection


@dataclass(eq=False)
class Pending:
    """A call that was sent."""

    exchange: Exchange
    ended: asyncio.Future[None]
    """Done with its first answer, or when there can be none."""

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class Client:
    """A client with its connection."""

    def __init__(
        self, connection: Connection, manager: AbstractAsyncContextManager[Connection]
    ) -> None:
        self.connection = connection
        self.reader: asyncio.Task[None] | None = None
        self.sent: dict[object, Pending] = {}
        """The calls by type and value of their ids, in order."""
        self.probe: tuple[str, asyncio.Future[None]] | None = None
        self.is_probe_noted = False
        self._manager = manager

    def probes(self, id: object) -> bool:
        """Tell whether this is the id of its probe."""
        return self.probe is not None and id == self.probe[0]

    def end_probe(self) -> None:
        """Note that the probe was answered, or will never be."""
        if self.probe is not None and not self.probe[1].done():
            self.probe[1].set_result(None)

    async def close(self) -> None:
        assert self.reader is not None
        self.reader.cancel()
        await asyncio.wait([self.reader])
        if not self.reader.cancelled():
            self.reader.result()  # raises what went wrong in reading
        await self._manager.__aexit__(None, None, None)

    def first_unanswered(self) -> Pending | None:
        """Return the call for which an answer is taken that tells none, or one that is unknown."""
        calls = list(self.sent.values())
        waiting = [pending for pending in calls if not pending.exchange.answers]
        chosen = waiting[:1] or calls[-1:]
        return chosen[0] if chosen else None
