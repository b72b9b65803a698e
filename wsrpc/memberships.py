"""The subscriptions of one connection: limits, authorisation, membership of channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .calls import CURRENT, Call
from .channel import RESERVED, Channel
from .errors import CloseCode, ConnectionClosed, Forbidden, InvalidParams
from .history import Past, Position
from .limits import Limits
from .membership import Membership
from .outbox import Outbox
from .patterns import Pattern
from .recovery import TrackedMembership

if TYPE_CHECKING:
    from .manager import SocketsManager, Websocket


class Joined(NamedTuple):
    """What a subscription came to."""

    patterns: list[str]
    """All of the connection's patterns on the channel, sorted."""
    position: Position | None
    """What the connection gets the channel's events after; None without history."""
    recovered: bool
    """The events that were missed before that come too."""


@dataclass(eq=False)
class _Joining:
    """A subscription on its way, from the question whether it is authorized on."""

    channel: str
    revoked: bool = False


class Memberships:
    """The channels that one connection is subscribed to."""

    __slots__ = ("_joining", "_left", "_manager", "_memberships", "_outbox", "_size", "_view")

    def __init__(self, view: Websocket, manager: SocketsManager, outbox: Outbox) -> None:
        self._view = view
        self._manager = manager
        self._outbox = outbox
        self._memberships: dict[str, Membership] = {}
        self._size = 0  # patterns of all channels together
        self._joining: tuple[_Joining, ...] = ()
        self._left = False

    def __contains__(self, channel: str) -> bool:
        return channel in self._memberships

    async def subscribe(
        self,
        channel: str,
        texts: Sequence[str],
        listed: bool = True,
        since: Position | None = None,
    ) -> Joined:
        """Subscribe to all of the patterns or to none.

        `listed` tells whether the patterns came as a list, for the shape of the errors; `since` is
        the position of a client that comes back to a channel.
        """
        limits = self._view.limits
        check_channel(channel, limits)
        if len(texts) > limits.subscriptions and len(set(texts)) > limits.subscriptions:
            raise _too_many(limits)  # before any work that grows with their number
        patterns = _parse(texts, limits, listed)
        membership = self._memberships.get(channel)
        self._check_room(patterns, membership)
        joining = _Joining(channel)
        call: Call | None = None
        position: Position | None = None

        def register(found: Channel) -> None:
            nonlocal membership, call, position
            if self._left:
                raise ConnectionClosed(CloseCode.OK)
            if joining.revoked:
                raise Forbidden
            membership = self._memberships.get(channel)
            self._check_room(patterns, membership)
            if membership is None:
                kind = Membership if found.stream is None else TrackedMembership
                membership = kind(self._view, found, self._outbox, self._forget, self._count)
                self._memberships[channel] = membership
            elif since is not None:
                raise already_subscribed()
            call = _current_call()
            membership.add(patterns, call)
            if isinstance(membership, TrackedMembership):
                position = membership.position
                if since is not None and call is not None:
                    # also where nothing was missed: the backend may have begun another epoch
                    # since it was last heard of
                    membership.begin_recovery(call)

        self._joining += (joining,)
        try:
            for pattern in patterns:
                if not await self._view.authorize("subscribe", channel, pattern.text):
                    raise Forbidden
            past = await self._manager.channels.join(channel, patterns, register, since)
        finally:
            self._joining = tuple(one for one in self._joining if one is not joining)
        assert membership is not None
        recovered = False
        if isinstance(membership, TrackedMembership) and membership.is_recovering(call):
            assert since is not None
            recovered = await self._recover(membership, since, past)
            position = membership.since
        return Joined(membership.patterns, position, recovered)

    async def _recover(
        self, membership: TrackedMembership, since: Position, past: Past | None
    ) -> bool:
        """Get the events that a client missed; return whether they come."""
        channels, until = self._manager.channels, membership.since
        if since.epoch != until.epoch:
            return membership.recover(None)
        missed = None if past is None else past.after(since, until.offset)
        if missed is None:
            past = await channels.missed(membership.channel, since)
            missed = None if past is None else past.after(since, until.offset)
        if past is not None and until.is_before(since) and past.position.reaches(since):
            # the client was with another process, which had events that are on their way here
            await channels.catch_up(membership.channel)
            return membership.skip(since)
        return membership.recover(missed)

    async def unsubscribe(self, channel: str, patterns: Sequence[str] | None) -> list[str]:
        """Unsubscribe from patterns, or from all for None; return those that are left."""
        membership = self._memberships.get(channel)
        if membership is None:
            return []
        membership.remove(patterns)
        await self._manager.channels.released(membership.channel)
        return membership.patterns

    async def revoke(self, channel: str) -> bool:
        """Take a channel away, also where a subscription is on its way; return whether one was."""
        held = channel in self._memberships
        for joining in self._joining:
            if joining.channel == channel:
                joining.revoked = held = True
        await self.unsubscribe(channel, None)
        return held

    def leave(self) -> None:
        """Leave all channels, for good."""
        self._left = True
        for membership in tuple(self._memberships.values()):
            membership.remove(None)

    def _forget(self, membership: Membership) -> None:
        del self._memberships[membership.channel.name]
        self._manager.channels.release(membership.channel)

    def _count(self, change: int) -> None:
        self._size += change

    def _check_room(self, patterns: list[Pattern], membership: Membership | None) -> None:
        new = len(patterns) if membership is None else membership.missing(patterns)
        limit = self._view.limits.subscriptions
        if new and self._size + new > limit:
            raise _too_many(self._view.limits)


def check_channel(channel: str, limits: Limits) -> None:
    """Raise `InvalidParams` for a channel's name that is too long."""
    _check_length("channel", channel, limits.channel_length, "channel_length")


def check_event(event: str, limits: Limits) -> None:
    """Raise `InvalidParams` for an event's name that a client may not give."""
    _check_length("event", event, limits.event_length, "event_length")
    if event.startswith(RESERVED):
        raise InvalidParams({"event": f"names that begin with {RESERVED!r} are reserved"})


def already_subscribed() -> InvalidParams:
    """Return what refuses `since` for a channel whose events come already."""
    return InvalidParams({"since": "the channel is subscribed already"})


def _check_length(field: str, text: str, limit: int, name: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{field} must be a string, got {text!r}")
    if len(text) > limit:
        raise InvalidParams({field: _too_long(limit, name)})


def _too_many(limits: Limits) -> InvalidParams:
    return InvalidParams({"channel": f"more than subscriptions ({limits.subscriptions})"})


def _too_long(limit: int, name: str) -> str:
    return f"longer than {name} ({limit})"


def _parse(texts: Sequence[str], limits: Limits, listed: bool) -> list[Pattern]:
    """Return the different patterns; raise `InvalidParams` that tells of all malformed ones."""
    patterns: dict[str, Pattern] = {}
    errors: dict[str, str] = {}
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"an event pattern must be a string, got {text!r}")
        if len(text) > limits.pattern_length:
            errors[str(index)] = _too_long(limits.pattern_length, "pattern_length")
            continue
        try:
            patterns[text] = Pattern(text)
        except ValueError as error:
            errors[str(index)] = str(error)
    if errors:
        detail: Any = errors if listed else errors["0"]
        raise InvalidParams({"event": detail})
    return list(patterns.values())


def _current_call() -> Call | None:
    """Return the call that a subscription belongs to, unless it counts at once.

    It waits for the reply of the call. One that was cancelled is answered already, but undoes
    what it makes until it ends.
    """
    call = CURRENT.get()
    return None if call is None or (call.answered and call.task is None) else call
