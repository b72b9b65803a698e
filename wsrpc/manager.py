"""The connections and channels of one process, and the hooks that a backend overrides."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypedDict

from aiohttp import web

from .calls import Calls
from .channels import Channels
from .errors import CannotPublish, CannotSubscribe, CloseCode
from .history import History, Past, Position
from .limits import Limits

if TYPE_CHECKING:
    from .connection import Connection


class Websocket:
    """One connection, seen by the application: the base of every view."""

    limits: Limits = Limits()
    """The numbers that bound each connection of the view."""

    _wsrpc: Connection

    if TYPE_CHECKING:

        @property
        def request(self) -> web.Request:
            """The request of the handshake."""

    @cached_property
    def socket_id(self) -> str:
        """A name of the connection that nobody can guess: 128 random bits."""
        return secrets.token_hex(16)

    def __str__(self) -> str:
        return self.socket_id

    @property
    def sockets(self) -> SocketsManager:
        """The manager that the connection belongs to."""
        return self._wsrpc.manager

    @property
    def channels(self) -> Channels:
        """The channels of the manager."""
        return self._wsrpc.manager.channels

    @property
    def peername(self) -> Any:
        """The address of the other end of the transport, as it was at the handshake."""
        return self._wsrpc.peername

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._wsrpc.closing

    async def send_event(self, channel: str, event: str, data: Any) -> None:
        """Send an event to this connection alone, subscribed or not.

        Raises `ConnectionClosed` after the end of the connection, and `TypeError` or `ValueError`
        for data that has no JSON form. Does not wait for the client.
        """
        await self._wsrpc.send_event(channel, event, data)

    async def close(self, code: int = CloseCode.OK, reason: str = "") -> None:
        """Close the connection: what was sent before goes out, nothing after it.

        `code` is one of RFC 6455, section 7.4, that an endpoint may send, or 3000 to 4999; the
        reason has at most 123 bytes: else `ValueError`. Closing again does nothing.
        """
        self._close(code, reason)

    def _close(self, code: int, reason: str = "") -> None:
        self._wsrpc.close(code, reason)

    async def subscribe(self, channel: str, *patterns: str) -> list[str]:
        """Subscribe this connection, as its client's ``subscribe`` does; ``*`` without a pattern.

        Returns the connection's patterns on the channel, sorted. Raises what answers the client's
        call: `Forbidden`, `InvalidParams`, and what the backend's hooks raise. Within a call, the
        subscription counts from its reply on, and an error takes it back.
        """
        return (await self._wsrpc.memberships.subscribe(channel, patterns or ("*",))).patterns

    async def unsubscribe(self, channel: str, *patterns: str) -> list[str]:
        """Unsubscribe this connection from patterns of a channel, or from all without one.

        Returns the patterns that are left. What is not subscribed is no error.
        """
        return await self._wsrpc.memberships.unsubscribe(channel, patterns or None)

    async def on_connect(self) -> None:
        """Override: called before the upgrade; raise ``web.HTTPUnauthorized`` to refuse it."""

    async def on_disconnect(self) -> None:
        """Override: called once after each `on_connect` that succeeded, when all is over."""

    async def authorize(
        self, action: Literal["subscribe", "publish"], channel: str, event: str
    ) -> bool:
        """Override: may the client subscribe to the pattern `event`, or publish the event?

        Asked on every subscribe and every publish of a client.
        """
        return True

    def can_receive(self, channel: str, event: str) -> bool:
        """Override: may the client see this event of a channel that it is subscribed to?"""
        return True


class ServerInfo(TypedDict):
    """What `SocketsManager.server_info` returns."""

    connections: int
    channels: dict[str, dict[str, int]]
    """By channel and event pattern, the number of subscribers."""


class SocketsManager:
    """The base class of backends: brokers, or your own.

    A subclass overrides `publish`, `subscribe` and what else it needs; it need not call
    ``super().__init__()``.
    """

    history: History | None = None
    """What the backend keeps of each channel; set in ``__init__``, None if it keeps nothing."""

    @cached_property
    def sockets(self) -> set[Websocket]:
        """The connected websockets."""
        return set()

    @cached_property
    def channels(self) -> Channels:
        """The channels that have subscribers in this process."""
        return Channels(self)

    @classmethod
    def for_app(cls, app: web.Application, *args: Any, **kwargs: Any) -> Self:
        """Make a manager that starts and ends with an application, whose views find it."""
        manager = cls(*args, **kwargs)
        found: SocketsManager = manager
        app[SOCKETS_KEY] = found
        app.on_startup.append(manager.start)
        app.on_shutdown.append(manager.close)
        return manager

    def add(self, websocket: Websocket) -> None:
        """Take a new connection in."""
        self.sockets.add(websocket)

    def remove(self, websocket: Websocket) -> None:
        """Forget a connection that is over."""
        self.sockets.discard(websocket)

    def server_info(self) -> ServerInfo:
        """Return the number of connections and each channel's patterns with their subscribers."""
        return {"connections": len(self.sockets), "channels": self.channels.info()}

    async def close_sockets(self) -> None:
        """Close all connections with 1001.

        Their calls have `Limits.shutdown_timeout` to end; new calls are answered with -32005 and
        new connections with 503 meanwhile. One connection that fails does not keep another open.
        """
        connections = [socket._wsrpc for socket in self.sockets if hasattr(socket, "_wsrpc")]
        for connection in connections:
            connection.keep_reading()
        connections += self._connecting
        if not connections and self.channels.is_idle:
            return
        self._closing += 1
        # A call that asks for this is cancelled with its own connection; the others go on closing.
        await asyncio.shield(self._shut_down(connections))

    async def _shut_down(self, connections: list[Connection]) -> None:
        try:
            await asyncio.gather(
                *(connection.shut_down() for connection in connections), return_exceptions=True
            )
            await self.channels.close(Limits.shutdown_timeout)
        finally:
            self._closing -= 1

    async def revoke(self, socket_id: str, channel: str) -> bool:
        """Take a channel from a connection, and return whether it had it or was about to.

        The client is not told; `Websocket.authorize` decides whether it may subscribe again.
        """
        for socket in tuple(self.sockets):
            if socket.socket_id == socket_id:
                return await socket._wsrpc.memberships.revoke(channel)
        return False

    async def publish(self, channel: str, event: str, body: Any) -> None:
        """Override: hand an event to the backend, which brings it to `channels` of each process.

        Raise `CannotPublish` to refuse the channel, `BrokerUnavailable` or `ConnectionError` where
        the backend cannot be reached. This one refuses every channel.
        """
        raise CannotPublish

    async def subscribe(self, channel: str) -> None:
        """Override: subscribe a channel at the backend, before its first subscriber is told so.

        Raise `CannotSubscribe` to refuse the channel. This one refuses every channel.
        """
        raise CannotSubscribe

    async def subscribe_to_event(self, channel: str, event: str) -> None:
        """Override: called for each new pattern of a subscribed channel.

        What it raises undoes the registration.
        """

    async def unsubscribe(self, channel: str) -> None:
        """Override: called after the last subscriber of a channel left.

        Called too where `subscribe` was cancelled: perhaps there is nothing to unsubscribe. What it
        raises is logged, and it is called again until it succeeds or the channel is wanted.
        """

    async def read_history(self, channel: str, since: Position | None) -> Past:
        """Override where there is a `history`: return where a channel stands, read at one moment.

        With `since`, also the events after that offset that are still kept, in order; whether
        these are all is judged elsewhere. Raise `BrokerUnavailable` or `ConnectionError` where the
        backend cannot be reached. Called after `subscribe`, for each client that comes back, and
        wherever events are missing.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has a history: define read_history")

    async def start(self, app: web.Application | None = None) -> None:
        """Override: connect to the backend; called when the application starts."""

    async def close(self, app: web.Application | None = None) -> None:
        """Override: leave the backend; called when the application ends. Closes all connections."""
        await self.close_sockets()

    _closing = 0

    _wsrpc_calls: Callable[..., Calls] = Calls
    """What makes the calls of each connection; a test harness puts faults in their way."""

    @cached_property
    def _connecting(self) -> set[Connection]:
        """The connections that are in their handshake."""
        return set()

    def _unsubscribes(self) -> bool:
        """Tell whether `unsubscribe` does anything, so that most brokers cost no task for it."""
        return getattr(self.unsubscribe, "__func__", None) is not SocketsManager.unsubscribe


SOCKETS_KEY: Final[web.AppKey[SocketsManager]] = web.AppKey("wsrpc.sockets", SocketsManager)
"""Where an application has its manager."""
