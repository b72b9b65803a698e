"""The connection on which events come in: what is wanted, and the one task that makes it so.

Nothing is ever healed in place. On any doubt the connection is closed, and a new one subscribes to
all that is wanted.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from typing import Final

from ..errors import BrokerUnavailable
from ..failures import Failure, report
from .endpoint import FAILURES, REFUSALS, Endpoint
from .session import Counters, Deaf, Doubt, Feed, Session

logger = logging.getLogger("wsrpc.redis.bus")

LINGER: Final = 1.0
"""Seconds that a channel stays subscribed after nobody wants it: a page that is loaded again, or a
client that roams, is back by then."""

FIRST_PAUSE: Final = 0.05
"""Seconds between the loss of a connection and the next one; they double."""

LAST_PAUSE: Final = 0.5
"""Seconds between tries to connect, at most: what is published meanwhile waits for them, and each
process tries once at a time."""

LONGEST_SILENCE: Final = 10
"""Probes between two connections, at most, where those before heard nothing: each costs Redis as
much as there are channels."""


class Bus:
    """Subscriptions at Redis, kept over any number of connections."""

    def __init__(self, endpoint: Endpoint, feed: Feed, timeout: float) -> None:
        self.counters = Counters()
        self._endpoint = endpoint
        self._feed = feed
        self._timeout = timeout
        self._wanted: dict[bytes, None] = {}
        self._leaving: dict[bytes, asyncio.TimerHandle] = {}
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._session: Session | None = None
        self._owner: asyncio.Task[None] | None = None
        self._verified = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def healthy(self) -> bool:
        """Whether all is subscribed, and something came in within the last three probes."""
        session = self._session
        if session is None or not session.verified:
            return False
        silence = asyncio.get_running_loop().time() - session.heard
        return silence <= 3 * self._feed.probe_interval

    @property
    def wanted(self) -> int:
        """How many channels are to be subscribed."""
        return len(self._wanted)

    @property
    def subscribed(self) -> int:
        """How many channels Redis has confirmed on this connection."""
        return 0 if self._session is None else self._session.confirmed

    async def start(self) -> None:
        """Connect; return when all works, or when the timeout has passed and it goes on trying.

        Raises redis-py's exception where Redis answers and refuses, as for a wrong password.
        """
        if self._owner is None:
            # in a context of its own: events have nothing to do with who started the application
            loop = asyncio.get_running_loop()
            self._owner = loop.create_task(self._own(), context=contextvars.Context())
        try:
            async with asyncio.timeout(self._timeout):
                await self._verified.wait()
        except TimeoutError:
            if isinstance(self._failure, REFUSALS):
                await self.close()
                raise self._failure from None
            logger.warning("starting without Redis, which is tried again: %s", self._failure)

    async def close(self) -> None:
        """Close the connection; who waits for a subscription is told that it failed."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.cancel()
            await asyncio.wait([owner])
        for handle in self._leaving.values():
            handle.cancel()
        self._leaving.clear()
        self._wanted.clear()
        self._verified.clear()
        for future in self._waiting.values():
            future.set_exception(BrokerUnavailable("the broker is closed"))
            future.exception()  # perhaps nobody waits any more
        self._waiting.clear()

    async def subscribe(self, name: bytes) -> None:
        """Subscribe, and wait until Redis has confirmed it.

        Raises `BrokerUnavailable` if that takes longer than the timeout.
        """
        if self._owner is None:
            raise BrokerUnavailable("the broker is closed, or was never started")
        handle = self._leaving.pop(name, None)
        if handle is not None:
            handle.cancel()
        self._wanted[name] = None
        if self._session is not None and self._session.has(name):
            return
        future = self._waiting.get(name)
        if future is None:
            future = self._waiting[name] = asyncio.get_running_loop().create_future()
        self._change(name)
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(future)
        except TimeoutError:
            self._leave(name)
            raise BrokerUnavailable(
                f"Redis did not confirm the subscription within {self._timeout} s"
            ) from self._failure

    def unsubscribe(self, name: bytes) -> None:
        """Unsubscribe in a while, unless the channel is wanted again by then."""
        if name in self._wanted and name not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[name] = loop.call_later(LINGER, self._leave, name)

    def _leave(self, name: bytes) -> None:
        self._leaving.pop(name, None)
        self._waiting.pop(name, None)
        self._wanted.pop(name, None)
        self._change(name)

    def _change(self, name: bytes) -> None:
        if self._session is not None:
            self._session.change(name)

    def _confirm(self, name: bytes) -> None:
        future = self._waiting.pop(name, None)
        if future is not None:
            future.set_result(None)

    async def _own(self) -> None:
        """Have a connection at all times, until cancelled."""
        loop = asyncio.get_running_loop()
        failures = deaf = 0
        lost_at: float | None = None
        while True:
            try:
                link = await self._endpoint.connect()
            except FAILURES as error:
                self.counters.failed_connects += 1
                if not failures:
                    logger.warning("cannot connect to Redis, trying again: %s", error)
                self._failure = error
                deaf = 0
            else:
                session = Session(
                    link, self._feed, self.counters, self._wanted, self._confirm, self._verified.set
                )
                self._session = session
                try:
                    self._failure = await session.run(lost_at)
                finally:
                    self._session = None
                    await link.close()
                self._feed.lost()
                self.counters.losses += 1
                logger.warning(
                    "lost the connection to Redis, %d channels: %s", self.wanted, self._failure
                )
                if not isinstance(self._failure, (*FAILURES, Doubt, BrokerUnavailable)):
                    # a mistake of this library or of redis-py, which must not end subscriptions
                    report(logger, Failure(self._failure, "connection to Redis"))
                if session.verified:
                    failures = 0
                    lost_at = loop.time()
                deaf = deaf + 1 if isinstance(self._failure, Deaf) else 0
            await asyncio.sleep(pause_after(failures, deaf, self._feed.probe_interval))
            failures += 1


def pause_after(failures: int, deaf: int, probe_interval: float) -> float:
    """Return the seconds before another connection is tried.

    `failures` are the tries since a connection worked, `deaf` the connections in a row, the last
    one included, on which a probe did not come in.
    """
    if deaf > 1:
        return min(2.0 ** min(deaf - 2, 10), LONGEST_SILENCE) * probe_interval
    return random.uniform(0.5, 1.0) * min(FIRST_PAUSE * 2.0 ** min(failures, 10), LAST_PAUSE)
