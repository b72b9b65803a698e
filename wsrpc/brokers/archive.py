"""The history of channels in this process's memory."""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable

from ..history import History, Past, PastEvent, Position


class _Log:
    """What is kept of one channel."""

    __slots__ = ("epoch", "events", "offset", "size")

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(8)
        self.offset = 0
        self.events: deque[tuple[PastEvent, float]] = deque()
        self.size = 0

    @property
    def position(self) -> Position:
        return Position(self.epoch, self.offset)

    def append(self, event: str, json: bytes, now: float) -> None:
        entry = PastEvent(self.offset, event, json)
        self.events.append((entry, now))
        self.size += _size(entry)

    def trim(self, limits: History, now: float) -> None:
        events = self.events
        while events and (
            len(events) > limits.size or self.size > limits.bytes or now - events[0][1] > limits.age
        ):
            self.size -= _size(events.popleft()[0])

    def clear(self) -> None:
        self.events.clear()
        self.size = 0


class Archive:
    """The latest events of the channels that were used last.

    `is_held` tells whether a channel has subscribers here: of such a one the events may be
    forgotten, but not where it stands.
    """

    def __init__(self, limits: History, is_held: Callable[[str], bool]) -> None:
        self._limits = limits
        self._is_held = is_held
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._emptied: dict[str, _Log] = {}  # forgotten but for where they stand
        self._sweep_at: float | None = None

    def __len__(self) -> int:
        return len(self._logs)

    def append(self, channel: str, event: str, json: bytes | None, now: float) -> Position:
        """Number an event, and keep it; one without an encoding makes the earlier ones useless."""
        log = self._use(channel, now)
        log.offset += 1
        if json is None:
            log.clear()
        else:
            log.append(event, json, now)
            log.trim(self._limits, now)
        return log.position

    def read(self, channel: str, since: Position | None, now: float) -> Past:
        """Return where a channel stands, and what is kept of it after an offset."""
        log = self._use(channel, now)
        log.trim(self._limits, now)
        if since is None or since.epoch != log.epoch:
            return Past(log.position)
        events = [event for event, _ in log.events if event.offset > since.offset]
        return Past(log.position, events)

    def _use(self, channel: str, now: float) -> _Log:
        """Return a channel's log, which becomes the one that was used last."""
        log = self._logs.get(channel)
        if log is None:
            log = self._logs[channel] = self._return(channel)
            if len(self._logs) > self._limits.channels:
                self._forget_one()
        self._logs.move_to_end(channel)
        self._sweep(now)
        return log

    def _return(self, channel: str) -> _Log:
        return self._emptied.pop(channel) if channel in self._emptied else _Log()

    def _forget_one(self) -> None:
        channel, log = self._logs.popitem(last=False)
        if self._is_held(channel):
            log.clear()
            self._emptied[channel] = log

    def _sweep(self, now: float) -> None:
        """From time to time, forget what is too old in channels that nobody uses."""
        if self._sweep_at is None:
            self._sweep_at = now + self._limits.age
        if now < self._sweep_at:
            return
        self._sweep_at = now + self._limits.age
        for log in self._logs.values():
            log.trim(self._limits, now)
        self._emptied = {
            channel: log for channel, log in self._emptied.items() if self._is_held(channel)
        }


def _size(event: PastEvent) -> int:
    return len(event.event) + len(event.json)
