"""What a client tells the server about its subscriptions: as they begin, end, and after a loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from .errors import ConnectionClosed, RpcError
from .events import Gap, parse_position
from .history import Position
from .link import End, Link
from .pending import Reply, is_response
from .reconnect import TEMPORARY, Reconnect
from .subscription import Subscription
from .subscriptions import Subscriptions, since

AT_ONCE: Final = 16
"""Channels that are renewed at the same time: what a server runs at once of one connection."""

Admit = Callable[[], Awaitable[Link]]

_log = logging.getLogger("wsrpc.client")


class Request(Protocol):
    """How a client makes a call: its response, or the exception that stands for it."""

    def __call__(
        self,
        method: str,
        payload: dict[str, Any],
        *,
        admit: Admit,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> Awaitable[Any]: ...


class Subscribing:
    """The subscriptions of a client, kept on the server over any number of connections.

    `admit` gives the connection on which calls may be made, once there is one.
    """

    def __init__(self, name: str, request: Request, admit: Admit, retry: Reconnect | None) -> None:
        self.subscriptions = Subscriptions()
        self._name = name
        self._request = request
        self._admit = admit
        self._retry = retry or Reconnect()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._renewals: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._link: Link | None = None

    # What a `Subscription` asks for.

    async def open_subscription(self, subscription: Subscription) -> None:
        """Call ``subscribe``; events go to the subscription as soon as the reply is read."""
        channel, held = subscription.channel, self.subscriptions
        link: Link | None = None

        async def admit() -> Link:
            nonlocal link
            link = await self._free(channel)
            return link

        def on_reply(reply: Reply) -> None:
            if is_response(reply):
                held.add(subscription, _position(reply["response"], channel))

        held.want(subscription)
        try:
            payload = _choice(channel, subscription.patterns)
            await self._request("subscribe", payload, admit=admit, on_reply=on_reply)
        except BaseException as error:
            if link is not None and link is self._link and not isinstance(error, RpcError):
                # Cancelled or timed out: the server may have subscribed all the same.
                held.hold(channel, subscription.patterns)
            held.release(subscription)
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
        self.subscriptions.release(subscription)
        subscription.end(_left, quietly=True)
        if error is None:
            await self._unsubscribe(subscription)
        elif issubclass(error, asyncio.CancelledError):
            self._unsubscribe_later(subscription)
        else:
            await self._unsubscribe_quietly(subscription)

    # What the client tells.

    def connected(self, link: Link) -> None:
        """Renew on a new connection what was interrupted, in the background."""
        for channel in self.subscriptions.interrupted_channels():
            self._renewals[channel] = self._start(self._renew(channel, link), "renewing")

    def begin(self, link: Link) -> None:
        """Note that calls are made on this connection from now on."""
        self._link = link

    def lost(self) -> None:
        """Note that the connection is gone, and what the server held with it."""
        self._link = None
        self.subscriptions.lost()
        for task in self._renewals.values():
            task.cancel()
        self._renewals.clear()

    def end(self, error: Callable[[], Exception], end: End) -> None:
        """End every subscription."""
        for subscription in self.subscriptions.open():
            subscription.end(error, quietly=end.locally)

    async def finish(self) -> None:
        """Wait until no task is left, after `lost`."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Ending on the server.

    async def _unsubscribe(self, subscription: Subscription) -> None:
        def on_reply(reply: Reply) -> None:
            # Until here, what was on its way still went to the subscription, which drops it.
            self.subscriptions.remove(subscription)

        link = self._link
        try:
            stale = self.subscriptions.take_stale(subscription.channel)
            if stale and link is not None:
                payload = _choice(subscription.channel, stale)
                await self._request("unsubscribe", payload, admit=_always(link), on_reply=on_reply)
        except ConnectionClosed:
            pass
        finally:
            self.subscriptions.remove(subscription)

    async def _unsubscribe_quietly(self, subscription: Subscription) -> None:
        try:
            await self._unsubscribe(subscription)
        except (RpcError, TimeoutError, ValueError) as error:
            _log.warning("failed to unsubscribe at %s: %s", self._name, error)

    def _unsubscribe_later(self, subscription: Subscription) -> None:
        if self._link is None:
            self.subscriptions.remove(subscription)
        else:
            self._start(self._unsubscribe_quietly(subscription), "leaving")

    def _start(self, work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"wsrpc client of {self._name}, {what}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Renewing.

    async def _free(self, channel: str) -> Link:
        """Return the connection once the channel is not being renewed on it."""
        while True:
            link = await self._admit()
            renewal = self._renewals.get(channel)
            if renewal is None:
                return link
            await asyncio.wait([renewal])

    async def _renew(self, channel: str, link: Link) -> None:
        """Subscribe again, until the server has decided about every subscription."""
        attempts = 0
        while (error := await self._renew_all(channel, link)) is not None:
            _log.info("failed to subscribe to %r again, will try on: %s", channel, error)
            await asyncio.sleep(self._retry.pause(attempts))
            attempts += 1
        self._renewals.pop(channel, None)  # a connection that was dropped has taken it already

    async def _renew_all(self, channel: str, link: Link) -> RpcError | None:
        """Subscribe to all patterns at once, or where that is refused, for each subscription.

        Return the error after which to try again, None where all is decided.
        """
        async with self._turns:
            there = self.subscriptions.interrupted(channel)
            if there:
                try:
                    await self._subscribe_again(channel, there, link)
                except TEMPORARY as error:
                    return error
                except (RpcError, ValueError) as error:
                    if len(there) > 1:
                        return await self._renew_each(channel, link)
                    self._refused(there[0], error)
        return None

    async def _renew_each(self, channel: str, link: Link) -> RpcError | None:
        for one in self.subscriptions.interrupted(channel):
            try:
                await self._subscribe_again(channel, [one], link)
            except TEMPORARY as error:
                return error
            except (RpcError, ValueError) as error:
                self._refused(one, error)
        return None

    async def _subscribe_again(
        self, channel: str, there: Sequence[Subscription], link: Link
    ) -> None:
        known = self.subscriptions
        payload = _choice(channel, sorted({pattern for one in there for pattern in one.patterns}))
        # What somebody else has subscribed to meanwhile cannot be had from an earlier position on.
        was_held = known.holds(channel)
        position = None if was_held else since(there)
        if position is not None:
            payload["since"] = position.plain()

        def on_reply(reply: Reply) -> None:
            if is_response(reply):
                self._renewed(channel, there, reply["response"], position is not None)

        for one in there:
            known.hold(channel, one.patterns)
        try:
            await self._request("subscribe", payload, admit=_always(link), on_reply=on_reply)
        except RpcError as error:
            if not was_held:
                known.forget(channel)
            if position is None or "since" not in (error.errors or {}):
                raise
            # `on_connect` has subscribed to the channel without a word to the client.
            for one in there:
                one.forget_position()
            await self._subscribe_again(channel, there, link)
        except TimeoutError as error:
            # Whether the server has subscribed is not known: only another connection is clean.
            link.drop(f"the subscription to {channel!r} was not renewed: {error}")

    def _refused(self, subscription: Subscription, error: Exception) -> None:
        _log.warning("cannot subscribe to %r again: %s", subscription.channel, error)
        subscription.end(lambda: error)

    def _renewed(
        self, channel: str, there: Sequence[Subscription], response: Any, asked: bool
    ) -> None:
        self.subscriptions.renewed(there)
        if asked and type(response) is dict and response.get("recovered") is True:
            return  # the events that follow lead on from the position of each
        position = _position(response, channel)
        data = None if position is None else position.plain()
        self.subscriptions.gap(there, Gap(channel, data=data), position)


def _choice(channel: str, patterns: Sequence[str]) -> dict[str, Any]:
    return {"channel": channel, "event": patterns[0] if len(patterns) == 1 else list(patterns)}


def _position(response: object, channel: str) -> Position | None:
    """Return the position of a channel in the response to ``subscribe``."""
    positions = response.get("positions") if type(response) is dict else None
    return parse_position(positions.get(channel)) if type(positions) is dict else None


def _always(link: Link) -> Admit:
    async def admit() -> Link:
        return link

    return admit


def _left() -> RuntimeError:
    return RuntimeError("the subscription was left: its `async with` has ended")
