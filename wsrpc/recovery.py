"""One connection's place in a channel with history: what it missed comes first, losses are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .calls import Call
from .channel import GAP, Channel, ChannelEvent
from .history import PastEvent, Position
from .manager import Websocket
from .membership import Membership
from .outbox import Outbox


class TrackedMembership(Membership):
    """The patterns of one connection on a channel with history.

    With its subscription the connection is told a position. It gets all events after that which
    match, or the event ``wsrpc.gap`` in place of what it does not get.
    """

    __slots__ = ("_owes_gap", "_past", "_recovering", "_reminders", "_stream", "seen", "since")

    def __init__(
        self,
        view: Websocket,
        channel: Channel,
        outbox: Outbox,
        left: Callable[[Membership], None],
        counted: Callable[[int], None],
    ) -> None:
        super().__init__(view, channel, outbox, left, counted)
        assert channel.stream is not None
        assert channel.reminders is not None
        self._stream = channel.stream
        self._reminders = channel.reminders
        self.seen = self._reminders.add(self)
        self.since = self._stream.position
        """The position after which the live events begin."""
        self._recovering: Call | None = None  # the call behind whose reply missed events come
        self._past: list[ChannelEvent] = []
        self._owes_gap = False

    @property
    def position(self) -> Position:
        """Where the channel stands."""
        return self._stream.position

    def begin_recovery(self, call: Call) -> None:
        """Hold all events back until `call` is answered, so that missed ones can come first."""
        self._recovering = call
        self._unacknowledged += 1

    def is_recovering(self, call: Call | None) -> bool:
        """Tell whether events are held back for `call`."""
        return call is not None and self._recovering is call

    def recover(self, missed: Sequence[PastEvent] | None) -> bool:
        """Let missed events go out behind the reply that they wait for; return whether they will.

        They do not where it is not certain that these are all, which None stands for, or where
        more events came meanwhile than can be held back.
        """
        if self._recovering is None:
            return False
        if self._owes_gap:
            missed = None
            self._forget_held()
            self.since = self._stream.position
            self._owes_gap = any(not owners for _, owners in self._patterns.values())
        if missed is None:
            self._end_recovery()
            self._settle()
            return False
        for entry in missed:
            event = ChannelEvent(self.channel.name, entry.event, None, entry.json, entry.offset)
            if not self._hides or self._may_receive(event):
                self._past.append(event)
        return True

    def skip(self, since: Position) -> bool:
        """Drop what the client had elsewhere already; return whether the channel got that far."""
        if self._recovering is None or not self.position.reaches(since):
            return self.recover(None)
        for event in [self._pop_held() for _ in range(len(self._held))]:
            if not _is_behind(event, since):
                self._outbox.held += len(event.message.text)
                self._keep(event)
        self.since = since
        return self.recover(())

    def _end_recovery(self) -> None:
        self._recovering = None
        self._unacknowledged -= 1

    def _give_recovery_up(self) -> None:
        self._end_recovery()
        self._past.clear()

    def remove(self, patterns: Sequence[str] | None) -> None:
        """Take patterns away, all of them for None; those that are not there are no error."""
        super().remove(patterns)
        if not self._patterns:
            self._recovering = None
            self._past.clear()
            self._owes_gap = False
            self._reminders.remove(self)

    def acknowledge(self, call: Call) -> None:
        """The reply of `call` is in the outbox: its patterns count from now on."""
        if self._recovering is call:
            self._end_recovery()
        super().acknowledge(call)

    def withdraw(self, call: Call) -> None:
        """`call` ended in an error: the patterns that only it made go."""
        if self._recovering is call:
            self._give_recovery_up()
        super().withdraw(call)
        if self._patterns:
            self._settle()

    def deliver(self, event: ChannelEvent) -> int:
        """Send an event, or hold it back."""
        if self._owes_gap and not self._unacknowledged:
            position = self._stream.position
            if event.offset is not None:
                position = Position(position.epoch, event.offset - 1)
            self._tell_owed_gap(position)
        if self._hides and not self._may_receive(event):
            return 0
        message = event.message
        if not self._held and not (self._unacknowledged and self._waits(event)):
            if not self._outbox.put_event(message):
                self._owes_gap = True
        else:
            self._hold(event)
        self.seen = self._reminders.passed
        return len(message.text)

    def tell_gap(self, event: ChannelEvent) -> None:
        """Tell of a gap; behind the reply, where a position is about to be told."""
        if self._unacknowledged:
            self._outbox.held += len(event.message.text)
            self._keep(event)
        elif self._outbox.put_event(event.message):
            self._owes_gap = False
        else:
            self._owes_gap = True

    def tell_position(self, event: ChannelEvent) -> None:
        """Tell where the channel stands, unless something is still to come before that."""
        if self._unacknowledged:
            return
        if self._owes_gap:
            self._tell_owed_gap(self._stream.position)
        else:
            self._outbox.put_event(event.message)

    def _tell_owed_gap(self, position: Position) -> None:
        self.tell_gap(ChannelEvent(self.channel.name, GAP, position.plain()))

    def _hold(self, event: ChannelEvent) -> None:
        """Hold an event back, or owe a gap for it."""
        waits = self._waits(event)
        if not (waits and self._owes_gap) and self._outbox.hold(len(event.message.text)):
            self._keep(event)
        elif waits:
            self._owes_gap = True
        else:
            self._send_acknowledged()
            self._owes_gap |= bool(self._held)
            self._forget_held()
            if not self._outbox.put_event(event.message):
                self._owes_gap = True

    def _waits(self, event: ChannelEvent) -> bool | None:
        """Tell whether an event waits for a reply; None if no pattern matches it any more."""
        if self._recovering is not None:
            return True
        if event.name == GAP:
            return self._unacknowledged > 0
        return super()._waits(event)

    def _settle(self) -> None:
        """Send what was missed, and what is held back up to what still has to wait."""
        if self._recovering is None and self._past:
            for event in self._past:
                if self._waits(event) is False:
                    self._outbox.put(event.message.text)
            self._past.clear()
        lost = self._outbox.lost
        super()._settle()
        self._owes_gap |= self._outbox.lost != lost
        if self._owes_gap and not self._unacknowledged:
            self._tell_owed_gap(self._stream.position)

    def _send_acknowledged(self) -> None:
        """Send what is held back though its subscription counts, and owe a gap for the rest."""
        if self._recovering is not None:
            self._give_recovery_up()
            self._owes_gap = True
        waiting = self._count_waiting()
        super()._send_acknowledged()
        self._owes_gap |= self._count_waiting() != waiting

    def _count_waiting(self) -> int:
        return sum(self._waits(event) is True for event in self._held)


def _is_behind(event: ChannelEvent, since: Position) -> bool:
    """Tell whether whoever stands at a position has an event, or knows of a gap, already."""
    if event.name == GAP:
        return since.reaches(Position(**event.data))
    return event.offset is not None and event.offset <= since.offset
