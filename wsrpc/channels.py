"""The channels of this process, kept in step with the backend.

A channel is subscribed at the backend before its first subscriber is told so, and unsubscribed
after its last one left. The hooks of one channel never overlap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .callbacks import ChannelCallback, Registration
from .channel import GAP, Backend, Channel, ChannelEvent, Member
from .errors import CannotSubscribe
from .failures import Failure, is_being_cancelled, report
from .history import History, Past, Position
from .patterns import Pattern
from .tracking import Tracking

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
        self.ignored: int = 0
        """Messages from the backend that were no events, and so reached nobody."""
        self.duplicates: int = 0
        """Events that came again, by their offset, and so went no further."""
        self.filled: int = 0
        """Events that did not come but were read from history."""
        self.gaps: int = 0
        """How often the subscribers of a channel were told of a gap."""

    @property
    def _tracked(self) -> Tracking:
        """What keeps the streams, where there are any."""
        assert self._tracking is not None
        return self._tracking

    @cached_property
    def _tracking(self) -> Tracking | None:
        manager, history = self._manager, self._manager.history
        if not isinstance(history, History):
            return None
        return Tracking(manager, history, self, self._emit, self._tell_gap, self.give_turn)

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
        """Take note that events of a channel may have been lost; call it when it is subscribed.

        Its subscribers are told at once; where the broker keeps history, only what cannot be
        filled from there is told, once it was read.
        """
        found = self._channels.get(channel)
        if found is not None:
            if found.stream is None:
                self._tell_gap(found, None)
            else:
                found.stream.doubt()
                self._tracked.look_after(found)
        await self.give_turn()

    def position(self, channel: str) -> Position | None:
        """Return up to where a channel's events were delivered; None without history."""
        found = self._channels.get(channel)
        if found is None or found.stream is None or not found.stream.is_open:
            return None
        return found.stream.position

    def _tell_gap(self, channel: Channel, position: Position | None) -> None:
        self.gaps += 1
        event = ChannelEvent(channel.name, GAP, position and position.plain())
        for member in channel.members():
            member.tell_gap(event)

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
            if not isinstance(name, str) or not isinstance(text, str | None):
                raise TypeError("expected a channel and an event that are strings")
            if message.get("data") is None and not isinstance(message.get("json"), bytes | None):
                raise TypeError("expected JSON that is bytes")
            if channel is None:
                return
            is_next = channel.stream is None or channel.stream.receive(message)
        except (TypeError, AttributeError) as error:
            self.ignored += 1
            report(logger, Failure(error, f"message from the backend on channel {name!r:.80}"))
            return
        if is_next:
            self._emit(channel, message)
        else:
            self._tracked.look_after(channel)

    def _emit(self, channel: Channel, message: Mapping[str, Any]) -> None:
        """Give an event whose turn it is to all whom it concerns."""
        name, text, data = channel.name, message.get("event") or "", message.get("data")
        targets = channel.targets(text)
        stream, reminders = channel.stream, channel.reminders  # the last subscriber may leave
        if stream is None or reminders is None:
            if targets:
                json = message.get("json") if data is None else None
                self._evaluate(ChannelEvent(name, text, data, json), targets)
            return
        json = message.get("json")
        reminders.passes(len(json or b""), asyncio.get_running_loop().time())
        if targets:
            self._evaluate(ChannelEvent(name, text, data, json, message.get("offset")), targets)
        if reminders.are_due:
            reminders.remind(name, stream.position)

    def _evaluate(self, event: ChannelEvent, targets: tuple[Member, ...]) -> None:
        try:
            event.evaluate()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # The application's own code may raise anything. It does not wait, so that a
            # CancelledError out of it, as of a cancelled future, is nobody's wish to cancel us.
            report(logger, Failure(error, f"data of an event on channel {event.channel:.80}"))
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
        self,
        name: str,
        patterns: list[Pattern],
        register: Callable[[Channel], None],
        since: Position | None = None,
    ) -> Past | None:
        """Subscribe a channel and patterns at the backend, then call `register`.

        What a hook or `register` raises is raised, with nothing registered. Returns what was read
        of the channel's history, after `since`, where it is subscribed only now.
        """
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
        channel.claims += 1
        try:
            if all(pattern.text in channel for pattern in patterns):
                register(channel)
                return None
            async with channel.lock:
                past = await self._subscribe(channel, since)
                for pattern in patterns:
                    if pattern.text not in channel:
                        await self._manager.subscribe_to_event(name, pattern.text)
                register(channel)
                return past
        finally:
            channel.claims -= 1
            self.release(channel)

    async def _subscribe(self, channel: Channel, since: Position | None) -> Past | None:
        if channel.backend is not Backend.SUBSCRIBED:
            before, channel.backend = channel.backend, Backend.UNSURE
            if self._tracking is not None:
                self._tracking.begin(channel)
            try:
                await self._manager.subscribe(channel.name)
            except Exception:
                channel.backend = before
                raise
            channel.backend = Backend.SUBSCRIBED
        if self._tracking is not None and not self._tracking.is_open(channel):
            return await self._tracking.open(channel, since)
        return None

    async def missed(self, channel: Channel, since: Position) -> Past | None:
        """Read a channel's history after a position; None where it is not to be had."""
        return await self._tracked.missed(channel, since)

    async def catch_up(self, channel: Channel) -> None:
        """Bring a channel up to what its history has, or tell of a gap, as far as that succeeds."""
        if channel.stream is not None:
            channel.stream.doubt()
            await self._tracked.catch_up(channel)

    def _drop(self, channel: Channel) -> None:
        del self._channels[channel.name]
        if self._tracking is not None:
            self._tracking.end(channel)

    def release(self, channel: Channel) -> None:
        """Unsubscribe a channel at the backend, in a task, if nobody wants it any more."""
        if channel or channel.claims or channel in self._releases:
            return
        if self._channels.get(channel.name) is not channel:
            return  # it is gone, and perhaps another one of its name is there
        if channel.backend is Backend.IDLE or not self._manager._unsubscribes():
            self._drop(channel)
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
                self._drop(channel)
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

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to close."""
        return not self._registrations and not self._releases and self._tracking is None

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
        if self._tracking is not None:
            await self._tracking.close(timeout)


__all__ = ["CannotSubscribe", "Channel", "Channels"]
