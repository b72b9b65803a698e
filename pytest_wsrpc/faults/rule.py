"""A rule at work: what it matched, when it fires, and what waits at it."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from wsrpc.patterns import Pattern

from .lanes import Lane, Window
from .spec import Spec

if TYPE_CHECKING:
    from wsrpc import Websocket

_NAMES: Final = 100
"""Different names that a rule remembers of what it did not match."""


@dataclass(frozen=True)
class Happening:
    """Something at a point, which rules match by its names."""

    point: str
    channel: str = ""
    event: str = ""
    method: str = ""
    websocket: Websocket | None = None
    """The connection whose call it is, where that is known."""

    def __str__(self) -> str:
        if self.method:
            return f"method {self.method!r:.80}"
        event = f", event {self.event!r:.80}" if self.event else ""
        return f"channel {self.channel!r:.80}{event}"


@dataclass(frozen=True)
class Strike:
    """The decision of a rule to fire on one match, with all that is drawn for it."""

    number: int
    """Which match of the rule it is, from 1 on."""
    delay: float
    draw: random.Random


class Rule:
    """A fault rule of one test; as a context manager, it ends with the block.

    `matched` and `fired` count since the rule was made: what its globs matched, and where it took
    effect. They are not reset by `heal`.
    """

    def __init__(self, spec: Spec, seed: str, place: str, *, optional: bool = False) -> None:
        self.spec = spec
        self.place = place
        """Where the rule was written: ``test_orders.py:12``, ``--wsrpc-faults``."""
        self.optional: bool = optional or spec.optional
        self.matched: int = 0
        self.fired: int = 0
        self.healed: bool = False
        """The test ended the fault."""
        self.over: bool = False
        """The fault does nothing any more."""
        self.missed = 0
        """How often something happened at the point that did not match."""
        self.missed_names: Counter[str] = Counter()
        """The names of that, as far as there are not too many."""
        self._globs = [
            (name, Pattern(glob).matches)
            for name in ("channel", "event", "method")
            if (glob := getattr(spec, name)) is not None
        ]
        self._seed = seed
        self._lanes: dict[Hashable, Lane] = {}
        self._windows: dict[Hashable, Window] = {}
        self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.heal()

    def __repr__(self) -> str:
        state = ", healed" if self.healed else ""
        return f"<Rule {self.spec}: matched {self.matched}, fired {self.fired}{state}>"

    def heal(self) -> None:
        """End the fault: what waits goes on, in order. Healing again does nothing."""
        self.healed = self.over = True
        for held in self._held():
            held.release()

    def abandon(self) -> None:
        """End the fault with its application: coroutines go on, messages are dropped."""
        self.over = True
        for held in self._held():
            held.abandon()

    def restart(self) -> None:
        """Begin again for another example: the same draws, counted from the first match."""
        self.healed = self.over = False
        self._random = random.Random(hashlib.sha256(self._seed.encode()).digest())
        self._matches = 0
        self._strikes = 0
        self._lanes.clear()
        self._windows.clear()

    def meet(self, happening: Happening) -> Strike | None:
        """Decide what to do about something at the rule's point: None for nothing."""
        for name, matches in self._globs:
            if not matches(getattr(happening, name)):
                self._miss(str(happening))
                return None
        self.matched += 1
        self._matches += 1
        spec = self.spec
        if (
            (spec.nth is not None and self._matches != spec.nth)
            or (spec.every is not None and self._matches % spec.every)
            or (spec.times is not None and self._strikes >= spec.times)
            or (spec.probability is not None and self._random.random() >= spec.probability)
        ):
            return None
        self._strikes += 1
        jitter = self._random.uniform(-spec.jitter, spec.jitter) if spec.jitter else 0.0
        delay = math.inf if spec.effect == "stall" else max(0.0, spec.seconds + jitter)
        return Strike(self._matches, delay, random.Random(self._random.getrandbits(64)))

    def lane(self, key: Hashable) -> Lane:
        """Return the lane of a channel or connection."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane()
        return lane

    def busy_lane(self, key: Hashable) -> Lane | None:
        """Return the lane of a channel or connection if something waits there."""
        return self._lanes.get(key) or None

    def window(self, key: Hashable) -> Window:
        """Return the window of a channel or connection."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(self.spec.window, self.spec.within)
        return window

    def _held(self) -> list[Lane | Window]:
        return [*self._lanes.values(), *self._windows.values()]

    def _miss(self, names: str) -> None:
        self.missed += 1
        if names in self.missed_names or len(self.missed_names) < _NAMES:
            self.missed_names[names] += 1
