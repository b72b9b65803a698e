"""The broker of an application that is many processes."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from aiohttp import web

from ..errors import BrokerUnavailable, CannotSubscribe
from ..history import History, Past, PastEvent, Position
from ..manager import SocketsManager
from .bus import Bus
from .endpoint import Endpoint
from .envelope import Foreign, check_name, decode_body
from .feed import ChannelFeed
from .info import RedisInfo
from .lane import Lane
from .publisher import TIMEOUT, Store, choose_prefix
from .scripts import HISTORY

PROBE: Final = 10.0
"""Seconds of silence after which a connection has to prove that it is alive: short enough that a
frozen Redis is noticed in 20 s, long enough that idle processes cost Redis nothing."""

CHECK: Final = 40.0
"""Seconds between two comparisons of each channel with Redis: a lost event that no other follows
is found by them alone."""

READS_AT_ONCE: Final = 16
"""Histories that are read together, each of some 1 MiB at most."""

_MOST_OFFSET: Final = 2**53
"""No channel gets that far, and a script could not count on."""


_P = ParamSpec("_P")
_M = TypeVar("_M", bound=SocketsManager)


class RedisBroker(SocketsManager):
    """Bring events to the subscribers in all processes that use the same Redis and prefix.

    `url` is ``redis://``, ``rediss://`` or ``unix://``, as redis-py has it, with user, password,
    database and a ``prefix=`` for all names in Redis; `options` are those of redis-py's
    connections, such as ``ssl_ca_certs``. With `history`, clients that come back recover what they
    missed; all brokers and publishers of one prefix should have the same. `timeout` is how many
    seconds a publish or a subscription may take, `probe` how many a connection may be silent.

    Names of channels are lowercase, as with `LocalBroker`. Events of a channel are delivered in the
    order in which Redis took them. Makes four connections to Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str | None = None,
        history: History | int = 0,
        timeout: float = TIMEOUT,
        probe: float = PROBE,
        check: float = CHECK,
        **options: Any,
    ) -> None:
        for name, value in (("timeout", timeout), ("probe", probe), ("check", check)):
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not (math.isfinite(value) and value > 0)
            ):
                raise ValueError(f"{name} must be a time in seconds above 0, got {value!r}")
        self.history = History.of(history)
        self.node: str = secrets.token_hex(4)
        """The name of this process in Redis, where its connections are called ``wsrpc-NODE``."""
        endpoint = Endpoint(url, options, name=f"wsrpc-{self.node}", timeout=timeout)
        self._store = store = Store(choose_prefix(prefix, endpoint), self.history)
        self._publishing = Lane(endpoint, timeout)
        self._reading = Lane(endpoint, timeout, READS_AT_ONCE)
        self._checking = Lane(endpoint, timeout)
        control = store.names.control(self.node)
        self._feed = ChannelFeed(self.channels, store, self._checking, control, probe, check)
        self._feed.on_loss += self._publishing, self._reading
        self._bus = Bus(endpoint, self._feed, timeout)
        self._published = 0
        self._failed_publishes = 0

    @property
    def healthy(self) -> bool:
        """Whether events come in: all channels are subscribed, and it was proved lately."""
        return self._bus.healthy

    if TYPE_CHECKING:
        # Its arguments are those of the class.
        @classmethod
        def for_app(
            cls: Callable[_P, _M], app: web.Application, *args: _P.args, **kwargs: _P.kwargs
        ) -> _M: ...

    def server_info(self) -> RedisInfo:
        """Return what `SocketsManager.server_info` does, and ``"redis"``: health and counters."""
        counters = self._bus.counters
        return {
            **super().server_info(),
            "redis": {
                "healthy": self.healthy,
                "node": self.node,
                "wanted": self._bus.wanted,
                "subscribed": self._bus.subscribed,
                "published": self._published,
                "failed_publishes": self._failed_publishes,
                "ignored": self._feed.ignored,
                "filled": self.channels.filled,
                "gaps": self.channels.gaps,
                "received": counters.received,
                "losses": counters.losses,
                "failed_connects": counters.failed_connects,
                "probes": counters.probes,
                "failed_probes": counters.failed_probes,
            },
        }

    async def start(self, app: web.Application | None = None) -> None:
        """Connect to Redis; where it cannot be reached in time, start without and go on trying.

        Raises redis-py's exception where Redis answers and refuses, as for a wrong password.
        """
        for lane in self._lanes:
            lane.open()
        await self._bus.start()

    async def close(self, app: web.Application | None = None) -> None:
        """Close all connections of clients, then those to Redis."""
        await super().close(app)
        await self._bus.close()
        for lane in self._lanes:
            await lane.close()

    async def publish(self, channel: str, event: str, body: Any) -> None:
        """Publish an event; when this returns, Redis has it.

        Events that one process publishes arrive in the order of the calls. Raises `CannotPublish`
        for a channel whose name is not lowercase, `TypeError` or `ValueError` for data that has no
        JSON form, and `BrokerUnavailable` where Redis did not confirm within the timeout: then the
        event may have been published or not, and it is not tried again.
        """
        try:
            await self._store.publish(self._publishing, channel, event, body)
        except BrokerUnavailable:
            self._failed_publishes += 1
            raise
        self._published += 1

    async def subscribe(self, channel: str) -> None:
        """Subscribe at Redis.

        Raises `CannotSubscribe` for a channel whose name is not lowercase, and `BrokerUnavailable`
        where Redis did not confirm within the timeout.
        """
        if not check_name(channel):
            raise CannotSubscribe(f"{channel!r:.80} is not lowercase")
        await self._bus.subscribe(self._store.names.bus(channel))

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe at Redis, a second later, if nobody has subscribed again by then."""
        self._bus.unsubscribe(self._store.names.bus(channel))

    async def read_history(self, channel: str, since: Position | None) -> Past:
        """Return where a channel stands, and the events after a position that Redis still has."""
        store = self._store
        after: str | int = "" if since is None or since.offset >= _MOST_OFFSET else since.offset
        answer = await self._reading.run(
            HISTORY, store.names.keys(channel), (store.nonce(), store.life, after, store.age)
        )
        epoch, offset, *entries = answer
        events = []
        for at, body in zip(entries[::2], entries[1::2], strict=True):
            try:
                events.append(PastEvent(int(at), *decode_body(body)))
            except Foreign as error:
                self._feed.ignore(f"in the history of channel {channel!r:.80}", error)
        return Past(Position(epoch.decode(), int(offset)), events)

    @property
    def _lanes(self) -> tuple[Lane, ...]:
        return self._publishing, self._reading, self._checking
