"""One channel's events in their order, each once, without any input or output.

A broker with history numbers the events of a channel. As long as each is the one after the last,
it goes on at once. Where one is missing, the live ones are held back until the history was read
that leads up to them; what it does not have is told as a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

from .history import History, Past, PastEvent, Position

_LEAST_SIZE: Final = 64  # what an event without an encoding counts


class Counts(Protocol):
    """Counts what happened to events, for all channels together."""

    duplicates: int
    filled: int
    gaps: int


class _Arrival(NamedTuple):
    """A live event that is held back; without a position it only keeps its place in the row."""

    position: Position | None
    message: Mapping[str, Any]

    @property
    def size(self) -> int:
        return _LEAST_SIZE + len(self.message.get("json") or b"")

    @property
    def before(self) -> Position | None:
        """The position of whoever is to get this event next."""
        at = self.position
        return None if at is None else Position(at.epoch, max(at.offset - 1, 0))


class Stream:
    """Where a channel stands, and what came too early.

    `emit` is called with each event's message in its turn, `lose` with the position from which
    on events go on after some were lost.
    """

    def __init__(
        self,
        history: History,
        counts: Counts,
        emit: Callable[[Mapping[str, Any]], None],
        lose: Callable[[Position], None],
    ) -> None:
        self._history = history
        self._counts = counts
        self._emit = emit
        self._lose = lose
        self._epoch: str | None = None
        self._offset = 0
        self._held: deque[_Arrival] = deque()
        self._held_size = 0
        self._in_doubt = False
        self._is_live = False  # a live event has come of the epoch, which else is one that was read
        self._oldest: _Arrival | None = None  # the first that was held when history was asked
        self.is_behind = True
        """Live events are held back until history was read."""
        self.is_unsure = False
        """History could not be read, so events may be missing before the next one: as was told."""

    @property
    def is_open(self) -> bool:
        """Whether it is known where the channel stands."""
        return self._epoch is not None

    @property
    def position(self) -> Position:
        """What all events up to it were given on, or told to be lost."""
        assert self._epoch is not None
        return Position(self._epoch, self._offset)

    def receive(self, message: Mapping[str, Any]) -> bool:
        """Take a live event; return whether it is the next one, which is not held back.

        Raises `TypeError` for a position that is none. An event without one has its place by its
        arrival alone.
        """
        epoch, offset = message.get("epoch"), message.get("offset")
        if offset is None and epoch is None:
            if self.is_behind:
                self._hold(_Arrival(None, message))
            return not self.is_behind
        if type(offset) is not int or type(epoch) is not str:
            raise TypeError("expected an epoch that is a string and an offset that is an integer")
        if not self.is_behind and epoch == self._epoch:
            if offset == self._offset + 1:
                self._offset = offset
                self._is_live = True
                return True
            if offset <= self._offset:
                self._counts.duplicates += 1
                return False
        self.is_behind = True
        self._hold(_Arrival(Position(epoch, offset), message))
        return False

    def _hold(self, arrival: _Arrival) -> None:
        self._held_size += arrival.size
        self._held.append(arrival)
        limits = self._history
        while len(self._held) > limits.size or self._held_size > limits.bytes:
            self._pop()  # the oldest: those are what history has, if it has any

    def _pop(self) -> _Arrival:
        arrival = self._held.popleft()
        self._held_size -= arrival.size
        return arrival

    def doubt(self) -> None:
        """Events may have been lost: hold the live ones back until history was read."""
        self.is_behind = self._in_doubt = True
        self.is_unsure = False

    def retry(self) -> None:
        """Try again what failed; nobody is told of that once more."""
        self.is_behind = True

    def open(self, position: Position) -> None:
        """Start from a position that was read; nobody gets events yet."""
        self._epoch, self._offset = position.epoch, position.offset
        self._in_doubt |= self._drop_other_epochs()
        for _ in self._go_on():
            pass
        self.is_behind = bool(self._held) or self._in_doubt

    def ask(self) -> Position:
        """Return the position after which history is to be read."""
        self._in_doubt = False
        self._oldest = self._held[0] if self._held else None
        return self.position

    def fill(self, past: Past | None) -> Iterator[None]:
        """Give on what was read, and what was held back; yield after each event.

        None is a history that could not be read. It has to be asked again where the channel is
        behind afterwards.
        """
        yield from self._go_on()
        if past is None:
            is_dropped = not self._is_live and self._drop_other_epochs()
            if self._held or is_dropped or not self.is_unsure:
                self._skip(self._before_held() or self.position)
            self.is_unsure = True
        else:
            self.is_unsure = False
            missed = past.after(self.position)
            if missed is None:
                self._skip(self._resume(past))
                yield from self._go_on()
                missed = past.after(self.position) or ()
            for event in missed:
                self._give_past(event)
                yield
        yield from self._go_on()
        if self._held and self._held[0] is self._oldest:
            self._force(past)
            yield from self._go_on()
        self._oldest = None
        is_sure = past is None or self.position.reaches(past.position)
        self.is_behind = bool(self._held) or self._in_doubt or not is_sure

    def _go_on(self) -> Iterator[None]:
        """Give on what was held back, up to the first event in front of which one is missing."""
        while self._held:
            at = self._held[0].position
            if at is not None:
                if at.epoch != self._epoch or at.offset > self._offset + 1:
                    return
                if at.offset <= self._offset:
                    self._pop()
                    continue
                self._offset = at.offset
                self._is_live = True
            self._emit(self._pop().message)
            yield

    def _drop_other_epochs(self) -> bool:
        """Drop events held back that may be older than the position that was read.

        They may as well be newer; return whether there were some.
        """
        is_dropped = False
        while self._held and (at := self._held[0].position) and at.epoch != self._epoch:
            self._pop()
            is_dropped = True
        return is_dropped

    def _give_past(self, event: PastEvent) -> None:
        self._offset = event.offset
        self._counts.filled += 1
        self._emit({"event": event.event, "json": event.json, "offset": event.offset})

    def _before_held(self) -> Position | None:
        return self._held[0].before if self._held else None

    def _resume(self, past: Past) -> Position:
        """Return the first position from which on events and history lead on."""
        held = self._before_held()
        if past.position.epoch != self._epoch:
            return held or past.position
        tail = past.tail()
        offset = tail[0].offset - 1 if tail else past.position.offset
        if held is not None and held.epoch == self._epoch:
            offset = min(offset, held.offset)
        return Position(self._epoch, max(offset, self._offset))

    def _force(self, past: Past | None) -> None:
        """Deal with an event that history does not lead up to, though it was read after it."""
        before = self._held[0].before
        assert before is not None  # as those without a position never have to wait
        if past is not None and past.position.epoch == self._epoch != before.epoch:
            self._pop()  # left from an epoch that is over: who knows what was around it
            self._skip(self.position)
        else:
            self._skip(before)

    def _skip(self, position: Position) -> None:
        self._is_live &= position.epoch == self._epoch
        self._epoch, self._offset = position.epoch, position.offset
        self._lose(position)
