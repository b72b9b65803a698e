"""One connection of the bus, from its first command until the first doubt."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from ..errors import BrokerUnavailable
from .endpoint import Link

logger = logging.getLogger("wsrpc.redis.session")

NAMES_AT_ONCE: Final = 512
"""Channels in one SUBSCRIBE: more do not make it faster, and Redis serves nobody else meanwhile."""


class Doubt(Exception):
    """The connection may not bring all that is published."""


class Deaf(Doubt):
    """Redis took a probe, and it did not come in."""


Judge = Callable[[], Awaitable[None]]

_T = TypeVar("_T")


class Feed(Protocol):
    """What events are for, and how it is proved that they come in."""

    control: bytes
    """The Pub/Sub channel on which probes come in."""
    probe_interval: float
    """Seconds of silence before a probe, and those that it may take."""
    check_interval: float
    """Seconds between two checks."""

    async def message(self, name: bytes, payload: bytes) -> None:
        """Take a message of a Pub/Sub channel."""

    def lost(self) -> None:
        """Take note that a connection is gone."""

    async def returned(self) -> None:
        """Take note that all is subscribed again, on a new connection."""

    async def probe(self, token: bytes) -> None:
        """Publish a token on the control channel; raises `BrokerUnavailable`."""

    async def check(self, token: bytes) -> Judge:
        """Read where the channels stand, then do as `probe`.

        When the token came in, all that was published before the reading has come in too, or never
        will: then what this returns is called.
        """


@dataclass(eq=False)
class Counters:
    """What happened so far on all connections of a bus."""

    received: int = 0
    losses: int = 0
    failed_connects: int = 0
    probes: int = 0
    failed_probes: int = 0


class Session:
    """One connection of a bus.

    `wanted` are the channels to subscribe to, at any time; `confirm` is called for each that Redis
    has confirmed, `prove` when all works.
    """

    def __init__(
        self,
        link: Link,
        feed: Feed,
        counters: Counters,
        wanted: Collection[bytes],
        confirm: Callable[[bytes], None],
        prove: Callable[[], None],
    ) -> None:
        self.heard = asyncio.get_running_loop().time()
        """When something came in for the last time."""
        self.verified = False
        """All that was wanted at first is subscribed, and a token came in behind that."""
        self._link = link
        self._feed = feed
        self._counters = counters
        self._wanted = wanted
        self._confirm = confirm
        self._prove = prove
        self._serial = 0
        self._first_serials = math.inf
        self._subscribed: dict[bytes, int] = {}
        """The command that last subscribed to a channel, by its number."""
        self._confirmed: dict[bytes, int] = {}
        self._pending: deque[tuple[bytes, bytes, int]] = deque()
        """What Redis has to confirm next: kind, channel, number of the command."""
        self._changes: dict[bytes, None] = dict.fromkeys([feed.control, *wanted])
        self._dirty = asyncio.Event()
        self._dirty.set()
        self._complete = asyncio.Event()
        self._tokens: dict[bytes, asyncio.Future[None]] = {}

    @property
    def confirmed(self) -> int:
        """How many channels are subscribed, but for the control channel."""
        return len(self._confirmed) - (self._feed.control in self._confirmed)

    def has(self, name: bytes) -> bool:
        """Tell whether a channel is subscribed, with nothing on the way that ends it."""
        serial = self._subscribed.get(name)
        return serial is not None and self._confirmed.get(name) == serial

    def change(self, name: bytes) -> None:
        """Take note that a channel is wanted, or no more."""
        self._changes[name] = None
        self._dirty.set()

    async def run(self, lost_at: float | None) -> BaseException:
        """Live until something is in doubt, and return what that is.

        `lost_at` is when the last connection that worked was lost, None for the first.
        """
        works = (self._read(), self._write(), self._verify(lost_at))
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        errors = [task.exception() for task in tasks if task in done]
        return next(error for error in errors if error is not None)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        control = self._feed.control
        while True:
            kind, name, payload = await self._link.read()
            self.heard = loop.time()
            if kind != b"message":
                self._take_confirmation(kind, name)
            elif name != control:
                self._counters.received += 1
                await self._feed.message(name, payload)
            elif payload in self._tokens:
                arrival = self._tokens.pop(payload)
                if not arrival.done():  # it may have been given up just now
                    arrival.set_result(None)

    def _take_confirmation(self, kind: bytes, name: bytes) -> None:
        if not self._pending or self._pending[0][:2] != (kind, name):
            raise Doubt(f"Redis sent {kind!r} of {name!r:.80}, which nobody asked for")
        serial = self._pending.popleft()[2]
        if kind == b"unsubscribe":
            del self._confirmed[name]
        else:
            self._confirmed[name] = serial
            if self.has(name):
                self._confirm(name)
        if serial >= self._first_serials:
            self._complete.set()

    async def _write(self) -> None:
        control = self._feed.control
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            changes, self._changes = self._changes, {}
            wanted = {name for name in changes if name in self._wanted or name == control}
            new = [name for name in changes if name in wanted and name not in self._subscribed]
            gone = [name for name in changes if name not in wanted and name in self._subscribed]
            commands = [*self._commands(b"unsubscribe", gone), *self._commands(b"subscribe", new)]
            self._first_serials = min(self._first_serials, self._serial)
            if commands:
                await self._link.send(commands)

    def _commands(self, kind: bytes, names: list[bytes]) -> list[tuple[bytes, ...]]:
        for name in names:
            self._serial += 1
            self._pending.append((kind, name, self._serial))
            if kind == b"subscribe":
                self._subscribed[name] = self._serial
            else:
                del self._subscribed[name]
        return [
            (kind, *names[start : start + NAMES_AT_ONCE])
            for start in range(0, len(names), NAMES_AT_ONCE)
        ]

    async def _verify(self, lost_at: float | None) -> None:
        """Prove that all comes in: at the beginning, and after each silence."""
        loop = asyncio.get_running_loop()
        feed = self._feed
        await self._completed()
        if lost_at is not None:
            logger.warning(
                "subscribed to %d channels again, %.2f s after the connection to Redis was lost",
                self.confirmed,
                loop.time() - lost_at,
            )
            await feed.returned()
        checked = -math.inf
        while True:
            if loop.time() >= checked + feed.check_interval:
                checked = loop.time()
                judge = await self._proved_by(feed.check)
                await judge()
            else:
                await self._proved_by(feed.probe)
            if not self.verified:
                self.verified = True
                self._prove()
            await self._silence(checked + feed.check_interval)

    async def _silence(self, until: float) -> None:
        """Wait until nothing came in for a while, as what comes in proves as much as a probe."""
        loop = asyncio.get_running_loop()
        while True:
            wait = min(self.heard + self._feed.probe_interval, until) - loop.time()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    async def _completed(self) -> None:
        """Wait until Redis has confirmed what was wanted at first; it may not fall silent."""
        while not self._complete.is_set():
            limit = self.heard + self._feed.probe_interval
            try:
                async with asyncio.timeout_at(limit):
                    await self._complete.wait()
            except TimeoutError:
                if self.heard + self._feed.probe_interval <= limit:
                    raise Doubt(
                        f"Redis confirmed no subscription for {self._feed.probe_interval} s"
                    ) from None

    async def _proved_by(self, publish: Callable[[bytes], Awaitable[_T]]) -> _T:
        """Have a token published, and wait until it came in."""
        token = secrets.token_hex(8).encode()
        arrival = self._tokens[token] = asyncio.get_running_loop().create_future()
        self._counters.probes += 1
        try:
            answer = await publish(token)
            async with asyncio.timeout(self._feed.probe_interval):
                await arrival
        except BrokerUnavailable as error:
            self._counters.failed_probes += 1
            raise Doubt(f"Redis took no probe: {error}") from error
        except TimeoutError:
            self._counters.failed_probes += 1
            raise Deaf(
                f"a probe was published and did not come in for {self._feed.probe_interval} s"
            ) from None
        return answer
