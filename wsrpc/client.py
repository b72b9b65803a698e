"""`RpcClient`: calls, events and publishing over one websocket.

::

    async with RpcClient.connect("wss://example.org/stream") as client:
        total = await client.call("add", {"a": 1, "b": 2})
        async with client.subscribe("prices", "tick.*") as events:
            async for event in events:
                print(event.event, event.data)

Each reply goes to the call that waits for its id, each event to the subscriptions that match, as
it is read. Whatever else the server sends is logged and ignored.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ssl import SSLContext
from types import EllipsisType, TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec
from aiohttp import Fingerprint
from aiohttp.typedefs import LooseHeaders, StrOrURL

from . import protocol
from .connecting import Connecting, open_link
from .errors import ConnectionClosed, ParseError, RpcError, from_wire
from .link import LOST, End, Link
from .pending import PendingCalls, Reply, encode_request
from .subscription import (
    MAX_PENDING,
    Event,
    Subscription,
    SubscriptionOverflow,
    Subscriptions,
    parse_event,
)

__all__ = ["Connecting", "Event", "RpcClient", "Subscription", "SubscriptionOverflow"]

DEFAULT_TIMEOUT: Final = 30.0
"""Seconds for the handshake and for each call: longer than a healthy server takes."""

DEFAULT_HEARTBEAT: Final = 25.0
"""Seconds between pings, as on the server: many proxies cut what is silent for 30 s."""

MAX_MESSAGE_SIZE: Final = 4 * 2**20
"""Bytes of one message of the server, as aiohttp has it; a larger one ends the connection."""

_BYTES: Final = (bytes, bytearray, memoryview)
"""They stay bytes, which a message cannot have, rather than turn into base64 unasked."""

_log = logging.getLogger(__name__)


class RpcClient:
    """A connection to a websocket RPC server; `connect` makes it.

    Calls and subscriptions may run concurrently. When the connection ends, every call in flight
    raises `ConnectionClosed` with the close code, and so does each later one.
    """

    def __init__(self, link: Link, *, url: str, timeout: float | None = DEFAULT_TIMEOUT) -> None:
        self.url = url
        self.timeout = timeout
        self._link = link
        self._calls = PendingCalls()
        self._subscriptions = Subscriptions()
        self._chores: set[asyncio.Task[None]] = set()
        link.start(self)

    @classmethod
    def connect(
        cls,
        url: StrOrURL,
        *,
        session: aiohttp.ClientSession | None = None,
        headers: LooseHeaders | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        heartbeat: float | None = DEFAULT_HEARTBEAT,
        max_message_size: int = MAX_MESSAGE_SIZE,
        ssl: SSLContext | Fingerprint | bool = True,
    ) -> Connecting[Self]:
        """Connect: ``async with RpcClient.connect(url) as client``, or await it and close it.

        A session of the caller's stays open; without one, the client has its own. `timeout` is for
        the handshake and the default of each call. Raises `aiohttp.WSServerHandshakeError` for a
        refused handshake, `aiohttp.ClientConnectionError` where there is no server, and
        `TimeoutError`.
        """
        opening = partial(
            open_link,
            url,
            session=session,
            headers=headers,
            timeout=timeout,
            heartbeat=heartbeat,
            max_message_size=max_message_size,
            ssl=ssl,
        )
        return Connecting(opening, partial(cls, url=str(url), timeout=timeout))

    async def call(
        self,
        method: str,
        payload: Any = None,
        *,
        timeout: float | EllipsisType | None = ...,
    ) -> Any:
        """Call a method and return its response; with None as `timeout`, wait for ever.

        The payload is a mapping, or an object that stands for one: of a dataclass, a
        `msgspec.Struct`, an attrs class or a pydantic model.

        Raises the `RpcError` that the server answers, `TimeoutError` without an answer in time,
        `ConnectionClosed` when the connection ends first, `ValueError` for an answer that is no
        reply of the protocol, and, before anything is sent, `TypeError` for a payload that has no
        JSON form. After a timeout or a cancellation the server may still have done the work.
        """
        return self._response(await self._exchange(method, payload, timeout))

    async def publish(self, channel: str, event: str | None = None, data: Any = None) -> Any:
        """Publish an event and return the server's answer; raises as `call` does."""
        named = {} if event is None else {"event": event}
        return await self.call("publish", {"channel": channel, **named, "data": data})

    def subscribe(
        self, channel: str, *patterns: str, max_pending: int = MAX_PENDING
    ) -> Subscription:
        """Subscribe to the events of a channel that match one of the patterns, by default all.

        ``async with client.subscribe("prices", "tick.*") as events`` makes the call, and raises as
        `call` does. At its end the patterns that no other subscription of this client needs are
        unsubscribed. Raises `ValueError` at once for a malformed pattern.
        """
        return Subscription(self, channel, patterns, max_pending)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, by either side."""
        return self._link.end is not None

    @property
    def close_code(self) -> int | None:
        """The code of the side that closed first, 1006 where no close frame came; None if open."""
        return None if self._link.end is None else self._link.end.code

    @property
    def close_reason(self) -> str | None:
        """What was said, or is known, about the end of the connection; None if open."""
        return None if self._link.end is None else self._link.end.reason

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; calls in flight raise `ConnectionClosed` with this code at once.

        When it returns nothing is left behind, also where the server does not answer. Closing
        again does nothing.
        """
        await self._link.close(code, reason)
        await asyncio.gather(*self._chores)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "open" if self._link.end is None else f"closed {self._link.end.code}"
        return f"<{type(self).__name__} {self.url} {state}>"

    # What a subclass may see, or decide otherwise.

    def _new_id(self) -> int:
        return self._calls.new_id()

    async def _send(self, data: bytes, *, binary: bool = False) -> None:
        try:
            await self._link.send(data, binary=binary)
        except ConnectionClosed:
            raise self._closed_error() from None

    def _unclaimed(self, message: Any, what: str, *, expected: bool = False) -> None:
        """Decide about a frame that nobody waits for: a decoded message, or bytes."""
        level = logging.DEBUG if expected else logging.WARNING
        _log.log(level, "ignored %s from %s", what, self.url)

    def _rpc_error(self, reply: Reply) -> RpcError:
        """Return the exception for an error reply; raises `ValueError` if it holds none."""
        error = reply["error"]
        return from_wire(error if isinstance(error, dict) else {})

    def _timed_out(self, what: str) -> TimeoutError:
        return TimeoutError(what)

    def _closed_error(self) -> ConnectionClosed:
        return (self._link.end or End(LOST, "")).error()

    async def _exchange(
        self,
        method: str,
        payload: Any,
        timeout: float | EllipsisType | None = ...,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> Reply:
        """Send a request and return the reply as it came; `on_reply` is told as it is read."""
        id = self._new_id()
        data = encode_request(id, method, _plain(payload))
        call = self._calls.add(id, on_reply)
        seconds = self.timeout if timeout is ... else timeout
        try:
            async with asyncio.timeout(seconds):
                await self._send(data)
                reply = await call.reply
        except TimeoutError:
            raise self._timed_out(
                f"no reply to {method!r} (id {id}) came within {seconds:g} s"
            ) from None
        finally:
            self._calls.give_up(call)
        if reply is None:
            raise self._closed_error()
        return reply

    def _response(self, reply: Reply) -> Any:
        if _is_response(reply):
            return reply["response"]
        if "error" in reply and "response" not in reply:
            raise self._rpc_error(reply)
        raise ValueError(f"expected a reply with a response or an error, got {reply!r:.200}")

    # Subscriptions: what a `Subscription` asks of its client.

    async def open_subscription(self, subscription: Subscription) -> None:
        """Call ``subscribe``; events go to the subscription as soon as the reply is read."""

        def on_reply(reply: Reply) -> None:
            if _is_response(reply):
                self._subscriptions.add(subscription)

        self._subscriptions.want(subscription)
        try:
            payload = _choice(subscription.channel, subscription.patterns)
            self._response(await self._exchange("subscribe", payload, on_reply=on_reply))
        except BaseException as error:
            if not isinstance(error, (RpcError, TypeError)):
                # Cancelled or timed out: the server may have subscribed all the same.
                self._subscriptions.hold(subscription)
            self._subscriptions.release(subscription)
            subscription.end(_left)
            self._unsubscribe_later(subscription)
            raise

    async def leave_subscription(
        self, subscription: Subscription, error: type[BaseException] | None
    ) -> None:
        """Call ``unsubscribe`` for the patterns that nobody needs any more.

        Its failure is raised where the body ended well, and logged where the body raised. A
        cancelled body does not wait for the answer.
        """
        self._subscriptions.release(subscription)
        subscription.end(_left, quietly=True)
        if error is None:
            await self._unsubscribe(subscription)
        elif issubclass(error, asyncio.CancelledError):
            self._unsubscribe_later(subscription)
        else:
            await self._unsubscribe_quietly(subscription)

    async def _unsubscribe(self, subscription: Subscription) -> None:
        def on_reply(reply: Reply) -> None:
            # Until here, what was on its way still went to the subscription, which drops it.
            self._subscriptions.remove(subscription)

        try:
            stale = self._subscriptions.take_stale(subscription.channel)
            if stale and not self.closed:
                payload = _choice(subscription.channel, stale)
                self._response(await self._exchange("unsubscribe", payload, on_reply=on_reply))
        except ConnectionClosed:
            pass
        finally:
            self._subscriptions.remove(subscription)

    async def _unsubscribe_quietly(self, subscription: Subscription) -> None:
        try:
            await self._unsubscribe(subscription)
        except (RpcError, TimeoutError, ValueError) as error:
            _log.warning("failed to unsubscribe at %s: %s", self.url, error)

    def _unsubscribe_later(self, subscription: Subscription) -> None:
        if not self.closed:
            chore = asyncio.create_task(
                self._unsubscribe_quietly(subscription), name=f"wsrpc client of {self.url}, leaving"
            )
            self._chores.add(chore)
            chore.add_done_callback(self._chores.discard)

    # What comes: what a `Link` tells its receiver.

    def frame_received(self, data: bytes, *, binary: bool) -> None:
        """Give a message to the call or the subscriptions that it is for."""
        if binary:
            self._unclaimed(data, f"a binary frame of {len(data)} bytes")
            return
        try:
            # What the server sends is not limited in depth, other than by the decoder.
            message = protocol.decode(data, depth=sys.maxsize)
        except ParseError:
            self._unclaimed(data, f"a text frame of {len(data)} bytes that is not JSON")
            return
        if type(message) is dict and "id" in message:
            if not self._calls.finish(message):
                late = self._calls.is_late(message)
                what = f"a {'late ' if late else ''}reply to id {message['id']!r:.80}"
                self._unclaimed(message, what, expected=late)
        elif event := parse_event(message):
            if not self._subscriptions.route(event):
                what = f"an event of {event.channel!r:.80} without a subscription"
                self._unclaimed(message, what, expected=True)
        else:
            self._unclaimed(message, "a message that is neither a reply nor an event")

    def link_ended(self, end: End) -> None:
        """End every call and every subscription."""
        self._calls.end()
        for subscription in self._subscriptions.open():
            subscription.end(self._closed_error, quietly=end.locally)


def _is_response(reply: Reply) -> bool:
    return "response" in reply and "error" not in reply


def _plain(payload: Any) -> Any:
    """Return the dict that an object of a payload type stands for; the rest as it is."""
    if payload is None or isinstance(payload, Mapping):
        return payload
    try:
        plain = msgspec.to_builtins(payload, builtin_types=_BYTES, enc_hook=_dump)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the payload {payload!r:.80} has no JSON form: {error}") from error
    return plain if isinstance(plain, dict) else payload


def _dump(value: Any) -> Any:
    """Return what a pydantic model stands for; raises `TypeError` for everything else."""
    if isinstance(value, type) or not hasattr(value, "model_dump"):
        raise TypeError(f"{type(value).__qualname__} has no JSON form")
    return value.model_dump(mode="json")


def _choice(channel: str, patterns: Sequence[str]) -> dict[str, Any]:
    return {"channel": channel, "event": patterns[0] if len(patterns) == 1 else list(patterns)}


def _left() -> RuntimeError:
    return RuntimeError("the subscription was left: its `async with` has ended")
