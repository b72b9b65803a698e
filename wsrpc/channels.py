"""The channels of this process, kept in step with the backend.

A channel is subscribed at the backend before its first subscriber is told so, and unsubscribed
after its last one left. The hooks of one channel never overlap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .callbacks import ChannelCallback, Registration
from .channel import GAP, Backend, Channel, ChannelEvent, Member
from .errors import CannotSubscribe
from .failures import Failure, is_being_cancelled, report
from .patterns import Pattern

if TYPE_CHECKING:
    from .manager import SocketsManager

logger = logging.getLogger("wsrpc.channels")

TURN_BYTES: Final = 256 * 1024
"""What may be put out before the loop gets a turn to write it."""

_FIRST_RETRY: Final = 0.1
_LAST_RETRY: Final = 30.0


class _Release(NamedTuple):
    """The end of a channel at the backend, on its way."""

    task: asyncio.Task[None]
    tried: asyncio.Future[None]


class Channels:
    """The channels that have subscribers.

    ``await channels(name, {"event": ..., "data": ...})`` delivers a message that came from the
    backend; the order of such calls is the order of delivery.
    """

    def __init__(self, manager: SocketsManager) -> None:
        self._manager = manager
        self._channels: dict[str, Channel] = {}
        self._registrations: dict[tuple[str, ChannelCallback], Registration] = {}
        self._releases: dict[Channel, _Release] = {}
        self._put_out = 0
        self.ignored = 0
        """Messages from the backend that were no events, and so reached nobody."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._channels.get(name))

    def __iter__(self) -> Iterator[Channel]:
        return (channel for channel in tuple(self._channels.values()) if channel)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, name: str) -> Channel | None:
        """Return a channel that has subscribers, or None."""
        return self._channels.get(name) or None

    def info(self) -> dict[str, dict[str, int]]:
        """Return for each channel how many subscribers each pattern has."""
        return {channel.name: channel.info() for channel in self}

    async def __call__(self, channel: str, message: Mapping[str, Any]) -> None:
        """Deliver a message from the backend, before the first await.

        Never raises for its content: a message that is no event is logged, counted and ignored;
        data that is callable is called once, and if that raises, every connection that the event
        would have reached is closed with 1011.
        """
        self._deliver(channel, message)
        await self.give_turn()

    async def gap(self, channel: str) -> None:
        """Tell the subscribers of a channel that events may have been lost."""
        found = self._channels.get(channel)
        if found is not None:
            event = ChannelEvent(channel, GAP, None)
            for member in found.members():
                member.tell_gap(event)
        await self.give_turn()

    def put_out(self, size: int) -> None:
        """Count bytes that were put into outboxes in this turn of the loop."""
        if not self._put_out:
            asyncio.get_running_loop().call_soon(self._new_turn)
        self._put_out += size

    def _new_turn(self) -> None:
        self._put_out = 0

    async def give_turn(self) -> None:
        """Let the loop write what was put out, if that is much."""
        if self._put_out > TURN_BYTES:
            await asyncio.sleep(0)

    def _deliver(self, name: str, message: Mapping[str, Any]) -> None:
        try:
            channel = self._channels.get(name)
            text = message.get("event")
            data = message.get("data")
            if not isinstance(name, str) or not isinstance(text, str | None):
                raise TypeError("expected a channel and an event that are strings")
        except (TypeError, AttributeError) as error:
            self.ignored += 1
            report(logger, Failure(error, f"message from the backend on channel {name!r:.80}"))
            return
        targets = channel.targets(text or "") if channel is not None else ()
        if not targets:
            return
        event = ChannelEvent(name, text or "", data)
        try:
            if callable(data):
                event.data = data()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # The application's own code may raise anything. It does not wait, so that a
            # CancelledError out of it, as of a cancelled future, is nobody's wish to cancel us.
            report(logger, Failure(error, f"data of an event on channel {name:.80}"))
            for member in targets:
                member.fail(event, "the data of an event could not be made")
            return
        self._send(event, targets)

    def _send(self, event: ChannelEvent, targets: tuple[Member, ...]) -> None:
        size = 0
        problem: Exception | None = None
        for member in targets:
            try:
                size += member.deliver(event)
            except (TypeError, ValueError) as error:
                problem = error  # no JSON form: callbacks get the data all the same
                member.fail(event, "the data of an event has no JSON form")
        if problem is not None:
            report(logger, Failure(problem, f"data of an event on channel {event.channel:.80}"))
        if size:
            self.put_out(size)

    async def join(
        self, name: str, patterns: list[Pattern], register: Callable[[Channel], None]
    ) -> None:
        """Subscribe a channel and patterns at the backend, then call `register`.

        What a hook or `register` raises is raised, with nothing registered.
        """
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
        channel.claims += 1
        try:
            if all(pattern.text in channel for pattern in patterns):
                register(channel)
                return
            async with channel.lock:
                await self._subscribe(channel)
                for pattern in patterns:
                    if pattern.text not in channel:
                        await self._manager.subscribe_to_event(name, pattern.text)
                register(channel)
        finally:
            channel.claims -= 1
            self.release(channel)

    async def _subscribe(self, channel: Channel) -> None:
        if channel.backend is Backend.SUBSCRIBED:
            return
        before, channel.backend = channel.backend, Backend.UNSURE
        try:
            await self._manager.subscribe(channel.name)
        except Exception:
            channel.backend = before
            raise
        channel.backend = Backend.SUBSCRIBED

    def release(self, channel: Channel) -> None:
        """Unsubscribe a channel at the backend, in a task, if nobody wants it any more."""
        if channel or channel.claims or channel in self._releases:
            return
        if self._channels.get(channel.name) is not channel:
            return  # it is gone, and perhaps another one of its name is there
        if channel.backend is Backend.IDLE or not self._manager._unsubscribes():
            del self._channels[channel.name]
            return
        loop = asyncio.get_running_loop()
        tried: asyncio.Future[None] = loop.create_future()
        task = loop.create_task(self._release(channel, tried))
        self._releases[channel] = _Release(task, tried)

    async def released(self, channel: Channel) -> None:
        """Wait for the first try of the backend's hook for a channel that nobody wants."""
        release = self._releases.get(channel)
        if release is not None:
            await asyncio.wait([release.tried])

    async def _release(self, channel: Channel, tried: asyncio.Future[None]) -> None:
        delay = _FIRST_RETRY
        try:
            while not await self._try_release(channel):
                if not tried.done():
                    tried.set_result(None)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY)
        finally:
            del self._releases[channel]
            if not tried.done():
                tried.set_result(None)

    async def _try_release(self, channel: Channel) -> bool:
        async with channel.lock:
            if channel or channel.claims:
                return True
            # Until it succeeds, whoever subscribes meanwhile has it subscribed anew.
            channel.backend = Backend.UNSURE
            try:
                await self._manager.unsubscribe(channel.name)
            except asyncio.CancelledError as error:
                if is_being_cancelled():
                    raise
                report(logger, Failure(error, "hook unsubscribe"))
                return False
            except Exception as error:
                # the backend's code may raise anything
                report(logger, Failure(error, "hook unsubscribe"))
                return False
            channel.backend = Backend.IDLE
            if not channel.claims:
                del self._channels[channel.name]
            return True

    async def register(self, channel: str, event: str | None, callback: ChannelCallback) -> None:
        """Call `callback` with each event of a channel whose name a pattern matches.

        It is called with the channel, the name and the data, in a task of its registration, one
        event at a time. What it raises is logged; `ChannelCallbackError` removes it. Raises
        `ValueError` for a malformed pattern, and what the backend's hooks raise.
        """
        pattern = Pattern("*" if event is None else event)

        def add(found: Channel) -> None:
            registration = self._registrations.get((channel, callback))
            if registration is None:
                registration = Registration(found, callback, self._remove)
                self._registrations[channel, callback] = registration
            if pattern.text not in registration.patterns:
                registration.patterns.add(pattern.text)
                found.add(registration, pattern)

        await self.join(channel, [pattern], add)

    async def unregister(self, channel: str, event: str | None, callback: ChannelCallback) -> None:
        """Undo `register`: one pattern, or all of a callback on the channel for None.

        What is not registered is no error.
        """
        registration = self._registrations.get((channel, callback))
        if registration is not None:
            self._remove(registration, event)
            await self.released(registration.channel)

    def _remove(self, registration: Registration, pattern: str | None = None) -> None:
        gone = set(registration.patterns) if pattern is None else {pattern}
        for text in gone & registration.patterns:
            registration.patterns.remove(text)
            registration.channel.remove(registration, text)
        if not registration.patterns:
            key = (registration.channel.name, registration.callback)
            if self._registrations.get(key) is registration:
                del self._registrations[key]
                registration.close()
            self.release(registration.channel)

    async def close(self, timeout: float) -> None:
        """Remove all callbacks, and wait for the backend's hooks, `timeout` seconds at most.

        A hook that fails now is not tried again.
        """
        for registration in tuple(self._registrations.values()):
            self._remove(registration)
        releases = tuple(self._releases.values())
        if releases:
            await asyncio.wait([release.tried for release in releases], timeout=timeout)
            for release in releases:
                release.task.cancel()
            await asyncio.wait([release.task for release in releases], timeout=timeout)


__all__ = ["CannotSubscribe", "Channel", "Channels"]
