"""The publish/subscribe contract as a model, sans I/O: what each connection may and must receive.

It is fed with what happened, in the order in which the clients saw it, and raises `DeliveryError`
at the first thing that the contract forbids. Nothing in it knows of sockets, tasks or time, so that
a state machine, the fuzzer and a conformance suite share it::

    model = PubSubModel()
    asked = model.subscribing("anna", "news", ["sport*"])
    model.answered(asked, {"response": {"subscribed": {"news": ["sport*"]}}})
    sent = model.publishing("bert", "news", "sport.tennis", 6)
    model.answered(sent, {"response": {}})
    model.received("anna", {"channel": "news", "event": "sport.tennis", "data": 6})
    model.settled()

The rules, by the name that `DeliveryError.rule` has:

``published``     an event that nobody published, or whose publishing was refused, reaches nobody
``subscribed``    an event reaches only connections with a matching pattern: none before the reply
                  that acknowledges the subscription, none after that of its end
``once``          an event reaches a connection once
``late``          an event that has been delivered reaches nobody who subscribes afterwards
``order``         events of a channel arrive in the order of publishing, everywhere in the same one
``missing``       who is subscribed from before the publishing until the end receives the event
``acknowledged``  the reply names the patterns of the connection on the channel
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from wsrpc.patterns import Pattern

from .delivery import (
    REFUSED,
    Connection,
    DeliveryError,
    Held,
    Operation,
    Published,
    Tolerance,
    broken,
    code_of,
    content_of,
    patterns_of,
)
from .ordering import Ordering

__all__ = ["Connection", "DeliveryError", "Operation", "PubSubModel", "Tolerance"]

Hides: TypeAlias = Callable[[Connection, str, str], bool]
Place: TypeAlias = Callable[[Connection], Hashable]

RESERVED: Final = "wsrpc."
_GAP: Final = "wsrpc.gap"


class PubSubModel:
    """What connections may and must receive, given what has happened so far.

    `hides` tells that a connection is not shown an event though it is subscribed, as an
    application's ``can_receive`` may decide. Connections are named by any hashable value; one that
    connects again is another connection. `place` gives the process that a connection is connected
    to, where there are many: who receives an event is decided in each by itself, and the order of
    publishing is known for what one of them publishes.
    """

    def __init__(self, *, hides: Hides | None = None, place: Place | None = None) -> None:
        self._hides = hides or (lambda connection, channel, event: False)
        self._place = place or (lambda connection: None)
        self._now = 0
        self._held: dict[Connection, dict[str, Held]] = {}
        self._running: dict[Connection, list[Operation]] = {}
        self._published: dict[str, list[Published]] = {}
        self._ordering: dict[str, Ordering] = {}
        self._tolerance = Tolerance()

    # What happens.

    def subscribing(
        self, connection: Connection, channel: str, patterns: Iterable[str] = ("*",)
    ) -> Operation:
        """Note that a connection sends ``subscribe``; gives what `answered` takes."""
        return self._begin(Operation(connection, "subscribe", channel, tuple(patterns)))

    def unsubscribing(
        self, connection: Connection, channel: str, patterns: Iterable[str] | None = None
    ) -> Operation:
        """Note that a connection sends ``unsubscribe``, for these patterns or for all."""
        given = None if patterns is None else tuple(patterns)
        operation = self._begin(Operation(connection, "unsubscribe", channel, given))
        held = self._held_on(connection, channel)
        for pattern in list(held.sure) if given is None else given:
            if pattern in held.sure:
                held.leaving[pattern] = held.sure.pop(pattern)
        self._release(connection, channel)
        return operation

    def publishing(
        self, connection: Connection, channel: str, event: str | None = None, data: Any = None
    ) -> Operation:
        """Note that a connection sends ``publish``."""
        operation = self._begin(Operation(connection, "publish", channel))
        every = self._published.setdefault(channel, [])
        published = Published(
            len(every),
            connection,
            event or "",
            content_of(data),
            operation.number,
            tolerance=self._tolerance,
            place=self._place(connection),
        )
        published.owed = {one for one in self._held if self._is_sure(one, channel, published.event)}
        every.append(published)
        operation.published = published
        return operation

    def answered(self, operation: Operation, reply: Mapping[str, Any]) -> None:
        """Note the reply to a call, an error or not; raises `DeliveryError`."""
        self._tick()
        self._running.get(operation.connection, []).remove(operation)
        code = code_of(reply)
        if operation.published is not None:
            self._publish_answered(operation.published, operation.channel, code)
        elif code is None:
            self._acknowledged(operation, reply.get("response"))
        elif operation.method == "unsubscribe" and code in REFUSED:
            held = self._held_on(operation.connection, operation.channel)
            if not self._under_way(operation.connection, operation.channel, "unsubscribe"):
                held.sure.update(held.leaving)
                held.leaving.clear()

    def received(self, connection: Connection, event: Mapping[str, Any]) -> None:
        """Note an event that a connection received; raises `DeliveryError`."""
        self._tick()
        channel, name = event["channel"], event.get("event") or ""
        if name.startswith(RESERVED):
            if name == _GAP:
                self._gap(connection, channel)
            return
        shown = f"event {name!r} on channel {channel!r}"
        content = content_of(event.get("data"))
        alike = [
            one
            for one in self._published.get(channel, ())
            if one.event == name and one.content == content
        ]
        possible = [one for one in alike if not one.is_refused]
        if not possible:
            what = "whose publishing was refused" if alike else "that nobody published"
            broken("published", connection, f"no event {what}", f"{shown}: {content:.200}")
        since = self._since(connection, channel, name, shown)
        unread = [one for one in possible if connection not in one.received]
        if not unread and not any(one.tolerance.repeats for one in possible):
            broken("once", connection, f"{shown} once", "it again")
        # of events that are alike, whichever leaves the least to ask for
        unread.sort(key=lambda one: connection not in one.owed)
        place = self._place(connection)
        one = next((one for one in unread if since < one.decided(place, self._now)), None)
        if one is None and not any(one.tolerance.any for one in possible):
            broken(
                "late",
                connection,
                f"nothing of {shown}, which was delivered before it subscribed",
                "the event",
            )
        if one is None:
            return
        one.received.add(connection)
        one.owed.discard(connection)
        one.delivered.setdefault(place, self._now)
        if len(alike) == 1 and not one.tolerance.disorder and not one.tolerance.repeats:
            self._in_order(connection, channel, one)

    def closed(self, connection: Connection) -> None:
        """Note that a connection has ended: what it waits for does not come any more."""
        self._tick()
        self._held.pop(connection, None)
        self._running.pop(connection, None)
        for every in self._published.values():
            for published in every:
                published.owed.discard(connection)

    def tolerate(self, tolerance: Tolerance) -> None:
        """Ask less of the events that are on their way, and of those that are published next."""
        self._tolerance = self._tolerance | tolerance
        for every in self._published.values():
            for published in every:
                if not published.is_settled:
                    published.tolerance = published.tolerance | tolerance

    def heal(self) -> None:
        """Ask the whole contract again, of what is published from now on."""
        self._tolerance = Tolerance()

    def settled(self) -> None:
        """Note that all has arrived that ever will; raises `DeliveryError` for what is missing."""
        self._tick()
        for channel, every in self._published.items():
            for published in every:
                self._settle(channel, published)

    # What there is to ask.

    def must_receive(self, connection: Connection) -> list[tuple[str, str]]:
        """Return channel and name of each event that is owed to a connection, in order."""
        return [
            (channel, one.event)
            for channel, every in self._published.items()
            for one in every
            if self._is_missing(connection, channel, one)
        ]

    def may_receive(self, connection: Connection, channel: str, event: str) -> bool:
        """Tell whether an event of this name could now arrive at a connection."""
        held = self._held_on(connection, channel).all
        return any(Pattern(pattern).matches(event) for pattern in held)

    def patterns(self, connection: Connection, channel: str) -> list[str]:
        """Return the patterns that a connection holds for sure, sorted."""
        return sorted(self._held_on(connection, channel).sure)

    def unanswered(self) -> list[Operation]:
        """Return the calls under way on connections that are open, in order."""
        running = [one for operations in self._running.values() for one in operations]
        return sorted(running, key=lambda one: one.number)

    # How it is judged.

    def _begin(self, operation: Operation) -> Operation:
        operation.number = self._tick()
        self._held.setdefault(operation.connection, {})
        self._running.setdefault(operation.connection, []).append(operation)
        return operation

    def _tick(self) -> int:
        self._now += 1
        return self._now

    def _held_on(self, connection: Connection, channel: str) -> Held:
        return self._held.setdefault(connection, {}).setdefault(channel, Held())

    def _under_way(self, connection: Connection, channel: str, method: str) -> list[Operation]:
        return [
            one
            for one in self._running.get(connection, ())
            if one.channel == channel and one.method == method
        ]

    def _acknowledged(self, operation: Operation, response: Any) -> None:
        connection, channel = operation.connection, operation.channel
        held = self._held_on(connection, channel)
        sure, perhaps = set(held.sure), set(held.leaving)
        if operation.method == "subscribe":
            sure |= set(operation.patterns or ())
        else:
            ended = perhaps if operation.patterns is None else set(operation.patterns)
            perhaps -= ended
            sure -= ended
        listed = patterns_of(response, channel)
        if listed is None or not sure <= set(listed) <= sure | perhaps:
            also = f", and perhaps {sorted(perhaps)}" if perhaps else ""
            broken(
                "acknowledged",
                connection,
                f"{operation.method} to answer with the patterns {sorted(sure)} of channel "
                f"{channel!r}{also}",
                f"{response!r:.200}",
            )
        self._hold(operation, held, set(listed))

    def _hold(self, operation: Operation, held: Held, listed: set[str]) -> None:
        """Take over what the server says, less what calls under way are about to end."""
        since = held.all
        ending: set[str] = set()
        for other in self._under_way(operation.connection, operation.channel, "unsubscribe"):
            ending |= listed if other.patterns is None else set(other.patterns)
        known = {pattern: since.get(pattern, operation.number) for pattern in sorted(listed)}
        held.sure = {pattern: at for pattern, at in known.items() if pattern not in ending}
        held.leaving = {pattern: at for pattern, at in known.items() if pattern in ending}
        self._release(operation.connection, operation.channel)

    def _release(self, connection: Connection, channel: str) -> None:
        """Owe a connection no longer what it is not subscribed to all the time."""
        for published in self._published.get(channel, ()):
            if connection in published.owed and not self._is_sure(
                connection, channel, published.event
            ):
                published.owed.discard(connection)

    def _is_sure(self, connection: Connection, channel: str, event: str) -> bool:
        sure = self._held_on(connection, channel).sure
        return any(Pattern(pattern).matches(event) for pattern in sure)

    def _since(self, connection: Connection, channel: str, event: str, shown: str) -> int:
        """Return when the first subscription was sent that lets an event through."""
        held = self._held_on(connection, channel).all
        since = [at for pattern, at in held.items() if Pattern(pattern).matches(event)]
        if not since:
            patterns = f"patterns {sorted(held)}" if held else "no subscription"
            broken("subscribed", connection, f"with {patterns} on it no such event", shown)
        return min(since)

    def _publish_answered(self, published: Published, channel: str, code: int | None) -> None:
        published.answered = self._now
        if code is None:
            published.is_accepted = True
        elif code in REFUSED:
            published.is_refused = True
            if published.received:
                broken(
                    "published",
                    min(published.received, key=str),
                    f"nothing of event {published.event!r} on channel {channel!r}, as its "
                    f"publishing was refused with {code}",
                    "the event",
                )

    def _in_order(self, connection: Connection, channel: str, published: Published) -> None:
        ordering = self._ordering.setdefault(channel, Ordering(self._published[channel]))
        if (other := ordering.received(connection, published)) is not None:
            broken(
                "order",
                connection,
                f"event {published.event!r} {published.content:.80} on channel {channel!r} before "
                f"event {other.event!r} {other.content:.80}, as published or as others received "
                "them",
                "them the other way round",
            )

    def _gap(self, connection: Connection, channel: str) -> None:
        for published in self._published.get(channel, ()):
            published.owed.discard(connection)

    def _settle(self, channel: str, published: Published) -> None:
        if published.is_settled:
            return
        published.settled = self._now
        for connection in sorted(published.owed, key=str):
            if self._is_missing(connection, channel, published):
                broken(
                    "missing",
                    connection,
                    f"event {published.event!r} {published.content:.80} on channel {channel!r}, "
                    f"as it was subscribed with {self.patterns(connection, channel)} before the "
                    "publishing and since",
                    "no such event",
                )

    def _is_missing(self, connection: Connection, channel: str, published: Published) -> bool:
        return (
            connection in published.owed
            and published.is_accepted
            and not published.tolerance.loss
            and not self._hides(connection, channel, published.event)
        )
