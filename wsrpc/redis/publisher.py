"""Publishing to Redis: each event gets its place, is kept and goes out, in one step."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Any, Final, Self

from ..channel import RESERVED
from ..errors import CannotPublish
from ..history import History
from .endpoint import Endpoint
from .envelope import MAGIC, Names, check_name, encode_body
from .lane import Lane
from .scripts import PUBLISH

PREFIX: Final = "wsrpc:"
"""What all keys and channels in Redis begin with, unless an application says otherwise."""

TIMEOUT: Final = 5.0
"""Seconds after which a publish fails that Redis has not confirmed."""

MEMORY: Final = 24 * 3600.0
"""Seconds that an unused channel's last offset is kept, long after its history, so that events of
one epoch go on being numbered over quiet times."""


class Store:
    """How events are kept: the names in Redis, the limits of the history."""

    def __init__(self, prefix: str, history: History | None) -> None:
        self.names = Names(prefix)
        self.history = history
        self.age = int(1000 * history.age) if history is not None else 0
        self.life = int(1000 * MEMORY) + 2 * self.age

    @staticmethod
    def nonce() -> str:
        """Return what makes an epoch different from all others, if the script begins one."""
        return secrets.token_hex(8)

    async def publish(self, lane: Lane, channel: str, event: str, data: Any) -> None:
        """Publish an event; raises `CannotPublish`, `BrokerUnavailable`, or for the data's form."""
        if not check_name(channel):
            raise CannotPublish(f"{channel!r:.80} is not lowercase")
        body = encode_body(event, data)
        history = self.history
        limits = (0, 0, 0) if history is None else (history.size, history.bytes, self.age)
        await lane.run(
            PUBLISH,
            self.names.keys(channel),
            (self.nonce(), self.names.bus(channel), MAGIC, body, self.life, *limits),
        )


class Publisher:
    """Publish events from a process without websockets: a worker, a job, a script.

    `url`, `prefix`, `history` and the other options are those of the `RedisBroker` that the
    servers have::

        async with Publisher("redis://localhost") as publisher:
            await publisher.publish("orders", "filled", {"id": 7})
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str | None = None,
        history: History | int = 0,
        timeout: float = TIMEOUT,
        **options: Any,
    ) -> None:
        endpoint = Endpoint(url, options, name="wsrpc-publisher", timeout=timeout)
        self._store = Store(choose_prefix(prefix, endpoint), History.of(history))
        self._lane = Lane(endpoint, timeout)

    async def publish(self, channel: str, event: str = "", data: Any = None) -> None:
        """Publish an event; when this returns, Redis has it.

        Events that one process publishes arrive in the order of the calls. Raises `CannotPublish`
        for a channel whose name is not lowercase, `TypeError` or `ValueError` for data that has no
        JSON form, and `BrokerUnavailable` where Redis did not confirm within the timeout: then the
        event may have been published or not, and it is not tried again.
        """
        if not isinstance(event, str):
            raise TypeError(f"event must be a string, got {event!r}")
        if event.startswith(RESERVED):
            raise ValueError(
                f"event must not begin with {RESERVED!r}, which the library keeps for itself, "
                f"got {event!r}: choose another name"
            )
        await self._store.publish(self._lane, channel, event, data)

    async def close(self) -> None:
        """Close the connection; what is on the way fails."""
        await self._lane.close()

    async def __aenter__(self) -> Self:
        self._lane.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def choose_prefix(prefix: str | None, endpoint: Endpoint) -> str:
    """Return the prefix that an option or the url gives."""
    if prefix is None:
        prefix = endpoint.prefix
    return PREFIX if prefix is None else prefix
