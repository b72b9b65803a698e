"""`WsTestClient`: an `RpcClient` that shows a test all that is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from ssl import SSLContext
from types import EllipsisType
from typing import Any, Self

import aiohttp
from aiohttp import Fingerprint
from aiohttp.typedefs import StrOrURL

from wsrpc import protocol
from wsrpc.client import MAX_MESSAGE_SIZE, RpcClient
from wsrpc.connecting import Connecting, Dialer, Headers
from wsrpc.errors import ConnectionClosed, ParseError, RpcError
from wsrpc.events import Event, parse_event
from wsrpc.failures import Failure
from wsrpc.link import End, Link
from wsrpc.reconnect import Reconnect
from wsrpc.state import ClientState

from .clock import VirtualLoop
from .leftovers.replies import RawRequests
from .network import NetworkLink
from .network.connector import LINK
from .traces import application_trace
from .transcript import Transcript, describe, shorten
from .unread import Unread, UnreadMessages

__all__ = ["DEFAULT_TIMEOUT", "WsTestClient"]

DEFAULT_TIMEOUT = 5.0
"""Seconds for the handshake and for each call: a test that hangs is to fail while one waits."""

_WIDTH = 120
_LINES = 6
_SHOWN = 5


class WsTestClient(RpcClient):
    """A client for tests: raw messages, expected events, the server's exceptions, a transcript.

    A frame goes to the call that waits for its id, else to each open subscription that matches,
    else it stays unread until `next_event` or `receive` takes it.
    """

    def __init__(
        self,
        dial: Dialer,
        *,
        reconnect: Reconnect | bool = False,
        on_connect: Callable[[Any], Awaitable[object]] | None = None,
        on_state_change: Callable[[ClientState], object] | None = None,
        name: str = "ws_client",
    ) -> None:
        self.name = name
        self.socknames: list[Any] = []
        """The addresses of this end, one for each connection: what the server sees as its peer."""
        self.transcript = Transcript.of_loop(name, str(dial.url), asyncio.get_running_loop())
        self.server_errors: list[BaseException] = []
        """Exceptions of the server on this connection that no error reply has shown; a test fails
        for those that it does not take out."""
        self._failures: list[Failure] = []
        self._unread = UnreadMessages()
        self._changed = asyncio.Event()
        self._raw_ids: set[int] = set()
        self.raw_requests = RawRequests()
        self._network: NetworkLink | None = None
        self._link_seed: str | None = None
        super().__init__(
            dial, reconnect=reconnect, on_connect=on_connect, on_state_change=on_state_change
        )

    @classmethod
    def connect(
        cls,
        url: StrOrURL,
        *,
        session: aiohttp.ClientSession | None = None,
        headers: Headers | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        heartbeat: float | None = None,
        max_message_size: int = MAX_MESSAGE_SIZE,
        compression: bool = False,
        ssl: SSLContext | Fingerprint | bool = True,
        reconnect: Reconnect | bool = False,
        on_connect: Callable[[Self], Awaitable[object]] | None = None,
        on_state_change: Callable[[ClientState], object] | None = None,
        name: str = "ws_client",
    ) -> Connecting[Self]:
        """Connect as `RpcClient.connect` does, with shorter timeouts, no pings, and once only."""
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
                name=name,
            ),
        )

    @property
    def sockname(self) -> Any:
        """The address of this end, which the server sees as the connection's peer."""
        return self.socknames[-1]

    @property
    def link(self) -> NetworkLink:
        """The network between this client and the server, on which faults can be set.

        Raises `RuntimeError` for a client that the fixtures have not connected.
        """
        if self._network is None:
            raise RuntimeError(
                f"{self.name} has no link: it was connected by a session of its own, over the real "
                "network. Connect it by ws_connect, or by ws_connect.session: "
                "WsTestClient.connect(url, session=ws_connect.session)"
            )
        return self._network

    def seed_links(self, seed: str) -> None:
        """Let chance on the links of all connections follow from a seed."""
        self._link_seed = seed
        self.link.seed(seed)

    async def request(
        self,
        method: str,
        payload: Any = None,
        *,
        timeout: float | EllipsisType | None = ...,
    ) -> dict[str, Any]:
        """Call a method and return the whole reply as it came, also if it is an error.

        Raises `TimeoutError` without a reply in time, and `ConnectionClosed`.
        """
        reply = await self._exchange(method, payload, timeout)
        self._take_failures(reply)
        return reply

    async def send_text(self, text: str | bytes) -> None:
        """Send a text frame; bytes go out as they are, also if they are not UTF-8."""
        data = text.encode() if isinstance(text, str) else text
        self._note_id(data)
        self.raw_requests.note(data)
        await self._send(self._link, data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        self.raw_requests.note(data)
        await self._send(self._link, data, binary=True)

    async def send_json(self, value: Any) -> None:
        """Send any JSON value in a text frame; `receive` gives what answers it."""
        await self.send_text(protocol.encode_json(value))

    async def receive(self, timeout: float | None = 1.0) -> Any:
        """Return the next unread message, decoded; for a binary frame, its bytes.

        Raises `ValueError` for a text frame that is not JSON, `TimeoutError`, and
        `ConnectionClosed` once everything was read.
        """
        unread = await self._take(self._unread.first, timeout)
        if unread is None:
            raise self._timed_out(f"no message came within {timeout:g} s")
        if not unread.is_json:
            raise ValueError(f"expected JSON in a text frame, got {unread.message!r:.1000}")
        if type(unread.message) is dict:
            self._take_failures(unread.message)
        return unread.message

    async def next_event(
        self, channel: str | None = None, event: str | None = None, timeout: float | None = 1.0
    ) -> Event:
        """Return the next unread event of a channel and a name, both patterns; None is any.

        Other messages stay unread. Raises `TimeoutError`, which tells what came instead, and
        `ConnectionClosed`.
        """
        _check_seconds("timeout", timeout)
        unread = await self._take(self._find(channel, event), timeout)
        if unread is None:
            raise self._timed_out(
                f"{_awaited(channel, event)} did not come within {timeout:g} s"
                f"\n{self._describe_unread()}"
            )
        assert unread.event is not None
        return unread.event

    async def no_event(
        self, within: float = 0.05, channel: str | None = None, event: str | None = None
    ) -> None:
        """Fail if an event is unread already, or comes within the time.

        `channel` and `event` are patterns. Raises `AssertionError` with the event, which stays
        unread, and `ConnectionClosed` where the connection ends before.
        """
        _check_seconds("within", within)
        find = self._find(channel, event)
        index = await self._wait(find, within)
        if index is not None:
            event_text = shorten(repr(self._unread[index].event), 1000)
            raise AssertionError(
                f"expected no event within {within:g} s, got {event_text}\n{self._conversation()}"
            )

    @property
    def has_unread(self) -> bool:
        """Whether `receive` would give a message at once."""
        return bool(self._unread)

    @property
    def unread(self) -> list[Any]:
        """The messages that nobody has taken, in order; bytes for what is not JSON text.

        Errors among them count as looked at.
        """
        for unread in self._unread:
            unread.is_seen = True
        return [unread.message for unread in self._unread]

    def server_failed(self, failure: Failure) -> None:
        """Note an exception that the server raised on this connection."""
        error = failure.exception
        error.__traceback__ = application_trace(error.__traceback__)
        where = failure.where
        if failure.request_id is not None:
            where += f", id {failure.request_id!r}"
        text = f"{describe(failure.exception)}  ({where})"
        self.transcript.record("failed", text, failure.exception, failure.request_id)
        self.server_errors.append(failure.exception)
        self._failures.append(failure)

    # What the client sees and decides otherwise.

    def frame_received(self, data: bytes, *, binary: bool) -> None:
        """Record the frame, then do with it as every client does."""
        self.transcript.record("received", data if binary else _text(data))
        if binary:
            self._keep(Unread(data))
        else:
            super().frame_received(data, binary=False)

    def link_opened(self, link: Link) -> None:
        """Record the connection, and lay its faults in reach."""
        self.socknames.append(link.get_extra_info("sockname"))
        self._network = link.get_extra_info(LINK)
        if self._network is not None:
            self._network.on_fault = partial(self.transcript.record, "fault")
            if self._link_seed is not None:
                self._network.seed(f"{self._link_seed}\n{len(self.socknames)}")
        self.transcript.record("connected")
        super().link_opened(link)

    def link_ended(self, end: End) -> None:
        """Record the end, then wake all who wait."""
        by = "" if end.locally else " by the server"
        reason = f": {end.reason}" if end.reason else ""
        self.transcript.record("closed", f"{end.code}{by}{reason}")
        super().link_ended(end)
        self._changed.set()

    def _new_id(self) -> int:
        """Return an id that no raw message had either: its reply would be taken for the call's."""
        id = super()._new_id()
        while id in self._raw_ids:
            id = super()._new_id()
        return id

    async def _send(self, link: Link, data: bytes, *, binary: bool = False) -> None:
        if link.end is None:
            self.transcript.record("sent", data if binary else _text(data))
        await super()._send(link, data, binary=binary)

    def _unclaimed(self, message: Any, what: str, *, expected: bool = False) -> None:
        is_json = type(message) is not bytes
        self._keep(Unread(message, parse_event(message), is_json, is_late=expected))

    def _rpc_error(self, reply: dict[str, Any]) -> RpcError:
        error = super()._rpc_error(reply)
        error.__cause__ = self._take_failures(reply)
        return error

    def _timed_out(self, what: str) -> TimeoutError:
        return TimeoutError(f"{what}\n{self._conversation()}")

    def _closed_error(self, end: End | None = None, *, sent: bool = False) -> ConnectionClosed:
        error = super()._closed_error(end, sent=sent)
        error.add_note(self._conversation())
        return error

    def _keep(self, unread: Unread) -> None:
        self._unread.keep(unread)
        self._changed.set()

    async def _take(self, find: Callable[[], int | None], timeout: float | None) -> Unread | None:
        index = await self._wait(find, timeout)
        return None if index is None else self._unread.take(index)

    async def _wait(self, find: Callable[[], int | None], timeout: float | None) -> int | None:
        """Return the index of what `find` looks for as soon as it is there, None at the timeout."""
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            self._changed.set()

        loop = asyncio.get_running_loop()
        timer = None if timeout is None else loop.call_later(timeout, expire)
        try:
            # A loop that was held up may have read the message together with the timeout.
            while (index := find()) is None and not expired:
                if self.closed:
                    raise self._closed_error()
                self._changed.clear()
                await self._changed.wait()
                if expired and isinstance(loop, VirtualLoop):
                    await loop.settled()  # what comes at the last instant comes in time
            return index
        finally:
            if timer is not None:
                timer.cancel()

    def _find(self, channel: str | None, event: str | None) -> Callable[[], int | None]:
        _check_pattern("channel", channel)
        _check_pattern("event", event)
        return self._unread.finder(channel, event)

    def _take_failures(self, reply: dict[str, Any]) -> BaseException | None:
        """Take out the exceptions that an error reply stands for, and return the first."""
        if "error" not in reply or "id" not in reply:
            return None
        id = reply["id"]
        shown = [
            failure.exception
            for failure in self._failures
            if type(failure.request_id) is type(id) and failure.request_id == id
        ]
        self.server_errors[:] = [
            error for error in self.server_errors if not any(error is taken for taken in shown)
        ]
        self._failures = [
            failure
            for failure in self._failures
            if not any(failure.exception is taken for taken in shown)
        ]
        return shown[0] if shown else None

    def _note_id(self, data: bytes) -> None:
        with suppress(ParseError):
            message = protocol.decode(data)
            if type(message) is dict and type(message.get("id")) is int:
                self._raw_ids.add(message["id"])

    def _describe_unread(self) -> str:
        lines = ["unread messages:"] if self._unread else ["there is no unread message"]
        for unread in islice(self._unread, _SHOWN):
            message = repr(unread.message)
            lines.append(f"  {shorten(message, _WIDTH)}")
        if len(self._unread) > _SHOWN:
            lines.append(f"  ... and {len(self._unread) - _SHOWN} more")
        for subscription in self._subscribing.subscriptions.open():
            lines.append(f"events that match go to {subscription!r}")
        return "\n".join(lines)

    def _conversation(self) -> str:
        return self.transcript.render(_WIDTH, _LINES)


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _check_seconds(name: str, value: Any) -> None:
    __tracebackhide__ = True
    if value is not None and not isinstance(value, (int, float)):
        raise TypeError(
            f"{name} must be seconds, got {value!r:.80}; "
            "channels and events are passed by name: channel=..., event=..."
        )


def _check_pattern(name: str, value: Any) -> None:
    __tracebackhide__ = True
    if value is not None and not isinstance(value, str):
        raise TypeError(
            f"{name} must be a name or a pattern, got {value!r:.80}; "
            "seconds are within= of no_event and timeout= of next_event"
        )


def _awaited(channel: str | None, event: str | None) -> str:
    what = "an event" if event is None else f"the event {event!r}"
    return what if channel is None else f"{what} of channel {channel!r}"
