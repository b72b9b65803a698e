"""The publish/subscribe methods that a view gets by inheriting from `Publish` and `Subscribe`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

import msgspec

from .errors import Forbidden
from .history import Position
from .memberships import already_subscribed, check_channel, check_event
from .rpc import channel_call
from .schema import PayloadType

if TYPE_CHECKING:
    from .manager import Websocket
else:
    Websocket = object


class PublishPayload(msgspec.Struct, forbid_unknown_fields=True):
    """An event to publish."""

    channel: str
    data: Any
    event: str | None = None


class SubscribePayload(msgspec.Struct, forbid_unknown_fields=True):
    """A channel with one event pattern or several, registered as one; ``*`` without one."""

    channel: str
    event: str | Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    since: Position | None = None


class UnsubscribePayload(msgspec.Struct, forbid_unknown_fields=True):
    """A channel with the event patterns to take away; all of them without one."""

    channel: str
    event: str | Annotated[list[str], msgspec.Meta(min_length=1)] | None = None


class Published(TypedDict):
    """The event as the client gave it."""

    channel: str
    event: str | None
    data: Any


class Subscribed(TypedDict):
    """The patterns that the connection has on the channel, sorted.

    Where the broker keeps history, also what it gets all events after; for a client that comes
    back, whether it gets those that it missed.
    """

    subscribed: dict[str, list[str]]
    positions: NotRequired[dict[str, Position]]
    recovered: NotRequired[bool]


class Publish(Websocket):
    """Mixin with the method ``publish``."""

    def get_publish_message(self, data: Any) -> Any:
        """Override: return what is published for the data of a payload."""
        return data

    @channel_call
    async def ws_rpc_publish(self, payload: PublishPayload) -> Published:
        """Publish an event on a channel."""
        payload = _typed(payload, PublishPayload)
        event = payload.event or ""
        check_channel(payload.channel, self.limits)
        check_event(event, self.limits)
        if not await self.authorize("publish", payload.channel, event):
            raise Forbidden
        message = self.get_publish_message(payload.data)
        await self.sockets.publish(payload.channel, event, message)
        return {"channel": payload.channel, "event": payload.event, "data": payload.data}


class Subscribe(Websocket):
    """Mixin with the methods ``subscribe`` and ``unsubscribe``."""

    @channel_call
    async def ws_rpc_subscribe(self, payload: SubscribePayload) -> Subscribed:
        """Subscribe to the events of a channel whose names match a pattern."""
        payload = _typed(payload, SubscribePayload)
        if payload.since is not None and payload.channel in self._wsrpc.memberships:
            raise already_subscribed()
        joined = await self._wsrpc.memberships.subscribe(
            payload.channel,
            _patterns(payload.event) or ("*",),
            isinstance(payload.event, list),
            payload.since,
        )
        answer: Subscribed = {"subscribed": {payload.channel: joined.patterns}}
        if joined.position is not None:
            answer["positions"] = {payload.channel: joined.position}
        if payload.since is not None:
            answer["recovered"] = joined.recovered
        return answer

    @channel_call
    async def ws_rpc_unsubscribe(self, payload: UnsubscribePayload) -> Subscribed:
        """Unsubscribe from patterns of a channel, or from the channel."""
        payload = _typed(payload, UnsubscribePayload)
        patterns = await self._wsrpc.memberships.unsubscribe(
            payload.channel, _patterns(payload.event)
        )
        return {"subscribed": {payload.channel: patterns} if patterns else {}}


def _patterns(event: str | list[str] | None) -> list[str] | None:
    return [event] if isinstance(event, str) else event


def _typed(payload: Any, type: Any) -> Any:
    """Return a payload as its type, for an override that takes a dict and calls ``super()``."""
    if isinstance(payload, type):
        return payload
    return _payload_type(type).validate(payload)


_payload_type = functools.cache(lambda type: PayloadType(type, type.__name__))
