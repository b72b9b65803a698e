"""One connection's place in one channel, and what it may be sent before its reply is out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence

from .calls import Call
from .channel import GAP, Channel, ChannelEvent
from .errors import CloseCode
from .failures import Failure, report
from .manager import Websocket
from .outbox import Outbox
from .patterns import Pattern

logger = logging.getLogger("wsrpc.membership")


class Membership:
    """The patterns of one connection on one channel.

    A pattern counts once the reply that acknowledges it is in the outbox. Until then its events,
    and all that come behind them, are held back, so that no event precedes its reply and the
    order of the channel is kept; a call that ends in an error takes its patterns along.
    """

    __slots__ = (
        "_counted",
        "_held",
        "_hides",
        "_left",
        "_outbox",
        "_patterns",
        "_unacknowledged",
        "_view",
        "channel",
    )

    def __init__(
        self,
        view: Websocket,
        channel: Channel,
        outbox: Outbox,
        left: Callable[[Membership], None],
        counted: Callable[[int], None],
    ) -> None:
        self._view = view
        self.channel = channel
        self._outbox = outbox
        can_receive = getattr(view.can_receive, "__func__", None)
        self._hides = can_receive is not Websocket.can_receive
        self._left = left
        self._patterns: dict[str, tuple[Pattern, set[Call]]] = {}
        self._unacknowledged = 0
        self._counted = counted
        self._held: deque[ChannelEvent] | tuple[()] = ()

    def __len__(self) -> int:
        return len(self._patterns)

    @property
    def patterns(self) -> list[str]:
        """The patterns, sorted."""
        return sorted(self._patterns)

    def missing(self, patterns: list[Pattern]) -> int:
        """Return how many of these different patterns would be new."""
        return sum(pattern.text not in self._patterns for pattern in patterns)

    def add(self, patterns: list[Pattern], call: Call | None) -> None:
        """Add patterns; those that `call` makes wait for its reply."""
        for pattern in patterns:
            owners = self._patterns.get(pattern.text)
            if owners is None:
                self.channel.add(self, pattern)
                self._patterns[pattern.text] = (pattern, set() if call is None else {call})
                self._counted(1)
                self._unacknowledged += call is not None
            elif owners[1] and call is not None:
                owners[1].add(call)
            elif owners[1]:
                owners[1].clear()
                self._unacknowledged -= 1
                self._settle()
        if call is not None:
            call.made.append(self)

    def remove(self, patterns: Sequence[str] | None) -> None:
        """Take patterns away, all of them for None; those that are not there are no error."""
        named = self._patterns.keys() if patterns is None else set(patterns)
        gone = {text for text in self._patterns if text in named}
        if self._held and not all(self._patterns[text][1] for text in gone):
            self._send_acknowledged()
        for text in gone:
            self.channel.remove(self, text)
            self._unacknowledged -= bool(self._patterns.pop(text)[1])
            self._counted(-1)
        if self._patterns:
            self._settle()
        else:
            self._forget_held()
            self._left(self)

    def acknowledge(self, call: Call) -> None:
        """The reply of `call` is in the outbox: its patterns count from now on."""
        for _, owners in self._patterns.values():
            if call in owners:
                owners.clear()
                self._unacknowledged -= 1
        self._settle()

    def withdraw(self, call: Call) -> None:
        """`call` ended in an error: the patterns that only it made go."""
        gone = []
        for text, (_, owners) in self._patterns.items():
            if call in owners:
                if len(owners) == 1:
                    gone.append(text)
                else:
                    owners.discard(call)
        if gone:
            self.remove(gone)

    def deliver(self, event: ChannelEvent) -> int:
        """Send an event, or hold it back."""
        if self._hides and not self._may_receive(event):
            return 0
        message = event.message
        if not (self._held or (self._unacknowledged and self._waits(event))):
            self._outbox.put_event(message)
        else:
            self._hold(event)
        return len(message.text)

    def tell_gap(self, event: ChannelEvent) -> None:
        """Tell of a gap, unless nothing was promised yet."""
        if self._held:
            self._hold(event)
        elif not self._waits(event):
            self._outbox.put_event(event.message)

    def _hold(self, event: ChannelEvent) -> None:
        """Hold an event back, as far as there is room: what waits for a reply may be missed."""
        if self._outbox.hold(len(event.message.text)):
            self._keep(event)
        elif not self._waits(event):
            self._send_acknowledged()
            self._forget_held()
            self._outbox.put_event(event.message)

    def fail(self, event: ChannelEvent, reason: str) -> None:
        """Close the connection, which would else miss an event without knowing."""
        if not self._hides or self._may_receive(event):
            self._view._close(CloseCode.INTERNAL_ERROR, reason)

    def _may_receive(self, event: ChannelEvent) -> bool:
        try:
            return bool(self._view.can_receive(event.channel, event.name))
        except Exception as error:
            # the application's own code; what it does not clearly allow stays hidden
            report(logger, Failure(error, "can_receive", self._view))
            return False

    def _waits(self, event: ChannelEvent) -> bool | None:
        """Tell whether an event waits for a reply; None if no pattern matches it any more."""
        waits = None
        for pattern, owners in self._patterns.values():
            if event.name == GAP or pattern.matches(event.name):
                if not owners:
                    return False
                waits = True
        return waits

    def _settle(self) -> None:
        """Send what is held back up to the first event that still has to wait."""
        while self._held:
            waits = self._waits(self._held[0])
            if waits:
                return
            event = self._pop_held()
            if waits is False:
                self._outbox.put_event(event.message)

    def _send_acknowledged(self) -> None:
        """Send what is held back though its subscription counts; drop what keeps it waiting.

        An event in front of it was published before the reply that it waits for, so it may be
        missed, but not come later.
        """
        count = sum(self._waits(event) is False for event in self._held)
        while count:
            event = self._pop_held()
            if self._waits(event) is False:
                self._outbox.put_event(event.message)
                count -= 1

    def _keep(self, event: ChannelEvent) -> None:
        if not isinstance(self._held, deque):
            self._held = deque()  # only then, as it takes more memory than all else of this
        self._held.append(event)

    def _pop_held(self) -> ChannelEvent:
        assert isinstance(self._held, deque)
        event = self._held.popleft()
        self._outbox.held -= len(event.message.text)
        return event

    def _forget_held(self) -> None:
        while self._held:
            self._pop_held()
