"""One direction of a connection under faults: what was written, and when it is due."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from .inbox import READ_AT_ONCE, End
from .transport import MemoryTransport

_PACKET: Final = 1460
"""The most bytes that a limited bandwidth delivers at once: what an Ethernet frame carries."""

_STEP: Final = 0.1
"""The most seconds that such a piece takes, but for single bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What one fault does to a direction."""

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    slice: int = READ_AT_ONCE
    stalled: bool = False
    lossy: bool = False


class Wire:
    """What lies between the transport that writes and the one that reads.

    Without faults nothing does: transports deliver to each other straight. A wire steps in with the
    first fault, and out once all are healed and all that it held is delivered.
    """

    def __init__(self, source: MemoryTransport, sink: MemoryTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._sink = sink
        self._shapes: list[Shape] = []
        self._random = random.Random()
        self._queue: deque[tuple[float, bytes | End]] = deque()
        self._vanished = 0
        self._vanished_end: End | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0  # when the last of the queue is due
        self._free = 0.0  # when the bandwidth has passed what was written

    def seed(self, seed: str) -> None:
        """Draw jitter from a generator with this seed."""
        self._random.seed(seed)

    def add(self, shape: Shape) -> None:
        """Let one more fault act on what is written from now on."""
        self._shapes.append(shape)
        self._changed()

    def remove(self, shapes: Collection[Shape]) -> None:
        """Let faults act no more; what only they held back is due."""
        if any(shape in shapes for shape in self._shapes):
            self._shapes = [shape for shape in self._shapes if shape not in shapes]
            self._changed()

    def clear(self) -> None:
        """Forget what is on its way."""
        self._queue.clear()
        self._vanished_end = None
        self._release()

    def _changed(self) -> None:
        shapes = self._shapes
        self._sink.read_at_once = min((shape.slice for shape in shapes), default=READ_AT_ONCE)
        self._latencies = [
            (shape.latency, shape.jitter) for shape in shapes if shape.latency or shape.jitter
        ]
        rates = [shape.bandwidth for shape in shapes if shape.bandwidth is not None]
        self._rate = min(rates, default=None)
        self._stalled = any(shape.stalled for shape in shapes)
        self._lossy = any(shape.lossy for shape in shapes)
        self._is_clear = not (self._latencies or rates or self._stalled or self._lossy)
        if not rates:
            self._free = 0.0
        if not self._lossy:
            self._source.taken(self._vanished)
            self._vanished = 0
            if self._vanished_end is not None:
                self._queue.append((self._last, self._vanished_end))
                self._vanished_end = None
        if not self._is_clear:
            self._source.detour(self)
        self._release()

    # What the transport that writes calls.

    def put(self, item: bytes | End) -> None:
        """Take bytes that were written, or the end of them."""
        if self._lossy:
            if isinstance(item, bytes):
                self._vanished += len(item)
            else:
                self._vanished_end = self._vanished_end or item
            return
        late = self._draw()
        now = self._loop.time()
        if self._rate is None or not isinstance(item, bytes):
            self._append(max(now, self._free) + late, item)
        else:
            # Each piece has passed when the bandwidth has passed all before it, and itself.
            size = max(1, min(_PACKET, int(self._rate * _STEP)))
            start = max(now, self._free)
            for index in range(0, len(item), size):
                piece = item[index : index + size]
                self._free = start + (index + len(piece)) / self._rate
                self._append(self._free + late, piece)
        self._release()

    def drop_unsent(self, size: int) -> int:
        """Forget so many of the bytes that came last; return how many there were not."""
        vanished = min(size, self._vanished)
        self._vanished -= vanished
        size -= vanished
        while size > 0 and self._queue:
            due, data = self._queue.pop()
            if isinstance(data, bytes):
                if len(data) > size:
                    self._queue.append((due, data[:-size]))
                size -= min(size, len(data))
        return size

    def _draw(self) -> float:
        """Return how many seconds late the next write is."""
        late = 0.0
        for latency, jitter in self._latencies:
            drawn = self._random.uniform(-jitter, jitter) if jitter else 0.0
            late += max(0.0, latency + drawn)
        return late

    def _append(self, due: float, item: bytes | End) -> None:
        self._last = max(self._last, due)
        self._queue.append((self._last, item))

    # Delivering.

    def _release(self) -> None:
        """Deliver what is due, and see to the rest when it is."""
        queue = self._queue
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stalled:
            return
        now = self._loop.time()
        is_prompt = not self._latencies and self._rate is None
        while queue and (is_prompt or queue[0][0] <= now):
            _, item = queue.popleft()
            self._sink.arrive(item)
        if queue:
            self._timer = self._loop.call_at(queue[0][0], self._release)
        elif self._is_clear:
            self._source.detour(None)
