"""`RpcClient`: calls, events and publishing over a websocket that is opened again when it breaks.

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
from collections.abc import Awaitable, Callable
from functools import partial
from ssl import SSLContext
from types import EllipsisType, TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp import Fingerprint
from aiohttp.typedefs import StrOrURL

from . import protocol
from .connecting import Connecting, Dialer, Headers
from .errors import ConnectionClosed, ParseError, RpcError, from_wire
from .events import Event, Gap, parse_event
from .keeper import Keeper
from .link import End, Link
from .payload import plain
from .pending import PendingCalls, Reply, encode_request, is_response
from .reconnect import Reconnect
from .state import ClientState, StateName
from .subscribing import Subscribing
from .subscription import MAX_PENDING, Subscription, SubscriptionOverflow

__all__ = [
    "ClientState",
    "Connecting",
    "Event",
    "Gap",
    "Reconnect",
    "RpcClient",
    "Subscription",
    "SubscriptionOverflow",
]

DEFAULT_TIMEOUT: Final = 30.0
"""Seconds for the handshake and for each call: longer than a healthy server takes."""

DEFAULT_HEARTBEAT: Final = 25.0
"""Seconds between pings, as on the server: many proxies cut what is silent for 30 s."""

MAX_MESSAGE_SIZE: Final = 4 * 2**20
"""Bytes of one message of the server, as aiohttp has it; a larger one ends the client."""

_log = logging.getLogger(__name__)


class RpcClient:
    """A client of a websocket RPC server; `connect` makes it.

    Calls and subscriptions may run concurrently. When the connection ends, every call in flight
    raises `ConnectionClosed` with the close code; none is ever repeated. The client comes back, as
    its `Reconnect` says, and renews its subscriptions: each goes on with the events that it missed,
    or with a `Gap`. Once the client is closed, by `close` or by an end that it does not come back
    from, every call and subscription raises `ConnectionClosed`.
    """

    def __init__(
        self,
        dial: Dialer,
        *,
        reconnect: Reconnect | bool = True,
        on_connect: Callable[[Any], Awaitable[object]] | None = None,
        on_state_change: Callable[[ClientState], object] | None = None,
    ) -> None:
        self.url: str = str(dial.url)
        self.timeout: float | None = dial.timeout
        options = Reconnect() if reconnect is True else reconnect or None
        self._greeting = on_connect
        self._calls = PendingCalls()
        greet = None if on_connect is None else self._greet
        self._keeper = Keeper(self, dial, options, greet, on_state_change)
        self._subscribing = Subscribing(self.url, self._request, self._admit, options)

    @classmethod
    def connect(
        cls,
        url: StrOrURL,
        *,
        session: aiohttp.ClientSession | None = None,
        headers: Headers | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        heartbeat: float | None = DEFAULT_HEARTBEAT,
        max_message_size: int = MAX_MESSAGE_SIZE,
        compression: bool = False,
        ssl: SSLContext | Fingerprint | bool = True,
        reconnect: Reconnect | bool = True,
        on_connect: Callable[[Self], Awaitable[object]] | None = None,
        on_state_change: Callable[[ClientState], object] | None = None,
    ) -> Connecting[Self]:
        """Connect: ``async with RpcClient.connect(url) as client``, or await it and close it.

        A session of the caller's stays open; without one, the client has its own. `headers` may be
        a function, plain or async, that is asked before each handshake. `timeout` is for the
        handshake and the default of each call. With `compression` the client offers to compress
        what both sides send. `reconnect` says how to come back; with False the client ends with its
        connection. ``await on_connect(client)`` is called on each connection, the first included,
        before anybody else may make calls on it: to log in, say. The plain function
        `on_state_change` is told each new `state`.

        The first connection is not tried again. It raises `aiohttp.WSServerHandshakeError` for a
        refused handshake, `aiohttp.ClientConnectionError` where there is no server, `TimeoutError`,
        and what `on_connect` raises.
        """
        dial = Dialer(
            url,
            session=session,
            headers=headers,
            timeout=timeout,
            heartbeat=heartbeat,
            max_message_size=max_message_size,
            compression=compression,
            ssl=ssl,
        )
        return Connecting(
            cls,
            partial(
                cls,
                dial,
                reconnect=reconnect,
                on_connect=on_connect,
                on_state_change=on_state_change,
            ),
        )

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
        `ConnectionClosed` when the connection ends first or is not there, `ValueError` for an
        answer that is no reply of the protocol, and, before anything is sent, `TypeError` for a
        payload that has no JSON form. After a timeout, a cancellation, or a `ConnectionClosed`
        whose `sent` is true the server may still have done the work.
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
        return Subscription(self._subscribing, channel, patterns, max_pending)

    @property
    def state(self) -> ClientState:
        """What the client is doing about its connection."""
        return self._keeper.state.value

    async def until(self, *states: StateName, timeout: float | None = None) -> ClientState:
        """Wait for one of the states, and return the first of them that comes.

        ``await client.until("connected")`` waits for the next connection. Raises `TimeoutError`,
        and `ConnectionClosed` where the client ends before.
        """
        wanted = {ClientState(state) for state in states}
        try:
            async with asyncio.timeout(timeout):
                state = await self._keeper.state.until(wanted | {ClientState.CLOSED})
        except TimeoutError:
            names = " or ".join(sorted(wanted))
            raise self._timed_out(
                f"the client is {self.state}, and was not {names} within {timeout:g} s"
            ) from None
        if state not in wanted:
            raise self._closed_error()
        return state

    @property
    def closed(self) -> bool:
        """Whether the client has ended for good, by either side; False while it is coming back."""
        return self._keeper.end is not None

    @property
    def close_code(self) -> int | None:
        """The code of the side that closed first, 1006 where no close frame came; None if open."""
        return None if self._keeper.end is None else self._keeper.end.code

    @property
    def close_reason(self) -> str | None:
        """What was said, or is known, about the end of the client; None if open."""
        return None if self._keeper.end is None else self._keeper.end.reason

    async def open(self) -> None:
        """Connect for the first time, as awaiting `connect` does."""
        await self._keeper.open()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the client; calls in flight raise `ConnectionClosed` with this code at once.

        When it returns nothing is left behind, also where the server does not answer. Closing
        again does nothing.
        """
        await self._keeper.close(code, reason)
        await self._subscribing.finish()

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
        code = "" if self.close_code is None else f" {self.close_code}"
        return f"<{type(self).__name__} {self.url} {self.state}{code}>"

    # What a subclass may see, or decide otherwise.

    def _new_id(self) -> int:
        return self._calls.new_id()

    async def _send(self, link: Link, data: bytes, *, binary: bool = False) -> None:
        is_open = link.end is None
        try:
            await link.send(data, binary=binary)
        except ConnectionClosed:
            raise self._closed_error(link.end, sent=is_open) from None

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

    def _closed_error(self, end: End | None = None, *, sent: bool = False) -> ConnectionClosed:
        """Return what a call on a connection that ended so raises; by default the last one."""
        keeper = self._keeper
        end = end or keeper.end or keeper.lost
        error = ConnectionClosed(end.code, end.reason, sent=sent, returning=keeper.end is None)
        error.__cause__ = keeper.cause
        return error

    async def _greet(self) -> None:
        assert self._greeting is not None
        await self._greeting(self)

    async def _admit(self) -> Link:
        link = await self._keeper.admit()
        if link is None:
            raise self._closed_error()
        return link

    async def _exchange(
        self,
        method: str,
        payload: Any,
        timeout: float | EllipsisType | None = ...,
        on_reply: Callable[[Reply], None] | None = None,
        admit: Callable[[], Awaitable[Link]] | None = None,
    ) -> Reply:
        """Send a request and return the reply as it came; `on_reply` is told as it is read.

        `admit` gives the connection to make the call on, by default the one for everybody.
        """
        id = self._new_id()
        data = encode_request(id, method, plain(payload))
        seconds = self.timeout if timeout is ... else timeout
        call = None
        try:
            async with asyncio.timeout(seconds):
                link = self._keeper.ready if admit is None else await admit()
                if link is None:
                    link = await self._admit()
                call = self._calls.add(id, on_reply)
                await self._send(link, data)
                reply = await call.reply
        except TimeoutError:
            raise self._timed_out(
                f"no reply to {method!r} (id {id}) came within {seconds:g} s"
                if call is not None
                else f"{method!r} (id {id}) could not be sent within {seconds:g} s: "
                f"the client is {self.state}"
            ) from None
        finally:
            self._calls.give_up(id)
        if reply is None:
            raise self._closed_error(link.end, sent=True)
        return reply

    async def _request(
        self,
        method: str,
        payload: Any,
        *,
        admit: Callable[[], Awaitable[Link]],
        on_reply: Callable[[Reply], None] | None = None,
    ) -> Any:
        return self._response(await self._exchange(method, payload, on_reply=on_reply, admit=admit))

    def _response(self, reply: Reply) -> Any:
        if is_response(reply):
            return reply["response"]
        if "error" in reply and "response" not in reply:
            raise self._rpc_error(reply)
        raise ValueError(f"expected a reply with a response or an error, got {reply!r:.200}")

    # What comes, what a `Link` tells its receiver.

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
            if not self._subscribing.subscriptions.route(event):
                what = f"an event of {event.channel!r:.80} without a subscription"
                self._unclaimed(message, what, expected=True)
        else:
            self._unclaimed(message, "a message that is neither a reply nor an event")

    def link_ended(self, end: End) -> None:
        """End every call, and see to another connection."""
        self._calls.end()
        self._subscribing.lost()
        self._keeper.link_ended(end)

    # What happens to the connection: what a `Keeper` tells its owner.

    def link_opened(self, link: Link) -> None:
        """Take a connection for the current one, and read from it."""
        self._link = link
        self._subscribing.begin(link)
        link.start(self)

    def link_ready(self, link: Link) -> None:
        """Renew the subscriptions."""
        self._subscribing.connected(link)

    def ended(self, end: End) -> None:
        """End every subscription."""
        self._subscribing.end(self._closed_error, end)
